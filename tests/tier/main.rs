//! API and Nodes behind a stand-in server, in virtual time, over a pretended network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

#[allow(dead_code, reason = "the tests of the transceiver use more of it")]
#[path = "../transceiver/browser.rs"]
mod browser;
#[path = "../support/mod.rs"]
mod support;

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
