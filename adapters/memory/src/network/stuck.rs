//! Why a run cannot go on.

use std::fmt;
use std::time::Duration;

/// Why [`Network::try_run`](super::Network::try_run) gave up. Its text says who waits for what.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stuck {
    /// Nothing is due any more: no octets are on their way, nobody waits for a time, and nobody was
    /// woken. (By another thread, somebody may be woken yet.)
    AllWait {
        /// The time, counted from the beginning of the network.
        at: Duration,
        /// Who waits, one to a line.
        waiting: Vec<String>,
    },
    /// The time does not pass, because somebody is always ready to go on.
    Spinning {
        /// The time, counted from the beginning of the network.
        at: Duration,
        /// Who was seen in the last steps.
        spinning: Vec<String>,
    },
    /// Things still happen, but what was waited for did not, for all the time that was given: see
    /// [`Network::set_patience`](super::Network::set_patience).
    TooLate {
        /// How much time was given.
        patience: Duration,
        /// Who waits, one to a line.
        waiting: Vec<String>,
    },
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self {
            Self::AllWait { at, waiting } => {
                write!(
                    f,
                    "nothing is due any more {at:?} after the start of the network: all of these \
                     wait for each other"
                )?;
                waiting
            }
            Self::Spinning { at, spinning } => {
                write!(
                    f,
                    "the time stands still {at:?} after the start of the network: in a million \
                     steps somebody was always ready to go on. The last were"
                )?;
                spinning
            }
            Self::TooLate { patience, waiting } => {
                write!(
                    f,
                    "what was waited for did not come within {patience:?} of the network's time \
                     (Network::set_patience). These wait"
                )?;
                waiting
            }
        };
        lines.iter().try_for_each(|line| write!(f, "\n  - {line}"))
    }
}

impl std::error::Error for Stuck {}
