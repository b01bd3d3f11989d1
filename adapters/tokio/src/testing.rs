//! A stand-in Mongrel2 in a thread of its own, and its clients: for tests of handlers over real sockets.
//!
//! ```
//! use mongrel2_transceiver::server::Config;
//! use mongrel2_transceiver_tokio::{seed, testing::Server};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Any free ports of 127.0.0.1, so that many such tests run side by side.
//! let server = Server::start(Config::from_seed(seed()).on_free_ports()).await?;
//! assert!(!server.send_spec().is_wildcard());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

use std::io;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, Started, Thread, attend, in_thread};
use tokio::runtime::Builder;

use crate::{Driver, Handle};

/// A stand-in Mongrel2 that runs in a thread of its own, on a runtime of its own.
pub type Server = mongrel2_transceiver_adapter::testing::Server<Tokio>;

/// Says that a [`Server`] runs on this adapter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Runner for Tokio {
    type Worker = Thread;

    fn run(&self, machine: Machine, desk: Desk) -> io::Result<(Handle<Machine>, Thread)> {
        in_thread(move |started| match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(drive(machine, started, desk)),
            Err(error) => started.tell(Err(error)),
        })
    }

    fn join(&self, worker: Thread, limit: Duration) {
        worker.join(limit);
    }
}

async fn drive(machine: Machine, started: Started, desk: Desk) {
    match Driver::new(machine) {
        Ok(driver) => {
            started.tell(Ok(driver.handle()));
            attend(driver, desk).await;
        }
        Err(error) => started.tell(Err(error)),
    }
}
