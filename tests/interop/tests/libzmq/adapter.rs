//! The adapters, seen alike.

use std::time::Duration;

use futures_lite::future::or;
use mongrel2_transceiver::socket::{Command, Event, Refused, Socket};

/// Runs one of our sockets over real streams.
pub(crate) trait Adapter: Sized + Send + 'static {
    fn start(socket: Socket) -> Self;

    fn submit(&mut self, command: Command) -> Result<(), Refused>;

    /// Performs operations until there is an event; `None` when `patience` is over.
    fn next_event(&mut self, patience: Duration) -> Option<Event>;
}

pub(crate) type Smol = mongrel2_transceiver_smol::Driver<Socket>;
pub(crate) type Threads = mongrel2_transceiver_threads::Driver<Socket>;

impl Adapter for Smol {
    fn start(socket: Socket) -> Self {
        Self::new(socket).unwrap()
    }

    fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.submit(command)
    }

    fn next_event(&mut self, patience: Duration) -> Option<Event> {
        async_io::block_on(or(async { Some(self.next_event().await) }, async {
            async_io::Timer::after(patience).await;
            None
        }))
    }
}

impl Adapter for Threads {
    fn start(socket: Socket) -> Self {
        Self::new(socket).unwrap()
    }

    fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.submit(command)
    }

    fn next_event(&mut self, patience: Duration) -> Option<Event> {
        self.next_event(Some(patience)).unwrap()
    }
}
