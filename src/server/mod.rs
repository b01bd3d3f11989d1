//! A stand-in for Mongrel2, for tests and for trying things out: [`Server`].
//!
//! It binds a PUSH socket for requests and a SUB socket for replies as Mongrel2 does, deals requests
//! out to the handlers that connect, and reads their replies as strictly as Mongrel2. There is no
//! browser behind it: whoever runs it plays the browsers, with [`Command::Deliver`] and
//! [`Event::Reply`].

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
