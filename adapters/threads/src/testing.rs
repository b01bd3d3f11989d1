//! A stand-in Mongrel2 in a thread of its own, and its browsers: for tests of handlers over real sockets.
//!
//! All ports are chosen by the operating system, so that any number of such tests run side by side.
//! (`mongrel2-transceiver-memory` has the same without sockets, and without waiting.)
//!
//! ```
//! use std::time::Instant;
//! use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};
//! use mongrel2_transceiver::websocket::Message;
//! use mongrel2_transceiver_threads::{Driver, testing::Server};
//!
//! /// The handler: sends back what comes over WebSockets.
//! fn serve(mut driver: Driver<Transceiver>) -> std::io::Result<()> {
//!     while let Some(event) = driver.next_event(None)? {
//!         match event {
//!             Event::SessionMessage { target, message, .. } => {
//!                 driver.submit(Command::Send { target, message }).expect("it is open");
//!             }
//!             Event::Stopped { .. } => break,
//!             _ => {}
//!         }
//!     }
//!     Ok(())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::default();
//! config.control = Some("tcp://127.0.0.1:*".parse()?); // any free port
//! let mut driver = Driver::new(Transceiver::new(Instant::now(), config))?;
//! let Some(Event::ControlListening { endpoint: control }) = driver.next_event(None)? else {
//!     panic!("it is bound first");
//! };
//! let handle = driver.handle();
//! let handler = std::thread::spawn(move || serve(driver));
//!
//! let server = Server::for_handler(&control).wait()?;
//! let mut browser = server.client("websocket").wait()?;
//! browser.open("/chat").wait()?;
//! browser.send("hello")?;
//! assert_eq!(browser.receive().wait()?, Message::from("hello"));
//!
//! drop(server); // It takes itself off the handler first.
//! handle.submit(Command::Shutdown)?;
//! handler.join().expect("it does not panic")?;
//! # Ok(())
//! # }
//! ```

use std::io;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
pub use mongrel2_transceiver_adapter::testing::{Action, Ask, Protocol, Received, Response};
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, Started, Thread, in_thread};

use crate::{Driver, Handle};

/// A stand-in Mongrel2 that runs in a thread of its own. Made by
/// [`for_handler`](mongrel2_transceiver_adapter::testing::Server::for_handler) and
/// [`start`](mongrel2_transceiver_adapter::testing::Server::start).
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

    fn join(&self, worker: Thread, limit: Duration) -> bool {
        worker.join(limit)
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
