//! A handler under load for as long as you like: `cargo run --release -p soak -- --minutes 30`.
//!
//! Browsers ask and talk in waves, over a handful of stand-in servers that are restarted, killed and
//! replaced meanwhile. Each answer is checked. Between two waves, when nobody says anything, it is
//! measured what the process holds. Whatever is lost, and whatever has grown by the end, fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]
#![allow(clippy::disallowed_methods, reason = "it runs in real time")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what matters here is named")]

mod browser;
mod gauge;
mod handler;
mod options;
mod servers;

use std::alloc::System;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use cap::Cap;
use mongrel2_transceiver_memory::Dice;

use crate::browser::{Counts, work};
use crate::gauge::{Gauge, Reading};
use crate::handler::Handler;
use crate::options::Options;
use crate::servers::Servers;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What all threads share.
struct Stage {
    servers: Servers,
    counts: Counts,
    /// How many browsers may be at work now, and how many are.
    wanted: AtomicUsize,
    busy: AtomicUsize,
    is_over: AtomicBool,
}

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            println!("{}", options::HELP);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("soak: {error}; --help says more");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> ExitCode {
    println!("{} for {:?}, seed {}", options.adapter, options.time, options.seed);
    let mut handler = Handler::start(options.adapter);
    let stage = Arc::new(Stage {
        servers: Servers::new(handler.control()),
        counts: Counts::default(),
        wanted: AtomicUsize::new(0),
        busy: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
    });
    let browsers: Vec<_> = (0..BROWSERS)
        .map(|number| {
            let (stage, dice) = (Arc::clone(&stage), dice(options.seed, number));
            thread::spawn(move || be_browser(&stage, number, dice))
        })
        .collect();
    let mut dice = dice(options.seed, BROWSERS);
    let mut gauge = Gauge::default();
    let start = Instant::now();
    println!("{}", Reading::HEAD);
    while start.elapsed() < options.time {
        let before = stage.counts.read();
        let wave = Instant::now();
        ride_a_wave(&stage, &mut dice);
        let time = wave.elapsed();
        let reading = Reading::now(&ALLOCATOR);
        println!("{}", reading.line(start.elapsed(), &before, &stage.counts.read(), time));
        gauge.note(reading);
        if dice.below(HANDLER_LIVES) == 0 {
            // Nobody says anything, so nothing may be under way.
            let undelivered = handler.stop();
            stage.counts.lost(undelivered, "not delivered by a handler that stopped");
            handler = Handler::start(options.adapter);
            stage.servers.replace_all(handler.control());
        }
    }
    stage.is_over.store(true, Ordering::SeqCst);
    browsers.into_iter().for_each(|browser| browser.join().unwrap());
    stage.servers.stop_all();
    let undelivered = handler.stop();
    stage.counts.lost(undelivered, "not delivered at the end");
    report(&stage.counts, &gauge)
}

/// Dice of their own for each number.
const fn dice(seed: u64, number: usize) -> Dice {
    Dice::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ (number as u64) << 48)
}

/// Browsers become more, then fewer, then none; servers come and go meanwhile.
fn ride_a_wave(stage: &Stage, dice: &mut Dice) {
    let start = Instant::now();
    while start.elapsed() < WAVE {
        let part = start.elapsed().as_millis() * 2 * BROWSERS as u128 / WAVE.as_millis();
        let rising = usize::try_from(part).unwrap();
        let wanted = if rising > BROWSERS { 2 * BROWSERS - rising } else { rising };
        stage.wanted.store(wanted.clamp(1, BROWSERS), Ordering::SeqCst);
        thread::sleep(Duration::from_millis(100));
        if dice.below(20) == 0 {
            stage.servers.disturb(dice);
        }
    }
    stage.wanted.store(0, Ordering::SeqCst);
    let start = Instant::now();
    while stage.busy.load(Ordering::SeqCst) > 0 {
        assert!(start.elapsed() < Duration::from_secs(120), "a browser hangs");
        thread::sleep(Duration::from_millis(5));
    }
    // Sessions of servers that were killed end, links are given up.
    thread::sleep(Duration::from_secs(1));
}

fn be_browser(stage: &Stage, number: usize, mut dice: Dice) {
    while !stage.is_over.load(Ordering::SeqCst) {
        stage.busy.fetch_add(1, Ordering::SeqCst);
        let is_wanted = number < stage.wanted.load(Ordering::SeqCst);
        if is_wanted {
            work(&stage.servers, &stage.counts, &mut dice);
        }
        stage.busy.fetch_sub(1, Ordering::SeqCst);
        if !is_wanted {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn report(counts: &Counts, gauge: &Gauge) -> ExitCode {
    let all = counts.read();
    println!(
        "{} requests and {} messages answered; {} cut off by servers that ended; {} lost",
        all.requests, all.messages, all.cut_off, all.lost
    );
    let growth = gauge.growth();
    match &growth {
        Ok(compared) => println!("{compared}"),
        Err(grown) => eprintln!("soak: {grown}"),
    }
    if all.lost > 0 {
        eprintln!("soak: {} were lost", all.lost);
    }
    if all.requests == 0 || all.messages == 0 {
        eprintln!("soak: nothing was answered");
        return ExitCode::FAILURE;
    }
    if growth.is_ok() && all.lost == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How many browsers there are at the height of a wave.
const BROWSERS: usize = 24;

/// How long browsers come and go until they are measured.
const WAVE: Duration = Duration::from_secs(5);

/// How many waves a handler lives through on average.
const HANDLER_LIVES: usize = 12;
