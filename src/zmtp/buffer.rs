//! Octets received and not decoded yet, and the bodies that are cut out of them.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Received chunks in order, each as it was handed over.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    /// Empty only where the whole is empty.
    first: Bytes,
    /// No chunk of it is empty.
    rest: VecDeque<Bytes>,
    len: usize,
}

impl Buffer {
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if self.first.is_empty() {
            self.first = chunk;
        } else if !chunk.is_empty() {
            self.rest.push_back(chunk);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(super) fn take_octet(&mut self) -> Option<u8> {
        if self.first.is_empty() {
            return None;
        }
        let octet = self.first.get_u8();
        self.len -= 1;
        self.refill();
        Some(octet)
    }

    /// At most `max` octets of the first chunk, not copied; none where `max` is 0 or nothing is left.
    pub(super) fn take_piece(&mut self, max: usize) -> Bytes {
        let piece = self.first.split_to(max.min(self.first.len()));
        self.len -= piece.len();
        self.refill();
        piece
    }

    /// The chunk that comes first.
    pub(super) fn chunk(&self) -> &[u8] {
        &self.first
    }

    /// Takes `size` octets of the first chunk, not copied, and drops `before` that come before them;
    /// `None` where the chunk has no more than a part of that, and then nothing is taken.
    pub(super) fn take_whole(&mut self, before: usize, size: usize) -> Option<Bytes> {
        if self.first.len().checked_sub(before)? < size {
            return None;
        }
        self.first.advance(before);
        self.len -= before;
        Some(self.take_piece(size))
    }

    fn refill(&mut self) {
        if self.first.is_empty() {
            self.first = self.rest.pop_front().unwrap_or_default();
        }
    }
}

/// A body of known size on its way in.
#[derive(Debug)]
pub(super) struct Body {
    missing: usize,
    /// Used only where the body spans chunks, or shares none.
    gathered: BytesMut,
    shares: bool,
}

impl Body {
    /// `size` must have met its limit.
    pub(super) fn new(size: usize) -> Self {
        Self { missing: size, gathered: BytesMut::new(), shares: true }
    }

    /// The same for a body that is kept until others have come: it shares no chunk. Else a peer that says
    /// little of a message at a time, with commands in between, would make each frame keep a whole chunk.
    pub(super) fn kept(size: usize) -> Self {
        Self { shares: false, ..Self::new(size) }
    }

    /// The octets that have arrived so far.
    pub(super) fn arrived(&self) -> usize {
        self.gathered.len()
    }

    /// The whole body, once all of it has arrived; takes what there is of it otherwise.
    ///
    /// A body inside one chunk shares that chunk: no copy, but whoever keeps a small frame keeps the
    /// chunk it came in (as large as one read). Copying small frames would cost every message for the
    /// sake of the few that are kept; whoever keeps many for long should copy them.
    pub(super) fn take(&mut self, input: &mut Buffer) -> Option<Bytes> {
        while self.missing > 0 {
            let piece = input.take_piece(self.missing);
            if piece.is_empty() {
                return None;
            }
            if self.shares && piece.len() == self.missing && self.gathered.is_empty() {
                self.missing = 0;
                return Some(piece);
            }
            self.append(&piece);
        }
        Some(self.gathered.split().freeze())
    }

    fn append(&mut self, piece: &[u8]) {
        let len = self.gathered.len();
        if self.gathered.capacity() - len < piece.len() {
            // Twice what has arrived, so that the copying adds up to a constant per octet; never
            // more than the body needs, and never by what was announced alone.
            let capacity = (2 * (len + piece.len())).max(FIRST_RESERVATION).min(len + self.missing);
            let mut grown = BytesMut::with_capacity(capacity);
            grown.extend_from_slice(&self.gathered);
            self.gathered = grown;
        }
        self.gathered.extend_from_slice(piece);
        self.missing -= piece.len();
    }
}

/// Reserved for a body whose first octets have arrived, unless it is smaller.
const FIRST_RESERVATION: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(chunks: &[&'static str]) -> Buffer {
        let mut buffer = Buffer::default();
        chunks.iter().for_each(|chunk| buffer.push(Bytes::from_static(chunk.as_bytes())));
        buffer
    }

    #[test]
    fn octets_come_out_in_order_whatever_the_chunks() {
        let mut buffer = filled(&["", "ab", "", "c", "def"]);
        assert_eq!(buffer.len(), 6);
        let octets: Vec<u8> = std::iter::from_fn(|| buffer.take_octet()).collect();
        assert_eq!((octets.as_slice(), buffer.len()), (&b"abcdef"[..], 0));
    }

    #[test]
    fn a_body_inside_one_chunk_is_not_copied() {
        let chunk = Bytes::from(vec![7; 100]);
        let mut buffer = Buffer::default();
        buffer.push(chunk.clone());
        buffer.take_octet();
        let body = Body::new(50).take(&mut buffer).expect("all of it is there");
        assert_eq!((body.as_ptr(), body.len()), (chunk[1..].as_ptr(), 50));
        assert_eq!(buffer.len(), 49);
    }

    #[test]
    fn a_body_that_is_kept_keeps_no_chunk() {
        let chunk = Bytes::from(vec![7; 100]);
        let mut buffer = Buffer::default();
        buffer.push(chunk.clone());
        let body = Body::kept(50).take(&mut buffer).expect("all of it is there");
        assert_eq!(body, chunk[..50]);
        drop(buffer);
        assert!(chunk.is_unique());
    }

    #[test]
    fn a_body_over_many_chunks_is_gathered() {
        let mut buffer = filled(&["ab", "c"]);
        let mut body = Body::new(5);
        assert_eq!(body.take(&mut buffer), None);
        assert_eq!((body.arrived(), buffer.len()), (3, 0));
        buffer.push(Bytes::from_static(b"defg"));
        assert_eq!(body.take(&mut buffer).as_deref(), Some(&b"abcde"[..]));
        assert_eq!(buffer.take_piece(9), "fg");
    }

    #[test]
    fn an_empty_body_needs_no_octet() {
        assert_eq!(Body::new(0).take(&mut Buffer::default()), Some(Bytes::new()));
    }

    #[test]
    fn memory_follows_what_arrived_and_copies_add_up_to_a_constant() {
        let size = 1 << 20;
        let (mut body, mut buffer) = (Body::new(size), Buffer::default());
        let mut moves = 0;
        for arrived in 1..size {
            let place = body.gathered.as_ptr();
            buffer.push(Bytes::from_static(b"x"));
            assert_eq!(body.take(&mut buffer), None);
            moves += usize::from(place != body.gathered.as_ptr());
            assert!(body.gathered.capacity() <= (2 * arrived).clamp(FIRST_RESERVATION, size));
        }
        assert!(moves <= 20, "{moves} moves");
    }
}
