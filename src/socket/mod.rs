//! ZeroMQ's sockets as machines: PUSH, PULL, PUB, SUB, REQ and REP over many links (RFC 28, 29, 30).
//!
//! A [`Socket`] binds and connects, shakes hands, queues within limits, finds silent peers, connects
//! anew, and ends in order. It is a [`Machine`](crate::Machine): any adapter can run it, and a test
//! can drive it by hand.

mod backoff;
mod config;
mod core;
mod dial;
mod endpoints;
mod event;
mod high_water;
mod incoming;
pub(crate) mod io;
mod link;
mod links;
mod liveness;
mod names;
mod outgoing;
mod outlets;
mod pattern;
mod pubsub;
mod queue;
mod reqrep;
mod standalone;
mod subscriptions;
#[cfg(test)]
mod tests;
pub(crate) mod timers;

pub use backoff::Reconnect;
pub use config::{Config, Limits};
pub use event::{Command, DownReason, Event, Refused};
pub use liveness::Heartbeat;
pub use standalone::Socket;

pub(crate) use self::core::Core;
pub(crate) use high_water::HighWater;
pub(crate) use liveness::later;
