//! What an application may ask of an API.

use std::fmt;

use bytes::Bytes;

use crate::transceiver::{self, Target};

/// One wish of the application: refused at once, or accepted for good.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// A command for the transceiver inside. [`Shutdown`](transceiver::Command::Shutdown) there is the
    /// same as here; [`ShutdownWithin`](transceiver::Command::ShutdownWithin) is for all of the API, too.
    Handler(transceiver::Command),
    /// Give a request to the Nodes, though it was told to the application: its octets as they came
    /// ([`Request::raw`](crate::mongrel2::Request::raw), or those of
    /// [`SessionMessage`](transceiver::Event::SessionMessage)).
    Forward {
        /// Whose it is.
        target: Target,
        /// The request.
        raw: Bytes,
    },
    /// Tell something to every Node that is there.
    Announce {
        /// What it is about: one word, not starting with `/__`.
        topic: Bytes,
        /// What there is to say.
        body: Bytes,
    },
    /// Give what waits to the Nodes, and end everything, as
    /// [`transceiver::Command::Shutdown`]. Within its time it waits until the Nodes have taken over what
    /// they were given: till then they may ask whether the life of its server goes on. Their answers it
    /// leaves to them. Ends in [`Event::Stopped`](super::Event::Stopped).
    Shutdown,
}

impl From<transceiver::Command> for Command {
    fn from(command: transceiver::Command) -> Self {
        Self::Handler(command)
    }
}

/// Why a command was not taken. It has changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refused {
    /// The transceiver inside refused it.
    Handler(transceiver::Refused),
    /// Too much waits for the Nodes: wait for [`Event::Room`](super::Event::Room).
    Full,
    /// These octets are no request of that target.
    NoRequest,
    /// The target's server is gone, or was restarted.
    ServerGone,
    /// That is no topic.
    BadTopic,
    /// It is larger than the limits allow.
    TooLarge,
    /// No Node is there to hear it.
    NoNode,
    /// The API is shutting down.
    ShuttingDown,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handler(refused) => return refused.fmt(f),
            Self::Full => "too much waits for the nodes: wait for room",
            Self::NoRequest => "these octets are no request of that target",
            Self::ServerGone => "the server that held this connection is gone",
            Self::BadTopic => "a topic is one word that does not start with /__",
            Self::TooLarge => "it is larger than the limits allow",
            Self::NoNode => "no node is there to hear it",
            Self::ShuttingDown => "it is shutting down",
        })
    }
}

impl std::error::Error for Refused {}
