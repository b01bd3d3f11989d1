//! What goes into a stand-in server and what comes out of it.

use std::fmt;
use std::io;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::mongrel2::{ConnId, ReplyError};

/// What an application may ask of a [`Server`](super::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Give a message to the next handler in turn, as it is:
    /// [`encode_request`](crate::mongrel2::encode_request) makes one.
    Deliver(Bytes),
    /// Send what waits, then end everything. Ends in [`Event::Stopped`].
    Shutdown,
}

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
    /// A handler says something to a browser.
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
    /// There is room for messages again after one was refused.
    Room,
    /// All is over.
    Stopped,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// No handler is connected. (Mongrel2 lets browsers wait; a test wants to know.)
    NoHandler,
    /// The handlers' queues are full; wait for [`Event::Room`].
    Full,
    /// The message exceeds the limits.
    TooLarge,
    /// The server is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHandler => "no handler is connected",
            Self::Full => "the handlers' queues are full: wait for room",
            Self::TooLarge => "the message is larger than the limits allow",
            Self::ShuttingDown => "the server is shutting down",
        })
    }
}

impl std::error::Error for Refused {}
