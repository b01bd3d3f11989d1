//! Compressed messages: permessage-deflate (RFC 7692), with the cargo feature `deflate`.
//!
//! - [`Agreement`]: what of a client's offers is accepted, and the header that says so.
//! - [`Deflater`] and [`Inflater`]: messages out and in. Neither is bound to a stream, so one of each
//!   serves all sessions; what a session has to itself is a [`Deflater`] with takeover, or a
//!   [`History`] of what its client has sent.
//! - [`read`]: a frame as Mongrel2 hands it over, which may be compressed.
//!
//! What comes in is bounded before memory is spent on it: octets by the caller's limit, and the blocks
//! that they are cut into, each of which costs time however little is in it.

mod deflater;
mod history;
mod inflater;
mod negotiation;
mod offers;
mod rsv1;

use bytes::Bytes;

use super::{Flags, FrameError, Incoming};

pub use deflater::Deflater;
pub use history::History;
pub use inflater::Inflater;
pub use negotiation::{Agreement, Terms, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
pub(crate) use rsv1::unmarked;

/// Judges a frame of a session on which compression was agreed: as [`read`](super::read) does, but a
/// message with RSV1 is inflated first (RFC 7692 6.2). RSV1 on a control frame remains a fault.
///
/// `history` is that of the client, where it may refer to earlier messages.
///
/// # Errors
/// As those of [`read`](super::read), of which `payload_size_max` limits what is inflated; and
/// [`FrameError::Inflate`].
pub fn read(
    flags: Flags,
    payload: Bytes,
    payload_size_max: usize,
    inflater: &mut Inflater,
    history: Option<&mut History>,
) -> Result<Incoming, FrameError> {
    let Some(plain) = unmarked(flags) else {
        return super::read(flags, payload, payload_size_max);
    };
    let payload = inflater.inflate(&payload, payload_size_max, history)?;
    super::read(plain, payload, payload_size_max)
}

/// What a sync flush ends with, and a message leaves out: the lengths of an empty block
/// (RFC 7692 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];

#[cfg(test)]
mod tests;
