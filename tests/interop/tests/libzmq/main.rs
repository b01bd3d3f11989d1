//! Our sockets next to libzmq's, and next to hand-made peers of other versions of ZMTP.
//!
//! | room | what is in it |
//! |---|---|
//! | [`pipeline`] | I1: PUSH and PULL |
//! | [`pubsub`] | I2: PUB and SUB, and slow subscribers |
//! | [`reqrep`] | I3: REQ and REP with REQ, REP, DEALER and ROUTER |
//! | [`versions`] | I5, I6: peers of ZMTP 1.0 to 4.0, octet by octet |
//! | [`heartbeat`] | I7: heartbeats of either side |
//! | [`restart`] | peers that go and come back |
//! | [`streams`] | random streams of octets, read by libzmq and by our engine |
//! | [`linger`] | what was accepted arrives, whoever ends first |
//! | [`ours`], [`theirs`], [`raw`] | the three kinds of sockets that meet |
//! | [`way`], [`pair`], [`load`] | how they meet, and what they say |
//!
//! Each test runs once per adapter, through [`both_adapters!`]. No test asserts a time; waiting is
//! bounded by [`PATIENCE`](interop::PATIENCE), so that one that hangs fails.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test waits for some of many events")]

/// Runs each named function, a `fn<A: Adapter>()`, as one test per adapter.
macro_rules! both_adapters {
    ($($test:ident),* $(,)?) => {
        mod smol { $(#[test] fn $test() { super::$test::<crate::adapter::Smol>(); })* }
        mod threads { $(#[test] fn $test() { super::$test::<crate::adapter::Threads>(); })* }
    };
}

mod adapter;
mod heartbeat;
mod linger;
mod load;
mod ours;
mod pair;
mod pipeline;
mod pubsub;
mod raw;
mod reqrep;
mod restart;
mod streams;
mod theirs;
mod versions;
mod way;
