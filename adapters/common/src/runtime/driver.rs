//! The loop that runs while an event is awaited.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use mongrel2_transceiver::Machine;

use super::contract::Runtime;
use super::ready::Ready;
use super::streams::Streams;

use crate::{Batch, Handle, Shared};

/// Owns a machine and performs its operations, inside [`poll_event`](Self::poll_event).
///
/// Dropping it drops the machine and closes all of its streams.
pub struct Driver<M: Machine, R: Runtime> {
    shared: Arc<Shared<M>>,
    ready: Arc<Ready>,
    streams: Streams<R>,
    timer: R,
    /// How many more operations and events until the next yield.
    turns: usize,
    batch: Batch,
}

impl<M: Machine, R: Runtime> Driver<M, R> {
    /// A driver for `machine` with a timer of its own.
    pub fn new(machine: M, timer: R) -> Self {
        let ready = Arc::new(Ready::default());
        let streams = Streams::new(&ready);
        let shared = Shared::new(machine, Waker::from(Arc::clone(&ready)));
        Self { shared, ready, streams, timer, turns: TURNS, batch: Batch::new() }
    }

    /// Submits a command to the machine. What it causes is performed by the next
    /// [`poll_event`](Self::poll_event).
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

    /// Looks at the machine. Handles wait meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        look(&self.shared.lock())
    }

    /// Performs operations until there is an event.
    ///
    /// All that is under way is kept here, so it makes no difference how often this is polled, or by
    /// whom.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<M::Event> {
        if let Some(event) = self.batch.next(&self.shared) {
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
            // What has arrived comes before the time, which may blame somebody for its absence.
            while let Some(answer) = self.streams.next_answer() {
                self.shared.tell(answer);
            }
            self.shared.tell_time();
            let all_performed = self.perform();
            if let Some(event) = self.shared.lock().poll_event() {
                self.turns = self.turns.saturating_sub(1);
                self.batch.performed();
                return Poll::Ready(event);
            }
            if all_retried && all_performed {
                ready!(self.poll_deadline(context));
            } else {
                self.turns = 0;
            }
        }
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

    /// Waits for the machine's deadline. Where it has none any more, the former one may still wake
    /// the task, once and for nothing.
    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.shared.lock().next_deadline();
        deadline.map_or(Poll::Pending, |deadline| self.timer.poll_deadline(deadline, context))
    }
}

impl<M: Machine, R: Runtime> fmt::Debug for Driver<M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").finish_non_exhaustive()
    }
}

/// Operations and events between two yields; and ready streams between two looks for events.
const TURNS: usize = 64;
