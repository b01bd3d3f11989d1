//! Runs a [`Machine`] of `mongrel2-transceiver` over real sockets, on any async executor.
//!
//! A [`Driver`] owns a machine and performs its operations: TCP and Unix sockets, non-blocking, all
//! in one loop that runs while you await an event. It spawns no task and needs no executor of its
//! own: `smol`, `async-std`, `tokio` or a bare `block_on` will do. Other tasks and threads submit
//! commands through a [`Handle`].
//!
//! ```no_run
//! use mongrel2_transceiver::Machine;
//! use mongrel2_transceiver_smol::Driver;
//!
//! async fn run<M: Machine>(machine: M, answer: impl Fn(M::Event) -> M::Command) {
//!     let mut driver = Driver::new(machine).expect("cannot fail");
//!     loop {
//!         let event = driver.next_event().await;
//!         if let Err(refused) = driver.submit(answer(event)) {
//!             eprintln!("not taken: {refused}");
//!         }
//!     }
//! }
//! ```
//!
//! # The loop
//! Each operation is tried at once, and only one that would block waits for readiness. After 64
//! operations or events the driver yields to its executor once, so that a busy peer keeps neither
//! the other links nor the other tasks waiting. What is awaited is readiness, by way of `async-io`;
//! names are looked up on the threads of `blocking`.

mod link;
mod runtime;
pub mod testing;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use mongrel2_transceiver::Machine;
use mongrel2_transceiver_adapter::runtime as shared;
pub use mongrel2_transceiver_adapter::{Handle, SubmitError, seed};

use crate::runtime::Smol;

/// Owns a machine and performs its operations, inside [`next_event`](Self::next_event).
///
/// Nothing is performed while nobody awaits an event, so await often. Dropping the driver drops the
/// machine and closes all of its streams. The same events come from its [`Stream`], which **never
/// ends by itself**: leave the loop at the event that is the machine's last, such as `Stopped` of a
/// transceiver.
pub struct Driver<M: Machine> {
    driver: shared::Driver<M, Smol>,
}

impl<M: Machine> Driver<M> {
    /// A driver for `machine`.
    ///
    /// # Errors
    /// None so far; the operating system may have a say one day, as it has with other adapters.
    pub fn new(machine: M) -> io::Result<Self> {
        Ok(Self { driver: shared::Driver::new(machine, Smol::new()) })
    }

    /// Submits a command to the machine. What it causes is performed by the next
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// Says why the machine refused the command; then nothing has changed. Refusals are a part of life: a
    /// browser may be gone before the answer to it is ready, or slow. So tell of them and go on; a `?` in
    /// the loop of events would end the handler with the first browser that leaves early.
    pub fn submit(&mut self, command: M::Command) -> Result<(), M::Refused> {
        self.driver.submit(command)
    }

    /// A handle that submits commands from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle<M> {
        self.driver.handle()
    }

    /// Looks at the machine: for its statistics, say.
    ///
    /// Handles wait meanwhile, so do not submit to one from within `look`.
    pub fn with<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        self.driver.with(look)
    }

    /// Performs operations until there is an event.
    ///
    /// Nothing is held in the future: dropping it at any time loses nothing, and the next call goes
    /// on from there. So it can stand in a `select` or under a timeout.
    pub async fn next_event(&mut self) -> M::Event {
        poll_fn(|context| self.driver.poll_event(context)).await
    }
}

impl<M: Machine> Stream for Driver<M> {
    type Item = M::Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<M::Event>> {
        self.driver.poll_event(context).map(Some)
    }
}

impl<M: Machine> fmt::Debug for Driver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.driver.fmt(f)
    }
}
