//! The transceiver against a stand-in server, in virtual time, over a pretended network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

#[path = "../support/mod.rs"]
mod support;
#[allow(dead_code, reason = "the tests of ZMTP use more of it")]
#[path = "../conformance/wire.rs"]
mod wire;

#[allow(dead_code, reason = "the tests of captures use more of it")]
#[path = "../support/captures.rs"]
mod captures;

mod accept;
mod bare;
mod browser;
mod by_hand;
mod cancel;
mod close;
mod control;
mod credits;
#[cfg(feature = "deflate")]
mod deflate;
mod gate;
mod grants;
mod groups;
mod holds;
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
mod streams;
mod takeover;
mod uploads;
