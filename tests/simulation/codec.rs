//! What a browser makes of the octets that it gets: frames, compressed where that was agreed.

use bytes::Bytes;
use mongrel2_transceiver::websocket::{Decoded, Decoder, FrameError, Role};

use super::compressed::Compressed;

/// The two directions of one WebSocket, seen from its browser.
#[derive(Debug)]
pub(crate) struct Codec {
    frames: Decoder,
    compressed: Option<Compressed>,
}

impl Codec {
    pub(crate) fn new() -> Self {
        Self { frames: Decoder::new(Role::Server, 1 << 20), compressed: None }
    }

    /// Takes the head of the answer to the handshake, which says what was agreed.
    pub(crate) fn agree(&mut self, head: &[u8]) {
        self.compressed = Compressed::agreed(&String::from_utf8_lossy(head));
    }

    /// Takes for granted that messages may be compressed, each by itself.
    pub(crate) fn assume(&mut self) {
        self.agree(b"Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover");
    }

    pub(crate) const fn is_compressed(&self) -> bool {
        self.compressed.is_some()
    }

    /// Whether what it says refers to what it said before.
    pub(crate) fn refers(&self) -> bool {
        self.compressed.as_ref().is_some_and(Compressed::refers)
    }

    /// The first octet and the payload of a message, as they are sent.
    pub(crate) fn encode(&mut self, first: u8, payload: &[u8]) -> (u8, Bytes) {
        let shorter = self.compressed.as_mut().and_then(|both| both.deflate(payload));
        match shorter {
            Some(payload) => (first | RSV1, payload),
            None => (first, Bytes::copy_from_slice(payload)),
        }
    }

    /// Whether what the handler says may refer to what it said before.
    pub(crate) fn is_referred_to(&self) -> bool {
        self.compressed.as_ref().is_some_and(Compressed::is_referred_to)
    }

    /// Reads what the handler has said.
    pub(crate) fn decode(&mut self, octets: Bytes) -> Result<Vec<Decoded>, FrameError> {
        if let Some(both) = &mut self.compressed {
            return both.read(octets);
        }
        self.frames.receive(octets);
        std::iter::from_fn(|| self.frames.next().transpose()).collect()
    }

    /// Reads what comes behind the end, which may be behind a close, or no frame at all.
    pub(crate) fn decode_late(&mut self, octets: Bytes) -> Vec<Decoded> {
        if let Some(both) = self.compressed.as_mut().filter(|_| !octets.starts_with(b"HTTP/1.1 ")) {
            return both.read(octets).unwrap_or_default();
        }
        self.frames = Decoder::new(Role::Server, 1 << 20);
        self.frames.receive(octets);
        std::iter::from_fn(|| self.frames.next().ok().flatten()).collect()
    }
}

/// The mark of a compressed message (RFC 7692 6).
const RSV1: u8 = 0x40;
