//! What fuzzers do to `mongrel2-transceiver`: one body per target, an ordinary function of octets.
//!
//! A body panics where the library breaks a promise: no input panics, loops or grows memory; what is
//! written is read again as it was; the pieces in which octets arrive change nothing; a machine keeps
//! its contract; and what the simulations of the library's tests ask for holds where octets, not chance,
//! choose what happens in them. Two things drive the bodies:
//!
//! - `fuzz_targets/*.rs`: libFuzzer, on nightly Rust, by `fuzz/run`.
//! - `tests/replay.rs`: on stable Rust, all of `corpus/TARGET/`, each file in all its truncations too,
//!   and some thousand mutations of it from a fixed seed.
//!
//! The corpora began with what the real Mongrel2 and libzmq said (`tests/captures`,
//! `tests/conformance/transcripts`); the fuzzers found the rest. Whatever once failed stays in
//! them.

mod choices;
mod client;
mod deflate;
mod endpoint;
mod introduction;
mod machines;
mod mongrel2;
#[path = "../../tests/support/mod.rs"]
mod support;
mod tier_world;
mod websocket;
mod world;
mod zmtp;

pub use client::{client_actions, client_replies};
pub use deflate::deflate;
pub use endpoint::endpoint;
pub use introduction::introduction;
pub use machines::{api_inputs, node_inputs, server_inputs, socket_inputs, transceiver_inputs};
pub use mongrel2::{control_reply, headers_json, mongrel2_request, response, tnetstring};
pub use tier_world::tier_world;
pub use websocket::{websocket_decoder, websocket_read};
pub use world::world;
pub use zmtp::{zmtp_engine, zmtp_roundtrip};

use support::base;

/// What a target does with octets.
pub type Body = fn(&[u8]);

/// All targets, by name.
pub const TARGETS: &[(&str, Body)] = &[
    ("zmtp_engine", zmtp_engine),
    ("zmtp_roundtrip", zmtp_roundtrip),
    ("mongrel2_request", mongrel2_request),
    ("headers_json", headers_json),
    ("tnetstring", tnetstring),
    ("response", response),
    ("control_reply", control_reply),
    ("websocket_read", websocket_read),
    ("websocket_decoder", websocket_decoder),
    ("deflate", deflate),
    ("client_replies", client_replies),
    ("client_actions", client_actions),
    ("endpoint", endpoint),
    ("introduction", introduction),
    ("socket_inputs", socket_inputs),
    ("transceiver_inputs", transceiver_inputs),
    ("server_inputs", server_inputs),
    ("api_inputs", api_inputs),
    ("node_inputs", node_inputs),
    ("world", world),
    ("tier_world", tier_world),
];
