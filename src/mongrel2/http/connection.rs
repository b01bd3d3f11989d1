//! Whether a connection goes on after a response (RFC 9112 9.3).

use std::borrow::Cow;

use crate::mongrel2::{Kind, Request};

/// What becomes of the connection, and what the response says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connection {
    /// It goes on, as HTTP/1.1 has it without a word.
    Persists,
    /// It goes on, and an HTTP/1.0 client that asked for it must be told.
    KeepAlive,
    /// It ends after the response.
    Closes,
}

impl Connection {
    /// What the client asks for.
    pub(super) fn of(request: &Request) -> Self {
        // Once a handshake is taken, Mongrel2 reads frames even where it is refused (seen on
        // Mongrel2 1.12.2): no further request can follow.
        if request.kind() == Kind::WebSocketHandshake || has_option(request, b"close") {
            return Self::Closes;
        }
        match request.header("VERSION").as_deref() {
            Some(b"HTTP/1.1") => Self::Persists,
            _ if has_option(request, b"keep-alive") => Self::KeepAlive,
            _ => Self::Closes,
        }
    }

    /// The value of `connection` to write, if any.
    pub(super) const fn option(self) -> Option<&'static str> {
        match self {
            Self::Persists => None,
            Self::KeepAlive => Some("keep-alive"),
            Self::Closes => Some("close"),
        }
    }
}

/// Whether one of the `connection` headers lists `option` (RFC 9110 7.6.1: case does not matter).
fn has_option(request: &Request, option: &[u8]) -> bool {
    request.header_values("connection").any(|value: Cow<'_, [u8]>| {
        value.split(|octet| *octet == b',').any(|item| trim(item).eq_ignore_ascii_case(option))
    })
}

/// Without the blanks and tabs around it (RFC 9110 5.6.3).
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::mongrel2::{ConnId, Dialect, encode_request};

    fn connection(version: &[u8], connection: &[&[u8]]) -> Connection {
        let mut out = BytesMut::new();
        let headers: &[(&[u8], &[&[u8]])] =
            &[(b"connection", connection), (b"METHOD", &[b"GET"]), (b"VERSION", &[version])];
        encode_request(b"s", ConnId(1), b"/", headers, Dialect::Json, b"", &mut out);
        Connection::of(&Request::parse(out.freeze()).unwrap())
    }

    #[test]
    fn http_1_1_goes_on_unless_told_otherwise() {
        assert_eq!(connection(b"HTTP/1.1", &[]), Connection::Persists);
        assert_eq!(connection(b"HTTP/1.1", &[b"keep-alive", b"TE"]), Connection::Persists);
        assert_eq!(connection(b"HTTP/1.1", &[b"not-close, closed"]), Connection::Persists);
        for close in [&b"close"[..], b"Close", b"TE ,\tCLOSE ", b"keep-alive,close"] {
            assert_eq!(connection(b"HTTP/1.1", &[close]), Connection::Closes);
            assert_eq!(connection(b"HTTP/1.1", &[b"TE", close]), Connection::Closes);
        }
    }

    #[test]
    fn http_1_0_ends_unless_told_otherwise() {
        assert_eq!(connection(b"HTTP/1.0", &[]), Connection::Closes);
        assert_eq!(connection(b"HTTP/1.0", &[b"Keep-Alive"]), Connection::KeepAlive);
        assert_eq!(connection(b"HTTP/1.0", &[b"keep-alive", b"close"]), Connection::Closes);
    }
}
