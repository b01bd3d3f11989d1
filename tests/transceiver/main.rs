//! The transceiver against a stand-in server, in virtual time, over a pretended network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests of ZMTP use more of it")]
#[path = "../conformance/wire.rs"]
mod wire;

mod accept;
mod bare;
mod browser;
mod by_hand;
mod close;
mod control;
mod credits;
mod gate;
mod hostile;
mod http;
mod limits;
mod live;
mod lives;
mod orders;
mod pacing;
mod pacing_model;
mod pair;
mod parting;
mod pings;
mod policies;
mod readers;
mod servers;
mod sessions;
mod slow;
mod takeover;
