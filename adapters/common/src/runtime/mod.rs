//! The driver for async runtimes, but for its sockets.
//!
//! A runtime differs from another in how a socket is registered and asked for readiness, in its
//! timer, and in where blocking work is done. An adapter says so with [`Runtime`] and [`Stream`], and
//! wraps a [`Driver`] into one of its own; everything else is here.
//!
//! - `contract`: what an adapter provides.
//! - `driver`: the loop that runs while an event is awaited.
//! - `streams`: all streams and listeners of one driver, with `connect`, `accept` and `link` for one
//!   of each.
//! - `ready`: which of them to go on with after a wake.

mod accept;
mod connect;
mod contract;
mod driver;
mod link;
mod ready;
mod streams;

pub use contract::{Runtime, Stream};
pub use driver::Driver;
