//! Names of servers and of browsers.

use std::fmt;

use crate::mongrel2::ConnId;

/// Names a server of one transceiver. Made by it; never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub(crate) u32);

impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "server-{}", self.0)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a browser's connection: an HTTP client or a WebSocket. Made by a transceiver, carried by its
/// events, given back in commands.
///
/// It belongs to one life of its server: a restarted server counts its connections from 1 again, and
/// a command for a connection of its former life is refused rather than delivered to a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The server that holds the connection.
    pub server: ServerId,
    /// Which life of that server; counted from 1.
    pub life: u32,
    /// The server's number for the connection.
    pub conn_id: ConnId,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.server, self.life, self.conn_id)
    }
}
