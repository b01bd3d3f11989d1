//! What becomes of a WebSocket whose client does not read as fast as it is sent messages.

use crate::websocket::Close;

/// What to do where more is said to a WebSocket than may wait for it
/// ([`Limits::target_messages_max`](super::Limits::target_messages_max), 16,384 messages unless you say
/// otherwise, and `target_bytes_max`, 4 MiB): [`Config::slow`](super::Config::slow). What is to be
/// current, as prices are, wants smaller ones. It concerns messages to sessions alone: the octets of an HTTP
/// response cannot be left out.
///
/// ```
/// use mongrel2_transceiver::transceiver::{Config, Slow};
/// use mongrel2_transceiver::websocket::{Close, CloseCode};
/// let mut config = Config::default();
/// // A ticker: who is slow gets the newest prices, and misses some.
/// config.slow = Slow::DropOldest;
/// // A log: who misses a line is to come again, and to ask for what it has missed.
/// config.slow = Slow::Close(Close::new(CloseCode::POLICY, "you read too slowly").unwrap());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slow {
    /// Take no more: a `Send` is refused as [`Refused::Slow`](super::Refused::Slow), until
    /// [`Event::TargetRoom`](super::Event::TargetRoom) says that there is room; a `Broadcast` goes to the
    /// others, and says so in [`Event::Undelivered`](super::Event::Undelivered).
    #[default]
    Wait,
    /// Take it in place of the oldest messages that wait, which are reported as undelivered. (Those put
    /// on their way before are not called back: up to thirteen may wait at the server.)
    DropOldest,
    /// Close it. What waits, and what was to be added, is reported as undelivered; the close frame
    /// reaches a client that goes on reading within some seconds. (In a test that is one that answers the
    /// last ping, by `Action::Pong`: else its connection ends without the frame, for nothing can reach one
    /// that reads nothing.)
    Close(Close),
}
