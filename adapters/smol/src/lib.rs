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

mod accept;
mod connect;
mod link;
mod ready;
mod streams;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use async_io::Timer;
use futures_core::Stream;
use mongrel2_transceiver::Machine;
use mongrel2_transceiver_adapter::Shared;
pub use mongrel2_transceiver_adapter::{Handle, SubmitError, seed};

use crate::ready::Ready;
use crate::streams::Streams;

/// Owns a machine and performs its operations, inside [`next_event`](Self::next_event).
///
/// Nothing is performed while nobody awaits an event, so await often. Dropping the driver drops the
/// machine and closes all of its streams. The same events come from its [`Stream`], which never ends.
pub struct Driver<M: Machine> {
    shared: Arc<Shared<M>>,
    ready: Arc<Ready>,
    streams: Streams,
    timer: Timer,
    /// What the timer is set to.
    deadline: Option<Instant>,
    /// How many more operations and events until the next yield.
    turns: usize,
    /// How many more events until operations are performed, though there be more events.
    events: usize,
}

impl<M: Machine> Driver<M> {
    /// A driver for `machine`.
    ///
    /// # Errors
    /// None so far; the operating system may have a say one day, as it has with other adapters.
    pub fn new(machine: M) -> io::Result<Self> {
        let ready = Arc::new(Ready::default());
        let streams = Streams::new(&ready);
        let shared = Shared::new(machine, Waker::from(Arc::clone(&ready)));
        Ok(Self {
            shared,
            ready,
            streams,
            timer: Timer::never(),
            deadline: None,
            turns: TURNS,
            events: 0,
        })
    }

    /// Submits a command to the machine. What it causes is performed by the next
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// Says why the machine refused the command; then nothing has changed.
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

    /// Performs operations until there is an event.
    ///
    /// Nothing is held in the future: dropping it at any time loses nothing, and the next call goes
    /// on from there. So it can stand in a `select` or under a timeout.
    pub async fn next_event(&mut self) -> M::Event {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<M::Event> {
        if let Some(event) = self.waiting_event() {
            return Poll::Ready(event);
        }
        // Before anything is looked at, so that what comes too late to be seen wakes the task.
        self.ready.register(context.waker());
        loop {
            if self.turns == 0 {
                self.turns = TURNS;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let all_retried = self.retry();
            self.shared.tell_time();
            let all_performed = self.perform();
            if let Some(event) = self.shared.lock().poll_event() {
                self.turns = self.turns.saturating_sub(1);
                return Poll::Ready(event);
            }
            if all_retried && all_performed {
                ready!(self.poll_deadline(context));
            } else {
                self.turns = 0;
            }
        }
    }

    /// An event that waits already. Answers to several such go out in one write, so operations are
    /// performed once those that wait are taken, and after every so many.
    fn waiting_event(&mut self) -> Option<M::Event> {
        let event = if self.events > 0 { self.shared.lock().poll_event() } else { None };
        self.events = if event.is_some() { self.events - 1 } else { EVENTS };
        event
    }

    /// Goes on with what waited for streams that are ready. Returns whether that was all of them.
    fn retry(&mut self) -> bool {
        for _ in 0..TURNS {
            let Some(name) = self.ready.next() else { return true };
            self.streams.retry(name);
        }
        false
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

    /// Waits for the machine's deadline.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.shared.lock().next_deadline();
        if deadline != self.deadline {
            self.deadline = deadline;
            self.timer = deadline.map_or_else(Timer::never, Timer::at);
        }
        Pin::new(&mut self.timer).poll(context).map(drop)
    }
}

impl<M: Machine> Stream for Driver<M> {
    type Item = M::Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<M::Event>> {
        self.poll_event(context).map(Some)
    }
}

impl<M: Machine> fmt::Debug for Driver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Operations and events between two yields; and ready streams between two looks for events.
const TURNS: usize = 64;

/// Events taken in a row before operations are performed: enough that a batch of requests is answered
/// in few writes, few enough that the first answer does not wait for long.
const EVENTS: usize = 128;
