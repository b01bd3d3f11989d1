//! The adapter under the names by which the suite knows it.

use std::time::Duration;

use futures_lite::future::{block_on, or};
use mongrel2_transceiver::Machine;
pub(crate) use mongrel2_transceiver_smol::testing::{Client, Error, Pending, Server};
pub(crate) use mongrel2_transceiver_smol::{Driver, Handle, SubmitError, seed};

pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
    async_io::block_on(or(async { Some(driver.next_event().await) }, async {
        async_io::Timer::after(timeout).await;
        None
    }))
}

/// This `block_on` knows nothing of async-io.
pub(crate) fn wait<M: Machine, T>(
    driver: &mut Driver<M>,
    work: impl AsyncFnOnce(&mut Driver<M>) -> T,
) -> T {
    block_on(work(driver))
}
