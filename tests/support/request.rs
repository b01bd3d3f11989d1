//! What a server says to its handlers about browsers, in octets.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};

/// A message of a server of this name, in this dialect.
pub(crate) fn request(
    (sender, dialect): (&str, Dialect),
    conn_id: i64,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let names = headers.iter().map(|(name, _)| name.as_bytes());
    let headers: Vec<(&[u8], &[&[u8]])> =
        names.zip(values.iter().map(|value| &value[..])).collect();
    let mut raw = BytesMut::new();
    let (sender, conn_id) = (sender.as_bytes(), ConnId(conn_id));
    encode_request(sender, conn_id, path.as_bytes(), &headers, dialect, body, &mut raw);
    raw.freeze()
}

/// What the server says itself of every request.
pub(crate) const OF_THE_SERVER: [(&str, &str); 6] = [
    ("PATH", "/"),
    ("VERSION", "HTTP/1.1"),
    ("URI", "/"),
    ("PATTERN", "/"),
    ("URL_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
];
