//! An API with its Nodes behind a server, in a network where the fuzzer chooses what happens: the storms of
//! the library's tests, whose dice throw what the octets want (`tests/tier`).
//!
//! Every request is answered once, to the one who asked, or its loss is told; and at the end all work again.
#![allow(clippy::unwrap_used, dead_code, reason = "shared with tests, which use all of it")]

#[path = "../../tests/transceiver/browser.rs"]
mod browser;
#[path = "../../tests/tier/chaos.rs"]
mod chaos;
#[path = "../../tests/tier/kit.rs"]
mod kit;
#[path = "../../tests/tier/storm.rs"]
mod storm;

use crate::support::{self, Dice};

/// One storm, from its start to its end: its first octet says of which kind.
pub fn tier_world(octets: &[u8]) {
    let (first, wants) = octets.split_first().unwrap_or((&0, &[]));
    let play = if first & 1 == 0 { storm::play } else { chaos::play };
    let seed = u64::from(*first);
    play(seed, Dice::wanting(wants, seed));
}
