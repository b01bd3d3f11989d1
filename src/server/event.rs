//! What a stand-in server tells.

use std::fmt;
use std::io;

use bytes::Bytes;

use crate::client::Received;
use crate::endpoint::Endpoint;
use crate::mongrel2::{ConnId, ReplyError};

use super::command::ClientId;
use super::failure::Failure;

/// What a [`Server`](super::Server) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Both sockets are bound.
    Listening {
        /// Where handlers pull requests from.
        send_spec: Endpoint,
        /// Where handlers publish replies to.
        recv_spec: Endpoint,
    },
    /// A socket could not be bound. The server is of no use.
    ListenFailed {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// The number of handlers' links has changed.
    Handlers {
        /// Links that take requests.
        requests: usize,
        /// Links that bring replies.
        replies: usize,
    },
    /// The server is introduced to a handler, and the way there and back is proven.
    Connected {
        /// The handler's control socket.
        control: Endpoint,
    },
    /// The server could not be introduced to a handler.
    ///
    /// Where the handler may serve it all the same, the server takes itself off behind this event, and
    /// says no more about it.
    ConnectFailed {
        /// The handler's control socket.
        control: Endpoint,
        /// How far it came, and why no further.
        failure: Failure,
    },
    /// The server is off a handler, as is proven.
    Disconnected {
        /// The handler's control socket.
        control: Endpoint,
    },
    /// It could not be proven that the server is off a handler.
    DisconnectFailed {
        /// The handler's control socket.
        control: Endpoint,
        /// How far it came, and why no further.
        failure: Failure,
    },
    /// A client is connected, and every handler can be reached.
    Ready {
        /// Who.
        client: ClientId,
        /// The number of its connection; counted from 1.
        conn_id: ConnId,
    },
    /// A client could not be opened. It is forgotten.
    NotReady {
        /// Who.
        client: ClientId,
        /// Why.
        failure: Failure,
    },
    /// What came of a [`Command::Receive`](super::Command::Receive).
    Received {
        /// Who.
        client: ClientId,
        /// What it got.
        received: Result<Received, ReceiveError>,
    },
    /// A handler says something to a connection that is none of a client: to a browser that whoever runs
    /// the server plays, or to one that has gone.
    Reply {
        /// To whom; one event for each, in the order of the message.
        conn_id: ConnId,
        /// What; empty to end the connection.
        body: Bytes,
        /// Whether it is an extended reply ([`parse_extended`](crate::mongrel2::parse_extended)).
        extended: bool,
    },
    /// A handler said something that Mongrel2 would not understand, and would stall on.
    Malformed {
        /// What is wrong with it.
        error: ReplyError,
    },
    /// Requests were on their way to a handler whose link ended, and may not have arrived. Mongrel2
    /// loses them without a word.
    Lost {
        /// How many.
        requests: usize,
    },
    /// There is room for messages again after one was refused.
    Room,
    /// All is over.
    Stopped,
}

/// Why a client has nothing to hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReceiveError {
    /// Nothing came in time.
    TimedOut,
    /// Its connection has ended, and all that it got was taken.
    Gone,
    /// The server is shutting down.
    ShuttingDown,
}

impl fmt::Display for ReceiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "nothing came in time",
            Self::Gone => "the connection has ended",
            Self::ShuttingDown => "the server is shutting down",
        })
    }
}

impl std::error::Error for ReceiveError {}
