//! Hostile and broken peers, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../suite/place.rs"]
mod place;

mod adapter {
    use std::time::Duration;

    use mongrel2_transceiver::Machine;
    pub(crate) use mongrel2_transceiver_threads::testing::{Client, Error, Pending, Server};
    pub(crate) use mongrel2_transceiver_threads::{Driver, Handle, SubmitError, seed};

    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        driver.next_event(Some(timeout)).unwrap()
    }
}

#[path = "../../suite/hostile/mod.rs"]
mod hostile;
