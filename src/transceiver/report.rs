//! What became of what the application said, server by server.

use std::fmt;

use bytes::Bytes;

use super::target::ServerId;

/// What became of the messages to the browsers of one server. A message to many counts for each of
/// them; what the transceiver says by itself (handshakes, pings, closes) does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tally {
    /// Taken by the operating system for a living link. That they arrived nobody tells.
    pub delivered: u64,
    /// Refused at once: commands that named a browser of this server and were not taken. A broadcast
    /// counts for each whom it would have gone to.
    pub refused: u64,
    /// Accepted, and reported as [`Event::Undelivered`](super::Event::Undelivered).
    pub undelivered: u64,
}

/// The [`Tally`] of one server, from when it was added until it was removed. Made by a transceiver that
/// has stopped, for [`Event::Stopped`](super::Event::Stopped).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Which.
    pub server: ServerId,
    /// Its own name.
    pub sender: Bytes,
    /// What became of what was said to its browsers.
    pub tally: Tally,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered, refused, undelivered } = self;
        write!(f, "{delivered} delivered, {refused} refused, {undelivered} not delivered")
    }
}

impl fmt::Display for Report {
    /// Such as `my-handler: 12 delivered, 0 refused, 1 not delivered`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sender.escape_ascii(), self.tally)
    }
}
