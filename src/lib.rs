//! Write handlers for the [Mongrel2](https://mongrel2.org) web server in pure Rust: HTTP and WebSocket
//! sessions, over ZeroMQ's wire protocol, without libzmq.
//!
//! The core does no I/O. A [`Machine`] is a value that speaks a protocol: it asks for **operations**
//! ([`Output`]) and is told what came of them ([`Input`]); the application gives it **commands** and
//! takes its **events**. It has no sockets, threads or clock, so it runs on any runtime, in a
//! simulation, or by hand:
//!
//! ```
//! use std::io::ErrorKind;
//! use std::time::Instant;
//! use mongrel2_transceiver::transceiver::{Command, Config, Event};
//! use mongrel2_transceiver::{Input, Machine, Output, Transceiver};
//!
//! // The clock is made up: machines are told the time, and never look.
//! let start = Instant::now();
//! let mut config = Config::default();
//! config.control = None; // No control socket, where servers could introduce themselves.
//! let mut handler = Transceiver::new(start, config);
//! handler.submit(start, Command::AddServer {
//!     sender: "9a1e5c".into(),
//!     send_spec: "tcp://10.0.0.1:9999".parse()?,
//!     recv_spec: "tcp://10.0.0.1:9998".parse()?,
//! })?;
//! assert!(matches!(handler.poll_event(), Some(Event::ServerAdded { .. })));
//!
//! // It asks for two streams. Nobody is there.
//! while let Some(output) = handler.poll_output() {
//!     let Output::Connect { link, .. } = output else { panic!("{output:?}") };
//!     handler.handle(start, Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) });
//! }
//! assert!(matches!(handler.poll_event(), Some(Event::ServerUnreachable { .. })));
//!
//! // It tries again when it said that it would, and now somebody is.
//! let later = handler.next_deadline().expect("it does not give up");
//! handler.handle(later, Input::Timeout);
//! let Some(Output::Connect { link, .. }) = handler.poll_output() else { panic!() };
//! handler.handle(later, Input::Opened { link });
//! assert!(matches!(handler.poll_output(), Some(Output::Read { .. })));
//! let Some(Output::Write { data, .. }) = handler.poll_output() else { panic!() };
//! assert!(data.into_bytes().starts_with(b"\xFF\0\0\0\0\0\0\0\0\x7F\x03\x01NULL"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//! - [`transceiver`]: what handlers are written with. [`Transceiver`] serves any number of Mongrel2
//!   servers, and sees to connecting anew, to sessions, pings, closes and an orderly end.
//! - [`tier`]: the same shared between processes: an API that deals requests out to Nodes, which answer.
//! - [`server`]: a stand-in for Mongrel2, for tests; [`client`]: a pretended browser behind it.
//! - [`socket`]: ZeroMQ's PUSH, PULL, PUB, SUB, REQ and REP, each a machine.
//! - [`introduction`]: what servers say to a handler's control socket, and hear there;
//!   [`connector`]: who says it.
//! - [`zmtp`]: ZMTP 3.1 on one link; [`mongrel2`]: requests, responses, the control port;
//!   [`websocket`]: RFC 6455 as far as Mongrel2 leaves it to handlers. Octets and values alone, and
//!   of use without the rest.
//! - [`machine`]: what machines and adapters say to each other; [`endpoint`], [`segments`]: addresses
//!   and octets in it.
//!
//! # Running it
//! Adapters run any machine over real streams: `mongrel2-transceiver-threads` blocks the caller's
//! thread, `mongrel2-transceiver-smol` is a future for any executor, `mongrel2-transceiver-tokio` one
//! for tokio. `mongrel2-transceiver-memory` pretends the network and the time, for tests; each of
//! them has a module `testing`, with a stand-in Mongrel2 and its browsers. Another runtime takes one
//! loop, and nothing is lost when it stops anywhere in it:
//!
//! ```text
//! loop {
//!     while let Some(output) = machine.poll_output() {
//!         // Perform it now, or remember it until its stream is ready.
//!     }
//!     if let Some(event) = machine.poll_event() {
//!         // The application's turn: machine.submit(now, command) ...
//!         continue;
//!     }
//!     // Wait for a stream to be ready or for machine.next_deadline(), whichever is first.
//!     machine.handle(now, input);
//! }
//! ```
//!
//! What both sides owe each other is written down once, as [the contract](Machine#the-contract).

pub mod client;
pub mod connector;
pub mod endpoint;
pub mod introduction;
pub mod machine;
pub mod mongrel2;
#[cfg(not(planted))]
mod planted;
#[cfg(planted)]
#[doc(hidden)]
pub mod planted;
mod rng;
pub mod segments;
pub mod server;
pub mod socket;
pub mod tier;
pub mod transceiver;
pub mod websocket;
pub mod zmtp;

/// The crate of [`Bytes`](bytes::Bytes), in which octets are given and taken here.
pub use bytes;

pub use endpoint::{Endpoint, EndpointError, Host};
pub use machine::{Input, LinkId, ListenerId, Machine, Output};
pub use segments::Segments;
pub use transceiver::Transceiver;
