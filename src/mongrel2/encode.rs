//! Requests as Mongrel2 writes them: for the stand-in server and for tests.

use bytes::{BufMut, BytesMut};

use super::conn_id::ConnId;
use super::headers::Dialect;
use super::{decimal, json, tnetstring};

/// Writes a message as Mongrel2 sends it to its handlers, so that
/// [`Request::parse`](super::Request::parse) reads it.
///
/// `sender` and `path` hold no blank. Each name in `headers` stands once, with its values; one value
/// is written as a string, any other number of them as a list. The names are the caller's affair:
/// Mongrel2 writes those of clients in lower case and its own in upper case. Which of its own make
/// which kind of message [`Kind`](super::Kind) says.
pub fn encode_request(
    sender: &[u8],
    conn_id: ConnId,
    path: &[u8],
    headers: &[(&[u8], &[&[u8]])],
    dialect: Dialect,
    body: &[u8],
    out: &mut BytesMut,
) {
    debug_assert!(!sender.is_empty() && !sender.contains(&b' '), "a sender is one word");
    debug_assert!(!path.is_empty() && !path.contains(&b' '), "a path is one word");
    out.put_slice(sender);
    out.put_u8(b' ');
    if conn_id.0 < 0 {
        out.put_u8(b'-');
    }
    decimal::put(conn_id.0.unsigned_abs(), out);
    out.put_u8(b' ');
    out.put_slice(path);
    out.put_u8(b' ');

    let mut block = BytesMut::new();
    let mark = match dialect {
        Dialect::Json => {
            json::put_object(headers, &mut block);
            tnetstring::STRING
        }
        Dialect::Tnetstring => {
            tnetstring::put_members(headers, &mut block);
            tnetstring::DICTIONARY
        }
    };
    tnetstring::put(&block, mark, out);
    tnetstring::put(body, tnetstring::STRING, out);
}
