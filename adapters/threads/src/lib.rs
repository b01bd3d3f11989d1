//! Runs a [`Machine`] of `mongrel2-transceiver` over real sockets, on your own thread.
//!
//! A [`Driver`] owns a machine and performs its operations: TCP and Unix sockets, non-blocking, all
//! in one loop that runs while you wait for an event. It starts no thread per link, and no thread at
//! all but a short-lived one where a name has to be looked up. Other threads submit commands through
//! a [`Handle`].
//!
//! ```no_run
//! use mongrel2_transceiver::Machine;
//! use mongrel2_transceiver_threads::Driver;
//!
//! fn run<M: Machine>(machine: M, answer: impl Fn(M::Event) -> M::Command) -> std::io::Result<()> {
//!     let mut driver = Driver::new(machine)?;
//!     while let Some(event) = driver.next_event(None)? {
//!         if let Err(refused) = driver.submit(answer(event)) {
//!             eprintln!("not taken: {refused}");
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # The loop
//! Each operation is tried at once, and only one that would block waits for readiness. After 64
//! operations or events the driver looks at all streams and the clock before it goes on, so that a
//! busy peer keeps neither the others nor the application waiting.
//!
//! Waiting is done with `mio`, because its interface is safe code throughout.

mod accept;
mod connect;
mod helpers;
mod link;
mod streams;
mod table;
pub mod testing;
mod wakeup;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::{Events as Readiness, Poll};
use mongrel2_transceiver::Machine;
use mongrel2_transceiver_adapter::{Batch, Shared};
pub use mongrel2_transceiver_adapter::{Handle, SubmitError, seed};

use crate::streams::Streams;
use crate::wakeup::Wakeup;

/// Owns a machine and performs its operations, inside [`next_event`](Self::next_event).
///
/// Nothing is performed while nobody waits for an event, so wait often. Dropping the driver drops
/// the machine and closes all of its streams.
pub struct Driver<M: Machine> {
    shared: Arc<Shared<M>>,
    wakeup: Arc<Wakeup>,
    streams: Streams,
    poll: Poll,
    readiness: Readiness,
    /// How many more operations and events until the next look at the streams.
    turns: usize,
    batch: Batch,
}

impl<M: Machine> Driver<M> {
    /// A driver for `machine`.
    ///
    /// # Errors
    /// What the operating system says when it grants no more descriptors.
    pub fn new(machine: M) -> io::Result<Self> {
        let poll = Poll::new()?;
        let wakeup = Arc::new(Wakeup::new(poll.registry())?);
        let waker = std::task::Waker::from(Arc::clone(&wakeup));
        let streams = Streams::new(poll.registry().try_clone()?, waker.clone());
        let readiness = Readiness::with_capacity(TURNS);
        let shared = Shared::new(machine, waker);
        Ok(Self { shared, wakeup, streams, poll, readiness, turns: TURNS, batch: Batch::new() })
    }

    /// Submits a command to the machine. What it causes is performed by the next
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// Says why the machine refused the command; then nothing has changed. Refusals are a part of life: a
    /// browser may be gone before the answer to it is ready, or slow. So tell of them and go on; a `?` in
    /// the loop of events would end the handler with the first browser that leaves early.
    pub fn submit(&mut self, command: M::Command) -> Result<(), M::Refused> {
        self.shared.submit(command)
    }

    /// A handle that submits commands from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle<M> {
        self.shared.handle()
    }

    /// Looks at the machine: for its statistics, say.
    ///
    /// Handles wait meanwhile, so do not submit to one from within `look`.
    pub fn with<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Performs operations until there is an event, or `timeout` has passed, which gives `None`.
    ///
    /// With `None` for the timeout this waits as long as it takes; with zero it performs what can be
    /// performed at once.
    ///
    /// # Errors
    /// What the operating system says when it cannot wait for readiness. That is a bug somewhere;
    /// failures of streams are the machine's to deal with.
    pub fn next_event(&mut self, timeout: Option<Duration>) -> io::Result<Option<M::Event>> {
        if let Some(event) = self.batch.next(&self.shared) {
            return Ok(Some(event));
        }
        // A timeout past the end of time is none.
        let until = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        if self.turns == 0 {
            self.look(Some(Duration::ZERO))?;
        }
        let mut is_over = false;
        loop {
            let is_idle = self.perform();
            let event = self.shared.lock().poll_event();
            if event.is_some() || is_over {
                self.turns = self.turns.saturating_sub(1);
                self.batch.performed();
                return Ok(event);
            }
            let wait = if is_idle { self.time_left(until) } else { Some(Duration::ZERO) };
            self.look(wait)?;
            is_over = until.is_some_and(|until| until <= Instant::now());
        }
    }

    /// The events as they come, waiting for each. **Never ends by itself**: leave the loop at the
    /// event that is the machine's last, such as `Stopped` of a transceiver.
    pub const fn events(&mut self) -> Events<'_, M> {
        Events { driver: self }
    }

    /// Performs what the machine asks for, and gives it the answers. Returns whether that is all for
    /// now; else the turns are used up.
    fn perform(&mut self) -> bool {
        while self.turns > 0 {
            let answer = self.streams.next_answer();
            let is_last = answer.is_none();
            match self.shared.step(answer) {
                Some(output) => {
                    self.turns -= 1;
                    self.streams.perform(output);
                }
                None if is_last => return true,
                None => {}
            }
        }
        false
    }

    /// How long to wait at most: until the machine's deadline, or the caller's.
    fn time_left(&self, until: Option<Instant>) -> Option<Duration> {
        let deadline = self.shared.lock().next_deadline();
        let first = deadline.into_iter().chain(until).min()?;
        Some(first.saturating_duration_since(Instant::now()))
    }

    /// Waits for readiness, retries what waited for it, and tells the machine the time.
    fn look(&mut self, wait: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.readiness, wait) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.readiness.clear(),
            result => result?,
        }
        self.wakeup.listen();
        for event in &self.readiness {
            self.streams.retry(event);
        }
        self.streams.take_help();
        // What has arrived comes before the time, which may blame somebody for its absence.
        while let Some(answer) = self.streams.next_answer() {
            self.shared.tell(answer);
        }
        self.shared.tell_time();
        self.turns = TURNS;
        Ok(())
    }
}

impl<M: Machine> fmt::Debug for Driver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("streams", &self.streams).finish_non_exhaustive()
    }
}

/// The events of a machine as an iterator. Made by [`Driver::events`].
#[derive(Debug)]
pub struct Events<'a, M: Machine> {
    driver: &'a mut Driver<M>,
}

impl<M: Machine> Events<'_, M> {
    /// The driver, to submit commands between two events.
    pub const fn driver(&mut self) -> &mut Driver<M> {
        self.driver
    }
}

impl<M: Machine> Iterator for Events<'_, M> {
    type Item = io::Result<M::Event>;

    fn next(&mut self) -> Option<Self::Item> {
        self.driver.next_event(None).transpose()
    }
}

/// Operations, events and ready streams between two looks at the others.
const TURNS: usize = 64;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
