//! A stand-in Mongrel2 in a thread of its own, and its clients: for tests of handlers over real sockets.
//!
//! ```
//! use mongrel2_transceiver::server::Config;
//! use mongrel2_transceiver_smol::{seed, testing::Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # async_io::block_on(async {
//! // Any free ports of 127.0.0.1, so that many such tests run side by side.
//! let server = Server::start(Config::from_seed(seed()).on_free_ports()).await?;
//! assert!(!server.send_spec().is_wildcard());
//! server.stop().await;
//! # Ok(())
//! # })
//! # }
//! ```

use std::io;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, Thread, attend, in_thread};

use crate::{Driver, Handle};

/// A stand-in Mongrel2 that runs in a thread of its own.
pub type Server = mongrel2_transceiver_adapter::testing::Server<Smol>;

/// Says that a [`Server`] runs on this adapter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runner for Smol {
    type Worker = Thread;

    fn run(&self, machine: Machine, desk: Desk) -> io::Result<(Handle<Machine>, Thread)> {
        in_thread(move |started| match Driver::new(machine) {
            Ok(driver) => {
                started.tell(Ok(driver.handle()));
                async_io::block_on(attend(driver, desk));
            }
            Err(error) => started.tell(Err(error)),
        })
    }

    fn join(&self, worker: Thread, limit: Duration) {
        worker.join(limit);
    }
}
