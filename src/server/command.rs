//! What may be asked of a stand-in server.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::client::{ActError, Action, Protocol};
use crate::endpoint::Endpoint;

use super::config::Handler;

/// Names a client of a [`Server`](super::Server). Chosen by who opens it; free again once the client
/// was forgotten or could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What an application may ask of a [`Server`](super::Server).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command {
    /// Give a message to the next handler in turn, as it is:
    /// [`encode_request`](crate::mongrel2::encode_request) makes one.
    Deliver(Bytes),
    /// Introduce the server to a handler over its control socket, and prove the way there and back.
    /// Ends in [`Event::Connected`](super::Event::Connected) or
    /// [`Event::ConnectFailed`](super::Event::ConnectFailed).
    Connect {
        /// The handler.
        handler: Handler,
    },
    /// Take the server off a handler, and prove that it is off. Ends in
    /// [`Event::Disconnected`](super::Event::Disconnected) or
    /// [`Event::DisconnectFailed`](super::Event::DisconnectFailed).
    Disconnect {
        /// The handler's control socket.
        control: Endpoint,
    },
    /// Open a connection as a browser would. Introduces the server first to every handler that it is to
    /// have and does not have: those of [`Config::handlers`](super::Config::handlers), and those of
    /// [`Command::Connect`], less those of [`Command::Disconnect`]. Ends in
    /// [`Event::Ready`](super::Event::Ready), and then the way to every one of them is proven, or in
    /// [`Event::NotReady`](super::Event::NotReady), and then the client is forgotten.
    Open {
        /// A name that no other client has.
        client: ClientId,
        /// What the browser speaks.
        protocol: Protocol,
    },
    /// Let a client do something, such as send a request. Where no handler can take it, it waits, as
    /// with Mongrel2; where too much waits it is refused as [`Refused::Full`].
    Act {
        /// Who.
        client: ClientId,
        /// What.
        action: Action,
    },
    /// Take what a client got, or wait for it. Ends in one [`Event::Received`](super::Event::Received).
    Receive {
        /// Who.
        client: ClientId,
        /// How long to wait.
        within: Duration,
    },
    /// Take a [`Command::Receive`] back: its event does not come, unless it has come already. What
    /// would have been received is kept for the next.
    Cancel {
        /// Who.
        client: ClientId,
    },
    /// Forget a client. Where its connection still is, it vanishes, and a handler is told so by a
    /// disconnect notice. A [`Command::Receive`] under way ends as
    /// [`ReceiveError::Gone`](super::ReceiveError::Gone).
    Forget {
        /// Who.
        client: ClientId,
    },
    /// Take the server off every handler that it was introduced to, within
    /// [`Config::patience`](super::Config::patience); send what waits; then end everything. Ends in
    /// [`Event::Stopped`](super::Event::Stopped).
    Shutdown,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// [`Command::Deliver`]: no handler is connected. (Mongrel2 lets browsers wait; a test wants to
    /// know.)
    NoHandler,
    /// The queues are full; wait for [`Event::Room`](super::Event::Room).
    Full,
    /// So many events wait to be taken that none can be added: take some.
    Neglected,
    /// The message exceeds the limits.
    TooLarge,
    /// The server is shutting down.
    ShuttingDown,
    /// The server's own sockets could not be bound, as
    /// [`Event::ListenFailed`](super::Event::ListenFailed) told.
    NotListening,
    /// The handler's introduction or parting is under way.
    Busy,
    /// The server is introduced to that handler already, and linked with it.
    AlreadyConnected,
    /// A wildcard can be bound, not connected to.
    Wildcard,
    /// The server was not introduced to that handler.
    UnknownHandler,
    /// There are as many handlers as the limits allow.
    TooManyHandlers,
    /// There is no such client.
    UnknownClient,
    /// There is a client of that name.
    ClientInUse,
    /// There are as many clients as the limits allow.
    TooManyClients,
    /// The client is not [`Ready`](super::Event::Ready) yet.
    NotReady,
    /// The client's last [`Command::Receive`] has not ended.
    Receiving,
    /// The client cannot do that, or Mongrel2 would not hand it over.
    Act(ActError),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHandler => "no handler is connected",
            Self::Full => "too much waits for the handlers: let them take some, and try again",
            Self::Neglected => "too many events wait to be taken: take some",
            Self::TooLarge => "the message is larger than the limits allow",
            Self::ShuttingDown => "the server is shutting down",
            Self::NotListening => "the server's own sockets could not be bound",
            Self::Busy => "the introduction to that handler, or the parting, is under way",
            Self::AlreadyConnected => "the server is introduced to that handler already",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::UnknownHandler => "the server was not introduced to that handler",
            Self::TooManyHandlers => "there are as many handlers as the limits allow",
            Self::UnknownClient => "there is no such client",
            Self::ClientInUse => "there is a client of that name",
            Self::TooManyClients => "there are as many clients as the limits allow",
            Self::NotReady => "the client is not ready yet",
            Self::Receiving => "the client's last receive has not ended",
            Self::Act(error) => return write!(f, "{error}"),
        })
    }
}

impl std::error::Error for Refused {}
