//! The endpoints of a socket: where it connects to, where it is bound.

use crate::endpoint::Endpoint;
use crate::machine::LinkId;

use super::backoff::Backoff;
use super::queue::Queue;

/// An endpoint that the socket connects to, again and again.
#[derive(Debug)]
pub(super) struct Dial {
    pub(super) endpoint: Endpoint,
    /// The stream, from the attempt to connect on.
    pub(super) link: Option<LinkId>,
    /// What waits while there is no stream.
    pub(super) parked: Queue,
    pub(super) backoff: Backoff,
    /// Whether its time has come but too many notices wait.
    pub(super) is_held: bool,
}

/// An endpoint that the socket is bound to.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) endpoint: Endpoint,
    pub(super) is_bound: bool,
    /// The stream asked of it.
    pub(super) accepting: Option<LinkId>,
    pub(super) backoff: Backoff,
}
