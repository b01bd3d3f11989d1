//! What an API is told when it is made.

use std::time::Duration;

use crate::endpoint::{Endpoint, Host};
use crate::socket::{self, Heartbeat};
use crate::transceiver;
use crate::zmtp::SocketType;

use super::super::wire::NODE_PROPERTY;

/// How an API behaves. Made by [`Config::default`]; change the fields before it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// For the transceiver inside; its seed and linger time are the API's. The seed must be another one
    /// at each start (adapters have a `seed()`): it tells Nodes this API from the one before.
    pub handler: transceiver::Config,
    /// Where the PUSH socket for work is bound; port 9996 of 127.0.0.1 unless told otherwise.
    pub work: Endpoint,
    /// Where the PUB socket for announcements is bound; port 9995 of 127.0.0.1 unless told otherwise.
    pub announcements: Endpoint,
    /// Where the REP socket for receipts is bound; port 9994 of 127.0.0.1 unless told otherwise.
    pub receipts: Endpoint,
    /// What goes to the Nodes by itself.
    pub forward: Forward,
    /// Which Node gets what.
    pub spread: Spread,
    /// For how long a Node whose link was lost may still send receipts, before what it had not
    /// finished counts as lost. A Node that sends none gets no such time.
    pub patience: Duration,
    /// Whether the API itself answers HTTP requests that a Node had taken and will not answer, with a
    /// 503 and the end of the connection. Off by default; the application is told in any case.
    pub answer_lost: bool,
    /// What it may use at most.
    pub limits: Limits,
}

/// What goes to the Nodes without the application's doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forward {
    /// Requests over HTTP, JSON and XML sockets, and messages of WebSockets. Handshakes, control
    /// frames, notices and uploads stay here: those in pieces, and those into files where the
    /// configuration of the handler has [`uploads`](crate::transceiver::Config::uploads).
    #[default]
    All,
    /// Nothing: the application looks at everything, and says
    /// [`Command::Forward`](super::Command::Forward).
    Nothing,
}

/// Which Node gets what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spread {
    /// Each in turn, as far as it has room. Requests that a browser sends on one connection without
    /// waiting for answers may be answered in another order.
    #[default]
    RoundRobin,
    /// All of one connection goes to one Node. When a Node comes or goes, only its share of the
    /// connections moves (rendezvous hashing over the Nodes that are there).
    StickyByClient,
}

/// What an API may use at most. Zero anywhere counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests that may wait for a Node before nothing more is taken from the servers.
    pub waiting_max: usize,
    /// Octets of them.
    pub waiting_bytes_max: usize,
    /// Requests in one write to a Node: what it takes at a time.
    pub window_max: usize,
    /// Octets in one write to a Node, which ends with the request that reaches it.
    pub window_bytes_max: usize,
    /// Unfinished requests that are watched, for each Node. Where a Node takes more without a receipt,
    /// the oldest is watched no more, and [`Event::Unwatched`](super::Event::Unwatched) tells.
    pub ledger_max: usize,
    /// Nodes at one time.
    pub nodes_max: usize,
    /// Events that may wait for the application before nothing more is taken from the servers.
    pub events_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        let at = |port| Endpoint::Tcp { host: Host::Ip([127, 0, 0, 1].into()), port };
        Self {
            handler: transceiver::Config::default(),
            work: at(9996),
            announcements: at(9995),
            receipts: at(9994),
            forward: Forward::default(),
            spread: Spread::default(),
            patience: Duration::from_secs(3),
            answer_lost: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            waiting_max: 1024,
            waiting_bytes_max: 64 << 20,
            window_max: 16,
            window_bytes_max: 64 << 10,
            ledger_max: 64 << 10,
            nodes_max: 256,
            events_max: 1024,
        }
    }
}

impl Config {
    /// The same with all three sockets on any free ports; [`Event::Listening`](super::Event::Listening)
    /// says which.
    #[must_use]
    pub fn on_free_ports(mut self) -> Self {
        self.work = self.work.with_port(0);
        self.announcements = self.announcements.with_port(0);
        self.receipts = self.receipts.with_port(0);
        self
    }

    /// For the PUSH socket: the API itself has the limits for what waits.
    pub(super) fn for_work(&self) -> socket::Config {
        let mut config = self.bound(SocketType::Push);
        config.limits.message_size_max = usize::MAX;
        config.limits.send_messages_max = usize::MAX;
        config.limits.send_bytes_max = usize::MAX;
        // A window is encoded as a whole, and goes out in as few writes as there can be.
        config.limits.write_size = usize::MAX;
        config
    }

    pub(super) fn for_announcements(&self) -> socket::Config {
        self.bound(SocketType::Pub)
    }

    pub(super) fn for_receipts(&self) -> socket::Config {
        let mut config = self.bound(SocketType::Rep);
        config.limits.message_size_max = RECEIPT_SIZE_MAX;
        config.limits.send_messages_max = 16;
        config.limits.send_bytes_max = RECEIPT_SIZE_MAX;
        config
    }

    fn bound(&self, socket_type: SocketType) -> socket::Config {
        let mut config = socket::Config::new(socket_type);
        config.linger = self.handler.linger / 2;
        config.heartbeat = self.handler.heartbeat.or_else(|| Some(Heartbeat::default()));
        config.handshake_timeout = self.handler.handshake_timeout;
        config.limits.links_max = self.limits.nodes_max.max(1);
        config
    }
}

/// What a Node of ours is known by.
pub(super) const NODE_MARK: &str = NODE_PROPERTY.0;

/// Octets of one receipt.
const RECEIPT_SIZE_MAX: usize = 256 << 10;
