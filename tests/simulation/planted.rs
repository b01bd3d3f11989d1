//! Whether the simulation finds bugs: each of those that the library has where it is compiled with
//! `--cfg planted`, one by one, and after how many seeds.

use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use mongrel2_transceiver::planted::{Bug, plant};

use crate::run;

/// How many seeds may go by until a bug is found.
const SEEDS_MAX: u64 = 2000;

#[test]
fn every_planted_bug_is_found() {
    // What fails here is to fail: no word of it.
    panic::set_hook(Box::new(|_| {}));
    let only = std::env::var("PLANTED").ok();
    let is_wanted = |bug: &Bug| only.as_ref().is_none_or(|only| *only == format!("{bug:?}"));
    let mut missed = Vec::new();
    for bug in Bug::ALL.into_iter().filter(is_wanted) {
        plant(Some(bug));
        match first_that_fails() {
            Some((seed, why)) => eprintln!("{bug:?}: found by seed {seed}: {why}"),
            None => {
                eprintln!("{bug:?}: NOT FOUND within {SEEDS_MAX} seeds");
                missed.push(bug);
            }
        }
        plant(None);
    }
    drop(panic::take_hook());
    assert!(missed.is_empty(), "not found: {missed:?}");
}

/// The first seed whose world fails, and what it says.
fn first_that_fails() -> Option<(u64, String)> {
    let next = AtomicU64::new(0);
    let is_found = AtomicBool::new(false);
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        while !is_found.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= SEEDS_MAX {
                break;
            }
            if let Err(panic) = panic::catch_unwind(|| drop(run::run(seed.into()))) {
                is_found.store(true, Ordering::Relaxed);
                return Some((seed, said_by(&*panic)));
            }
        }
        None
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().expect("caught")).min()
    })
}

/// The first line of what a panic says, as far as a person wants to read it.
fn said_by(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    text.lines().next().unwrap_or_default().chars().take(100).collect()
}
