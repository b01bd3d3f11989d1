//! Frames and what their first octet says (RFC 6455 5.2).

use std::fmt;

use bytes::{BufMut, BytesMut};

use super::mask;

/// What a frame is for (RFC 6455 5.2 and 11.8). Eleven to fifteen and three to seven are reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// The next fragment of a message.
    Continuation = 0x0,
    /// A message, or its first fragment, of UTF-8.
    Text = 0x1,
    /// A message, or its first fragment, of any octets.
    Binary = 0x2,
    /// The end of what its sender says.
    Close = 0x8,
    /// A question whether the other end is there.
    Ping = 0x9,
    /// The answer to a ping, with its payload; or a sign of life that nobody asked for.
    Pong = 0xA,
}

impl Opcode {
    /// The opcode with this number; none where the number is reserved or above 15.
    #[must_use]
    pub const fn from_u8(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    /// Whether this is a control frame: never fragmented, at most [`CONTROL_PAYLOAD_LEN_MAX`]
    /// octets of payload (RFC 6455 5.5).
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

impl From<Opcode> for u8 {
    fn from(opcode: Opcode) -> Self {
        opcode as Self
    }
}

/// The first octet of a frame: FIN, three reserved bits, opcode (RFC 6455 5.2).
///
/// Mongrel2 writes it into the header `FLAGS` of each WebSocket request. It joins fragments, so FIN
/// is always set there and the other bits are those of the first fragment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flags(u8);

impl Flags {
    /// Reads the value of Mongrel2's header `FLAGS`: `0x` and one or two hexadecimal digits.
    #[must_use]
    pub fn parse(value: &[u8]) -> Option<Self> {
        let hex = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
        match *value.strip_prefix(b"0x")? {
            [low] => hex(low).map(Self),
            [high, low] => Some(Self(hex(high)? << 4 | hex(low)?)),
            _ => None,
        }
    }

    /// Whether this is the last, or only, frame of its message.
    #[must_use]
    pub const fn fin(self) -> bool {
        self.0 & FIN != 0
    }

    /// The reserved bits as a number from 0 to 7: RSV1 counts 4, RSV2 counts 2, RSV3 counts 1.
    #[must_use]
    pub const fn rsv(self) -> u8 {
        self.0 >> 4 & 0x7
    }

    /// The opcode, unless its number is reserved.
    #[must_use]
    pub const fn opcode(self) -> Option<Opcode> {
        Opcode::from_u8(self.opcode_number())
    }

    /// The number of the opcode, from 0 to 15, reserved or not.
    #[must_use]
    pub const fn opcode_number(self) -> u8 {
        self.0 & 0xF
    }
}

impl From<u8> for Flags {
    fn from(octet: u8) -> Self {
        Self(octet)
    }
}

impl From<Flags> for u8 {
    fn from(flags: Flags) -> Self {
        flags.0
    }
}

impl From<Opcode> for Flags {
    /// The first octet of an unfragmented frame.
    fn from(opcode: Opcode) -> Self {
        Self(FIN | opcode as u8)
    }
}

impl fmt::Display for Flags {
    /// As Mongrel2 writes it: `0x81`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:X}", self.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

/// Writes the head of a frame with FIN set and no mask, as a server sends it; the payload goes
/// behind it. The length takes the shortest of its three forms (RFC 6455 5.2).
///
/// A control frame may have at most [`CONTROL_PAYLOAD_LEN_MAX`] octets, and [`Opcode::Continuation`]
/// ends a message begun before: the caller sees to both.
pub fn encode_head(opcode: Opcode, payload_len: usize, out: &mut BytesMut) {
    put_head(Flags::from(opcode), UNMASKED, payload_len, out);
}

/// Writes a whole frame with FIN set and no mask: [`encode_head`] and the payload.
pub fn encode(opcode: Opcode, payload: &[u8], out: &mut BytesMut) {
    out.reserve(HEAD_LEN_MAX + payload.len());
    encode_head(opcode, payload.len(), out);
    out.put_slice(payload);
}

/// Writes a whole frame as a client sends it: masked, and a fragment where `fin` is false.
///
/// The mask is the caller's to choose; from a real client it cannot be foreseen (RFC 6455 5.3).
pub fn encode_masked(fin: bool, opcode: Opcode, mask: [u8; 4], payload: &[u8], out: &mut BytesMut) {
    out.reserve(HEAD_LEN_MAX + payload.len());
    let flags = if fin { Flags::from(opcode) } else { Flags(opcode as u8) };
    put_head(flags, MASKED, payload.len(), out);
    out.put_slice(&mask);
    let start = out.len();
    out.put_slice(payload);
    mask::apply(mask, 0, &mut out[start..]);
}

fn put_head(flags: Flags, mask_bit: u8, payload_len: usize, out: &mut BytesMut) {
    out.put_u8(flags.0);
    if let Some(len) = u8::try_from(payload_len).ok().filter(|len| *len < LEN_16) {
        out.put_u8(mask_bit | len);
    } else if let Ok(len) = u16::try_from(payload_len) {
        out.put_u8(mask_bit | LEN_16);
        out.put_u16(len);
    } else {
        out.put_u8(mask_bit | LEN_64);
        out.put_u64(payload_len as u64);
    }
}

/// The longest payload of a control frame, in octets (RFC 6455 5.5).
pub const CONTROL_PAYLOAD_LEN_MAX: usize = 125;

/// The longest head of a frame: two octets, a length of eight, a mask of four.
pub(super) const HEAD_LEN_MAX: usize = 14;
/// In the second octet: a mask follows the length.
pub(super) const MASKED: u8 = 0x80;
/// In place of a length: the next two octets hold it.
pub(super) const LEN_16: u8 = 126;
/// In place of a length: the next eight octets hold it.
pub(super) const LEN_64: u8 = 127;

const UNMASKED: u8 = 0;
const FIN: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(opcode: Opcode, payload: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        encode(opcode, payload, &mut out);
        out
    }

    #[test]
    fn opcodes_keep_their_numbers() {
        let known: Vec<u8> =
            (0..=255).filter_map(Opcode::from_u8).map(|opcode| opcode as u8).collect();
        assert_eq!(known, [0, 1, 2, 8, 9, 10]);
        let control: Vec<u8> =
            (0..=15).filter(|n| Opcode::from_u8(*n).is_some_and(Opcode::is_control)).collect();
        assert_eq!(control, [8, 9, 10]);
    }

    #[test]
    fn flags_are_read_as_mongrel2_writes_them() {
        for octet in 0..=255_u8 {
            let flags = Flags::from(octet);
            assert_eq!(Flags::parse(flags.to_string().as_bytes()), Some(flags));
            assert_eq!(u8::from(flags), octet);
        }
        for wrong in ["", "81", "0x", "0X81", "0x181", "0x8G", "0x+1", " 0x81", "0x81 "] {
            assert_eq!(Flags::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(format!("{:?}", Flags::from(0x8A)), "Flags(0x8A)");
    }

    #[test]
    fn flags_are_taken_apart() {
        let flags = Flags::from(0xC1);
        assert!(flags.fin());
        assert_eq!((flags.rsv(), flags.opcode()), (4, Some(Opcode::Text)));
        let flags = Flags::from(0x3B);
        assert!(!flags.fin());
        assert_eq!((flags.rsv(), flags.opcode(), flags.opcode_number()), (3, None, 0xB));
    }

    /// RFC 6455 5.7, the frames without FIN apart: a server of ours never sends fragments.
    #[test]
    fn examples_of_the_rfc() {
        assert_eq!(&encoded(Opcode::Text, b"Hello")[..], b"\x81\x05Hello");
        assert_eq!(&encoded(Opcode::Continuation, b"lo")[..], b"\x80\x02lo");
        assert_eq!(&encoded(Opcode::Ping, b"Hello")[..], b"\x89\x05Hello");

        let mask = [0x37, 0xFA, 0x21, 0x3D];
        for (opcode, first) in [(Opcode::Text, 0x81), (Opcode::Pong, 0x8A)] {
            let mut out = BytesMut::new();
            encode_masked(true, opcode, mask, b"Hello", &mut out);
            assert_eq!(out[0], first);
            assert_eq!(&out[1..], b"\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
        }
        let mut out = BytesMut::new();
        encode_masked(false, Opcode::Text, [0; 4], b"Hel", &mut out);
        assert_eq!(&out[..], b"\x01\x83\0\0\0\0Hel");
    }

    /// The last two are examples of RFC 6455 5.7.
    #[test]
    fn lengths_take_the_shortest_form() {
        for (len, head) in [
            (0, &b"\x82\x00"[..]),
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65535, b"\x82\x7e\xff\xff"),
            (256, b"\x82\x7e\x01\x00"),
            (65536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
        ] {
            let frame = encoded(Opcode::Binary, &vec![7; len]);
            assert_eq!(&frame[..head.len()], head);
            assert_eq!(frame.len(), head.len() + len);
            let mut alone = BytesMut::new();
            encode_head(Opcode::Binary, len, &mut alone);
            assert_eq!(&alone[..], head);
        }
    }
}
