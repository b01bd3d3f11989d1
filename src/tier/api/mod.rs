//! The side that talks to Mongrel2 and deals the work out: [`Api`].
//!
//! It is a whole [`Transceiver`](crate::Transceiver): its commands and events pass through as
//! [`Command::Handler`] and [`Event::Handler`], except that requests and WebSocket messages go to the
//! Nodes instead of to the application, as [`Config::forward`] has it.
//!
//! # What becomes of a request
//! 1. It **waits** here until a Node has room for it. Where too many wait, nothing more is taken from
//!    the servers, whom TCP then slows down; so, with no Node at all, browsers wait.
//! 2. It is **taken** by a Node once it is in a write to it. One write is under way to each Node, of a
//!    few messages; all else stays here. When the Node is lost, what waits goes to the others.
//! 3. It is **finished** when the Node's receipt says so: its answer is written to Mongrel2, or none is
//!    due. What a lost Node had taken and not finished is reported as [`Event::NodeLost`], and what it
//!    could not serve as [`Event::Unserved`]; the application may answer those itself, by
//!    [`transceiver::Command::Reply`](crate::transceiver::Command::Reply), or have it done by
//!    [`Config::answer_lost`].
//!
//! The API vouches for a life of a server, to a Node that asks, once the server has answered a PING that
//! was sent after the question: a link that looks alive may be to a process that was replaced.
//!
//! Two answers for one request are possible only where a Node that lost its link for work and could not
//! send receipts either comes back with an answer after [`Config::patience`].

mod command;
mod config;
mod dealing;
mod event;
mod ledger;
mod machine;
mod news;
mod nodes;
mod spread;
mod vouching;

pub use command::{Command, Refused};
pub use config::{Config, Forward, Limits, Spread};
pub use event::{Event, NodeId, Place};
pub use machine::{Api, Stats};
