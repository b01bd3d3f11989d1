//! What a connector is told when it is made.

use std::time::Duration;

use crate::endpoint::Endpoint;

/// How a connector behaves. Made by [`Config::new`]; change the fields before it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The handler's control socket.
    pub control: Endpoint,
    /// How long one order may take, from the command to the answer, connecting included.
    pub patience: Duration,
    /// The seed of its dice (reconnect delays).
    pub seed: u64,
}

impl Config {
    /// How long one order may take unless told otherwise.
    pub const PATIENCE: Duration = Duration::from_secs(5);

    /// The defaults for a handler whose control socket is bound there.
    #[must_use]
    pub const fn new(control: Endpoint) -> Self {
        Self { control, patience: Self::PATIENCE, seed: 0 }
    }
}
