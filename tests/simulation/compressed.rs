//! permessage-deflate as a browser has it (RFC 7692).

use std::fmt;

use bytes::Bytes;
use mongrel2_transceiver::websocket::deflate::{self, Deflater, History, Inflater};
use mongrel2_transceiver::websocket::{Decoded, Flags, FrameError};

use super::support::Dice;

pub(crate) struct Compressed {
    deflater: Deflater,
    refers: bool,
    inflater: Inflater,
    /// What the handler may refer to.
    history: Option<History>,
}

impl Compressed {
    /// What a browser offers, if it does.
    pub(crate) fn offer(dice: &mut Dice) -> Option<&'static str> {
        dice.pick(&[
            None,
            Some("permessage-deflate"),
            Some("permessage-deflate; client_max_window_bits"),
            Some("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
            Some("permessage-deflate; server_max_window_bits=9"),
        ])
    }

    /// What the head of an answer agrees to.
    pub(crate) fn agreed(head: &str) -> Option<Self> {
        let agreed =
            head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Extensions: "))?;
        assert!(agreed.starts_with("permessage-deflate"), "{agreed} was never offered");
        let mut deflater = Deflater::new(1);
        if let Some((_, bits)) = agreed.split_once("client_max_window_bits=") {
            let bits = bits.split(';').next().unwrap_or_default().trim();
            deflater = deflater.window_bits(bits.parse().unwrap());
        }
        let refers = !agreed.contains("client_no_context_takeover");
        if refers {
            deflater = deflater.takeover();
        }
        let is_referred_to = !agreed.contains("server_no_context_takeover");
        let history = is_referred_to.then(|| History::new(15));
        Some(Self { deflater, refers, inflater: Inflater::new(), history })
    }

    pub(crate) const fn refers(&self) -> bool {
        self.refers
    }

    pub(crate) fn deflate(&mut self, payload: &[u8]) -> Option<Bytes> {
        self.deflater.deflate(payload)
    }

    /// Whether the handler may refer to what it said before.
    pub(crate) const fn is_referred_to(&self) -> bool {
        self.history.is_some()
    }

    pub(crate) fn read(&mut self, mut octets: Bytes) -> Result<Vec<Decoded>, FrameError> {
        let mut decoded = Vec::new();
        while !octets.is_empty() {
            let (flags, payload) = split_frame(&mut octets);
            let history = self.history.as_mut();
            decoded.push(deflate::read(flags, payload, 1 << 20, &mut self.inflater, history)?);
        }
        Ok(decoded)
    }
}

/// The first frame, whole and unmasked as a server's are.
fn split_frame(octets: &mut Bytes) -> (Flags, Bytes) {
    let long = |octets: &Bytes| u16::from_be_bytes([octets[2], octets[3]]);
    let (size, head) = match octets[1] {
        126 => (usize::from(long(octets)), 4),
        short => (usize::from(short), 2),
    };
    assert!(size < 1 << 16, "what is said here is short");
    assert!(head + size <= octets.len(), "no frame: {octets:?}");
    let frame = octets.split_to(head + size);
    (Flags::from(frame[0]), frame.slice(head..))
}

impl fmt::Debug for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressed").finish_non_exhaustive()
    }
}
