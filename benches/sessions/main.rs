//! A million WebSocket sessions on one handler: what they take, and what a round of pings, a broadcast
//! and a farewell cost. `cargo bench --bench sessions`, or with a number of sessions behind `--`.
//!
//! The handler runs by itself: the server and the browsers are as little as answers what it says, and
//! their time is not counted. Fails where an idle session takes more than 64 octets; times are printed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for a person"
)]
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what matters here is named")]

mod stage;

use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use cap::Cap;
use mongrel2_transceiver::Machine;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::transceiver::{Audience, Command};
use mongrel2_transceiver::websocket::Message;

use self::stage::{Cost, Stage, handshake};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

fn main() -> ExitCode {
    let number = std::env::args().find_map(|argument| argument.parse().ok());
    let sessions: usize = number.unwrap_or(1_000_000);
    let last = i64::try_from(sessions).unwrap();
    let mut stage = Stage::new(sessions, 1);
    let before = ALLOCATOR.allocated();
    stage.deliver(0, (1..=last).map(|id| handshake(0, ConnId(id))));
    stage.said = Vec::new();
    assert_eq!(stage.handler.stats().sessions, sessions, "not all are open");
    let octets = (ALLOCATOR.allocated() - before) as f64 / sessions as f64;
    let open = stage.take_cost();
    println!("{sessions} sessions: {octets:.1} octets each while they are idle");
    tell("opened", &open);

    let round = Duration::from_secs(30);
    // All were heard of in this round, and so nobody is pinged; in the next one everybody is.
    stage.pass(round, |_| None);
    stage.said.clear();
    stage.take_cost();
    let answers = stage.pass(round + Duration::from_secs(1), browser);
    let pings = stage.take_cost();
    tell("a round of pings", &pings);
    println!("    its longest slice took {:?}: {}", pings.longest_slice, verdict(&pings));
    tell("its pongs", &answers);
    assert_eq!(stage.handler.stats().sessions, sessions, "some were ended though they answered");

    let message = Message::from("news for everybody");
    let broadcast = Command::Broadcast { to: Audience::All, except: None, message };
    let (submitted, took) = stage.timed(|handler, now| handler.submit(now, broadcast));
    submitted.unwrap();
    println!("a broadcast to all was laid out in {took:?}");
    stage.settle();
    let reached: usize = stage.said.iter().map(|said| said.to.len()).sum();
    assert_eq!(reached, sessions, "not everybody got it");
    stage.said.clear();
    tell("the broadcast", &stage.take_cost());

    stage.submit(Command::ShutdownWithin { time: Duration::from_secs(600) });
    let answers = stage.pass(Duration::from_secs(600), browser);
    assert!(stage.is_stopped, "it does not end");
    tell("farewells", &stage.take_cost());
    tell("their answers", &answers);
    if octets <= OCTETS_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(what: &str, Cost { total, longest, replies, .. }: &Cost) {
    println!("{what}: {total:?} in all, {longest:?} in one call, {replies} messages written");
}

fn verdict(cost: &Cost) -> &'static str {
    if cost.longest_slice < Duration::from_millis(1) { "below a millisecond" } else { "TOO LONG" }
}

/// What a browser says to what it got: pongs to pings, closes to closes.
fn browser(frame: &[u8]) -> Option<Bytes> {
    let (first, rest) = frame.split_first_chunk::<2>()?;
    match first[0] {
        0x89 => Some([&[0x8A], rest].concat().into()),
        0x88 => Some([&[0x88], rest].concat().into()),
        _ => None,
    }
}

const OCTETS_MAX: f64 = 64.0;
