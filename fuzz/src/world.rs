//! A whole world, in which the fuzzer chooses what happens: the simulation of the library's tests, whose
//! dice throw what the octets want (`tests/simulation`).
//!
//! Who says what, what goes wrong and when, how all is set: each octet is one throw. Behind the last one
//! chance goes on, from the number of the world. What must hold is what holds there: nothing comes twice,
//! or to a stranger, or out of its order; what was accepted arrives, or is reported; each session that was
//! opened is closed once; all recovers once there is peace, and a shutdown comes to its end.
#![allow(clippy::unwrap_used, dead_code, reason = "shared with tests, which use all of it")]

#[path = "../../tests/simulation/application.rs"]
mod application;
#[path = "../../tests/simulation/browser.rs"]
mod browser;
#[path = "../../tests/simulation/codec.rs"]
mod codec;
#[path = "../../tests/simulation/compressed.rs"]
mod compressed;
#[path = "../../tests/simulation/crowd.rs"]
mod crowd;
#[path = "../../tests/simulation/faults.rs"]
mod faults;
#[path = "../../tests/simulation/later.rs"]
mod later;
#[path = "../../tests/simulation/log.rs"]
mod log;
#[path = "../../tests/simulation/mix.rs"]
mod mix;
#[path = "../../tests/simulation/noise.rs"]
mod noise;
#[path = "../../tests/simulation/oracle.rs"]
mod oracle;
#[path = "../../tests/simulation/peer.rs"]
mod peer;
#[path = "../../tests/simulation/rooms.rs"]
mod rooms;
#[path = "../../tests/simulation/run.rs"]
mod run;
#[path = "../../tests/simulation/settings.rs"]
mod settings;
#[path = "../../tests/simulation/silence.rs"]
mod silence;
#[path = "../../tests/simulation/strike.rs"]
mod strike;
#[path = "../../tests/simulation/unsent.rs"]
mod unsent;
#[path = "../../tests/simulation/visitor.rs"]
mod visitor;
#[path = "../../tests/simulation/wording.rs"]
mod wording;

use crate::support;

/// One world, from its start to its end.
pub fn world(octets: &[u8]) {
    drop(run::run_as_wanted(octets));
}
