//! What a server says to its handlers, in octets.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};

/// A message with the number of the process among its headers, and those of every request.
pub(crate) fn message(
    (dialect, process): (Dialect, usize),
    conn_id: i64,
    more: &[(&str, &str)],
    body: &[u8],
) -> Bytes {
    let number = process.to_string();
    let headers = [&OF_THE_SERVER[..], &[("x-process", &number)], more].concat();
    encoded(dialect, conn_id, "/", &headers, body)
}

/// Says that a connection has ended, as Mongrel2 does.
pub(crate) fn notice(dialect: Dialect, conn_id: i64) -> Bytes {
    encoded(dialect, conn_id, "@*", &[("METHOD", "JSON")], br#"{"type":"disconnect"}"#)
}

/// The connection that a message is of.
pub(crate) fn conn_id_of(raw: &[u8]) -> i64 {
    let second = raw.split(|octet| *octet == b' ').nth(1).unwrap();
    std::str::from_utf8(second).unwrap().parse().unwrap()
}

fn encoded(
    dialect: Dialect,
    conn_id: i64,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let names = headers.iter().map(|(name, _)| name.as_bytes());
    let headers: Vec<_> = names.zip(values.iter().map(|value| &value[..])).collect();
    let mut raw = BytesMut::new();
    encode_request(SENDER, ConnId(conn_id), path.as_bytes(), &headers, dialect, body, &mut raw);
    raw.freeze()
}

const SENDER: &[u8] = b"simulated";

const OF_THE_SERVER: [(&str, &str); 6] = [
    ("PATH", "/"),
    ("VERSION", "HTTP/1.1"),
    ("URI", "/"),
    ("PATTERN", "/"),
    ("URL_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
];

/// The value of `Sec-WebSocket-Accept`, as Mongrel2 works it out.
pub(crate) const ACCEPT_KEY: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
