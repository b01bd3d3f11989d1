//! Seeded simulations of the whole: servers with browsers, an echoing transceiver, and a network
//! that goes wrong in every way that the seed draws; checked against a plain model.
//!
//! - `cargo test --test simulation` runs the seeds that once failed and the first five hundred.
//! - `SIM_SEED=7 cargo test --test simulation` runs one, and a failure prints that line, the faults
//!   and the last operations.
//! - `SIM_SEEDS=20000 cargo test --test simulation` runs more.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, clippy::print_stderr, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod application;
mod crowd;
mod faults;
mod log;
mod oracle;
mod rooms;
mod run;
mod visitor;

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

#[test]
fn every_seed_holds() {
    if let Some(seed) = number("SIM_SEED") {
        run::run(seed);
        return;
    }
    let count = number("SIM_SEEDS").unwrap_or(500);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for first in 0..workers {
            scope.spawn(move || {
                let seeds = (0..count).skip(first).step_by(workers);
                seeds.for_each(|seed| drop(run::run(seed)));
            });
        }
    });
}

#[test]
fn seeds_that_once_failed_hold() {
    let lines = include_str!("seeds.txt").lines();
    let seeds = lines.filter_map(|line| line.split_whitespace().next()?.parse().ok());
    seeds.for_each(|seed| drop(run::run(seed)));
}

#[test]
fn equal_seeds_give_equal_runs_and_others_others() {
    let digests = [7, 8, 7].map(|seed| run::run(seed).digest());
    assert_eq!(digests[0], digests[2]);
    assert_ne!(digests[0], digests[1]);
}
