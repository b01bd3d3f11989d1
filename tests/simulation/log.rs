//! What happened in a run: for the one who reads a failure, and to compare two runs.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use crate::support::{World, base};

/// Tells of a run when it fails, by being dropped in a panic.
#[derive(Debug)]
pub(crate) struct Log {
    seed: u64,
    faults: Vec<String>,
    last: VecDeque<String>,
    digest: u64,
}

impl Log {
    pub(crate) const fn new(seed: u64) -> Self {
        // The offset basis of FNV-1a.
        let digest = 0xCBF2_9CE4_8422_2325;
        Self { seed, faults: Vec::new(), last: VecDeque::new(), digest }
    }

    pub(crate) fn note(&mut self, now: Duration, text: fmt::Arguments<'_>) {
        let line = format!("{now:>12.3?}  {text}");
        for octet in line.bytes() {
            self.digest = (self.digest ^ u64::from(octet)).wrapping_mul(0x0100_0000_01B3);
        }
        if self.last.len() == 60 {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(crate) fn fault(&mut self, now: Duration, text: fmt::Arguments<'_>) {
        self.note(now, format_args!("FAULT {text}"));
        self.faults.push(format!("{now:>12.3?}  {text}"));
    }

    /// Stands for all that was noted.
    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}

/// The virtual time since the beginning.
pub(crate) fn elapsed(world: &World) -> Duration {
    world.now() - base()
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("\nFaults:");
            self.faults.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("\nLast operations:");
            self.last.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("\nSIM_SEED={} cargo test --test simulation", self.seed);
        }
    }
}
