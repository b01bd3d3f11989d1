//! What an application may ask of a transceiver.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::mongrel2::{SenderError, http};
use crate::websocket::{CloseCode, CloseError, Message, Utf8Bytes};

use super::target::{ServerId, Target};

/// One wish of the application. Submitted with [`Machine::submit`](crate::Machine::submit): refused
/// at once (clone it first to try again; its octets are shared, not copied) or accepted for good, and then delivered or reported as
/// [`Event::Undelivered`](super::Event::Undelivered).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Serve a Mongrel2 server: connect to both of its sockets, and again whenever it comes back.
    AddServer {
        /// Its `send_ident`: one or more of `A-Z a-z 0-9 -`.
        sender: Bytes,
        /// Its `send_spec`: where its PUSH socket is bound and we pull requests from.
        send_spec: Endpoint,
        /// Its `recv_spec`: where its SUB socket is bound and we publish replies to.
        recv_spec: Endpoint,
    },
    /// Part from a server: close its sessions with 1001, flush, disconnect. Ends in
    /// [`Event::ServerRemoved`](super::Event::ServerRemoved).
    RemoveServer {
        /// Which.
        server: ServerId,
    },
    /// Send octets to a browser as they are: a whole HTTP response, or a part of one.
    /// [`Command::respond`] makes one from a [`http::Response`].
    Reply {
        /// To whom.
        target: Target,
        /// What; not empty, for that would end the connection.
        body: Bytes,
        /// Whether to end the connection behind it.
        close: bool,
    },
    /// End a browser's connection behind all that was sent before, without a WebSocket close frame.
    HangUp {
        /// Whose.
        target: Target,
    },
    /// Send a message to a WebSocket.
    Send {
        /// To whom.
        target: Target,
        /// What.
        message: Message,
    },
    /// Send one message to many WebSockets, encoded once. Targets that are no open sessions (any
    /// more), or for which too much waits already, are reported as undelivered and disturb nobody. Refused as [`Refused::Full`] too where
    /// the application has left twice as many events as may wait untaken.
    Broadcast {
        /// To whom; of any servers.
        targets: Vec<Target>,
        /// What.
        message: Message,
    },
    /// Close a WebSocket in order: our close frame, the client's, the end of the connection.
    Close {
        /// Which.
        target: Target,
        /// Why, as a code that may be sent (RFC 6455 7.4).
        code: CloseCode,
        /// Why, in at most 123 octets.
        reason: Utf8Bytes,
    },
    /// End everything, within [`Config::linger`](super::Config::linger), in this order: close all
    /// sessions with 1001 and wait for their answers, while requests are served as ever; tell the servers
    /// that no more is taken, while what they have put on the wire by then still comes, to be answered;
    /// flush. Ends in [`Event::Stopped`](super::Event::Stopped), at once where nothing is left to do.
    ///
    /// Requests that came have to be answered meanwhile: it is waited for those over HTTP.
    Shutdown,
    /// The same within this time; also of a shutdown that is under way and would take longer.
    ShutdownWithin {
        /// From now on.
        time: Duration,
    },
}

impl Command {
    /// The reply that answers a request with a response: with the head that this request asks for
    /// (HEAD, HTTP/1.0, `connection: close`), and the end of the connection where it is due.
    #[must_use]
    pub fn respond(
        target: Target,
        request: &crate::mongrel2::Request,
        response: &http::Response,
    ) -> Self {
        let http::Encoded { octets, close } = response.encode(request);
        Self::Reply { target, body: octets, close }
    }
}

/// Why a command was not taken. It has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// So much waits for the server that no more is taken; wait for
    /// [`Event::Room`](super::Event::Room), which comes behind all events that wait to be taken.
    Full,
    /// So much waits for this one browser, which is slow to read, or for all such browsers together,
    /// that no more is taken for it; wait
    /// for [`Event::TargetRoom`](super::Event::TargetRoom), or part from it.
    Slow,
    /// So many events wait to be taken that not even a report could be added: take some.
    Neglected,
    /// The message exceeds the limits, alone.
    TooLarge,
    /// An empty reply would end the connection: say [`Command::HangUp`].
    Empty,
    /// There is no such server (any more).
    UnknownServer,
    /// The target's server is gone, or was restarted, which ended all its connections.
    ServerGone,
    /// The target is no open session.
    UnknownSession,
    /// The target is a session: raw octets would break its framing.
    IsSession,
    /// That name is no sender.
    BadSender(SenderError),
    /// That sender is served already.
    SenderInUse,
    /// A `*` host or port 0 can be bound, not connected to.
    Wildcard,
    /// There are as many servers as the limits allow.
    TooManyServers,
    /// That code or reason may not be sent.
    BadClose(CloseError),
    /// The transceiver, or this server, is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Full => "too much waits for the server: wait for room",
            Self::Slow => "too much waits for this browser: wait for room, or part from it",
            Self::Neglected => "too many events wait: take them first",
            Self::TooLarge => "the message is larger than the limits allow",
            Self::Empty => "an empty reply would end the connection: hang up instead",
            Self::UnknownServer => "there is no such server",
            Self::ServerGone => "the server that held this connection is gone",
            Self::UnknownSession => "the target is no open session",
            Self::IsSession => "the target is a WebSocket session: send it messages",
            Self::BadSender(error) => return error.fmt(f),
            Self::SenderInUse => "this sender is served already",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::TooManyServers => "there are as many servers as the limits allow",
            Self::BadClose(error) => return error.fmt(f),
            Self::ShuttingDown => "it is shutting down",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Refused {}
