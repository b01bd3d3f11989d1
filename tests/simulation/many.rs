//! Many worlds, one after the other on every core: what is printed meanwhile, and the table at the end.

use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::log::Log;
use crate::mix::Seed;
use crate::run;

/// What became of the worlds that were played so far.
#[derive(Debug, Default)]
struct Played {
    worlds: usize,
    failed: Vec<Seed>,
    /// Of each kind of thing, in how many worlds it was met, and how often.
    met: BTreeMap<String, [usize; 2]>,
}

/// Plays worlds of these seeds; panics in the end where one of them does not hold.
pub(crate) fn play(first: u64, count: u64, is_told: bool) {
    let started = now();
    let played = Mutex::new(Played::default());
    let next = AtomicU64::new(first);
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(seed) = take(&next, first + count, &played) {
                    let result = catch_unwind(AssertUnwindSafe(|| run::run(seed)));
                    let mut played = played.lock().unwrap();
                    played.note(seed, result.ok());
                    if is_told && played.worlds % TOLD_EVERY == 0 {
                        tell(&played.progress(count, started));
                    }
                }
            });
        }
    });
    let played = played.into_inner().unwrap();
    if is_told {
        tell(&played.progress(count, started));
        tell(&played.table());
    }
    let (worlds, failures) = (played.worlds, played.failures());
    assert!(worlds > 0, "no world was played: SIM_SEEDS says how many are");
    assert!(played.failed.is_empty(), "of {worlds} worlds {failures}");
}

/// The next seed, as long as not too many have failed.
fn take(next: &AtomicU64, end: u64, played: &Mutex<Played>) -> Option<Seed> {
    let has_failed = played.lock().unwrap().failed.len() >= FAILURES_MAX;
    let seed = next.fetch_add(1, Ordering::Relaxed);
    (seed < end && !has_failed).then(|| seed.into())
}

impl Played {
    fn note(&mut self, seed: Seed, log: Option<Log>) {
        self.worlds += 1;
        let Some(log) = log else {
            self.failed.push(seed);
            return;
        };
        for (what, times) in log.all_met() {
            let [worlds, all] = self.met.entry(what.clone()).or_default();
            *worlds += 1;
            *all += times;
        }
    }

    fn progress(&self, count: u64, started: Instant) -> String {
        let time = (now() - started).max(Duration::from_millis(1));
        let worlds = self.worlds;
        let failed = self.failures();
        let speed = f64::from(u32::try_from(worlds).unwrap_or(u32::MAX)) / time.as_secs_f64();
        let time = time.as_secs();
        format!("{worlds} of {count} worlds, {failed}, {time} s, {speed:.0} seeds a second\n")
    }

    /// How many have failed, and which: each is worth a look before all the others are played.
    fn failures(&self) -> String {
        let seeds: Vec<_> = self.failed.iter().map(Seed::to_string).collect();
        let named = if seeds.is_empty() { String::new() } else { format!(": {}", seeds.join(" ")) };
        format!("{} failed{named}", seeds.len())
    }

    fn table(&self) -> String {
        let mut table = format!("{:<44}{:>9}{:>9}{:>11}\n", "met", "worlds", "share", "times");
        for (what, [worlds, times]) in &self.met {
            let share = 100 * worlds / self.worlds.max(1);
            table += &format!("{what:<44}{worlds:>9}{share:>8}%{times:>11}\n");
        }
        table
    }
}

/// Past the capture of the test harness, which would keep it to the end.
fn tell(text: &str) {
    let _nobody_may_listen = std::io::stderr().write_all(text.as_bytes());
}

#[expect(clippy::disallowed_methods, reason = "to tell how fast it goes, and for nothing else")]
fn now() -> Instant {
    Instant::now()
}

/// Worlds between two lines of progress.
const TOLD_EVERY: usize = 250;

/// Failures behind which no other world begins: each has a page to say.
const FAILURES_MAX: usize = 5;
