//! A fault at every step: one operation of the handler fails, each in a run of its own, and whatever it
//! was, the world recovers.
//!
//! A scenario is a short world without faults. How many operations the handler asks for in it is counted
//! first. Then it is played again, with another one failing each time: a connect is refused, a bind
//! finds its port taken, an accept has no descriptor, a read or a write finds the link reset. Scenarios
//! are equal up to that step, since equal seeds give equal runs.
//!
//! `cargo test --test simulation` fails a sample of the steps of each scenario; `SIM_STEPS=all` fails
//! all of them, `SIM_STEPS=20` some twenty of each. `SIM_STEP=7/123` is one: operation 123 of scenario 7.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::log::replay;
use crate::mix::Seed;
use crate::run;

/// Plays one scenario with a failure of this operation, if of any; how many the handler asked for, and
/// the kind of the one that failed.
fn play(scenario: u64, step: Option<usize>) -> (usize, Option<&'static str>) {
    let of_step = step.map_or_else(|| "none".to_owned(), |step| step.to_string());
    let replay = replay(&format!("SIM_STEP={scenario}/{of_step}"), "every_step");
    run::run_short(Seed { number: scenario, is_plain: true }, replay, step)
}

/// Which steps of so many fail in a scenario: about as many as wanted, spread evenly, and others in
/// each scenario.
fn sample(scenario: u64, count: usize, wanted: usize) -> impl Iterator<Item = usize> {
    let stride = count.div_ceil(wanted).max(1);
    let first = usize::try_from(scenario).unwrap_or_default() % stride;
    (first..count).step_by(stride)
}

#[test]
#[cfg_attr(planted, ignore = "a bug is planted")]
fn every_step_may_fail() {
    if let Ok(text) = std::env::var("SIM_STEP") {
        let (scenario, step) = text.split_once('/').expect("SIM_STEP=scenario/step");
        // Of `7/none`, the scenario itself fails.
        play(scenario.parse().unwrap(), step.parse().ok());
        return;
    }
    let wanted = match std::env::var("SIM_STEPS").ok().as_deref() {
        None => SAMPLED,
        Some("all") => usize::MAX,
        Some(text) => text.parse().unwrap_or_else(|_| panic!("SIM_STEPS={text} is no number")),
    };
    let next = AtomicU64::new(0);
    let failed = Mutex::new(BTreeMap::<&str, usize>::new());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let scenario = next.fetch_add(1, Ordering::Relaxed);
                    if scenario >= SCENARIOS {
                        break;
                    }
                    let (count, none) = play(scenario, None);
                    assert_eq!(none, None);
                    for step in sample(scenario, count, wanted) {
                        let (_, kind) = play(scenario, Some(step));
                        let kind = kind.expect("a scenario is the same up to its failure");
                        *failed.lock().unwrap().entry(kind).or_default() += 1;
                    }
                }
            });
        }
    });
    // All that can fail did.
    let failed = failed.into_inner().unwrap();
    let kinds: Vec<&str> = failed.keys().copied().collect();
    assert_eq!(kinds, ["accept", "connect", "listen", "read", "write"], "{failed:?}");
}

const SCENARIOS: u64 = 200;

/// Steps that fail in each scenario, unless told otherwise.
const SAMPLED: usize = 20;
