//! What may go wrong with a stand-in server or a client of it.

use std::fmt;
use std::io;
use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::{Received, Response, UnknownProtocol, Violation};
use mongrel2_transceiver::server::{Failure, Refused};
use mongrel2_transceiver::websocket::Close;

/// Why a [`Server`](super::Server) or a [`Client`](super::Client) could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A client of that protocol does not exist.
    Protocol(UnknownProtocol),
    /// The thread of the server could not be started.
    Start(io::ErrorKind),
    /// A socket of the server could not be bound.
    Listen {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// The server could not be introduced to a handler, or could not part from it.
    Handler(Failure),
    /// The server or the client does not do that now.
    Refused(Refused),
    /// Nothing of what was waited for came in time.
    TimedOut {
        /// What was waited for.
        wanted: Wanted,
        /// How long.
        within: Duration,
    },
    /// Something came that was not waited for.
    Unexpected {
        /// What was waited for.
        wanted: Wanted,
        /// What came.
        received: Box<Received>,
    },
    /// The handler refused the WebSocket.
    NotOpened(Box<Response>),
    /// The handler closed the WebSocket.
    Closed(Close),
    /// The connection has ended.
    Ended,
    /// The handler broke HTTP or RFC 6455, and the client has left.
    Violation(Violation),
    /// The server has ended.
    ServerGone,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// A message over a WebSocket.
    Message,
    /// An HTTP response.
    Response,
    /// A reply as it is.
    Raw,
    /// A close frame.
    Close,
    /// Whatever comes.
    Anything,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Message => "a message",
            Self::Response => "a response",
            Self::Raw => "a reply",
            Self::Close => "a close frame",
            Self::Anything => "anything",
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol(error) => error.fmt(f),
            Self::Start(cause) => write!(f, "the server's thread could not be started: {cause}"),
            Self::Listen { endpoint, cause } => write!(
                f,
                "the server cannot bind {endpoint}: {cause}; `Config::on_free_ports` binds what is free"
            ),
            Self::Handler(failure) => failure.fmt(f),
            Self::Refused(refused) => refused.fmt(f),
            Self::TimedOut { wanted, within } => write!(
                f,
                "{wanted} did not come within {within:?}: does the handler answer? `set_timeout` \
                 gives it longer"
            ),
            Self::Unexpected { wanted, received } if matches!(**received, Received::Raw(_)) => {
                write!(
                    f,
                    "instead of {wanted} this came: {received:?}; a client of protocol \
                 mongrel2 gets replies as they are, which `reply` waits for"
                )
            }
            Self::Unexpected { wanted, received } => {
                write!(f, "instead of {wanted} this came: {received:?}; `received` takes anything")
            }
            Self::NotOpened(response) => write!(
                f,
                "the handler refused the WebSocket: {} {}",
                response.status,
                response.reason.escape_ascii()
            ),
            Self::Closed(close) => match close.code {
                Some(code) => {
                    write!(f, "the handler closed the WebSocket: {code} {}", close.reason.as_str())
                }
                None => f.write_str("the handler closed the WebSocket"),
            },
            Self::Ended => f.write_str("the connection has ended"),
            Self::Violation(violation) => write!(f, "the handler broke a rule: {violation}"),
            Self::ServerGone => f.write_str(
                "the server has ended: keep its handle for as long as its clients are needed",
            ),
        }
    }
}

impl std::error::Error for Error {}

impl Error {
    /// Whether the time was up.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self, Self::TimedOut { .. })
    }
}

impl From<UnknownProtocol> for Error {
    fn from(error: UnknownProtocol) -> Self {
        Self::Protocol(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Handler(failure)
    }
}
