//! The suite for all adapters, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

mod adapter;
#[path = "../../suite/futures.rs"]
mod futures;
#[path = "../../suite/place.rs"]
mod place;
#[path = "../../suite/sockets/mod.rs"]
mod sockets;
#[path = "../../suite/mod.rs"]
mod suite;
