//! Response heads for every kind of request.

use super::*;
use crate::mongrel2::{ConnId, Dialect, encode_request};

const BROWSER: [(&[u8], &[&[u8]]); 4] = [
    (b"REMOTE_ADDR", &[b"127.0.0.1"]),
    (b"PATH", &[b"/"]),
    (b"PATTERN", &[b"/"]),
    (b"URL_SCHEME", &[b"http"]),
];

fn request(method: &[u8], version: &[u8], connection: &[&[u8]]) -> Request {
    let methods = [method];
    let versions = [version];
    let headers: &[(&[u8], &[&[u8]])] =
        &[(b"METHOD", &methods), (b"VERSION", &versions), (b"connection", connection)];
    let headers = [headers, &BROWSER].concat();
    let mut out = BytesMut::new();
    encode_request(b"s", ConnId(1), b"/", &headers, Dialect::Tnetstring, b"", &mut out);
    Request::parse(out.freeze()).unwrap()
}

fn get() -> Request {
    request(b"GET", b"HTTP/1.1", &[])
}

#[test]
fn a_response_is_whole() {
    let encoded = Response::text(200, "héllo").header("X-A", "1").unwrap().encode(&get());
    assert_eq!(
        encoded.octets,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\nX-A: 1\r\n\
         content-length: 6\r\n\r\nhéllo"
    );
    assert!(!encoded.close);
    let empty = Response::new(299).encode(&get());
    assert_eq!(empty.octets, "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn head_has_the_length_and_no_body() {
    let encoded = Response::new(200).body("hello").encode(&request(b"HEAD", b"HTTP/1.1", &[]));
    assert_eq!(encoded.octets, "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
}

#[test]
fn some_statuses_have_no_body() {
    for (status, phrase) in [(100, "Continue"), (204, "No Content"), (304, "Not Modified")] {
        for method in [&b"GET"[..], b"HEAD"] {
            let request = request(method, b"HTTP/1.1", &[]);
            let encoded = Response::new(status).body("hello").encode(&request);
            assert_eq!(encoded.octets, format!("HTTP/1.1 {status} {phrase}\r\n\r\n"));
        }
    }
    let reset = Response::new(205).body("hello").encode(&get());
    assert_eq!(reset.octets, "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n");
    let tunnel = Response::new(200).body("x").encode(&request(b"CONNECT", b"HTTP/1.1", &[]));
    assert_eq!(tunnel.octets, "HTTP/1.1 200 OK\r\n\r\n");
}

#[test]
fn the_end_of_the_connection_is_said_and_told() {
    let head = |connection: &str| format!("HTTP/1.1 204 No Content\r\n{connection}\r\n");
    let close = "connection: close\r\n";
    for (version, asked, said, ends) in [
        ("HTTP/1.1", &[][..], "", false),
        ("HTTP/1.1", &[&b"x"[..], b"a, Close"], close, true),
        ("HTTP/1.0", &[], close, true),
        ("HTTP/1.0", &[b"Keep-Alive"], "connection: keep-alive\r\n", false),
        ("HTTP/1.0", &[b"keep-alive, close"], close, true),
    ] {
        let request = request(b"GET", version.as_bytes(), asked);
        let encoded = Response::new(204).encode(&request);
        assert_eq!(encoded, Encoded { octets: head(said).into(), close: ends });
        let closed = Response::new(204).close().encode(&request);
        assert_eq!(closed, Encoded { octets: head(close).into(), close: true });
    }
}

#[test]
fn an_interim_response_ends_nothing() {
    let request = request(b"GET", b"HTTP/1.1", &[b"close"]);
    let encoded = Response::new(103).close().encode(&request);
    assert_eq!(
        encoded,
        Encoded { octets: "HTTP/1.1 103 Early Hints\r\n\r\n".into(), close: false }
    );
}

#[test]
fn a_refused_handshake_ends_the_connection() {
    let request = request(b"WEBSOCKET_HANDSHAKE", b"HTTP/1.1", &[b"Upgrade"]);
    let encoded = Response::new(403).encode(&request);
    assert!(encoded.close);
    assert!(encoded.octets.windows(19).any(|window| window == b"connection: close\r\n"));
}

#[test]
fn headers_cannot_break_out() {
    let header = |name, value: &[u8]| Response::new(200).header(name, value).map(|_| ());
    assert_eq!(header("x-!#$%&'*+.^_`|~09", b"\xFF\ta"), Ok(()));
    for name in ["", "a b", "a:", "a\r", "é", "(", "a\0"] {
        assert_eq!(header(name, b""), Err(HeaderError::Name), "{name:?}");
    }
    for value in [&b"a\r\nb"[..], b"\n", b"\r", b"\0"] {
        assert_eq!(header("x", value), Err(HeaderError::Value));
    }
    for name in ["Content-Length", "transfer-encoding", "Connection"] {
        assert_eq!(header(name, b"0"), Err(HeaderError::Reserved));
    }
}

#[test]
fn a_status_has_three_digits() {
    for status in [0, 99, 1000, u16::MAX] {
        let encoded = Response::new(status).encode(&get());
        assert!(encoded.octets.starts_with(b"HTTP/1.1 500 Internal Server Error\r\n"));
    }
}
