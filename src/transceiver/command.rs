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
    /// [`Command::respond`] makes one from a [`http::Response`], [`Command::encoded`] from a part. To
    /// JSON and XML sockets Mongrel2 writes it in base64, unless told otherwise: see
    /// [`Event::Request`](super::Event::Request).
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
    /// End a connection at once, of a browser or of a WebSocket. What waits for it is dropped, and
    /// reported as [`Loss::Cancelled`](super::Loss::Cancelled); nothing is waited for, neither the
    /// browser nor a closing handshake. A session ends as closed by the handler; of another connection
    /// nothing more is told. (`ctl cancel` of the Mongrel2 manual.) Refused as [`Refused::Neglected`]
    /// where so many events wait that nothing is read any more.
    Cancel {
        /// Whose.
        target: Target,
    },
    /// Keep a connection alive for so long at most, though its browser says nothing and is not
    /// answered: for long polls, and for streams with long pauses. Without this Mongrel2 closes, and
    /// tells nobody, a connection that was silent for `limits.min_ping` (120 seconds) and has low
    /// rates (seen on Mongrel2 1.12.2). WebSockets need no such thing.
    ///
    /// The server is told (`ctl keep-alive`) at once and then every
    /// [`Config::keep_alive_interval`](super::Config::keep_alive_interval), until the time is over, the
    /// connection ends - by a reply with `close`, say - or this is said anew, which counts from then;
    /// with no time at all it is released. Of a connection that has ended without a word, the server
    /// then tells: [`Event::Disconnect`](super::Event::Disconnect).
    Hold {
        /// Whose.
        target: Target,
        /// For how long.
        time: Duration,
    },
    /// Let so many more octets of a streamed upload come (`upload.stream`), 2^31 - 1 at most. Behind
    /// the first piece Mongrel2 hands over no more than was granted, nor more than its
    /// `limits.content_length` at once; each upload starts with nothing (seen on Mongrel2 1.12.2).
    ///
    /// What is granted may come: to have no more than so much in hand, grant that at first, and then
    /// as much of it as is done with. While the server waits for this it does not see that a browser has
    /// left; it tells behind the next grant. Where that takes minutes the connection has to be held.
    ///
    /// It passes by replies that wait for the browser, which perhaps reads none before it has said
    /// everything. Where it is lost with a link it is reported as
    /// [`Undelivered`](super::Event::Undelivered), and can be granted again: at worst more comes.
    Grant {
        /// Whose.
        target: Target,
        /// How many.
        octets: u64,
    },
    /// Hand something to a module of Mongrel2, in the order of the replies: `["key", "value"]`, as
    /// [`encode_extended`](crate::mongrel2::encode_extended) has it. Where no module is loaded for the
    /// key, the server closes the connection at once.
    ///
    /// Mongrel2's module `sendfile` writes a file to the browser, without a head: that is a reply before
    /// it, such as the head of an [`http::SizedStream`].
    Extended {
        /// To whom the module is to say something.
        target: Target,
        /// The name that the module goes by.
        key: Bytes,
        /// What it is to be told.
        value: Bytes,
    },
    /// Send a message to a WebSocket. Refused as [`Refused::Neglected`] where it might take the place of
    /// others ([`Slow::DropOldest`](super::Slow::DropOldest)), and the application has left so many
    /// reports of that untaken as events may wait, and all those besides.
    Send {
        /// To whom.
        target: Target,
        /// What.
        message: Message,
    },
    /// Send one message to many WebSockets, encoded once. It comes to each behind what was said to it
    /// before, and before what is said later. Targets that are named and are no open sessions (any
    /// more), and those for which too much waits already, are reported as undelivered and disturb
    /// nobody. Refused as [`Refused::Neglected`] where the application has left twice as many events
    /// as may wait untaken.
    Broadcast {
        /// To whom; of any servers.
        to: Audience,
        /// Who of them does not get it: the one who said it, for example.
        except: Option<Target>,
        /// What.
        message: Message,
    },
    /// Put an open session into a group, for broadcasts to [`Audience::Group`]. Of one that is in it
    /// already nothing changes. It leaves when it is no longer open, whatever way it ends: from the
    /// close frame, of whichever side, not only from [`Event::SessionClosed`](super::Event::SessionClosed).
    Join {
        /// Which.
        target: Target,
        /// The name of the group: any octets, of at most
        /// [`Limits::group_name_max`](super::Limits::group_name_max). The group is there as long as
        /// anybody is in it, of whatever server.
        group: Bytes,
    },
    /// Take an open session out of a group. Of one that is not in it nothing changes.
    Leave {
        /// Which.
        target: Target,
        /// The name of the group.
        group: Bytes,
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
    /// Before that each session is told to be closed, each server to be removed with what became of its
    /// messages, and what could not be flushed is an [`Event::Undelivered`](super::Event::Undelivered).
    ///
    /// Requests that came have to be answered meanwhile: it is waited for those over HTTP. But not for
    /// answers that are given in pieces, or held: whoever has open streams ends them before, by the `end`
    /// of each [`Stream`](crate::mongrel2::http::Stream), so that browsers come back at once.
    Shutdown,
    /// The same within this time; also of a shutdown that is under way and would take longer.
    ShutdownWithin {
        /// From now on.
        time: Duration,
    },
}

