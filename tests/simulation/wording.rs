//! What a server says to its handlers, in octets.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::Dialect;

use super::support::{OF_THE_SERVER, request};

/// A message with the number of the process among its headers, and those of every request.
pub(crate) fn message(
    (dialect, process): (Dialect, usize),
    conn_id: i64,
    more: &[(&str, &str)],
    body: &[u8],
) -> Bytes {
    let number = process.to_string();
    let headers = [&OF_THE_SERVER[..], &[("x-process", &number)], more].concat();
    request((SENDER, dialect), conn_id, "/", &headers, body)
}

/// Says that a connection has ended, as Mongrel2 does.
pub(crate) fn notice(dialect: Dialect, conn_id: i64) -> Bytes {
    let body = br#"{"type":"disconnect"}"#;
    request((SENDER, dialect), conn_id, "@*", &[("METHOD", "JSON")], body)
}

/// The connection that a message is of.
pub(crate) fn conn_id_of(raw: &[u8]) -> i64 {
    let second = raw.split(|octet| *octet == b' ').nth(1).unwrap();
    std::str::from_utf8(second).unwrap().parse().unwrap()
}

const SENDER: &str = "simulated";

/// The value of `Sec-WebSocket-Accept`, as Mongrel2 works it out.
pub(crate) const ACCEPT_KEY: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
