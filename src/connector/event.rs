//! What goes into a connector and what comes out of it.

use std::fmt;

use crate::introduction::{Answer, Order};
use crate::socket::DownReason;

/// What may be asked of a [`Connector`](super::Connector).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Send an order; one at a time. Ends in [`Event::Answered`] or [`Event::Failed`].
    Ask(Order),
    /// End everything at once. An order under way gets no answer. Ends in [`Event::Stopped`].
    Shutdown,
}

/// What a [`Connector`](super::Connector) tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// What the handler answered.
    Answered(Answer),
    /// There will be no answer. The handler may have obeyed all the same, unless it is
    /// [`Failure::Unreachable`].
    Failed(Failure),
    /// All is over.
    Stopped,
}

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The last order has no answer yet.
    Busy,
    /// The control socket's endpoint is a wildcard, which can be bound, not connected to.
    Wildcard,
    /// The order exceeds [`ORDER_LENGTH_MAX`](crate::introduction::ORDER_LENGTH_MAX).
    TooLarge,
    /// The connector is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "the last order has no answer yet",
            Self::Wildcard => "a host of * or a port of 0 can be bound, not connected to",
            Self::TooLarge => "the order is larger than control sockets take",
            Self::ShuttingDown => "the connector is shutting down",
        })
    }
}

impl std::error::Error for Refused {}

/// Why an order has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The control socket was not reached, so the handler knows nothing of the order. Where somebody
    /// else is there, that is said at once; else it is tried again until the time is up, and this is
    /// the last reason.
    Unreachable(DownReason),
    /// The link was lost while the order was under way. Not sent again: the handler may have obeyed.
    Lost(DownReason),
    /// The link is there, and the time is up.
    TimedOut,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => {
                write!(f, "the control socket cannot be reached: {reason}")
            }
            Self::Lost(reason) => write!(f, "the link was lost before the answer came: {reason}"),
            Self::TimedOut => f.write_str("no answer in time"),
        }
    }
}

impl std::error::Error for Failure {}
