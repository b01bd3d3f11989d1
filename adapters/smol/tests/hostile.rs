//! Hostile and broken peers, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

#[allow(dead_code, reason = "other tests use the rest")]
mod adapter;
#[path = "../../suite/hostile/mod.rs"]
mod hostile;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../suite/place.rs"]
mod place;
