//! Octets encoded and not taken yet.

use bytes::{Bytes, BytesMut};

use super::frame::encode_message_header;
use super::{Frame, Message};
use crate::segments::Segments;

/// What is to be written, in three lanes: the handshake goes first, a waiting PONG before all traffic.
#[derive(Debug, Default)]
pub(super) struct Output {
    handshake: BytesMut,
    pong: Option<Bytes>,
    /// Messages and commands in order, up to the last large body; `tail` comes behind them.
    pieces: Vec<Bytes>,
    pieces_len: usize,
    /// Where small frames are put side by side.
    tail: BytesMut,
}

impl Output {
    /// Where the greeting, READY and ERROR are encoded.
    pub(super) const fn handshake(&mut self) -> &mut BytesMut {
        &mut self.handshake
    }

    /// Where commands are encoded once the handshake is done.
    pub(super) const fn traffic(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// One PONG waits at most: whoever floods us with PINGs gets an answer to the last.
    pub(super) fn set_pong(&mut self, encoded: Bytes) {
        self.pong = Some(encoded);
    }

    pub(super) fn put_message(&mut self, message: &Message) {
        let last = message.frame_count() - 1;
        for (position, frame) in message.frames().enumerate() {
            self.put_frame(frame, position < last);
        }
    }

    fn put_frame(&mut self, frame: &Frame, more: bool) {
        encode_message_header(&mut self.tail, more, frame.len());
        for part in [frame.head(), frame.body()].into_iter().filter(|part| !part.is_empty()) {
            self.put(part);
        }
    }

    fn put(&mut self, octets: &Bytes) {
        if octets.len() < SHARED_SIZE_MIN {
            self.tail.extend_from_slice(octets);
        } else {
            let before = self.tail.split().freeze();
            self.pieces_len += before.len() + octets.len();
            self.pieces.extend([before, octets.clone()]);
        }
    }

    pub(super) fn len(&self) -> usize {
        let pong = self.pong.as_ref().map_or(0, Bytes::len);
        self.handshake.len() + pong + self.pieces_len + self.tail.len()
    }

    /// All of it, in the order in which it must be written; `None` where there is nothing.
    pub(super) fn take(&mut self) -> Option<Segments> {
        let mut all = Segments::from(self.handshake.split().freeze());
        all.push(self.pong.take().unwrap_or_default());
        self.pieces.drain(..).for_each(|piece| all.push(piece));
        self.pieces_len = 0;
        all.push(self.tail.split().freeze());
        (!all.is_empty()).then_some(all)
    }
}

/// Bodies from this size on are shared, smaller ones copied. Below it a copy costs less than one more
/// piece in a gathering write, and keeps small messages side by side.
const SHARED_SIZE_MIN: usize = 2048;

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    fn pieces(output: &mut Output) -> Vec<Bytes> {
        let Some(mut all) = output.take() else {
            return Vec::new();
        };
        std::iter::from_fn(|| {
            let len = all.chunk().len();
            (len > 0).then(|| all.copy_to_bytes(len))
        })
        .collect()
    }

    #[test]
    fn small_messages_lie_side_by_side() {
        let mut output = Output::default();
        for text in ["a", "bc", ""] {
            output.put_message(&Message::from(text));
        }
        assert_eq!(output.len(), 9);
        assert_eq!(pieces(&mut output), [&b"\0\x01a\0\x02bc\0\0"[..]]);
        assert_eq!((output.len(), output.take().is_none()), (0, true));
    }

    #[test]
    fn large_bodies_are_not_copied() {
        let large = Bytes::from(vec![0; SHARED_SIZE_MIN]);
        let mut output = Output::default();
        let frame = Frame::with_head(Bytes::from_static(b"head"), large.clone());
        output.put_message(&Message::from(frame));
        output.put_message(&Message::from("next"));
        let pieces = pieces(&mut output);
        assert_eq!(pieces[0], b"\x02\0\0\0\0\0\0\x08\x04head"[..]);
        assert_eq!((pieces[1].as_ptr(), pieces[1].len()), (large.as_ptr(), large.len()));
        assert_eq!((&pieces[2][..], pieces.len()), (&b"\0\x04next"[..], 3));
    }

    #[test]
    fn the_handshake_goes_first_and_a_pong_before_all_traffic() {
        let mut output = Output::default();
        output.put_message(&Message::from("x"));
        output.set_pong(Bytes::from_static(b"old"));
        output.set_pong(Bytes::from_static(b"new"));
        output.handshake().extend_from_slice(b"ready");
        assert_eq!(output.len(), 11);
        assert_eq!(pieces(&mut output).concat(), b"readynew\0\x01x");
    }
}
