//! Peers that mean no good, or are broken, on real sockets of this host.
//!
//! Each `tests/hostile.rs` includes this, after the modules `adapter` and `place` that hide the
//! difference between adapters. The peers are streams of the standard library, and what they say is
//! written octet by octet; where they have to be stopped or to run out of something, they are processes.
//! Of each it is tested that it ends as it is documented, for itself alone: a healthy server and its
//! client go on beside it, from the first to the last. Waits have an end that only shows that a test hangs.

mod control_floods;
mod ends;
mod envelopes;
mod floods;
mod greetings;
mod peer;
mod processes;
mod stage;
mod starved;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../../../tests/conformance/wire.rs"]
mod wire;
