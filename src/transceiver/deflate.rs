//! Whether WebSockets are compressed, and how.

/// Offers permessage-deflate (RFC 7692) to clients that want it: [`Config::deflate`](super::Config).
/// Made by [`Deflate::default`]; change the fields.
///
/// Compression takes CPU for every message that is long enough, both ways, and says something of what
/// is in a message by how short it becomes: leave it off where secrets and what a stranger chooses stand
/// in one message (RFC 7692 8).
///
/// ```
/// use mongrel2_transceiver::transceiver::{Config, Deflate};
/// let mut config = Config::default();
/// config.deflate = Some(Deflate::default());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deflate {
    /// From 1, fast, to 9, small.
    pub level: u8,
    /// Octets of the shortest message that is compressed.
    pub threshold: usize,
    /// How many sessions of one server may refer to their earlier messages (context takeover), or ask
    /// for a small window: for each of them a compressor of its own is kept, which takes 312 KiB, and up
    /// to 32 KiB of what its client has sent. None unless told otherwise: then one compressor serves
    /// all, and an idle session takes some 20 octets more.
    ///
    /// Messages of a client that may refer to earlier ones can be read only by who has read those. So
    /// such a session ends with 1012 (service restart) where a link to the server is lost between two
    /// of them, or where another handler took the first ones.
    pub contexts_max: usize,
}

impl Default for Deflate {
    fn default() -> Self {
        Self { level: 6, threshold: 64, contexts_max: 0 }
    }
}
