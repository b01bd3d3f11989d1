//! The server's end of a handler's control socket: [`Connector`] sends it [`Order`]s over REQ and
//! hands out its [`Answer`]s.
//!
//! A [`Server`](crate::server::Server) holds one for each handler that it introduces itself to, and
//! proves with it that the way there and back is whole. Alone, it is a tool:
//!
//! ```
//! use std::io::ErrorKind;
//! use std::time::Instant;
//! use mongrel2_transceiver::connector::{Command, Config, Connector, Event};
//! use mongrel2_transceiver::introduction::Order;
//! use mongrel2_transceiver::{Input, Machine, Output};
//!
//! let start = Instant::now();
//! let control = "tcp://127.0.0.1:9997".parse()?;
//! let mut connector = Connector::new(start, Config::new(control));
//! connector.submit(start, Command::Ask(Order::Alive))?;
//! let Some(Output::Connect { link, .. }) = connector.poll_output() else { panic!() };
//!
//! // Nobody is there yet: it tries again, until its patience is at its end.
//! connector.handle(start, Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) });
//! let mut now = start;
//! while let Some(deadline) = connector.next_deadline() {
//!     now = deadline;
//!     connector.handle(now, Input::Timeout);
//!     while let Some(output) = connector.poll_output() {
//!         let Output::Connect { link, .. } = output else { continue };
//!         connector.handle(now, Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) });
//!     }
//!     if let Some(Event::Failed(failure)) = connector.poll_event() {
//!         assert_eq!(failure.to_string(), "the control socket cannot be reached: connection refused");
//!         break;
//!     }
//! }
//! assert_eq!(now - start, Config::PATIENCE);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Order`]: crate::introduction::Order
//! [`Answer`]: crate::introduction::Answer

mod asker;
mod config;
mod event;
mod machine;

pub(crate) use asker::Asker;
pub use config::Config;
pub use event::{Command, Event, Failure, Refused};
pub use machine::Connector;
