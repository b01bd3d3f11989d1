//! The harness of the end-to-end tests: the real Mongrel2 and an echo handler as processes, and
//! clients that say exactly what a test wants said.
//!
//! | room | what is in it |
//! |---|---|
//! | [`mongrel2`] | one Mongrel2 in a private directory: start, kill, restart, pause |
//! | [`handler`] | one echo handler as a process: the examples of the adapters, or the reference |
//! | [`http`] | a client that sends the octets it is given and reads replies strictly |
//! | [`websocket`] | tungstenite, and a raw client for what tungstenite will not do |
//! | [`tier`] | an API and its Nodes as processes |
//! | [`process`], [`port`] | a child whose output is kept; free ports |
//! | [`python`] | the scripts in `python/`, which are written from descriptions alone |
//!
//! Tests are in `tests/`, one file per topic. Each runs against every handler of [`Echo::ALL`],
//! through [`echo_tests!`](crate::echo_tests). One of them is the **reference**: an echo handler
//! over libzmq and tungstenite that shares no line with our library. A test that fails for all of
//! them is itself at fault (or Mongrel2 is); a test that fails for ours alone found a mistake of
//! ours.
//!
//! `tests/client/` compares what the library's pretended browser sends with what the server sends for
//! the octets of a real one.
//!
//! `tests/autobahn/` has the cases of the Autobahn fuzzing client, and the list of those that Mongrel2
//! decides before a handler hears of them.
//!
//! `tests/browser/` has a page of a real browser chat with itself.
//!
//! `tests/libzmq/` stands apart: there our sockets meet libzmq's, without Mongrel2 and without a
//! process, once per adapter.
//!
//! Waiting is bounded by [`PATIENCE`] everywhere, and no test asserts a time.

// A harness reports by panicking: the test that uses it fails with the reason.
#![allow(clippy::panic, clippy::missing_panics_doc)]

use std::time::Duration;

pub mod handler;
pub mod http;
pub mod mongrel2;
pub mod port;
pub mod process;
pub mod python;
pub mod tier;
pub mod websocket;

pub use handler::{Echo, Handler};
pub use mongrel2::{Mongrel2, Protocol};

/// How long anything may take before the test gives up. Long, since it only shows in failures.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Runs each named function, a `fn(Echo)`, as one test per echo handler.
#[macro_export]
macro_rules! echo_tests {
    ($($test:ident),* $(,)?) => {
        mod reference { $(#[test] fn $test() { super::$test(interop::Echo::Reference); })* }
        mod smol { $(#[test] fn $test() { super::$test(interop::Echo::Smol); })* }
        mod threads { $(#[test] fn $test() { super::$test(interop::Echo::Threads); })* }
        mod tokio { $(#[test] fn $test() { super::$test(interop::Echo::Tokio); })* }
    };
}

/// A Mongrel2 with one echo handler that answers, the start of most tests.
#[must_use]
pub fn serve(echo: Echo) -> (Mongrel2, Handler) {
    let server = Mongrel2::start();
    let handler = Handler::start(echo, &server);
    server.wait_until_served();
    (server, handler)
}
