//! The head of a frame, read octet by octet (RFC 6455 5.2).

use super::frame::{HEAD_LEN_MAX, LEN_16, LEN_64, MASKED};
use super::{Flags, FrameError};

/// What stands before the payload of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) flags: Flags,
    /// Below 2^63, in the shortest form.
    pub(super) payload_len: u64,
    pub(super) mask: Option<[u8; 4]>,
}

/// Gathers the octets of one head.
#[derive(Clone, Debug, Default)]
pub(super) struct HeadReader {
    octets: [u8; HEAD_LEN_MAX],
    filled: usize,
}

impl HeadReader {
    /// Takes one octet more. Returns the head with its last, and is then ready for the next one.
    pub(super) fn push(&mut self, octet: u8) -> Result<Option<Head>, FrameError> {
        self.octets[self.filled] = octet;
        self.filled += 1;
        if self.filled < self.head_len() {
            return Ok(None);
        }
        self.filled = 0;
        Ok(Some(Head {
            flags: Flags::from(self.octets[0]),
            payload_len: self.payload_len()?,
            mask: self.mask(),
        }))
    }

    /// Whether no octet of the next head is there.
    pub(super) const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// As far as it can be told from the octets there are.
    fn head_len(&self) -> usize {
        if self.filled < 2 {
            return 2;
        }
        2 + self.long_len() + if self.is_masked() { 4 } else { 0 }
    }

    /// How many octets the long form of the length takes.
    const fn long_len(&self) -> usize {
        match self.octets[1] & !MASKED {
            LEN_16 => 2,
            LEN_64 => 8,
            _ => 0,
        }
    }

    const fn is_masked(&self) -> bool {
        self.octets[1] & MASKED != 0
    }

    fn payload_len(&self) -> Result<u64, FrameError> {
        let long_form = &self.octets[2..2 + self.long_len()];
        let long = long_form.iter().fold(0, |len, octet| len << 8 | u64::from(*octet));
        let (len, len_min) = match self.octets[1] & !MASKED {
            LEN_16 => (long, u64::from(LEN_16)),
            LEN_64 => (long, u64::from(u16::MAX) + 1),
            short => (u64::from(short), 0),
        };
        if len < len_min {
            Err(FrameError::LengthNotShortest { len })
        } else if len > i64::MAX as u64 {
            Err(FrameError::LengthTooLong { len })
        } else {
            Ok(len)
        }
    }

    fn mask(&self) -> Option<[u8; 4]> {
        let start = 2 + self.long_len();
        let octets = self.octets[start..].first_chunk();
        octets.copied().filter(|_| self.is_masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut HeadReader, octets: &[u8]) -> Result<Head, FrameError> {
        let (last, others) = octets.split_last().unwrap();
        for octet in others {
            assert_eq!(reader.push(*octet), Ok(None));
        }
        reader.push(*last).map(|head| head.expect("this was the last octet"))
    }

    #[test]
    fn heads_of_each_form_one_after_the_other() {
        let mut reader = HeadReader::default();
        for (octets, payload_len, mask) in [
            (&b"\x82\x7d"[..], 125, None),
            (b"\x82\x7e\x00\x7e", 126, None),
            (b"\x82\x7f\0\0\0\0\0\x01\0\0", 65536, None),
            (b"\x82\x80abcd", 0, Some(*b"abcd")),
            (b"\x82\xfe\xff\xffabcd", 65535, Some(*b"abcd")),
            (b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xffabcd", u64::MAX >> 1, Some(*b"abcd")),
        ] {
            let head = Head { flags: Flags::from(0x82), payload_len, mask };
            assert_eq!(read(&mut reader, octets), Ok(head));
        }
    }

    #[test]
    fn lengths_that_may_not_be() {
        for (octets, error) in [
            (&b"\x82\x7e\x00\x00"[..], FrameError::LengthNotShortest { len: 0 }),
            (b"\x82\x7e\x00\x7d", FrameError::LengthNotShortest { len: 125 }),
            (b"\x82\x7f\0\0\0\0\0\0\xff\xff", FrameError::LengthNotShortest { len: 65535 }),
            (b"\x82\x7f\x80\0\0\0\0\0\0\0", FrameError::LengthTooLong { len: 1 << 63 }),
            (
                b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
                FrameError::LengthTooLong { len: u64::MAX },
            ),
        ] {
            assert_eq!(read(&mut HeadReader::default(), octets), Err(error));
        }
    }
}