/// Whom a broadcast is for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// These sessions.
    Targets(Vec<Target>),
    /// Who is in the group of this name, at whichever server; nobody where there is no such group.
    Group(Bytes),
    /// All open sessions of all servers.
    All,
}

impl From<Vec<Target>> for Audience {
    fn from(targets: Vec<Target>) -> Self {
        Self::Targets(targets)
    }
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

    /// The reply that sends a part of a response, from an [`http::Stream`] or the like, or the end of
    /// the connection, where that alone is due; `None` where there is nothing to do.
    #[must_use]
    pub fn encoded(target: Target, part: http::Encoded) -> Option<Self> {
        let http::Encoded { octets, close } = part;
        match (octets.is_empty(), close) {
            (false, close) => Some(Self::Reply { target, body: octets, close }),
            (true, true) => Some(Self::HangUp { target }),
            (true, false) => None,
        }
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
    /// The message exceeds the limits, alone; or more is granted than can be at once.
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
    /// As many connections of this server are held as the limits allow.
    TooManyHolds,
    /// That key is Mongrel2's own: there are commands for what it does.
    Reserved,
    /// That name is no sender.
    BadSender(SenderError),
    /// That sender is served already.
    SenderInUse,
    /// A `*` host or port 0 can be bound, not connected to.
    Wildcard,
    /// There are as many servers as the limits allow.
    TooManyServers,
    /// There are as many groups as the limits allow, counted as
    /// [`Limits::groups_max`](super::Limits::groups_max) says.
    TooManyGroups,
    /// There are as many memberships of groups as the limits allow.
    TooManyMemberships,
    /// The name of the group has more octets than the limits allow.
    GroupNameTooLong,
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
            Self::TooManyHolds => "as many connections are held as the limits allow",
            Self::Reserved => "the key ctl is Mongrel2's own: there are commands for what it does",
            Self::BadSender(error) => return error.fmt(f),
            Self::SenderInUse => "this sender is served already",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::TooManyServers => "there are as many servers as the limits allow",
            Self::TooManyGroups => {
                "there are as many groups as the limits allow: let one get empty"
            }
            Self::TooManyMemberships => {
                "the groups have as many members as the limits allow: let some leave"
            }
            Self::GroupNameTooLong => "the name of the group is too long: choose a shorter one",
            Self::BadClose(error) => return error.fmt(f),
            Self::ShuttingDown => "it is shutting down",
        };
        f.write_str(text)
    }
}

impl std::error::Error for Refused {}
