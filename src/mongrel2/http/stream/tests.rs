//! Bodies in pieces, part by part.

use crate::mongrel2::http::{Encoded, Response};
use crate::mongrel2::{ConnId, Dialect, LengthError, Request, encode_request};

use bytes::BytesMut;

fn request(method: &str, version: &str, connection: &str) -> Request {
    let mut out = BytesMut::new();
    let headers: &[(&[u8], &[&[u8]])] = &[
        (b"connection", &[connection.as_bytes()]),
        (b"METHOD", &[method.as_bytes()]),
        (b"VERSION", &[version.as_bytes()]),
    ];
    encode_request(b"s", ConnId(1), b"/", headers, Dialect::Json, b"", &mut out);
    Request::parse(out.freeze()).unwrap()
}

/// Each part as text, and whether it ends the connection.
fn shown(parts: Vec<Encoded>) -> Vec<(String, bool)> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    parts.iter().map(|part| (text(&part.octets), part.close)).collect()
}

fn streamed(response: &Response, request: &Request) -> Vec<(String, bool)> {
    let (head, stream) = response.stream(request);
    let pieces = ["0123456789abcdef", "", "x"].map(|piece| stream.piece(piece.as_bytes()));
    shown([head].into_iter().chain(pieces).chain([stream.end()]).collect())
}

fn expected(parts: &[(&str, bool)]) -> Vec<(String, bool)> {
    parts.iter().map(|(text, close)| ((*text).to_owned(), *close)).collect()
}

#[test]
fn http_1_1_has_chunks() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let parts = streamed(&Response::new(200), &request("GET", "HTTP/1.1", ""));
    let chunks = ("10\r\n0123456789abcdef\r\n", false);
    let rest = [chunks, ("", false), ("1\r\nx\r\n", false), ("0\r\n\r\n", false)];
    assert_eq!(parts, expected(&[&[(head, false)][..], &rest].concat()));

    let parts = streamed(&Response::new(200), &request("GET", "HTTP/1.1", "close"));
    assert!(parts[0].0.ends_with("chunked\r\nconnection: close\r\n\r\n") && !parts[0].1);
    assert_eq!(parts[4], ("0\r\n\r\n".to_owned(), true));
}

#[test]
fn http_1_0_ends_with_the_connection_whatever_was_asked_for() {
    for asked in ["", "keep-alive"] {
        let parts = streamed(&Response::new(200), &request("GET", "HTTP/1.0", asked));
        let head = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        let pieces = [("0123456789abcdef", false), ("", false), ("x", false), ("", true)];
        assert_eq!(parts, expected(&[&[(head, false)][..], &pieces].concat()));
    }
}

#[test]
fn without_a_body_the_head_is_all() {
    for (status, method) in
        [(200, "HEAD"), (204, "GET"), (304, "GET"), (205, "GET"), (200, "CONNECT")]
    {
        for (connection, closes) in [("", false), ("close", true)] {
            let request = request(method, "HTTP/1.1", connection);
            let (head, stream) = Response::new(status).body("first").stream(&request);
            assert!(head.octets.ends_with(b"\r\n\r\n") && head.close == closes);
            let is_chunked = head.octets.windows(7).any(|seven| seven == b"chunked");
            assert_eq!(is_chunked, method == "HEAD", "as GET would have it");
            let nothing = Encoded { octets: "".into(), close: false };
            assert!(!stream.has_body() && stream.piece(b"x") == nothing && stream.end() == nothing);
        }
    }
}

#[test]
fn a_body_of_the_response_is_the_first_piece() {
    let (head, _) = Response::text(200, "hi").stream(&request("GET", "HTTP/1.1", ""));
    assert!(head.octets.ends_with(b"\r\n\r\n2\r\nhi\r\n"));
    let (head, stream) =
        Response::text(200, "hi").sized(&request("GET", "HTTP/1.1", ""), 5).unwrap();
    assert!(head.octets.ends_with(b"content-length: 5\r\n\r\nhi") && stream.left() == 3);
}

#[test]
fn a_sized_body_has_as_many_octets_as_it_says() {
    let request = request("GET", "HTTP/1.1", "close");
    let (head, mut stream) = Response::new(200).sized(&request, 5).unwrap();
    assert!(head.octets.ends_with(b"content-length: 5\r\nconnection: close\r\n\r\n"));
    assert!(!head.close);
    assert_eq!(shown(vec![stream.piece("abc").unwrap()]), expected(&[("abc", false)]));
    assert_eq!(stream.piece("def"), Err(LengthError { left: 2, found: 3 }));
    assert_eq!(shown(vec![stream.clone().end()]), expected(&[("", true)]), "two are missing");
    assert_eq!(shown(vec![stream.piece("de").unwrap()]), expected(&[("de", true)]));
    assert_eq!(stream.piece("f"), Err(LengthError { left: 0, found: 1 }));
    assert_eq!(shown(vec![stream.end()]), expected(&[("", false)]));
}

#[test]
fn a_sized_body_may_be_none() {
    let close = request("GET", "HTTP/1.1", "close");
    let (head, stream) = Response::new(200).sized(&close, 0).unwrap();
    assert!(head.close && !stream.end().close);

    let (head, mut stream) =
        Response::new(200).sized(&request("HEAD", "HTTP/1.1", "close"), 5).unwrap();
    assert!(head.octets.windows(17).any(|part| part == b"content-length: 5") && head.close);
    assert_eq!(shown(vec![stream.piece("abc").unwrap()]), expected(&[("", false)]));
    assert!(stream.piece("def").is_err() && !stream.end().close);

    let error = Response::text(200, "hello").sized(&close, 4).unwrap_err();
    assert_eq!(error, LengthError { left: 4, found: 5 });
}
