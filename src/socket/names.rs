//! What endpoints, links and outlets are called inside a socket.

use crate::machine::{LinkId, ListenerId};

/// Names an endpoint that a socket connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DialId(pub(super) u32);

/// Where a link came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Connected(DialId),
    Accepted(ListenerId),
}

/// Somebody who may take a message of a PUSH or REQ socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outlet {
    /// An endpoint that we connect to: it has a queue from the connect on (RFC 28, RFC 30).
    Dial(DialId),
    /// An accepted peer: it has a queue while its link is up.
    Accepted(LinkId),
}
