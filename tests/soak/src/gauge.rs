//! What the process holds, and whether it grows.

use std::alloc::System;
use std::fmt::Write;
use std::fs;
use std::time::Duration;

use cap::Cap;

use crate::browser::Read;

/// What the process holds at one time, when all is quiet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// Octets that are allocated.
    heap: usize,
    /// KiB of memory that the operating system counts, descriptors, threads; where it tells (Linux).
    resident: Option<usize>,
    descriptors: Option<usize>,
    threads: Option<usize>,
}

impl Reading {
    pub(crate) const HEAD: &str =
        "  time  requests/s  messages/s  cut off  lost   heap KiB    RSS KiB  fds  threads";

    pub(crate) fn now(allocator: &Cap<System>) -> Self {
        Self {
            heap: allocator.allocated(),
            resident: of_process("VmRSS:"),
            descriptors: fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
            threads: of_process("Threads:"),
        }
    }

    /// A line of the table: rates since `before`, losses in all.
    pub(crate) fn line(&self, at: Duration, before: &Read, now: &Read, time: Duration) -> String {
        let rate = |count: u64| count * 1000 / u64::try_from(time.as_millis()).unwrap().max(1);
        let or_none = |number: Option<usize>| number.map_or("-".to_owned(), |n| n.to_string());
        format!(
            "{:>5}s  {:>10}  {:>10}  {:>7}  {:>4}  {:>9}  {:>9}  {:>3}  {:>7}",
            at.as_secs(),
            rate(now.requests - before.requests),
            rate(now.messages - before.messages),
            now.cut_off,
            now.lost,
            self.heap / 1024,
            or_none(self.resident),
            or_none(self.descriptors),
            or_none(self.threads),
        )
    }
}

/// A number of `/proc/self/status`.
fn of_process(name: &str) -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// All readings.
#[derive(Default)]
pub(crate) struct Gauge(Vec<Reading>);

impl Gauge {
    pub(crate) fn note(&mut self, reading: Reading) {
        self.0.push(reading);
    }

    /// Compares the last third with the first, whose first wave is for warming up: what was compared.
    ///
    /// # Errors
    /// What has grown.
    pub(crate) fn growth(&self) -> Result<String, String> {
        let warm = self.0.get(1..).unwrap_or_default();
        let third = warm.len() / 3;
        if warm.len() < WAVES_MIN {
            return Ok("too short to say whether anything grows: take a minute or more".to_owned());
        }
        let (first, last) = (&warm[..third], &warm[warm.len() - third..]);
        let mut compared = String::from("least of the last third, most of the first:");
        let mut grown = Vec::new();
        for (name, of, slack) in KINDS {
            let most = first.iter().filter_map(of).max();
            let least = last.iter().filter_map(of).min();
            let (Some(most), Some(least)) = (most, least) else { continue };
            let _never_fails = write!(compared, " {name} {least}, {most};");
            if least > most + most / 8 + slack {
                grown.push(format!("{name} grew from {most} to {least}"));
            }
        }
        if grown.is_empty() { Ok(compared) } else { Err(grown.join(", ")) }
    }
}

/// One kind of what is held: its name, where it is, and how much more means nothing.
type Kind = (&'static str, fn(&Reading) -> Option<usize>, usize);

/// Fewer measurements say nothing: what is remembered of browsers that have left comes and goes.
const WAVES_MIN: usize = 6;

const KINDS: [Kind; 4] = [
    ("heap octets", |reading| Some(reading.heap), 512 << 10),
    ("RSS KiB", |reading| reading.resident, 8 << 10),
    ("descriptors", |reading| reading.descriptors, 2),
    ("threads", |reading| reading.threads, 1),
];
