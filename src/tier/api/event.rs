//! What an API tells the application.

use std::fmt;
use std::io;

use crate::endpoint::Endpoint;
use crate::socket::DownReason;
use crate::transceiver::{self, Target};

/// Names one link to a Node: a Node that comes back is another one. Made by an API; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u64);

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node-{}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something to know.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// What the transceiver inside has to tell, and no Node is for.
    Handler(transceiver::Event),
    /// A socket for the Nodes is bound.
    Listening {
        /// Which.
        place: Place,
        /// Where, with the port that it really has.
        endpoint: Endpoint,
    },
    /// A socket for the Nodes could not be bound. The API goes on without it.
    ListenFailed {
        /// Which.
        place: Place,
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// A Node takes work.
    NodeUp {
        /// Which.
        node: NodeId,
        /// Whether it sends receipts, as ours do.
        sends_receipts: bool,
    },
    /// The link to a Node has ended. What waited for it goes to the others;
    /// [`NodeLost`](Self::NodeLost) follows, after [`Config::patience`](super::Config::patience) where
    /// it may still send receipts.
    NodeDown {
        /// Which.
        node: NodeId,
        /// Why.
        reason: DownReason,
        /// Requests that it had taken and not finished so far.
        unfinished: usize,
    },
    /// A Node whose link has ended will send no more receipts.
    NodeLost {
        /// Which.
        node: NodeId,
        /// Whose requests it had taken and not finished. Who sent several is named as often.
        unfinished: Vec<Target>,
        /// Whether that is known. Of a Node without receipts these are the last that it had taken,
        /// answered or not.
        is_certain: bool,
    },
    /// A Node could not serve these, and says so.
    Unserved {
        /// Which Node.
        node: NodeId,
        /// Whose requests.
        targets: Vec<Target>,
    },
    /// A Node has taken so many requests without a receipt that the oldest are watched no more:
    /// whether they are answered will never be told.
    Unwatched {
        /// Which Node.
        node: NodeId,
        /// Whose requests.
        targets: Vec<Target>,
    },
    /// Requests that no Node had taken, and none will: their server is gone, and their browsers with
    /// it, or the API is shutting down.
    Dropped {
        /// Whose.
        targets: Vec<Target>,
        /// Why.
        reason: transceiver::Loss,
    },
    /// After a [`Forward`](super::Command::Forward) was refused as
    /// [`Refused::Full`](super::Refused::Full): there is room again.
    Room,
    /// Announcements that slow Nodes missed, since the last such event.
    Missed {
        /// Announcements, times Nodes.
        announcements: u64,
    },
    /// All is over after a shutdown. Nothing happens after this.
    Stopped {
        /// Replies of the API itself that were accepted and may not have arrived, all told.
        undelivered: usize,
    },
}

/// Which of the sockets for the Nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// PUSH: requests.
    Work,
    /// PUB: servers, and what the application announces.
    Announcements,
    /// REP: receipts.
    Receipts,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Work => "the socket for work",
            Self::Announcements => "the socket for announcements",
            Self::Receipts => "the socket for receipts",
        })
    }
}
