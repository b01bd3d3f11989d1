//! Seeded simulations of the whole: servers with browsers, an echoing transceiver, and a network
//! that goes wrong in every way that the seed draws; checked against a plain model.
//!
//! - `cargo test --test simulation` runs the worlds that once failed and the first ones.
//! - `SIM_SEED=7 cargo test --test simulation every_seed` runs one, and a failure prints that line, the settings,
//!   the faults and the last operations.
//! - `SIM_SEEDS=20000 cargo test --test simulation every_seed` runs more, tells how far it is, and at the end how
//!   often each thing was met. `SIM_FROM=500000` begins with another seed than 0.
//! - `SIM_STEPS=all cargo test --test simulation every_step` lets each operation of the handler fail, in
//!   a run of its own: see `steps`, of which the default is a sample.
//!
//! - `RUSTFLAGS="--cfg planted" cargo test --release --target-dir target/planted --features deflate --test
//!   simulation -- --nocapture` plants one bug after the other in the library, and tells which seed finds
//!   it.
//!
//! What a world is made of: `run` (its phases), `crowd`, `browser` and `peer` (servers and browsers),
//! `application`, `rooms` and `later` (what is done on top of the handler), `visitor` (at the control
//! socket), `mix` (what it has besides), `faults`, `strike` and `noise` (what goes wrong), `oracle` (what
//! must hold all the same).
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, clippy::print_stderr, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod application;
mod browser;
mod codec;
#[cfg_attr(not(feature = "deflate"), path = "uncompressed.rs")]
mod compressed;
mod crowd;
mod faults;
mod later;
mod log;
mod many;
mod mix;
mod noise;
mod oracle;
mod peer;
#[cfg(planted)]
mod planted;
mod rooms;
mod run;
mod settings;
mod silence;
mod steps;
mod strike;
mod unsent;
mod visitor;
mod wording;

use mix::Seed;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
#[cfg_attr(planted, ignore = "a bug is planted")]
fn every_seed_holds() {
    if let Ok(seed) = std::env::var("SIM_SEED") {
        run::run(seed.parse::<Seed>().unwrap_or_else(|_| panic!("SIM_SEED={seed} is no seed")));
        return;
    }
    let count = number("SIM_SEEDS");
    let first = number("SIM_FROM").unwrap_or(0);
    many::play(first, count.unwrap_or(WORLDS), count.is_some());
}

#[test]
#[cfg_attr(planted, ignore = "a bug is planted")]
fn seeds_that_once_failed_hold() {
    let lines = include_str!("seeds.txt").lines();
    let seeds = lines.filter_map(|line| line.split_whitespace().next()?.parse::<Seed>().ok());
    seeds.for_each(|seed| drop(run::run(seed)));
}

#[test]
#[cfg_attr(planted, ignore = "a bug is planted")]
fn equal_seeds_give_equal_runs_and_others_others() {
    let digests = [7, 8, 7].map(|seed: u64| run::run(seed.into()).digest());
    assert_eq!(digests[0], digests[2]);
    assert_ne!(digests[0], digests[1]);
}

#[test]
#[cfg_attr(planted, ignore = "a bug is planted")]
fn octets_have_a_say() {
    let octets: Vec<u8> = (0..=255).rev().cycle().skip(3).step_by(7).take(1500).collect();
    let mut others = octets.clone();
    others[700] ^= 1;
    let digests = [&octets, &others, &octets].map(|octets| run::run_as_wanted(octets).digest());
    assert_eq!(digests[0], digests[2]);
    assert_ne!(digests[0], digests[1]);
}

/// Worlds that are played where nobody says how many.
const WORLDS: u64 = 2000;
