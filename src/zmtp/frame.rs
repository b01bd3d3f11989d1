//! Frames: their flags and size on the wire, and their payload (ZMTP 3.1, RFC 37: `traffic`).

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use crate::planted::{Bug, is_planted};

use super::Error;
use super::buffer::Buffer;

/// The payload of one frame: `head`, then `body`.
///
/// Two parts, so that a sender can put a few octets of its own before octets that many messages share,
/// without copying the latter. Received frames have an empty head. Two frames are equal where their
/// octets are, wherever the border lies.
#[derive(Clone, Default, Eq)]
pub struct Frame {
    head: Bytes,
    body: Bytes,
}

impl Frame {
    /// A frame of these octets.
    #[must_use]
    pub const fn new(body: Bytes) -> Self {
        Self { head: Bytes::new(), body }
    }

    /// A frame of the octets of `head`, then those of `body`.
    #[must_use]
    pub const fn with_head(head: Bytes, body: Bytes) -> Self {
        Self { head, body }
    }

    /// The first part; empty in received frames.
    #[must_use]
    pub const fn head(&self) -> &Bytes {
        &self.head
    }

    /// The second part; everything in received frames.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// How many octets there are in both parts.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.head.len() + self.body.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.head.is_empty() && self.body.is_empty()
    }

    /// Whether the octets begin with those of `prefix`.
    #[must_use]
    pub fn starts_with(&self, prefix: &[u8]) -> bool {
        match prefix.split_at_checked(self.head.len()) {
            Some((first, second)) => self.head == first && self.body.starts_with(second),
            None => self.head.starts_with(prefix),
        }
    }

    /// All octets side by side; copies them where neither part is empty.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        self.clone().into_bytes()
    }

    /// All octets side by side; copies them where neither part is empty.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.head.is_empty() {
            self.body
        } else if self.body.is_empty() {
            self.head
        } else {
            [&self.head[..], &self.body[..]].concat().into()
        }
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        if self.head.len() == other.head.len() {
            return self.head == other.head && self.body == other.body;
        }
        self.len() == other.len()
            && self.head.iter().chain(&self.body).eq(other.head.iter().chain(&other.body))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame(\"{}{}\")", self.head.escape_ascii(), self.body.escape_ascii())
    }
}

impl From<Bytes> for Frame {
    fn from(octets: Bytes) -> Self {
        Self::new(octets)
    }
}

impl From<Vec<u8>> for Frame {
    fn from(octets: Vec<u8>) -> Self {
        Self::new(octets.into())
    }
}

impl From<&'static [u8]> for Frame {
    fn from(octets: &'static [u8]) -> Self {
        Self::new(Bytes::from_static(octets))
    }
}

impl From<&'static str> for Frame {
    fn from(text: &'static str) -> Self {
        Self::new(Bytes::from_static(text.as_bytes()))
    }
}

/// The first octet of a frame on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) more: bool,
    pub(super) long: bool,
    pub(super) command: bool,
}

impl Flags {
    pub(super) const fn parse(octet: u8) -> Result<Self, Error> {
        if octet & !(MORE | LONG | COMMAND) != 0 {
            return Err(Error::ReservedFlags { flags: octet });
        }
        let flags = Self {
            more: octet & MORE != 0,
            long: octet & LONG != 0,
            command: octet & COMMAND != 0,
        };
        if flags.command && flags.more { Err(Error::CommandWithMore) } else { Ok(flags) }
    }
}

/// The size of a frame on its way in: 1 octet, or 8 in the long form, most significant first.
#[derive(Clone, Copy, Debug)]
pub(super) struct SizeField {
    missing: u8,
    size: u64,
}

impl SizeField {
    pub(super) const fn new(long: bool) -> Self {
        Self { missing: if long { 8 } else { 1 }, size: 0 }
    }

