//! What happened in a run: for the one who reads a failure, and to compare two runs.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use mongrel2_transceiver::transceiver::Event;

use super::mix::Seed;
use super::support::{World, base};

/// Tells of a run when it fails, by being dropped in a panic.
#[derive(Debug)]
pub(crate) struct Log {
    /// The command that plays it again.
    replay: String,
    /// How it is set, and what goes wrong.
    faults: Vec<String>,
    last: VecDeque<String>,
    digest: u64,
    /// What was met, and how often.
    met: BTreeMap<String, usize>,
}

impl Log {
    pub(crate) fn new(seed: Seed) -> Self {
        let replay = replay(&format!("SIM_SEED={seed}"), "every_seed");
        // The offset basis of FNV-1a.
        let digest = 0xCBF2_9CE4_8422_2325;
        Self { replay, faults: Vec::new(), last: VecDeque::new(), digest, met: BTreeMap::new() }
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

    /// It is another command that plays this again.
    pub(crate) fn replay_by(&mut self, replay: String) {
        self.replay = replay;
    }

    pub(crate) fn setting(&mut self, text: fmt::Arguments<'_>) {
        self.note(Duration::ZERO, text);
        self.faults.push(text.to_string());
    }

    pub(crate) fn fault(&mut self, now: Duration, text: fmt::Arguments<'_>) {
        self.note(now, format_args!("FAULT {text}"));
        self.faults.push(format!("{now:>12.3?}  {text}"));
    }

    /// Something was met.
    pub(crate) fn met(&mut self, what: &str) {
        if let Some(count) = self.met.get_mut(what) {
            *count += 1;
        } else {
            self.met.insert(what.to_owned(), 1);
        }
    }

    /// The application was told something, of which some kinds are worth counting.
    pub(crate) fn met_event(&mut self, event: &Event) {
        match event {
            Event::SessionClosed { end, .. } => self.met(&format!("end: {}", first_word(end))),
            Event::Undelivered { reason, .. } => self.met(&format!("loss: {}", first_word(reason))),
            Event::SessionOpened { adopted: true, .. } => self.met("session: adopted"),
            Event::SessionOpened { .. }
            | Event::SessionMessage { .. }
            | Event::Request { .. }
            | Event::Stopped { .. } => {}
            other => self.met(&format!("told: {}", first_word(other))),
        }
    }

    /// What was met, and how often.
    pub(crate) const fn all_met(&self) -> &BTreeMap<String, usize> {
        &self.met
    }

    /// Stands for all that was noted.
    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}

/// The name of a kind, without what it has inside; of an end that two sides may have answered, both.
fn first_word(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|c: char| !c.is_alphanumeric()).unwrap_or(text.len());
    let answered = if text.contains("answered: false") { ", unanswered" } else { "" };
    text[..end].to_owned() + answered
}

/// The command that plays something again, by one of the tests here.
pub(crate) fn replay(what: &str, test: &str) -> String {
    // Without compression it is another world, and with all packages of the workspace it has that.
    let feature = if cfg!(feature = "deflate") { "--features deflate " } else { "" };
    format!("{what} cargo test -p mongrel2-transceiver {feature}--test simulation {test}")
}

/// The virtual time since the beginning.
pub(crate) fn elapsed(world: &World) -> Duration {
    world.now() - base()
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::thread::panicking() && !cfg!(planted) {
            eprintln!("\nSettings and faults:");
            self.faults.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("\nLast operations:");
            self.last.iter().for_each(|line| eprintln!("{line}"));
            eprintln!("\n{}", self.replay);
        }
    }
}
