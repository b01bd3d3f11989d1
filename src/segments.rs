//! Octets in pieces, so that a large payload goes to the kernel without being copied.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Octets to write, in one or more pieces that need not lie side by side.
///
/// Made by machines for [`Output::Write`](crate::machine::Output::Write). Adapters hand it to the
/// operating system through [`Buf`]: [`chunks_vectored`](Buf::chunks_vectored) for a gathering
/// write, [`advance`](Buf::advance) for what was taken. A value of one piece allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    /// Empty only where the whole is empty.
    first: Bytes,
    /// No piece of it is empty.
    rest: VecDeque<Bytes>,
    rest_len: usize,
}

impl Segments {
    /// No octets.
    #[must_use]
    pub const fn new() -> Self {
        Self { first: Bytes::new(), rest: VecDeque::new(), rest_len: 0 }
    }

    /// Puts a piece behind the others, without copying it.
    pub fn push(&mut self, piece: Bytes) {
        if self.first.is_empty() {
            self.first = piece;
        } else if !piece.is_empty() {
            self.rest_len += piece.len();
            self.rest.push_back(piece);
        }
    }

    /// Takes the first `size` octets, at least 1. Where fewer than that would be left behind them, all are
    /// taken: what is cut in pieces ends in none that is small.
    pub(crate) fn take_piece(&mut self, size: usize) -> Self {
        let size = size.max(1);
        if self.len() <= size.saturating_mul(2) {
            return std::mem::take(self);
        }
        let mut piece = Self::new();
        while piece.len() < size {
            let len = self.first.len().min(size - piece.len());
            piece.push(self.first.slice(..len));
            self.advance(len);
        }
        piece
    }

    /// How many octets there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.rest_len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// All octets side by side; copies them where there is more than one piece.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        self.copy_to_bytes(self.remaining())
    }
}

impl From<Bytes> for Segments {
    fn from(piece: Bytes) -> Self {
        Self { first: piece, rest: VecDeque::new(), rest_len: 0 }
    }
}

impl FromIterator<Bytes> for Segments {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        let mut all = Self::new();
        pieces.into_iter().for_each(|piece| all.push(piece));
        all
    }
}

impl Buf for Segments {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.first
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces =
            std::iter::once(&self.first).chain(&self.rest).filter(|piece| !piece.is_empty());
        slices.iter_mut().zip(pieces).map(|(slice, piece)| *slice = IoSlice::new(piece)).count()
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "cannot advance past the end");
        while count >= self.first.len() && !self.first.is_empty() {
            count -= self.first.len();
            self.first = self.rest.pop_front().unwrap_or_default();
            self.rest_len -= self.first.len();
        }
        self.first.advance(count);
    }

    fn copy_to_bytes(&mut self, len: usize) -> Bytes {
        if len <= self.first.len() {
            let bytes = self.first.slice(..len);
            self.advance(len);
            return bytes;
        }
        let mut copy = bytes::BytesMut::with_capacity(len);
        bytes::BufMut::put(&mut copy, self.take(len));
        copy.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Segments {
        ["ab", "", "c", "def"].into_iter().map(|s| Bytes::from_static(s.as_bytes())).collect()
    }

    #[test]
    fn empty_pieces_leave_no_trace() {
        assert_eq!(three().len(), 6);
        assert!(Segments::from_iter([Bytes::new(), Bytes::new()]).is_empty());
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(three().chunks_vectored(&mut slices), 3);
    }

    #[test]
    fn advancing_any_way_leaves_the_rest() {
        for first in 0..=6 {
            for second in 0..=6 - first {
                let mut all = three();
                all.advance(first);
                all.advance(second);
                assert_eq!(all.remaining(), 6 - first - second);
                assert_eq!(all.into_bytes(), "abcdef".as_bytes()[first + second..]);
            }
        }
    }

    #[test]
    fn cut_in_pieces_of_any_size_it_is_the_same_and_none_is_small() {
        for size in 0..8 {
            let mut rest = three();
            let mut pieces = Vec::new();
            while !rest.is_empty() {
                pieces.push(rest.take_piece(size).into_bytes());
            }
            assert_eq!(pieces.concat(), b"abcdef");
            let size = size.max(1);
            assert!(pieces.iter().all(|piece| piece.len() >= size.min(6)), "{size}: {pieces:?}");
            assert!(pieces.iter().all(|piece| piece.len() <= size * 2), "{size}: {pieces:?}");
        }
    }

    #[test]
    fn one_piece_is_not_copied() {
        let piece = Bytes::from_static(b"shared");
        let same = Segments::from(piece.clone()).into_bytes();
        assert_eq!(same.as_ptr(), piece.as_ptr());
    }
}
