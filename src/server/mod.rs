//! A stand-in for Mongrel2, for tests and for trying things out: [`Server`].
//!
//! It binds a PUSH socket for requests and a SUB socket for replies as Mongrel2 does, deals requests
//! out to the handlers that connect, round robin, and reads their replies as strictly as Mongrel2. In
//! front of it are browsers: either [clients](#clients), which it holds itself, or whoever runs it
//! plays them with [`Command::Deliver`] and [`Event::Reply`].
//!
//! This is the machine. Tests of handlers have it more comfortably from the module `testing` of each
//! adapter, whose `Server` runs it beside the test and takes a [`Config`] from here.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use mongrel2_transceiver::client::{Action, Ask, Protocol};
//! use mongrel2_transceiver::server::{ClientId, Command, Config, Event, ReceiveError, Server};
//! use mongrel2_transceiver::{Input, Machine, Output};
//!
//! let start = Instant::now();
//! let mut server = Server::new(start, Config::from_seed(7).on_free_ports());
//! while let Some(Output::Listen { listener, .. }) = server.poll_output() {
//!     server.handle(start, Input::Listening { listener, port: 40_000 });
//! }
//! assert!(matches!(server.poll_event(), Some(Event::Listening { .. })));
//!
//! // It has no handlers to be introduced to, so that a client is ready at once.
//! let client = ClientId(1);
//! server.submit(start, Command::Open { client, protocol: Protocol::Http })?;
//! assert!(matches!(server.poll_event(), Some(Event::Ready { .. })));
//! server.submit(start, Command::Act { client, action: Action::Request(Ask::get("/")) })?;
//!
//! // But then nobody answers.
//! let within = Duration::from_secs(1);
//! server.submit(start, Command::Receive { client, within })?;
//! server.handle(start + within, Input::Timeout);
//! let received = Err(ReceiveError::TimedOut);
//! assert_eq!(server.poll_event(), Some(Event::Received { client, received }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Introductions
//! A handler learns of a server by its configuration, or the server introduces itself over the handler's
//! control socket: at [`Command::Connect`], or when the first client is opened to those of
//! [`Config::handlers`]. It is done when the whole way is proven: the handler says that it serves the
//! server, a random text comes back over the SUB socket that it was asked for over the control socket,
//! and a link for requests has come up since. So whoever holds a client knows that the connection works.
//! Every other end is a [`Failure`], which names the handler, the [`Step`] and the [`Cause`], no later
//! than [`Config::patience`] after the beginning.
//!
//! [`Command::Disconnect`] and [`Command::Shutdown`] are proven the same way: the handler says that it
//! serves the server no longer, a random text does not come back, and the handler's links are gone. They
//! let a handler say good-bye to its sessions, which its clients still answer.
//!
//! What fails behind the point where a handler may serve the server is taken back, silently. If the
//! handler cannot be told that, the server remembers, and does not take its answer that the name is in
//! use for the last word when it is introduced again.
//!
//! # Clients
//! A [`client`](crate::client) is a browser with one connection, whose number is counted from 1 and never
//! used again. Replies find it by that number, as Mongrel2 reads it. As behind Mongrel2,
//!
//! - a browser waits where no handler is connected. What waits has a bound, [`Limits::waiting_max`];
//!   beyond it a [`Command::Act`] is refused as [`Refused::Full`] and has changed nothing;
//! - a reply to a connection that does not exist is answered with a disconnect notice, once for each
//!   number and each time; while too many of those wait for a handler, no more replies are read
//!   ([`Notices`]);
//! - requests that a handler has taken along when it went are lost; [`Event::Lost`] counts them.
//!
//! Other than Mongrel2 it does not stall on a malformed reply, but tells of it ([`Event::Malformed`]), and
//! a browser reads as fast as replies come, up to the limits of its
//! [`client::Limits`](crate::client::Limits); beyond them its connection ends, and nobody else's.

mod claims;
mod clients;
mod command;
mod config;
mod entry;
mod event;
mod failure;
mod handlers;
mod introducing;
mod machine;
mod news;
mod openings;
mod parting;
mod progress;
mod report;
mod sockets;
mod terms;
mod uuid;
mod waiting;
mod wishes;

pub use command::{ClientId, Command, Refused};
pub use config::{Config, Handler, Limits, Notices};
pub use event::{Event, ReceiveError};
pub use failure::{Cause, Failure, Step};
pub use machine::Server;
