//! What an application may ask of a Node.

use std::fmt;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::mongrel2::{Request, SenderError, http};
use crate::transceiver::ServerId;
use crate::websocket::Message;

use super::event::Target;

/// One wish of the application: refused at once, or accepted for good, and then delivered or reported
/// as [`Event::Undelivered`](super::Event::Undelivered).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Send octets to a browser as they are; [`Command::respond`] makes them from a [`http::Response`].
    Reply {
        /// To whom.
        target: Target,
        /// What; not empty, for that would end the connection.
        body: Bytes,
        /// Whether to end the connection behind it.
        close: bool,
    },
    /// End a browser's connection behind all that was sent before. For a WebSocket without a close
    /// frame, which would be the API's to send.
    HangUp {
        /// Whose.
        target: Target,
    },
    /// Send a message to a WebSocket. Whether it is open is not known here.
    Send {
        /// To whom.
        target: Target,
        /// What.
        message: Message,
    },
    /// Send one message to many WebSockets, encoded once; who is named several times gets it as often.
    /// It is taken or refused as a whole: as [`Refused::Full`] where one of their servers has no room for
    /// its part, as [`Refused::TooLarge`]. Who is slow to read is no reason. Of what is taken, those
    /// whose server's life is over are reported at once as [`Event::Undelivered`](super::Event).
    Broadcast {
        /// To whom; of any servers.
        targets: Vec<Target>,
        /// What.
        message: Message,
    },
    /// There is nothing more to say about this request: it is finished.
    Done {
        /// Which.
        target: Target,
    },
    /// This request cannot be served here: the API is told so.
    Decline {
        /// Which.
        target: Target,
    },
    /// Serve a Mongrel2 server that the API has not told of.
    AddServer {
        /// Its `send_ident`: one or more of `A-Z a-z 0-9 -`.
        sender: Bytes,
        /// Its `recv_spec`: where its SUB socket is bound and we publish replies to.
        recv_spec: Endpoint,
    },
    /// Part from a server. Ends in [`Event::ServerRemoved`](super::Event::ServerRemoved).
    RemoveServer {
        /// Which.
        server: ServerId,
    },
    /// Take nothing more, wait for answers to what is taken, flush, and end everything, within
    /// [`Config::linger`](super::Config::linger). What was taken and the application was not told of yet
    /// goes back to the API, each an [`Event::Unserved`](super::Event::Unserved); what could not be
    /// flushed is an [`Event::Undelivered`](super::Event::Undelivered), and counted by
    /// [`Event::Stopped`](super::Event::Stopped), in which it ends.
    Shutdown,
}

impl Command {
    /// The reply that answers a request with a response, as
    /// [`transceiver::Command::respond`](crate::transceiver::Command::respond).
    #[must_use]
    pub fn respond(target: Target, request: &Request, response: &http::Response) -> Self {
        let http::Encoded { octets, close } = response.encode(request);
        Self::Reply { target, body: octets, close }
    }
}

/// Why a command was not taken. It has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// So much waits for the server that no more is taken; wait for
    /// [`Event::Room`](super::Event::Room).
    Full,
    /// So much waits for this one browser, which is slow to read, that no more is taken for it; wait
    /// for [`Event::TargetRoom`](super::Event::TargetRoom), or part from it.
    Slow,
    /// The message exceeds the limits, alone.
    TooLarge,
    /// An empty reply would end the connection: say [`Command::HangUp`].
    Empty,
    /// There is no such server (any more).
    UnknownServer,
    /// The life of the server that the target belongs to is over, as far as this Node can know.
    ServerGone,
    /// The request is finished already, or so old that it was forgotten.
    Finished,
    /// That name is no sender.
    BadSender(SenderError),
    /// That sender is served already.
    SenderInUse,
    /// A `*` host or port 0 can be bound, not connected to.
    Wildcard,
    /// There are as many servers as the limits allow.
    TooManyServers,
    /// The Node, or this server, is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "too much waits for the server: wait for room",
            Self::Slow => "too much waits for this browser: wait for room",
            Self::TooLarge => "the message is larger than the limits allow",
            Self::Empty => "an empty reply would end the connection: hang up instead",
            Self::UnknownServer => "there is no such server",
            Self::ServerGone => "the server that held this connection is gone",
            Self::Finished => "the request is finished already",
            Self::BadSender(error) => return error.fmt(f),
            Self::SenderInUse => "this sender is served already",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::TooManyServers => "there are as many servers as the limits allow",
            Self::ShuttingDown => "it is shutting down",
        })
    }
}

impl std::error::Error for Refused {}
