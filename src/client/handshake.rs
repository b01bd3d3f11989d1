//! The opening handshake from the client's side (RFC 6455 4.1).

use bytes::Bytes;

use super::received::Response;
use super::request::Request;
use super::violation::HandshakeError;
use crate::websocket::handshake::{ACCEPT_KEY_LEN, accept_key};

/// The handshake that a client made.
#[derive(Clone, Debug)]
pub(super) struct Handshake {
    /// Each later message carries its headers again (seen on Mongrel2 1.12.2).
    pub(super) request: Request,
    pub(super) accept: [u8; ACCEPT_KEY_LEN],
}

impl Handshake {
    pub(super) fn new(request: Request) -> Self {
        let key = request.headers.first(b"sec-websocket-key").unwrap_or_default();
        let accept = accept_key(key);
        Self { request, accept }
    }

    /// Whether a `101` opens what was asked for, in the order of RFC 6455 4.1.
    pub(super) fn check(&self, response: &Response) -> Result<(), HandshakeError> {
        let is = |name: &str, value: &[u8]| {
            response.header(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
        };
        if !is("upgrade", b"websocket") {
            return Err(HandshakeError::Upgrade);
        }
        let connection = items(response.header_values("connection"));
        if !connection.iter().any(|item| item.eq_ignore_ascii_case(b"upgrade")) {
            return Err(HandshakeError::Connection);
        }
        let mut accepts = response.header_values("sec-websocket-accept");
        if accepts.next().is_none_or(|accept| accept[..] != self.accept) || accepts.next().is_some()
        {
            return Err(HandshakeError::Accept);
        }
        let offered = items(self.request.headers.values(b"sec-websocket-extensions").iter());
        for extension in items(response.header_values("sec-websocket-extensions")) {
            let name = extension_name(extension);
            if !offered.iter().any(|item| extension_name(item) == name) {
                return Err(HandshakeError::Extensions);
            }
        }
        let offered = items(self.request.headers.values(b"sec-websocket-protocol").iter());
        let mut protocols = response.header_values("sec-websocket-protocol");
        let is_offered = protocols.next().is_none_or(|protocol| offered.contains(&&protocol[..]));
        if !is_offered || protocols.next().is_some() {
            return Err(HandshakeError::Protocol);
        }
        Ok(())
    }
}

/// The items of lists with commas (RFC 9110 5.6.1).
fn items<'a>(values: impl Iterator<Item = &'a Bytes>) -> Vec<&'a [u8]> {
    let items = values.flat_map(|value| value.split(|octet| *octet == b','));
    items.map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()).collect()
}

/// Without its parameters.
fn extension_name(extension: &[u8]) -> &[u8] {
    extension.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::super::ask::Ask;
    use super::super::limits::Limits;
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn check(changed: &[(&'static str, &'static str)]) -> Result<(), HandshakeError> {
        let ask = Ask::get("/")
            .header("Sec-WebSocket-Key", KEY)
            .header("Sec-WebSocket-Protocol", "chat, superchat")
            .header("Sec-WebSocket-Extensions", "permessage-deflate; a=b");
        let handshake = Handshake::new(Request::new(ask, &Limits::default()).unwrap());
        let right = [
            ("Upgrade", "WebSocket"),
            ("Connection", "keep-alive, Upgrade"),
            ("Sec-WebSocket-Accept", ACCEPT),
        ];
        let kept = right.iter().filter(|(name, _)| !changed.iter().any(|(n, _)| n == name));
        let pair = |(name, value): &(&'static str, &'static str)| ((*name).into(), (*value).into());
        let headers = kept.chain(changed).map(pair).collect();
        handshake.check(&Response { status: 101, headers, ..Response::default() })
    }

    #[test]
    fn what_opens_a_websocket() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("Sec-WebSocket-Protocol", "superchat")]), Ok(()));
        assert_eq!(check(&[("Sec-WebSocket-Extensions", "permessage-deflate;x")]), Ok(()));
    }

    #[test]
    fn what_does_not() {
        use HandshakeError::*;
        for (name, value, error) in [
            ("Upgrade", "h2c", Upgrade),
            ("Connection", "close", Connection),
            ("Connection", "upgraded", Connection),
            ("Sec-WebSocket-Accept", "", Accept),
            ("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", Accept),
            ("Sec-WebSocket-Protocol", "chat, superchat", Protocol),
            ("Sec-WebSocket-Protocol", "Chat", Protocol),
            ("Sec-WebSocket-Extensions", "x", Extensions),
        ] {
            assert_eq!(check(&[(name, value)]), Err(error), "{name}: {value}");
        }
        let twice = ("Sec-WebSocket-Accept", ACCEPT);
        assert_eq!(check(&[twice, twice]), Err(Accept));
        let chat = ("Sec-WebSocket-Protocol", "chat");
        assert_eq!(check(&[chat, chat]), Err(Protocol));
    }
}
