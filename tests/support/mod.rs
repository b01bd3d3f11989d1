//! Ways to run any [`Machine`](mongrel2_transceiver::Machine) without I/O, shared by the tests.
//!
//! - [`Checked`] wraps one machine and panics when it breaks the contract of `src/machine.rs`.
//! - [`ByHand`] drives one machine step by step: a test plays the operating system and the peers.
//! - [`World`] joins any number of machines by a pretended network, in virtual time, from a seed.

#![allow(dead_code, unused_imports, reason = "each test program uses its own part of this")]
#![allow(clippy::panic, reason = "that is how a test fails")]

mod by_hand;
mod contract;
mod dice;
mod request;
mod world;

pub(crate) use by_hand::ByHand;
pub(crate) use contract::Checked;
pub(crate) use dice::Dice;
pub(crate) use mongrel2_transceiver_memory::wires::{Shape, StreamId};
pub(crate) use request::{OF_THE_SERVER, request};
pub(crate) use world::{NodeId, Watched, World};

/// The one instant that all virtual times are counted from.
#[allow(clippy::disallowed_methods, reason = "a base for made-up times; the fuzzers may say it")]
pub(crate) fn base() -> std::time::Instant {
    static BASE: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    // Far from the beginning of the clock, so that a test may go back in time.
    *BASE.get_or_init(|| std::time::Instant::now() + std::time::Duration::from_secs(1_000_000))
}
