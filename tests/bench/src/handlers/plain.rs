//! What a handler does that is written by hand for these few messages, without a library and its care.

use std::io::Write;

/// Puts the reply to a message of the server behind `out`, if it wants one.
pub(super) fn answer(message: &[u8], is_websocket: impl Fn(&[u8]) -> Method, out: &mut Vec<u8>) {
    let mut words = message.splitn(4, |octet| *octet == b' ');
    let mut word = || words.next().expect("four words");
    let (sender, conn_id, _path, rest) = (word(), word(), word(), word());
    let (headers, rest) = netstring(rest);
    let (body, _) = netstring(rest);
    let method = is_websocket(headers);
    if method == Method::Notice {
        return;
    }
    out.extend_from_slice(sender);
    write!(out, " {}:", conn_id.len()).expect("a vector takes all");
    out.extend_from_slice(conn_id);
    out.extend_from_slice(b", ");
    match method {
        Method::Handshake => {
            out.extend_from_slice(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\nSec-WebSocket-Accept: ",
            );
            out.extend_from_slice(body);
            out.extend_from_slice(b"\r\n\r\n");
        }
        Method::Frame { flags } => {
            out.push(flags);
            match u16::try_from(body.len()) {
                Ok(size @ 0..=125) => out.push(size.to_be_bytes()[1]),
                Ok(size) => {
                    out.push(126);
                    out.extend_from_slice(&size.to_be_bytes());
                }
                Err(_) => {
                    out.push(127);
                    out.extend_from_slice(&(body.len() as u64).to_be_bytes());
                }
            }
            out.extend_from_slice(body);
        }
        Method::Http | Method::Notice => out.extend_from_slice(super::HELLO),
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Http,
    Handshake,
    /// With the first octet of the frame.
    Frame {
        flags: u8,
    },
    Notice,
}

impl Method {
    pub(super) fn new(method: &[u8], flags: impl FnOnce() -> u8) -> Self {
        match method {
            b"WEBSOCKET_HANDSHAKE" => Self::Handshake,
            b"WEBSOCKET" => Self::Frame { flags: flags() },
            b"JSON" => Self::Notice,
            _ => Self::Http,
        }
    }
}

/// The octets of a netstring, and what is behind it.
fn netstring(octets: &[u8]) -> (&[u8], &[u8]) {
    let colon = octets.iter().position(|octet| *octet == b':').expect("a netstring");
    let digits = octets[..colon].iter();
    let size = digits.fold(0, |size, digit| size * 10 + usize::from(digit - b'0'));
    let (payload, rest) = octets[colon + 1..].split_at(size);
    (payload, &rest[1..])
}
