//! A machine whose contract is checked, or which only has to survive.

use std::fmt::Debug;
use std::time::Instant;

use mongrel2_transceiver::{Input, Machine, Output};

use crate::base;
use crate::support::Checked;

#[derive(Debug)]
pub(super) enum Watched<M: Machine> {
    /// The operating system is honest, so the machine's side of the contract can be checked.
    Strictly(Box<Checked<M>>),
    /// It answers what nobody asked.
    Loosely(M),
}

impl<M> Watched<M>
where
    M: Machine<Event: Debug, Command: Debug>,
{
    pub(super) fn new(machine: M, is_honest: bool) -> Self {
        if is_honest {
            Self::Strictly(Box::new(Checked::new(machine, base())))
        } else {
            Self::Loosely(machine)
        }
    }

    pub(super) const fn machine(&self) -> &M {
        match self {
            Self::Strictly(checked) => checked.machine(),
            Self::Loosely(machine) => machine,
        }
    }

    pub(super) fn handle(&mut self, now: Instant, input: Input) {
        match self {
            Self::Strictly(checked) => checked.handle(now, input),
            Self::Loosely(machine) => machine.handle(now, input),
        }
    }

    pub(super) fn submit(&mut self, now: Instant, command: M::Command) -> Result<(), M::Refused> {
        match self {
            Self::Strictly(checked) => checked.submit(now, command),
            Self::Loosely(machine) => machine.submit(now, command),
        }
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        match self {
            Self::Strictly(checked) => checked.poll_output(),
            Self::Loosely(machine) => machine.poll_output(),
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<M::Event> {
        match self {
            Self::Strictly(checked) => checked.poll_event(),
            Self::Loosely(machine) => machine.poll_event(),
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Strictly(checked) => checked.next_deadline(),
            Self::Loosely(machine) => machine.next_deadline(),
        }
    }
}
