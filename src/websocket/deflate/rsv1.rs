//! The bit that marks compressed messages (RFC 7692 6).

use bytes::{BufMut, BytesMut};

use super::super::{Flags, Opcode, encode_head};

/// Of a message that is marked as compressed, and has no other mark: the same without.
pub(crate) fn unmarked(flags: Flags) -> Option<Flags> {
    let plain = Flags::from(u8::from(flags) & !RSV1);
    (plain != flags && data(plain).is_some()).then_some(plain)
}

/// The opcode of a whole message that has no mark.
pub(super) fn data(flags: Flags) -> Option<Opcode> {
    let opcode = flags.opcode().filter(|opcode| matches!(opcode, Opcode::Text | Opcode::Binary));
    opcode.filter(|_| flags.fin() && flags.rsv() == 0)
}

/// Writes a whole unmasked frame with the mark.
pub(super) fn encode(opcode: Opcode, compressed: &[u8], out: &mut BytesMut) {
    let start = out.len();
    encode_head(opcode, compressed.len(), out);
    out[start] |= RSV1;
    out.put_slice(compressed);
}

const RSV1: u8 = 0x40;
