//! The same work on each stack. Both ends are in one process, on two threads, each with a context or a
//! runtime of its own.

mod libzmq;
mod omq;
mod ours;
mod raw;
mod zeromq;

use std::time::Duration;

/// So many messages of so many octets, from a PUSH that is bound to this port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) port: u16,
    pub(crate) count: usize,
    pub(crate) size: usize,
}

/// So many questions of so many octets, to a REP that is bound to this port and says the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip {
    pub(crate) port: u16,
    pub(crate) count: usize,
    pub(crate) size: usize,
}

/// The time from the first message that has arrived to the last.
pub(crate) fn push(entry: &str, push: Push) -> Result<Duration, String> {
    match entry {
        "raw" => Ok(raw::push(push)),
        "libzmq" => Ok(libzmq::push(push)),
        "omq-tokio" => Ok(omq::push(push)),
        "zeromq" => Ok(zeromq::push(push)),
        "threads" => Ok(ours::push::<ours::Threads>(push)),
        "smol" => Ok(ours::push::<ours::Smol>(push)),
        "tokio" => Ok(ours::push::<ours::Tokio>(push)),
        _ => Err(format!("there is no stack {entry:?}")),
    }
}

/// The time of each.
pub(crate) fn round_trips(entry: &str, trip: RoundTrip) -> Result<Vec<Duration>, String> {
    match entry {
        "raw" => Ok(raw::round_trips(trip)),
        "libzmq" => Ok(libzmq::round_trips(trip)),
        "omq-tokio" => Ok(omq::round_trips(trip)),
        "zeromq" => Ok(zeromq::round_trips(trip)),
        "threads" => Ok(ours::round_trips::<ours::Threads>(trip)),
        "smol" => Ok(ours::round_trips::<ours::Smol>(trip)),
        "tokio" => Ok(ours::round_trips::<ours::Tokio>(trip)),
        _ => Err(format!("there is no stack {entry:?}")),
    }
}

fn endpoint(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// What tokio's stacks run on, on each thread.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// How long a sender whose stack has no word for "all of it is gone" stays.
const LINGER: Duration = Duration::from_secs(2);

/// How long a peer that cannot wait for the other end is given to come up.
const START: Duration = Duration::from_millis(300);
