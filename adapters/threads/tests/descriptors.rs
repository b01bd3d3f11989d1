//! Alone in its process, for it counts the descriptors of the whole process.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

mod adapter {
    use std::time::Duration;

    use mongrel2_transceiver::Machine;
    pub(crate) use mongrel2_transceiver_threads::Driver;

    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        driver.next_event(Some(timeout)).unwrap()
    }
}

#[path = "../../suite/descriptors.rs"]
mod suite;
