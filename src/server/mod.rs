//! A stand-in for Mongrel2, for tests and for trying things out: [`Server`].
//!
//! It binds a PUSH socket for requests and a SUB socket for replies as Mongrel2 does, deals requests
//! out to the handlers that connect, and reads their replies as strictly as Mongrel2. There is no
//! browser behind it: whoever runs it plays the browsers, with [`Command::Deliver`] and
//! [`Event::Reply`].

mod config;
mod event;
mod machine;

pub use config::Config;
pub use event::{Command, Event, Refused};
pub use machine::Server;
