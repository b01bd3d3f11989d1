//! A stand-in Mongrel2 in a thread of its own, and its browsers: for tests of handlers over real sockets.
//!
//! All ports are chosen by the operating system, so that any number of such tests run side by side.
//! (`mongrel2-transceiver-memory` has the same without sockets, and without waiting.)
//!
//! ```
//! use std::time::Instant;
//! use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};
//! use mongrel2_transceiver::websocket::Message;
//! use mongrel2_transceiver_tokio::{Driver, testing::Server};
//!
//! /// The handler: sends back what comes over WebSockets.
//! async fn serve(mut driver: Driver<Transceiver>) {
//!     loop {
//!         match driver.next_event().await {
//!             Event::SessionMessage { target, message, .. } => {
//!                 driver.submit(Command::Send { target, message }).expect("it is open");
//!             }
//!             Event::Stopped { .. } => break,
//!             _ => {}
//!         }
//!     }
//! }
//!
//! async fn test() -> Result<(), Box<dyn std::error::Error>> {
//!     let mut config = Config::default();
//!     config.control = Some("tcp://127.0.0.1:*".parse()?); // any free port
//!     let mut driver = Driver::new(Transceiver::new(Instant::now(), config))?;
//!     let Event::ControlListening { endpoint: control } = driver.next_event().await else {
//!         panic!("it is bound first");
//!     };
//!     tokio::spawn(serve(driver));
//!
//!     let server = Server::for_handler(&control).await?;
//!     let mut browser = server.client("websocket").await?;
//!     browser.open("/chat").await?;
//!     browser.send("hello")?;
//!     assert_eq!(browser.receive().await?, Message::from("hello"));
//!     server.stop().await; // To drop it would block this thread, which the handler needs.
//!     Ok(())
//! }
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(test()).unwrap();
//! ```

use std::io;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
pub use mongrel2_transceiver_adapter::testing::{Action, Ask, Protocol, Received, Response};
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, Started, Thread, attend, in_thread};
use tokio::runtime::Builder;

use crate::{Driver, Handle};

/// A stand-in Mongrel2 that runs in a thread of its own, on a runtime of its own. Made by
/// [`for_handler`](mongrel2_transceiver_adapter::testing::Server::for_handler) and
/// [`start`](mongrel2_transceiver_adapter::testing::Server::start).
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

    fn join(&self, worker: Thread, limit: Duration) -> bool {
        worker.join(limit)
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
