//! The side that does the work: [`Node`].
//!
//! It connects to an [`Api`](super::Api), takes requests from it, learns from it which Mongrel2 servers
//! there are, and answers their browsers directly.
//!
//! - **Requests** come as [`Event::Request`], messages of WebSockets as [`Event::Message`]. Nothing of a
//!   server is told before that server will hear the answer; until then it is held, within limits.
//! - **Finished** is a request when the first thing said to its [`Target`] is written, or when the
//!   application says [`Command::Done`], as it has to where it says nothing. A receipt tells the API,
//!   which else counts it as lost when this Node ends. [`Command::Decline`] gives it back unserved.
//! - **Sessions** of WebSockets belong to the API: handshakes, pings and closes are its affair.
//! - **Lives**: a [`Target`] belongs to one life of its server. Here that ends with the link to it, even
//!   if it was the link alone that was lost; then what was to be said to the targets of before is
//!   refused or reported as undelivered. The API says which life, as it counts, each request is of; and
//!   before requests of a life are told by way of a new link, the API is asked whether that life goes
//!   on. So a request that was long on its way is not answered to a stranger. What is left is a window:
//!   the time in which a server was restarted, this Node is connected to the new process already, and
//!   the API has not noticed the end of the old one (at once where the operating system tells of it,
//!   after its heartbeat where nobody does).

mod command;
mod config;
mod control;
mod event;
mod events;
mod held;
mod incoming;
mod machine;
mod outgoing;
mod receipts;
mod server;
mod work;

pub use command::{Command, Refused};
pub use config::{Config, Limits};
pub use event::{Event, Target, Unserved};
pub use machine::{Node, Stats};
