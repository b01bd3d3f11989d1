//! The fuzzer's octets as a row of choices.

use bytes::Bytes;

/// Reads choices off some octets, front to back. Once they are used up every choice is the first
/// one, so that each input has a meaning, and small changes to it are small changes to that.
#[derive(Clone, Debug)]
pub(crate) struct Choices<'a> {
    rest: &'a [u8],
}

impl<'a> Choices<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number in `0..bound`; `bound` is 1 to 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.octet()) % bound
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A number of 16 bits.
    pub(crate) fn wide(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// A number of 64 bits: small as a rule, as any as a rare case.
    pub(crate) fn number(&mut self) -> u64 {
        match self.octet() {
            small @ 0..=0xF7 => small.into(),
            large => {
                let digits = (0..=large - 0xF8).map(|_| self.octet());
                digits.fold(0, |value, octet| value << 8 | u64::from(octet))
            }
        }
    }

    /// So many octets, or those that are left.
    pub(crate) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A few octets, which begin with how many they are.
    pub(crate) fn few(&mut self) -> &'a [u8] {
        let len = usize::from(self.octet());
        self.take(len)
    }

    /// A few octets, or up to `max` times the same octet.
    pub(crate) fn some(&mut self, max: usize) -> Bytes {
        match self.octet() {
            0xFF => vec![self.octet(); 2 * usize::from(self.wide()) % (max + 1)].into(),
            len => Bytes::copy_from_slice(self.take(len.into())),
        }
    }

    /// All that is left.
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }
}

/// `octets` cut as the choices say: in pieces of their sizes, taken in turn, and the rest at once.
pub(crate) fn cut(octets: &[u8], sizes: &[u8]) -> Vec<Bytes> {
    let mut choices = Choices::new(octets);
    let mut pieces: Vec<_> =
        sizes.iter().map(|size| Bytes::copy_from_slice(choices.take((*size).into()))).collect();
    pieces.push(Bytes::copy_from_slice(choices.rest()));
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// `octets` one by one.
pub(crate) fn singly(octets: &[u8]) -> Vec<Bytes> {
    octets.iter().map(|octet| Bytes::copy_from_slice(&[*octet])).collect()
}
