//! One machine, its driver, and those who submit commands from elsewhere.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Waker;

use mongrel2_transceiver::{Input, Machine, Output};

use crate::Clock;

/// A machine behind a lock, and what wakes its driver. Made by a driver, which owns it.
///
/// The lock is held while the machine works, never while anything waits or touches a socket.
pub struct Shared<M> {
    machine: Mutex<M>,
    waker: Waker,
    clock: Clock,
}

impl<M: Machine> Shared<M> {
    /// Shares `machine`; `waker` ends the wait of its driver, or keeps the next one from starting.
    pub fn new(machine: M, waker: Waker) -> Arc<Self> {
        Self::with_clock(machine, waker, Clock::system())
    }

    /// The same, in the time of a clock.
    pub fn with_clock(machine: M, waker: Waker, clock: Clock) -> Arc<Self> {
        Arc::new(Self { machine: Mutex::new(machine), waker, clock })
    }

    /// The machine, once nobody else uses it.
    ///
    /// A panic in one thread that held the lock does not stop the others: a machine has no state
    /// that is worse than a lost operation, and its peers' deadlines deal with those.
    pub fn lock(&self) -> MutexGuard<'_, M> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits a command now, without waking the driver: for the driver itself.
    ///
    /// # Errors
    /// Says why the machine refused the command.
    pub fn submit(&self, command: M::Command) -> Result<(), M::Refused> {
        self.lock().submit(self.clock.now(), command)
    }

    /// Gives the machine one answer, if there is one, and takes the next operation from it.
    pub fn step(&self, answer: Option<Input>) -> Option<Output> {
        let mut machine = self.lock();
        if let Some(input) = answer {
            machine.handle(self.clock.now(), input);
        }
        machine.poll_output()
    }

    /// Gives the machine one answer.
    pub fn tell(&self, answer: Input) {
        self.lock().handle(self.clock.now(), answer);
    }

    /// Tells the machine the time where its deadline has come.
    pub fn tell_time(&self) {
        let mut machine = self.lock();
        let Some(deadline) = machine.next_deadline() else { return };
        let now = self.clock.now();
        if deadline <= now {
            machine.handle(now, Input::Timeout);
        }
    }

    /// A handle for others. It does not keep the machine alive.
    #[must_use]
    pub fn handle(self: &Arc<Self>) -> Handle<M> {
        Handle { shared: Arc::downgrade(self) }
    }
}

impl<M> fmt::Debug for Shared<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

/// Submits commands to a machine from anywhere. Made by `Driver::handle`; cheap to clone.
///
/// A command goes straight into the machine, so the answer is the machine's own and there is no
/// queue between them. Then the driver is woken to perform what the command caused.
pub struct Handle<M> {
    /// Weak, so that the machine ends with its driver.
    shared: Weak<Shared<M>>,
}

impl<M: Machine> Handle<M> {
    /// Submits a command now.
    ///
    /// # Errors
    /// Says why the machine refused the command, or that its driver was dropped.
    pub fn submit(&self, command: M::Command) -> Result<(), SubmitError<M::Refused>> {
        let shared = self.shared.upgrade().ok_or(SubmitError::Gone)?;
        shared.submit(command).map_err(SubmitError::Refused)?;
        shared.waker.wake_by_ref();
        Ok(())
    }
}

impl<M> Clone for Handle<M> {
    fn clone(&self) -> Self {
        Self { shared: Weak::clone(&self.shared) }
    }
}

impl<M> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// Why [`Handle::submit`] did not take a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubmitError<R> {
    /// The machine refused it, and says why.
    Refused(R),
    /// The driver was dropped, and the machine with it.
    Gone,
}

impl<R: fmt::Display> fmt::Display for SubmitError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Gone => f.write_str("the driver of this handle was dropped"),
        }
    }
}

impl<R: std::error::Error> std::error::Error for SubmitError<R> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Refused(refused) => refused.source(),
            Self::Gone => None,
        }
    }
}
