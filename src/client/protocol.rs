//! What a pretended browser speaks.

use std::fmt;
use std::str::FromStr;

/// How a [`Client`](super::Client) reads replies, and what it may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Anything that Mongrel2 or another program may send; replies stay as they are.
    Mongrel2,
    /// Plain HTTP: requests, and replies read as HTTP responses.
    Http,
    /// An opening handshake, then messages (RFC 6455).
    WebSocket,
}

impl Protocol {
    /// `mongrel2`, `http` or `websocket`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mongrel2 => "mongrel2",
            Self::Http => "http",
            Self::WebSocket => "websocket",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Protocol {
    type Err = UnknownProtocol;

    fn from_str(name: &str) -> Result<Self, UnknownProtocol> {
        let all = [Self::Mongrel2, Self::Http, Self::WebSocket];
        all.into_iter().find(|protocol| protocol.as_str() == name).ok_or(UnknownProtocol)
    }
}

impl TryFrom<&str> for Protocol {
    type Error = UnknownProtocol;

    fn try_from(name: &str) -> Result<Self, UnknownProtocol> {
        name.parse()
    }
}

/// A name that is none of a [`Protocol`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownProtocol;

impl fmt::Display for UnknownProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a client speaks mongrel2, http or websocket")
    }
}

impl std::error::Error for UnknownProtocol {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for protocol in [Protocol::Mongrel2, Protocol::Http, Protocol::WebSocket] {
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
            assert_eq!(Protocol::try_from(protocol.as_str()), Ok(protocol));
        }
        for wrong in ["", "HTTP", "websocket ", "https"] {
            assert_eq!(wrong.parse::<Protocol>(), Err(UnknownProtocol), "{wrong}");
        }
    }
}
