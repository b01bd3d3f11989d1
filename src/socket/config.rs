//! What a socket is told when it is made.

use std::time::Duration;

use super::backoff::Reconnect;
use super::liveness::Heartbeat;
use crate::zmtp::{self, Oversize, Properties, SocketType};

/// How a socket behaves. Made by [`Config::new`]; change the fields before the socket is made.
///
/// A time below a millisecond counts as one, save for the linger time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The pattern that it speaks.
    pub socket_type: SocketType,
    /// The seed of its dice (reconnect delays). Equal seeds and inputs give equal behaviour.
    pub seed: u64,
    /// How long it waits before it connects anew.
    pub reconnect: Reconnect,
    /// How often a peer is asked for a sign of life, and when a silent one is given up. `None`, the default here, asks
    /// nobody; a transceiver asks Mongrel2.
    pub heartbeat: Option<Heartbeat>,
    /// How long a link may take from its connect or accept to the end of its handshake.
    pub handshake_timeout: Duration,
    /// How long [`Command::Shutdown`](super::Command::Shutdown) tries to send what waits.
    pub linger: Duration,
    /// How long a REQ socket waits for a reply before it gives the request up.
    pub request_timeout: Option<Duration>,
    /// PUSH and REQ only: whether nothing may wait for an endpoint that is not connected yet, and
    /// a lost link takes its queue with it.
    pub immediate: bool,
    /// What its READY says besides its type: what machines of this library know each other by.
    pub(crate) properties: Properties,
    /// What it may use at most.
    pub limits: Limits,
}

impl Config {
    /// The defaults for a socket of this type.
    #[must_use]
    pub fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            seed: 0,
            reconnect: Reconnect::default(),
            heartbeat: None,
            handshake_timeout: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            request_timeout: Some(Duration::from_secs(30)),
            immediate: false,
            properties: &[],
            limits: Limits::default(),
        }
    }
}

/// What a socket may use at most. Zero anywhere counts as one.
///
/// Memory for received octets is at most `links_max × (read_size + message_size_max)`, and in
/// practice what peers really sent of that; for the subscriptions of peers at most
/// `links_max × subscriptions_max` commands of 4 KiB; for messages to send at most `send_bytes_max` and one
/// message for each link or connected endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of all frames of one message, either way.
    pub message_size_max: usize,
    /// Frames of one message, either way.
    pub frames_max: usize,
    /// What becomes of a received message above these two.
    pub oversize: Oversize,
    /// Links accepted at one time. At the limit nothing more is accepted, unless a link whose
    /// handshake is not finished can make room: the oldest such is closed then. REP makes room
    /// otherwise by closing the peer that has asked nothing for longest, so that idle peers lock
    /// nobody out.
    pub links_max: usize,
    /// Accepted links whose handshake is not finished. Above the limit the oldest is closed, so that
    /// silent peers lock nobody out.
    pub handshakes_max: usize,
    /// Events that may wait for the application before reading stops.
    pub events_max: usize,
    /// High-water mark: messages that wait for one peer.
    pub send_messages_max: usize,
    /// High-water mark: octets that wait for one peer; a single message may exceed it.
    pub send_bytes_max: usize,
    /// Distinct subscriptions of one peer (PUB), or of our own (SUB).
    pub subscriptions_max: usize,
    /// Octets asked for by one read.
    pub read_size: usize,
    /// Octets joined into one write, which ends with the message that reaches it. Where that makes more
    /// than twice as many, they are written in pieces of this size, but of 4 KiB at least and 256 KiB at
    /// most.
    pub write_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size_max: 16 << 20,
            frames_max: 1024,
            oversize: Oversize::Refuse,
            links_max: 1024,
            handshakes_max: 128,
            events_max: 1024,
            send_messages_max: 1000,
            send_bytes_max: 16 << 20,
            subscriptions_max: 1024,
            read_size: 64 << 10,
            write_size: 64 << 10,
        }
    }
}

impl Limits {
    /// The limits of the protocol engine for one link.
    pub(super) fn for_engine(&self, socket_type: SocketType) -> zmtp::Limits {
        let limits = zmtp::Limits::default();
        if matches!(socket_type, SocketType::Pub | SocketType::Push) {
            // All that such a peer has to say are commands, and subscriptions dressed as messages.
            // What is larger is dropped like any other message, without ever being held.
            let size = self.message_size_max.clamp(1, limits.command_size_max);
            return limits.with_message_size_max(size).with_oversize(Oversize::Skip);
        }
        limits
            .with_oversize(self.oversize)
            .with_message_size_max(self.message_size_max.max(1))
            .with_frames_max(self.frames_max.max(1))
    }
}
