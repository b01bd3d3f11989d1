//! RFC 6455, as far as Mongrel2 leaves it to a handler.
//!
//! Mongrel2 takes the opening handshake, unmasks frames and joins fragments. It checks nothing else
//! and answers nothing: neither the `101` response, nor UTF-8, reserved bits, close codes, pings or
//! the closing handshake. This module has what that takes, as values and pure functions:
//!
//! - [`handshake`]: the `101` response around the accept key that Mongrel2 has worked out.
//! - [`read`]: a frame as Mongrel2 hands it over, [`Flags`] and payload, into an [`Incoming`].
//! - [`Message`], [`Close`] and [`encode`]: frames to send back, unmasked as a server's are (5.1).
//! - `deflate`, with the cargo feature of this name: compressed messages (RFC 7692).
//! - [`Decoder`]: octets of a stream into the same values, for the other end: clients and tests.
//!
//! [`read`] and [`Decoder`] share one judgement of what a peer may send. Where it is broken, a
//! [`FrameError`] says how, and which [`CloseCode`] to answer with.

mod close;
mod decoder;
#[cfg(feature = "deflate")]
pub mod deflate;
mod error;
mod frame;
pub mod handshake;
mod head;
mod incoming;
mod mask;
mod message;
mod utf8;

pub use close::{Close, CloseCode, CloseError, REASON_LEN_MAX};
pub use decoder::{Decoded, Decoder, Role};
pub use error::{FrameError, InflateError};
pub use frame::{CONTROL_PAYLOAD_LEN_MAX, Flags, Opcode, encode, encode_head, encode_masked};
pub use incoming::{Incoming, read};
pub use message::Message;
pub use utf8::{Utf8Bytes, Utf8Error};
