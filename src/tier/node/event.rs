//! What a Node tells the application.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::mongrel2::{ConnId, Request};
use crate::socket::DownReason;
use crate::transceiver::{Loss, ServerId};
use crate::websocket::Message;

/// Names a browser's connection, and the request by which it was made known. Made by a Node, carried
/// by its events, given back in commands, as often as there is something to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The server that holds the connection.
    pub server: ServerId,
    /// Which life of that server, as far as this Node knows; counted from 1.
    pub life: u32,
    /// The server's number for the connection.
    pub conn_id: ConnId,
    /// The request.
    pub(super) request: u64,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.server, self.life, self.conn_id)
    }
}

/// Something to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The link for work to the API is ready.
    ApiUp,
    /// The link for work to the API is lost. What was taken can still be answered. Connecting goes on.
    ApiDown {
        /// Why.
        reason: DownReason,
    },
    /// An attempt to connect failed; another follows. Of several that nobody took, the last.
    Unreachable {
        /// The server; `None` for the API.
        server: Option<ServerId>,
        /// The endpoint that was tried.
        endpoint: Endpoint,
        /// Why it failed.
        reason: DownReason,
        /// When the next attempt starts, counted from this one.
        retry_in: Duration,
    },
    /// The Node was told of a server; connecting has begun.
    ServerAdded {
        /// Its name here.
        server: ServerId,
        /// Its own name.
        sender: Bytes,
    },
    /// A server will hear our replies. Its requests follow.
    ServerUp {
        /// Which.
        server: ServerId,
        /// Which life of it; see [`Target`].
        life: u32,
    },
    /// The link to a server is lost. Nothing more is said to its targets so far. Connecting goes on.
    ServerDown {
        /// Which.
        server: ServerId,
        /// Which life of it.
        life: u32,
        /// Why.
        reason: DownReason,
    },
    /// A server is subscribed to something that does not cover our replies, and would hear none of
    /// them.
    ServerDeaf {
        /// Which.
        server: ServerId,
        /// What it is subscribed to.
        subscribed: Bytes,
    },
    /// A server was removed, and everything about it forgotten.
    ServerRemoved {
        /// Which.
        server: ServerId,
    },
    /// A request: to be answered with [`Command::Reply`](super::Command::Reply), for HTTP by way of
    /// [`Command::respond`](super::Command::respond).
    Request {
        /// Who asks.
        target: Target,
        /// What.
        request: Request,
    },
    /// A message of a WebSocket, to be answered with [`Command::Send`](super::Command::Send), or
    /// finished with [`Command::Done`](super::Command::Done).
    Message {
        /// Who sends.
        target: Target,
        /// What.
        message: Message,
        /// The request that it came in, with the headers of the handshake.
        request: Request,
    },
    /// The API's application has something to say to all Nodes.
    Announcement {
        /// What it is about.
        topic: Bytes,
        /// What there is to say.
        body: Bytes,
    },
    /// A request that could not be served here. The API is told.
    Unserved {
        /// The server that it is of.
        sender: Bytes,
        /// Its browser.
        conn_id: ConnId,
        /// Why not.
        why: Unserved,
    },
    /// Messages that were accepted may not have arrived, and never will.
    Undelivered {
        /// Whom they were for; one who misses several is named as often.
        targets: Vec<crate::transceiver::Target>,
        /// Why.
        reason: Loss,
    },
    /// After commands were refused as [`Refused::Full`](super::Refused::Full): the server has room
    /// again.
    Room {
        /// Which.
        server: ServerId,
    },
    /// After commands for a target were refused as [`Refused::Slow`](super::Refused::Slow): there is
    /// room again.
    TargetRoom {
        /// Whose.
        target: crate::transceiver::Target,
    },
    /// The control socket is bound.
    ControlListening {
        /// Where, with the port that it really has.
        endpoint: Endpoint,
    },
    /// The control socket could not be bound. The Node goes on without it.
    ControlFailed {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// All is over after a shutdown. Nothing happens after this.
    Stopped {
        /// Messages that were accepted and may not have arrived, all told.
        undelivered: usize,
    },
}

/// Why a request was not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unserved {
    /// Its server is not known here, or could not be connected to in time.
    NoServer,
    /// It is of a life of its server that is over.
    ServerGone,
    /// It could not be read.
    Unreadable,
    /// The Node is shutting down.
    ShuttingDown,
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoServer => "its server was not there in time",
            Self::ServerGone => "its server was restarted since",
            Self::Unreadable => "it could not be read",
            Self::ShuttingDown => "the node is shutting down",
        })
    }
}
