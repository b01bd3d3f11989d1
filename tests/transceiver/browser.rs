//! What a Mongrel2 server tells its handlers about browsers, in octets.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::Dialect;

use super::support::{OF_THE_SERVER, request};

pub(crate) const SENDER: &str = "5a0c2e6e-test";

type Header<'a> = (&'a str, &'a str);

/// A message of the server.
pub(crate) fn message_in(
    dialect: Dialect,
    conn_id: i64,
    path: &str,
    headers: &[Header<'_>],
    body: &[u8],
) -> Bytes {
    request((SENDER, dialect), conn_id, path, headers, body)
}

fn message(conn_id: i64, more: &[Header<'_>], body: &[u8]) -> Bytes {
    message_in(Dialect::Json, conn_id, "/", &[&OF_THE_SERVER[..], more].concat(), body)
}

pub(crate) fn get(conn_id: i64) -> Bytes {
    message(conn_id, &[("METHOD", "GET")], b"")
}

/// The same in the tnetstring dialect.
pub(crate) fn get_tnetstring(conn_id: i64) -> Bytes {
    let headers = [&OF_THE_SERVER[..], &[("METHOD", "GET")]].concat();
    message_in(Dialect::Tnetstring, conn_id, "/", &headers, b"")
}

pub(crate) fn get_with(conn_id: i64, headers: &[Header<'_>]) -> Bytes {
    message(conn_id, &[&[("METHOD", "GET")], headers].concat(), b"")
}

pub(crate) fn post(conn_id: i64, body: &[u8]) -> Bytes {
    message(conn_id, &[("METHOD", "POST")], body)
}

/// A well-formed handshake with these headers besides.
pub(crate) fn handshake_with(conn_id: i64, headers: &[Header<'_>]) -> Bytes {
    let own = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", "13")];
    message(conn_id, &[&own, headers].concat(), ACCEPT_KEY)
}

/// A handshake that asks for this version of the protocol.
pub(crate) fn handshake(conn_id: i64, version: &str) -> Bytes {
    handshake_accepting(conn_id, version, ACCEPT_KEY)
}

/// A handshake over HTTP/1.0.
pub(crate) fn old_handshake(conn_id: i64) -> Bytes {
    let of_the_server = OF_THE_SERVER.map(|(name, value)| match name {
        "VERSION" => (name, "HTTP/1.0"),
        _ => (name, value),
    });
    let more = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", "13")];
    let headers = [&of_the_server[..], &more].concat();
    message_in(Dialect::Json, conn_id, "/", &headers, ACCEPT_KEY)
}

/// A handshake whose accept key the server has computed so.
pub(crate) fn handshake_accepting(conn_id: i64, version: &str, accept: &[u8]) -> Bytes {
    let headers = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", version)];
    message(conn_id, &headers, accept)
}

pub(crate) const ACCEPT_KEY: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// A WebSocket frame, with the first octet as Mongrel2 writes it.
pub(crate) fn frame(conn_id: i64, flags: &str, payload: &[u8]) -> Bytes {
    message(conn_id, &[("METHOD", "WEBSOCKET"), ("FLAGS", flags)], payload)
}

pub(crate) fn text(conn_id: i64, text: &str) -> Bytes {
    frame(conn_id, "0x81", text.as_bytes())
}

/// The server's notice that it has written so many octets to a connection.
pub(crate) fn credits(conn_id: i64, octets: usize) -> Bytes {
    let octets = octets.to_string();
    let headers = [("METHOD", "JSON"), ("DOWNLOAD_CREDITS", octets.as_str())];
    message_in(Dialect::Json, conn_id, "@*", &headers, br#"{"type":"credits"}"#)
}

/// What comes by a socket that speaks JSON.
pub(crate) fn json(conn_id: i64) -> Bytes {
    let headers = [
        ("METHOD", "JSON"),
        ("PATH", "@chat"),
        ("PATTERN", "@chat"),
        ("URL_SCHEME", "http"),
        ("REMOTE_ADDR", "127.0.0.1"),
    ];
    message_in(Dialect::Json, conn_id, "@chat", &headers, b"{}")
}

/// The server's notice that a connection has ended.
pub(crate) fn notice(conn_id: i64) -> Bytes {
    let body = br#"{"type":"disconnect"}"#;
    message_in(Dialect::Json, conn_id, "@*", &[("METHOD", "JSON")], body)
}
