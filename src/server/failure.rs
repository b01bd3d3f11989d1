//! Why an introduction or a parting failed.

use std::fmt;
use std::io;

use bytes::Bytes;

use crate::connector;
use crate::endpoint::Endpoint;
use crate::socket::DownReason;

/// With which handler, at which step, and why an introduction or a parting failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The handler's control socket; `None` where it is the server's own affair
    /// ([`Step::Bind`], or its shutdown).
    pub control: Option<Endpoint>,
    /// How far it came.
    pub step: Step,
    /// What went wrong there.
    pub cause: Cause,
}

/// The steps of an introduction and of a parting, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Step {
    /// The server's own sockets are bound.
    Bind,
    /// It is known by which address the handler reaches them.
    Address,
    /// The handler's control socket is reached.
    Reach,
    /// The handler says that it serves the server.
    Add,
    /// A random text that the handler was asked to publish comes back.
    Proof,
    /// The handler's link for requests is up.
    Requests,
    /// The handler says that it no longer serves the server.
    Remove,
    /// A random text that the handler was asked to publish does not come back, and its links are gone.
    ProofOfEnd,
}

/// What went wrong at a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The time was up before the step was done.
    TimedOut,
    /// The control socket could not be reached; the last reason.
    Unreachable(DownReason),
    /// The link to the control socket was lost before the answer came.
    Lost(DownReason),
    /// The handler answered `ERROR` and this.
    Refused(Bytes),
    /// The handler answered something that is no answer to what it was told.
    Unexpected(Bytes),
    /// The time was up, and what came back was another text.
    WrongText(Bytes),
    /// The time was up, and the handler still published what it was asked to.
    StillServed,
    /// The time was up, and links were still there.
    StillLinked,
    /// The socket is bound to all interfaces, and nobody said by which host a handler reaches it: set
    /// [`Handler::advertise`](super::Handler::advertise) or
    /// [`Config::advertise`](super::Config::advertise).
    NoAddress {
        /// Where the socket is bound.
        bound: Endpoint,
    },
    /// A socket of the server could not be bound.
    ListenFailed {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// The control socket's endpoint is a wildcard, which can be bound, not connected to.
    Wildcard,
    /// The server is shutting down.
    ShuttingDown,
}

impl From<connector::Failure> for Cause {
    fn from(failure: connector::Failure) -> Self {
        match failure {
            connector::Failure::TimedOut => Self::TimedOut,
            connector::Failure::Unreachable(reason) => Self::Unreachable(reason),
            connector::Failure::Lost(reason) => Self::Lost(reason),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(control) = &self.control {
            write!(f, "handler at {control}: ")?;
        }
        write!(f, "{}: {}", self.step, self.cause)
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bind => "binding the server's sockets",
            Self::Address => "finding the address to tell the handler",
            Self::Reach => "reaching the control socket",
            Self::Add => "telling the handler to serve the server",
            Self::Proof => "proving that replies come back",
            Self::Requests => "waiting for the handler's link for requests",
            Self::Remove => "telling the handler to serve the server no longer",
            Self::ProofOfEnd => "proving that the handler serves the server no longer",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the time is up"),
            Self::Unreachable(reason) => write!(f, "{reason}"),
            Self::Lost(reason) => write!(f, "the link was lost before the answer came: {reason}"),
            Self::Refused(why) => write!(f, "the handler refused: {}", why.escape_ascii()),
            Self::Unexpected(answer) => {
                write!(f, "the handler answered \"{}\"", answer.escape_ascii())
            }
            Self::WrongText(text) => {
                write!(f, "the time is up; another text came back: \"{}\"", text.escape_ascii())
            }
            Self::StillServed => f.write_str("the time is up; the handler still serves the server"),
            Self::StillLinked => f.write_str("the time is up; the handler's links are still there"),
            Self::NoAddress { bound } => write!(
                f,
                "the server is bound to {bound}, and the host by which the handler reaches that is not \
                 known: set `advertise`"
            ),
            Self::ListenFailed { endpoint, cause } => write!(f, "cannot bind {endpoint}: {cause}"),
            Self::Wildcard => {
                f.write_str("a host of * or a port of 0 can be bound, not connected to")
            }
            Self::ShuttingDown => f.write_str("the server is shutting down"),
        }
    }
}