    /// The size, once all of it has arrived.
    pub(super) fn take(&mut self, input: &mut Buffer) -> Result<Option<u64>, Error> {
        while self.missing > 0 {
            let Some(octet) = input.take_octet() else {
                return Ok(None);
            };
            self.size = self.size << 8 | u64::from(octet);
            self.missing -= 1;
        }
        if self.size > SIZE_MAX {
            return Err(Error::FrameSize { size: self.size });
        }
        Ok(Some(self.size))
    }
}

/// How long the head of a frame is that is the only one of a message, and how many octets follow it;
/// `None` where it is no such frame, or its head is not whole.
pub(super) fn only_frame(octets: &[u8]) -> Option<(usize, u64)> {
    match octets {
        [0, size, ..] => Some((2, u64::from(*size))),
        [LONG, rest @ ..] => {
            let size = rest.first_chunk().map(|size| u64::from_be_bytes(*size))?;
            Some((9, size)).filter(|_| size <= SIZE_MAX)
        }
        _ => None,
    }
}

/// Encodes the flags and size of a message frame.
pub(super) fn encode_message_header(out: &mut BytesMut, more: bool, size: usize) {
    encode_header(out, if more { MORE } else { 0 }, size);
}

/// Encodes the flags and size of a command frame.
pub(super) fn encode_command_header(out: &mut BytesMut, size: usize) {
    encode_header(out, COMMAND, size);
}

/// Takes the short form where the size fits into it (RFC 37: `short-size`, `long-size`).
fn encode_header(out: &mut BytesMut, flags: u8, size: usize) {
    let size = size - usize::from(size == 255 && is_planted(Bug::FrameOf255));
    if let Ok(short) = u8::try_from(size) {
        out.put_slice(&[flags, short]);
    } else {
        out.put_u8(flags | LONG);
        out.put_u64(size as u64);
    }
}

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// RFC 37: the most significant bit of a long size is zero.
const SIZE_MAX: u64 = u64::MAX >> 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_border_between_head_and_body_is_not_seen() {
        let frames: Vec<Frame> = (0..=4)
            .map(|at| Frame::with_head(Bytes::from(&b"abcd"[..at]), Bytes::from(&b"abcd"[at..])))
            .collect();
        for frame in &frames {
            assert_eq!((frame, frame.len()), (&frames[0], 4));
            assert_eq!(frame.bytes(), "abcd");
            assert!((0..=4).all(|len| frame.starts_with(&b"abcd"[..len])));
            assert!(!frame.starts_with(b"abd") && !frame.starts_with(b"abcde"));
            assert_ne!(frame, &Frame::from("abce"));
            assert_ne!(frame, &Frame::from("abcde"));
            let same_border = frame.head().len();
            let (head, body) = b"xbcd".split_at(same_border);
            assert_ne!(frame, &Frame::with_head(Bytes::from(head), Bytes::from(body)));
        }
    }

    #[test]
    fn a_frame_is_empty_where_both_parts_are() {
        let with_head =
            |head, body| Frame::with_head(Bytes::from_static(head), Bytes::from_static(body));
        assert!(with_head(b"", b"").is_empty());
        assert!(!with_head(b"x", b"").is_empty() && !with_head(b"", b"x").is_empty());
    }

    #[test]
    fn bytes_of_one_part_are_not_copied() {
        let octets = Bytes::from(vec![1; 10]);
        for frame in [Frame::new(octets.clone()), Frame::with_head(octets.clone(), Bytes::new())] {
            assert_eq!(frame.bytes().as_ptr(), octets.as_ptr());
        }
    }

    #[test]
    fn the_size_decides_the_form() {
        for (size, expected) in
            [(0, &[1, 0][..]), (255, &[1, 255]), (256, &[3, 0, 0, 0, 0, 0, 0, 1, 0])]
        {
            let mut out = BytesMut::new();
            encode_message_header(&mut out, true, size);
            assert_eq!(out, expected);
        }
    }
}
