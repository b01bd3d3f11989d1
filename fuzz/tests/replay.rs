//! All targets on stable Rust: the corpora, their truncations, and mutations from a fixed seed.
//!
//! To look at a finding, put its file into `corpus/TARGET/` and run `cargo test`. To mutate longer,
//! `FUZZ_MUTATIONS=100000 cargo test --manifest-path fuzz/Cargo.toml mutations`; other seeds by
//! `FUZZ_SEED`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;

use mongrel2_transceiver_fuzz::{Body, TARGETS};

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let mut programs: Vec<_> = names("fuzz_targets");
    programs.sort();
    let mut expected: Vec<_> = TARGETS.iter().map(|(name, _)| format!("{name}.rs")).collect();
    expected.sort();
    assert_eq!(programs, expected);
    for name in names("corpus") {
        assert!(TARGETS.iter().any(|(target, _)| *target == name), "a corpus of no target: {name}");
    }
    for (name, _) in TARGETS {
        assert!(!corpus(name).is_empty(), "{name} has no corpus");
    }
}

#[test]
fn corpora_are_small() {
    let size: usize = TARGETS.iter().flat_map(|(name, _)| corpus(name)).map(|f| f.len()).sum();
    assert!(size < 300_000, "{size} octets");
}

#[test]
fn the_corpus_and_its_truncations() {
    for (name, body) in TARGETS {
        run(name, *body, &[]);
        for octets in corpus(name) {
            // Of long files some lengths only: most are a single long payload.
            let step = 1 + octets.len() / (500 / slowness(name));
            for len in (0..octets.len()).step_by(step) {
                run(name, *body, &octets[..len]);
            }
            run(name, *body, &octets);
        }
    }
}

#[test]
fn mutations() {
    let count = number("FUZZ_MUTATIONS").unwrap_or(2000);
    let mut dice = Dice(number("FUZZ_SEED").unwrap_or(1));
    for (name, body) in TARGETS {
        let corpus = corpus(name);
        let words = dictionary(name);
        for _ in 0..count / slowness(name) as u64 {
            let mut octets = dice.pick(&corpus).clone();
            for _ in 0..=dice.below(8) {
                dice.mutate(&mut octets, &corpus, &words);
            }
            octets.truncate(4096);
            run(name, *body, &octets);
        }
    }
}

/// How many inputs of other targets take as long as one of this.
fn slowness(name: &str) -> usize {
    if name.ends_with("world") { 100 } else { 1 }
}

/// Runs a body; where it panics, says with which octets.
fn run(name: &str, body: Body, octets: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(octets))) {
        eprintln!("{name} panics with these {} octets: {}", octets.len(), hex(octets));
        resume_unwind(panic);
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(directory)).expect(directory);
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The files of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = format!("corpus/{target}");
    let mut files = names(&directory);
    files.sort();
    files.iter().map(|name| fs::read(root().join(&directory).join(name)).unwrap()).collect()
}

/// The words of a libFuzzer dictionary: `"..."`, with `\xNN`, `\"` and `\\` for some octets.
fn dictionary(target: &str) -> Vec<Vec<u8>> {
    let path = root().join("dictionaries").join(format!("{target}.dict"));
    let text = fs::read_to_string(path).unwrap_or_default();
    let words = text.lines().filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    words.map(unescape).collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            octets.push(*first);
        } else if let Some(behind) = rest.strip_prefix(b"x") {
            let digits = std::str::from_utf8(&behind[..2]).unwrap();
            octets.push(u8::from_str_radix(digits, 16).unwrap());
            rest = &behind[2..];
        } else {
            octets.push(rest[0]);
            rest = &rest[1..];
        }
    }
    octets
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

/// Seeded dice (`SplitMix64`): the same throws for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn octet(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A place in `octets`, or right behind them.
    fn place(&mut self, octets: &[u8]) -> usize {
        self.below(octets.len() + 1)
    }

    /// Changes something.
    fn mutate(&mut self, octets: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[Vec<u8>]) {
        let at = self.place(octets);
        let end = (at + self.below(16)).min(octets.len());
        match self.below(8) {
            0 if at < octets.len() => octets[at] ^= 1 << self.below(8),
            1 if at < octets.len() => octets[at] = *self.pick(&[0, 1, 0x7F, 0x80, 0xFE, 0xFF]),
            2 if at < octets.len() => octets[at] = self.octet(),
            3 => drop(octets.drain(at..end)),
            4 => {
                let copy = octets[at..end].to_vec();
                let to = self.place(octets);
                octets.splice(to..to, copy);
            }
            5 if !words.is_empty() => drop(octets.splice(at..at, self.pick(words).clone())),
            6 => {
                let other = self.pick(corpus);
                let from = self.place(other);
                octets.truncate(at);
                octets.extend_from_slice(&other[from..]);
            }
            _ => {
                let some: Vec<u8> = (0..=self.below(8)).map(|_| self.octet()).collect();
                octets.splice(at..at, some);
            }
        }
    }
}
