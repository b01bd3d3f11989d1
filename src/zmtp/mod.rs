//! One connection of ZMTP 3.1 (RFC 37), NULL mechanism: octets in, messages out, and back.
//!
//! An [`Engine`] is one end of one byte stream. It knows octets alone: no time, no sockets, no names
//! of links. Whoever owns the stream hands over what was read ([`Engine::receive`]), asks what it
//! means ([`Engine::next`]) and writes what is to be sent ([`Engine::take_output`]). Peers of ZMTP
//! 3.0, 3.1, 3.2 and 4.0 are accepted; older ones are refused by the first octet that gives them away.
//!
//! # From octets to messages
//! ```text
//! receive -> Buffer -> Greeting -> Decoder -> Command, Message -> Engine::next
//! ```
//! Each octet is looked at once. A frame that lies inside one received chunk is split off without a
//! copy, unless it has to wait for the rest of its message; one that spans chunks is gathered in a buffer
//! that grows with what arrived, never with what the peer announced. [`Limits`] are met before anything
//! is kept.
//!
//! # The engine never acts on its own
//! It answers no ping and closes nothing: it says what came, and its owner decides. Two things alone
//! go out unasked, since the protocol leaves no choice: our half of the handshake, and an ERROR before
//! a peer of the wrong socket type is refused.
//!
//! # Example
//! ```
//! use mongrel2_transceiver::zmtp::{Engine, Limits, Message, Received, SocketType};
//!
//! let mut push = Engine::new(SocketType::Push, Limits::default());
//! let mut pull = Engine::new(SocketType::Pull, Limits::default());
//! // Greetings, then READY each way.
//! for _ in 0..2 {
//!     let (left, right) = (push.take_output(), pull.take_output());
//!     right.into_iter().for_each(|octets| push.receive(octets.into_bytes()));
//!     left.into_iter().for_each(|octets| pull.receive(octets.into_bytes()));
//!     while push.next()?.is_some() || pull.next()?.is_some() {}
//! }
//! push.send(&Message::from("hello"));
//! pull.receive(push.take_output().expect("a message was sent").into_bytes());
//! assert_eq!(pull.next()?, Some(Received::Message(Message::from("hello"))));
//! # Ok::<(), mongrel2_transceiver::zmtp::Error>(())
//! ```

mod buffer;
mod command;
mod decoder;
mod engine;
mod error;
mod frame;
mod greeting;
mod limits;
mod message;
mod metadata;
mod output;
mod socket_type;

pub(crate) use command::TTL_MAX;
pub use engine::{Engine, Properties, Received};
pub use error::Error;
pub use frame::Frame;
pub use greeting::Version;
pub use limits::{Limits, Oversize};
pub use message::Message;
pub use metadata::Metadata;
pub use socket_type::SocketType;
