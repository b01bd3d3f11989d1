//! A stand-in Mongrel2 in a thread of its own, and its clients: for tests of handlers over real sockets.
//!
//! ```
//! # use std::time::Instant;
//! # use mongrel2_transceiver::transceiver::{self, Event, Command, Transceiver};
//! use mongrel2_transceiver::server::Config;
//! use mongrel2_transceiver_threads::{Driver, seed, testing::Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Any free ports of 127.0.0.1, so that many such tests run side by side.
//! let server = Server::start(Config::from_seed(seed()).on_free_ports()).wait()?;
//! assert!(!server.send_spec().is_wildcard());
//! # Ok(())
//! # }
//! ```

use std::io;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, Started, Thread, in_thread};

use crate::{Driver, Handle};

/// A stand-in Mongrel2 that runs in a thread of its own.
pub type Server = mongrel2_transceiver_adapter::testing::Server<Threads>;

/// Says that a [`Server`] runs on this adapter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Runner for Threads {
    type Worker = Thread;

    fn run(&self, machine: Machine, desk: Desk) -> io::Result<(Handle<Machine>, Thread)> {
        in_thread(move |started| {
            let error = attend(machine, started, &desk).err();
            error.into_iter().for_each(|error| tracing::warn!(%error, "a stand-in server ends"));
        })
    }

    fn join(&self, worker: Thread, limit: Duration) {
        worker.join(limit);
    }
}

fn attend(machine: Machine, started: Started, desk: &Desk) -> io::Result<()> {
    let mut driver = match Driver::new(machine) {
        Ok(driver) => driver,
        Err(error) => {
            started.tell(Err(error));
            return Ok(());
        }
    };
    started.tell(Ok(driver.handle()));
    while !desk.is_abandoned() {
        let event = driver.next_event(Some(TICK))?;
        if event.is_some_and(|event| !desk.tell(event)) {
            break;
        }
    }
    Ok(())
}

/// How long it may take until a driver that is abandoned notices.
const TICK: Duration = Duration::from_millis(100);
