//! The comfortable side of the stand-in server, for tests of handlers: [`Server`] and [`Client`].
//!
//! A [`Server`] runs the machine of [`mongrel2_transceiver::server`] beside the test: in a thread of its
//! own over real sockets, in a task on a pretended network. What takes time gives a [`Pending`], which
//! any executor can await, and which [`Pending::wait`] waits for where there is none. Every time limit is
//! the machine's, so no runtime's timer is needed, and in memory it is the network's time that counts.
//!
//! Each adapter names its own `Server` in its module `testing`. For those who write an adapter:
//! [`Runner`] is what it provides, [`Desk`] what its driver tells events to, [`attend`] and
//! [`in_thread`] the usual ways to do that.

mod board;
mod client;
mod error;
mod hub;
mod launch;
mod pending;
mod route;
mod runner;
mod server;

/// What clients say and get, at hand where they are.
pub use mongrel2_transceiver::client::{Action, Ask, Protocol, Received, Response};

pub use board::Desk;
pub use client::Client;
pub use error::{Error, Wanted};
pub use launch::{Started, Thread, attend, in_thread};
pub use pending::{Pending, block_on};
pub use route::host_towards;
pub use runner::Runner;
pub use server::Server;
