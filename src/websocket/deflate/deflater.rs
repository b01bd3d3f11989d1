//! Messages, compressed.

use bytes::{Bytes, BytesMut};
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress_to_output, create_comp_flags_from_zip_params,
};

use super::super::head::HeadReader;
use super::super::{Flags, Opcode, encode};
use super::{TAIL, WINDOW_BITS_MAX, WINDOW_BITS_MIN, rsv1};

/// Compresses messages: of any number of sessions, or with takeover those of one session, all of
/// them and in order.
///
/// It takes about 312 KiB, whatever its window.
pub struct Deflater {
    compressor: Box<CompressorOxide>,
    /// A message refers to nothing further back than this, in octets.
    window: usize,
    takeover: bool,
    /// Whether it knows of anything that the next message must not refer to.
    is_stale: bool,
}

impl Deflater {
    /// A compressor of messages that stand alone: as agreed for all sessions without takeover, and
    /// understood by those with takeover too.
    ///
    /// `level` is from 1, fast, to 9, small; others count as the next one of these.
    #[must_use]
    pub fn new(level: u8) -> Self {
        let level = i32::from(level.clamp(1, 9));
        let compressor = CompressorOxide::new(create_comp_flags_from_zip_params(level, 0, 0));
        let compressor = Box::new(compressor);
        Self { compressor, window: usize::MAX, takeover: false, is_stale: false }
    }

    /// The same for messages that refer to earlier ones: of one session alone.
    #[must_use]
    pub const fn takeover(mut self) -> Self {
        self.takeover = true;
        self
    }

    /// The same for a client with a window of 2 to the power of `bits`, which is taken into the range
    /// from [`WINDOW_BITS_MIN`] to [`WINDOW_BITS_MAX`]. Below the latter there is no takeover, and
    /// messages are compressed in pieces of that size, each by itself.
    #[must_use]
    pub fn window_bits(mut self, bits: u8) -> Self {
        if bits < WINDOW_BITS_MAX {
            self.window = 1 << bits.max(WINDOW_BITS_MIN);
        }
        self
    }

    /// Compresses the payload of one message, without the four octets that RFC 7692 7.2.1 leaves out.
    /// `None` where that would not make it smaller: then it is to be sent as it is, and the next
    /// message refers to nothing before it.
    pub fn deflate(&mut self, payload: &[u8]) -> Option<Bytes> {
        if self.is_stale {
            self.compressor.reset();
        }
        // Whatever is missing in the client's window must not be referred to.
        self.is_stale = true;
        let mut out = BytesMut::new();
        let mut pieces = payload.chunks(self.window).peekable();
        let mut is_whole = !payload.is_empty();
        while let Some(piece) = pieces.next().filter(|_| is_whole) {
            let is_last = pieces.peek().is_none();
            // Behind a full flush nothing refers to what was before.
            let flush = if is_last { TDEFLFlush::Sync } else { TDEFLFlush::Full };
            let (status, taken) = compress_to_output(&mut self.compressor, piece, flush, |some| {
                out.extend_from_slice(some);
                out.len() < payload.len() + TAIL.len()
            });
            is_whole = status == TDEFLStatus::Okay && taken == piece.len();
        }
        let len = out.len().checked_sub(TAIL.len())?;
        if !is_whole || !out.ends_with(&TAIL) {
            return None;
        }
        out.truncate(len);
        self.is_stale = !self.takeover || self.window < usize::MAX;
        Some(out.freeze())
    }

    /// Writes a message as one unmasked frame: compressed, with RSV1, where that makes it smaller, else
    /// as [`Message::encode`](crate::websocket::Message::encode) does. Whether it is compressed.
    pub fn encode(&mut self, opcode: Opcode, payload: &[u8], out: &mut BytesMut) -> bool {
        match self.deflate(payload) {
            Some(compressed) => {
                rsv1::encode(opcode, &compressed, out);
                true
            }
            None => {
                encode(opcode, payload, out);
                false
            }
        }
    }

    /// Compresses the messages in a row of whole unmasked frames, but for those below `threshold`
    /// octets; whatever else is among them, such as a ping, stays as it is.
    #[must_use]
    pub fn encode_all(&mut self, frames: &Bytes, threshold: usize) -> Bytes {
        let mut out = BytesMut::with_capacity(frames.len());
        let mut rest = &frames[..];
        while let Some((head, payload)) = split_frame(&mut rest) {
            let opcode = rsv1::data(Flags::from(head[0]));
            match opcode.filter(|_| payload.len() >= threshold.max(1)) {
                Some(opcode) => {
                    self.encode(opcode, payload, &mut out);
                }
                None => {
                    out.extend_from_slice(head);
                    out.extend_from_slice(payload);
                }
            }
        }
        out.extend_from_slice(rest);
        out.freeze()
    }

    /// Messages were lost: the next one refers to nothing before it.
    pub const fn reset(&mut self) {
        self.is_stale = true;
    }
}

/// The head and the payload of the next frame; none where no whole one is left.
fn split_frame<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let mut reader = HeadReader::default();
    for at in 0..rest.len() {
        let Ok(head) = reader.push(rest[at]) else { return None };
        if let Some(head) = head {
            let payload_len = usize::try_from(head.payload_len).ok()?;
            let end = payload_len.checked_add(at + 1).filter(|end| *end <= rest.len())?;
            let (whole, behind) = rest.split_at(end);
            *rest = behind;
            return Some(whole.split_at(at + 1));
        }
    }
    None
}

/// What it knows may be a secret.
impl std::fmt::Debug for Deflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflater")
            .field("window", &self.window)
            .field("takeover", &self.takeover)
            .finish_non_exhaustive()
    }
}
