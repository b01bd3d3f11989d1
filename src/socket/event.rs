//! What goes into a socket and what comes out of it.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::LinkId;
use crate::zmtp::{self, Message};

/// What an application may ask of a [`Socket`](super::Socket).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Bind an endpoint. Ends in [`Event::Listening`] or [`Event::ListenFailed`].
    Bind(Endpoint),
    /// Stop listening there. Links accepted so far stay.
    Unbind(Endpoint),
    /// Connect to an endpoint, and connect anew whenever the link is lost.
    Connect(Endpoint),
    /// Stop connecting there, and end the link.
    Disconnect(Endpoint),
    /// Send a message: PUSH to one peer, PUB to all that subscribed, REQ to one peer, REP to the
    /// peer whose request was handed out last.
    Send(Message),
    /// SUB only: take messages that start with this.
    Subscribe(Bytes),
    /// SUB only: take back one [`Command::Subscribe`].
    Cancel(Bytes),
    /// Send what waits, within [`Config::linger`](super::Config::linger), then end everything. Ends
    /// in [`Event::Stopped`].
    Shutdown,
}

/// What a [`Socket`](super::Socket) tells the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An endpoint is bound.
    Listening {
        /// As it was asked for.
        endpoint: Endpoint,
        /// With the port that it really has.
        bound: Endpoint,
    },
    /// An endpoint could not be bound, or was lost. The socket has forgotten it.
    ListenFailed {
        /// As it was asked for.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// A link has finished its handshake.
    Up {
        /// The link.
        link: LinkId,
        /// The endpoint that it connects to; `None` for an accepted link.
        endpoint: Option<Endpoint>,
    },
    /// A link that was up has ended. Where it was connected, the socket connects anew.
    Down {
        /// The link.
        link: LinkId,
        /// Why.
        reason: DownReason,
        /// Messages to it that may not have arrived: those under way (given to the operating system,
        /// of which it has not said that all are written), and those whose queue ended with the link. A
        /// request of REQ that was replied to has arrived.
        lost: usize,
    },
    /// A connect or its handshake failed. The socket tries again.
    ConnectFailed {
        /// Where to.
        endpoint: Endpoint,
        /// Why.
        reason: DownReason,
        /// When the next attempt starts, from now.
        retry_in: Duration,
    },
    /// A message.
    Message {
        /// The link that it came in by.
        link: LinkId,
        /// The message; for REP without, for REQ less its envelope.
        message: Message,
    },
    /// A message above the limits was skipped ([`Oversize::Skip`](zmtp::Oversize::Skip)).
    Oversized {
        /// The link that it came in by.
        link: LinkId,
        /// Octets that it announced.
        size: u64,
        /// Its first octets.
        head: Bytes,
    },
    /// PUB: a peer has subscribed.
    Subscribed {
        /// The peer.
        link: LinkId,
        /// To messages that start with this.
        prefix: Bytes,
    },
    /// PUB: a peer has taken a subscription back.
    Cancelled {
        /// The peer.
        link: LinkId,
        /// Of messages that start with this.
        prefix: Bytes,
    },
    /// A peer has answered the PING that asked whether it still is who it was.
    Proven {
        /// The peer.
        link: LinkId,
    },
    /// After a send was refused as [`Refused::Full`]: there is room again.
    Room,
    /// PUB: messages that some slow subscribers did not get, since the last such event.
    Dropped {
        /// Messages, times subscribers.
        messages: u64,
    },
    /// REQ: there will be no reply to the request. The socket can be used anew.
    NoReply {
        /// Whether its time was up; else its peer was lost.
        timed_out: bool,
    },
    /// All is over. Nothing happens after this.
    Stopped {
        /// Messages that were taken and may not have arrived, in all the life of the socket.
        undelivered: usize,
    },
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The socket's type does not do that.
    Direction,
    /// All queues that could take the message are full; wait for [`Event::Room`].
    Full,
    /// No peer is there to take the message; wait for [`Event::Up`].
    NoPeer,
    /// The message exceeds the limits.
    TooLarge,
    /// The endpoint is in use by this socket already.
    EndpointInUse,
    /// The endpoint is not known to this socket.
    UnknownEndpoint,
    /// A `*` host or port 0 can be bound, not connected to.
    Wildcard,
    /// REQ: the reply to the last request has not come yet.
    Busy,
    /// REP: there is no request to reply to.
    NoRequest,
    /// SUB: too many subscriptions.
    TooManySubscriptions,
    /// The socket is stopping.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direction => "this type of socket does not do that",
            Self::Full => "the send queues are full: wait for room",
            Self::NoPeer => "there is no peer to take the message",
            Self::TooLarge => "the message is larger than the limits allow",
            Self::EndpointInUse => "this socket uses that endpoint already",
            Self::UnknownEndpoint => "this socket does not use that endpoint",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::Busy => "the last request has no reply yet",
            Self::NoRequest => "there is no request to reply to",
            Self::TooManySubscriptions => "there are too many subscriptions",
            Self::ShuttingDown => "the socket is shutting down",
        })
    }
}

impl std::error::Error for Refused {}

/// Why a link ended, or did not come to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownReason {
    /// The peer ended it in order.
    Closed,
    /// The operating system says so.
    Io(io::ErrorKind),
    /// The peer broke a rule of ZMTP, or is of another kind.
    Protocol(zmtp::Error),
    /// The connect and its handshake took longer than
    /// [`Config::handshake_timeout`](super::Config::handshake_timeout).
    HandshakeTimeout,
    /// The peer gave no sign of life in time.
    Silent,
    /// Another peer needed its place: it was the oldest unfinished handshake, or of REP the peer that
    /// had asked nothing for longest.
    Evicted,
    /// The peer holds more subscriptions than the limits allow.
    TooManySubscriptions,
    /// The peer reads nothing, and too much waits to be told to it.
    NotReading,
    /// It owed the reply to a request whose time was up.
    RequestTimeout,
    /// We ended it: a disconnect or the shutdown.
    Ours,
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::Io(io::ErrorKind::NotFound) => f.write_str("no such host or file"),
            Self::Io(kind) => write!(f, "{kind}"),
            Self::Protocol(error) => write!(f, "{error}"),
            Self::HandshakeTimeout => f.write_str("no handshake in time"),
            Self::Silent => f.write_str("no sign of life in time"),
            Self::Evicted => f.write_str("another peer needed its place"),
            Self::TooManySubscriptions => f.write_str("too many subscriptions"),
            Self::NotReading => f.write_str("the peer does not read"),
            Self::RequestTimeout => f.write_str("no reply in time"),
            Self::Ours => f.write_str("ended by this side"),
        }
    }
}
