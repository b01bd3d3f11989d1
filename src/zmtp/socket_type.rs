//! The kinds of socket we speak for, and which kinds each of them takes as a peer.

use std::fmt;

/// The kind of socket at our end of a link. Chosen by the application, announced in our READY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// Publishes to those who subscribed (RFC 29).
    Pub,
    /// Subscribes to what a publisher sends (RFC 29).
    Sub,
    /// Hands messages to peers in turn (RFC 30).
    Push,
    /// Takes messages from all its peers (RFC 30).
    Pull,
    /// Asks, then waits for the reply (RFC 28).
    Req,
    /// Replies to one request after another (RFC 28).
    Rep,
}

impl SocketType {
    /// The name on the wire, as in the `Socket-Type` property (ZMTP 3.1, RFC 37: socket types are
    /// compared octet by octet, in upper case).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pub => "PUB",
            Self::Sub => "SUB",
            Self::Push => "PUSH",
            Self::Pull => "PULL",
            Self::Req => "REQ",
            Self::Rep => "REP",
        }
    }

    /// The octets of the name on the wire.
    #[must_use]
    pub const fn as_bytes(self) -> &'static [u8] {
        self.as_str().as_bytes()
    }

    /// Whether a peer that names itself `peer` may talk to a socket of this type (ZMTP 3.1, RFC 37,
    /// the table of valid combinations).
    #[must_use]
    pub fn accepts(self, peer: &[u8]) -> bool {
        let peers: [&[u8]; 2] = match self {
            Self::Pub => [b"SUB", b"XSUB"],
            Self::Sub => [b"PUB", b"XPUB"],
            Self::Push => [b"PULL", b"PULL"],
            Self::Pull => [b"PUSH", b"PUSH"],
            Self::Req => [b"REP", b"ROUTER"],
            Self::Rep => [b"REQ", b"DEALER"],
        };
        peers.contains(&peer)
    }

    /// Whether a socket of this type announces an identity. Ours is always empty.
    pub(super) const fn announces_identity(self) -> bool {
        matches!(self, Self::Req)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
