//! Every kind by its marks, and every way to look like one without being it.

use bytes::BytesMut;

use super::*;
use crate::mongrel2::{Dialect, Request, encode_request};

type Header<'a> = (&'a str, &'a str);

/// What the server adds to all that browsers send.
const BROWSER: [Header<'_>; 4] =
    [("REMOTE_ADDR", "127.0.0.1"), ("PATH", "/"), ("PATTERN", "/"), ("URL_SCHEME", "http")];

const DISCONNECT: &str = r#"{"type":"disconnect"}"#;
const CREDITS: &str = r#"{"type":"credits"}"#;

/// The kind of a message, which is the same in both dialects.
fn kind(id: i64, path: &str, headers: &[Header<'_>], body: &str) -> Kind {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let headers: Vec<(&[u8], &[&[u8]])> = headers
        .iter()
        .zip(&values)
        .map(|((name, _), value)| (name.as_bytes(), &value[..]))
        .collect();
    let [json, tnetstring] = [Dialect::Json, Dialect::Tnetstring].map(|dialect| {
        let mut out = BytesMut::new();
        let path = path.as_bytes();
        encode_request(b"s", ConnId(id), path, &headers, dialect, body.as_bytes(), &mut out);
        Request::parse(out.freeze()).unwrap().kind()
    });
    assert_eq!(json, tnetstring);
    json
}

fn browser(path: &str, headers: &[Header<'_>]) -> Kind {
    kind(7, path, &[headers, &BROWSER].concat(), DISCONNECT)
}

#[test]
fn notices_are_exact() {
    let method = ("METHOD", "JSON");
    assert_eq!(kind(7, "@*", &[method], DISCONNECT), Kind::Disconnect);
    assert_eq!(kind(-1, "@*", &[method], DISCONNECT), Kind::Disconnect);
    let credits = ("DOWNLOAD_CREDITS", "3000");
    assert_eq!(kind(7, "@*", &[method, credits], CREDITS), Kind::Credits(3000));
    assert_eq!(kind(7, "@*", &[credits, method], CREDITS), Kind::Credits(3000));
    for (path, headers, body) in [
        ("@*", &[method][..], CREDITS),
        ("@*", &[method], r#"{"type": "disconnect"}"#),
        ("@*", &[method], ""),
        ("@*", &[("METHOD", "XML")], DISCONNECT),
        ("@*", &[("method", "JSON")], DISCONNECT),
        ("@*", &[method, method], DISCONNECT),
        ("@*", &[method, ("host", "a")], DISCONNECT),
        ("@*", &[], DISCONNECT),
        ("@*", &[method, credits], DISCONNECT),
        ("@*", &[method, ("DOWNLOAD_CREDITS", "-1")], CREDITS),
        ("@*", &[method, ("DOWNLOAD_CREDITS", "18446744073709551616")], CREDITS),
        ("@*", &[method, credits, ("host", "a")], CREDITS),
        ("@", &[method], DISCONNECT),
        ("@*/", &[method], DISCONNECT),
        ("/@*", &[method], DISCONNECT),
    ] {
        assert_eq!(kind(7, path, headers, body), Kind::Unknown, "{path} {headers:?} {body}");
    }
}

#[test]
fn a_browser_forges_no_notice() {
    // A route "@*" lets a browser use that path, by either protocol.
    assert_eq!(browser("@*", &[("METHOD", "JSON")]), Kind::Json);
    let http = [("METHOD", "JSON"), ("VERSION", "HTTP/1.1"), ("URI", "@*")];
    assert_eq!(browser("@*", &http), Kind::Http);
}

#[test]
fn methods_of_browsers_are_only_words() {
    for word in ["GET", "JSON", "XML", "WEBSOCKET", "MONGREL2"] {
        let headers = [("METHOD", word), ("VERSION", "HTTP/1.1"), ("URI", "/")];
        assert_eq!(browser("/x/__add_connection__", &headers), Kind::Http, "{word}");
        let forged = [&headers[..], &[("flags", "0x88"), ("upload_stream", "0")]].concat();
        assert_eq!(browser("/", &forged), Kind::Http, "{word}");
    }
    // Ids from 2^31 on print negative; a browser's 2^32 - 1 is still no Connector.
    let http = [&[("METHOD", "MONGREL2"), ("VERSION", "HTTP/1.1")][..], &BROWSER].concat();
    assert_eq!(kind(-1, "/", &http, ""), Kind::Http);
}

#[test]
fn bare_sockets_are_told_by_path_and_missing_version() {
    assert_eq!(browser("@chat", &[("METHOD", "JSON")]), Kind::Json);
    assert_eq!(browser("<chat", &[("METHOD", "XML")]), Kind::Xml);
    assert_eq!(browser("/chat", &[("METHOD", "JSON")]), Kind::Unknown);
    assert_eq!(browser("@chat", &[("METHOD", "XML")]), Kind::Unknown);
    assert_eq!(browser("@chat", &[("METHOD", "JSON"), ("URI", "@chat")]), Kind::Unknown);
    assert_eq!(browser("@chat", &[("METHOD", "GET")]), Kind::Unknown);
    assert_eq!(kind(7, "@chat", &[("METHOD", "JSON")], ""), Kind::Unknown);
}

#[test]
fn websockets_are_told_by_words_and_flags() {
    assert_eq!(browser("/", &[("METHOD", "WEBSOCKET_HANDSHAKE")]), Kind::WebSocketHandshake);
    let message = |flags: &str| browser("/", &[("METHOD", "WEBSOCKET"), ("FLAGS", flags)]);
    for octet in 0..=255u8 {
        assert_eq!(message(&format!("0x{octet:X}")), Kind::WebSocket(octet));
    }
    for flags in ["", "0x", "81", "0x181", "0X81", "0x8G", "0x+1", " 0x81"] {
        assert_eq!(message(flags), Kind::Unknown, "{flags:?}");
    }
    assert_eq!(browser("/", &[("METHOD", "WEBSOCKET")]), Kind::Unknown);
    assert_eq!(kind(7, "/", &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x81")], ""), Kind::Unknown);
}

#[test]
fn streams_are_told_by_their_offsets() {
    let first = |at| browser("/", &[("METHOD", "POST"), ("VERSION", "x"), ("UPLOAD_STREAM", at)]);
    assert_eq!(first("0"), Kind::StreamFirst);
    assert_eq!(first("1"), Kind::Unknown);
    let piece = |headers: &[Header<'_>]| kind(7, "/", headers, "");
    let offset = ("UPLOAD_STREAM", "5000000000");
    let done = |value| ("UPLOAD_STREAM_DONE", value);
    let expected = |done| Kind::StreamPiece { offset: 5_000_000_000, done };
    assert_eq!(piece(&[offset]), expected(false));
    assert_eq!(piece(&[done("1"), offset]), expected(true));
    // A route "@*" can be uploaded to.
    assert_eq!(kind(7, "@*", &[offset], DISCONNECT), expected(false));
    assert_eq!(piece(&[offset, done("0")]), Kind::Unknown);
    assert_eq!(piece(&[("UPLOAD_STREAM", "x")]), Kind::Unknown);
    assert_eq!(piece(&[done("1")]), Kind::Unknown);
    assert_eq!(piece(&[]), Kind::Unknown);
}

#[test]
fn a_connector_is_nobody_or_says_its_name() {
    let method = ("METHOD", "MONGREL2");
    assert_eq!(kind(-1, "/", &[], ""), Kind::Control);
    assert_eq!(kind(-1, "/", &[("METHOD", "JSON")], ""), Kind::Control);
    assert_eq!(kind(7, "/", &[method], ""), Kind::Control);
    assert_eq!(kind(7, "/", &[method, ("PATH", "/")], ""), Kind::Control);
    for header in [BROWSER[0], BROWSER[2], BROWSER[3]] {
        assert_eq!(kind(-1, "/", &[method, header], ""), Kind::Unknown, "{header:?}");
    }
    assert_eq!(kind(7, "/", &[("METHOD", "GET")], ""), Kind::Unknown);
}

#[test]
fn each_key_of_the_server_is_needed() {
    let http = [("METHOD", "GET"), ("VERSION", "HTTP/1.1")];
    assert_eq!(browser("/", &http), Kind::Http);
    for missing in 0..BROWSER.len() {
        let mut headers = [&http[..], &BROWSER].concat();
        headers.remove(http.len() + missing);
        assert_eq!(kind(7, "/", &headers, ""), Kind::Unknown);
    }
    assert_eq!(browser("/", &http[1..]), Kind::Unknown);
}

#[test]
fn the_first_of_two_members_counts() {
    let headers = [("METHOD", "GET"), ("VERSION", "HTTP/1.1"), ("METHOD", "WEBSOCKET_HANDSHAKE")];
    assert_eq!(browser("/", &headers), Kind::Http);
}
