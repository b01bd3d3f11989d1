//! The adapter under the names by which the suite knows it.

use std::time::Duration;

use mongrel2_transceiver::Machine;
pub(crate) use mongrel2_transceiver_threads::testing::{Client, Error, Pending, Server};
pub(crate) use mongrel2_transceiver_threads::{Driver, Handle, SubmitError, seed};

pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
    driver.next_event(Some(timeout)).unwrap()
}
