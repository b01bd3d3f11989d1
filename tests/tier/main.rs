//! API and Nodes behind a stand-in server, in virtual time, over a pretended network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

#[allow(dead_code, reason = "the tests of the transceiver use more of it")]
#[path = "../transceiver/browser.rs"]
mod browser;
#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "../conformance/wire.rs"]
mod wire;

mod announcements;
mod chaos;
mod control;
mod kit;
mod limits;
mod lives;
mod losses;
mod many;
mod parting;
mod refusals;
mod requests;
mod sessions;
mod storm;
mod strangers;

use support::Dice;

/// Plays seeds, this many unless told otherwise: how many requests there were, and how many were answered.
fn play(count: u64, play: fn(u64, Dice) -> (usize, usize)) -> (usize, usize) {
    let told = std::env::var("STORMS").ok().and_then(|count| count.parse().ok());
    let played = (1..=told.unwrap_or(count)).map(|seed| play(seed, Dice::new(seed)));
    played.fold((0, 0), |(asked, answered), more| (asked + more.0, answered + more.1))
}

#[test]
fn answers_reach_those_who_asked_whatever_happens() {
    let (asked, answered) = play(20, chaos::play);
    assert!(answered * 2 > asked, "{answered} of {asked}");
}

#[test]
fn every_request_is_answered_once_or_its_loss_is_told_whatever_fails() {
    let (asked, answered) = play(10, storm::play);
    assert!(answered * 10 > asked * 8, "{answered} of {asked}");
}
