//! The transceiver against a stand-in server, in virtual time, over a pretended network.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod http;
mod pair;
