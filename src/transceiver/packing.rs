//! In which form a session gets its messages.

use bytes::{Bytes, BytesMut};

use crate::websocket::Message;

/// How messages to one session are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "deflate"), expect(dead_code, reason = "nothing is compressed"))]
pub(super) enum Packing {
    /// As they are.
    Plain,
    /// Compressed, each by itself: the same octets serve all such sessions.
    Shared,
    /// As they are, until they leave: then compressed by what the session has for itself.
    Own,
}

/// One frame of a server, which are never masked (RFC 6455 5.1).
pub(super) fn encode(message: &Message) -> Bytes {
    let mut frame = BytesMut::with_capacity(message.len() + 10);
    message.encode(&mut frame);
    frame.freeze()
}
