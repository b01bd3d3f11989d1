//! What a Node is told when it is made.

use std::time::Duration;

use crate::endpoint::{Endpoint, Host};
use crate::socket::{self, Heartbeat, Reconnect};
use crate::transceiver::control;
use crate::zmtp::{Oversize, SocketType};

use super::super::wire::NODE_PROPERTY;

/// How a Node behaves. Made by [`Config::default`]; change the fields before it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The seed of its dice (reconnect delays).
    pub seed: u64,
    /// Where the API's PUSH socket is bound; port 9996 of 127.0.0.1 unless told otherwise.
    pub work: Endpoint,
    /// Where the API's PUB socket is bound; port 9995 of 127.0.0.1 unless told otherwise.
    pub announcements: Endpoint,
    /// Where the API's REP socket for receipts is bound; port 9994 of 127.0.0.1 unless told otherwise.
    pub receipts: Endpoint,
    /// Where the control socket (REP) is bound; `None`, the default, has none.
    pub control: Option<Endpoint>,
    /// How long a request is held whose server is not known or not connected, before it is given back
    /// as unserved.
    pub patience: Duration,
    /// How long it waits before it connects anew.
    pub reconnect: Reconnect,
    /// How often peers are asked for a sign of life, and when a silent one is given up.
    pub heartbeat: Option<Heartbeat>,
    /// How long a link may take from its connect to the end of the ZMTP handshake.
    pub handshake_timeout: Duration,
    /// How long [`Command::Shutdown`](super::Command::Shutdown) takes at most: half of it for answers
    /// to what is taken, half to flush. Parting from one server takes as long.
    pub linger: Duration,
    /// What it may use at most.
    pub limits: Limits,
}

/// What a Node may use at most. Zero anywhere counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one request, headers included, or of one body to a browser.
    pub message_size_max: usize,
    /// Servers at one time; others that the API tells of are not served.
    pub servers_max: usize,
    /// Requests that are held because their server is not there.
    pub held_max: usize,
    /// Requests that the application has taken and not finished. Of more than these the oldest are
    /// forgotten, and no receipt is sent for them.
    pub open_max: usize,
    /// Events that may wait for the application before nothing more is taken from the API.
    pub events_max: usize,
    /// Octets of the events that may wait for the application before nothing more is taken.
    pub event_bytes_max: usize,
    /// High-water mark: messages that wait for one server.
    pub send_messages_max: usize,
    /// High-water mark: octets that wait for one server.
    pub send_bytes_max: usize,
    /// High-water mark: messages that wait for one browser, which is slow to read.
    pub target_messages_max: usize,
    /// High-water mark: octets that wait for one browser.
    pub target_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        let at = |port| Endpoint::Tcp { host: Host::Ip([127, 0, 0, 1].into()), port };
        Self {
            seed: 0,
            work: at(9996),
            announcements: at(9995),
            receipts: at(9994),
            control: None,
            patience: Duration::from_secs(10),
            reconnect: Reconnect::default(),
            heartbeat: Some(Heartbeat::default()),
            handshake_timeout: Duration::from_secs(10),
            linger: Duration::from_secs(3),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size_max: 16 << 20,
            servers_max: 1024,
            held_max: 1024,
            open_max: 64 << 10,
            events_max: 1024,
            event_bytes_max: 64 << 20,
            send_messages_max: 16 << 10,
            send_bytes_max: 64 << 20,
            target_messages_max: 16 << 10,
            target_bytes_max: 4 << 20,
        }
    }
}

impl Config {
    /// For the PULL socket to the API.
    pub(super) fn for_work(&self) -> socket::Config {
        let mut config = self.connected(SocketType::Pull);
        config.properties = &[NODE_PROPERTY];
        config.limits.message_size_max = self.limits.message_size_max;
        config.limits.oversize = Oversize::Skip;
        config
    }

    /// For the SUB socket to the API.
    pub(super) fn for_announcements(&self) -> socket::Config {
        let mut config = self.connected(SocketType::Sub);
        config.limits.message_size_max = self.limits.message_size_max;
        config.limits.oversize = Oversize::Skip;
        config
    }

    /// For the REQ socket to the API.
    pub(super) fn for_receipts(&self) -> socket::Config {
        let mut config = self.connected(SocketType::Req);
        config.request_timeout = Some(RECEIPT_TIMEOUT);
        config.immediate = true;
        config
    }

    /// For the PUB socket to a server. The outbox before it has the limits.
    pub(super) fn for_replies(&self) -> socket::Config {
        let mut config = self.connected(SocketType::Pub);
        config.limits.message_size_max = usize::MAX;
        config.limits.send_messages_max = usize::MAX;
        config.limits.send_bytes_max = usize::MAX;
        config
    }

    /// For the control socket.
    pub(super) fn for_control(&self) -> socket::Config {
        control::socket_config(self.linger / 4, self.heartbeat)
    }

    fn connected(&self, socket_type: SocketType) -> socket::Config {
        let mut config = socket::Config::new(socket_type);
        config.reconnect = self.reconnect;
        config.heartbeat = self.heartbeat;
        config.handshake_timeout = self.handshake_timeout;
        config.linger = self.linger / 4;
        config
    }
}

/// How long the API may take to answer a receipt before it is sent again.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(5);
