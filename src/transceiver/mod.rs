//! The handler side of Mongrel2, whole: [`Transceiver`].
//!
//! It talks to any number of Mongrel2 servers, each over a PULL link for requests and a PUB link for
//! replies. It connects anew when they come back; reads requests only once a server is subscribed to
//! the replies; takes WebSocket handshakes; answers pings; pings the silent and ends those who stay
//! silent; does its part of closing handshakes; and ends in order. What is left to the application is
//! to take [`Event`]s and to submit [`Command`]s.
//!
//! Servers are added and removed by commands, or by [orders](crate::introduction) that come in by the
//! control socket.
//!
//! - **Server**: a Mongrel2 process. It is *up* while both links are ready and its subscription covers
//!   our replies. Its *life* is over when both links are lost: its connection ids then start over, so a
//!   [`Target`] belongs to one life.
//! - **Upload**: a body that Mongrel2 writes into a file, from [`Event::UploadStarted`] to
//!   [`Event::UploadDone`]; or one that it hands over in pieces, as much as [`Command::Grant`] lets come.
//! - **Session**: an open WebSocket, from [`Event::SessionOpened`] to [`Event::SessionClosed`].
//! - **Group**: sessions of any servers that a broadcast may go to together, by a name that the
//!   application chose. Whoever is no longer open is in none.

mod accept;
mod admit;
mod broadcast;
mod bucket;
mod closings;
mod command;
#[cfg_attr(not(feature = "deflate"), path = "uncompressed.rs")]
mod compression;
mod config;
mod context;
pub(crate) mod control;
#[cfg(feature = "deflate")]
mod deflate;
pub(crate) mod delivery;
mod endings;
mod event;
pub(crate) mod events;
pub(crate) mod gate;
mod groups;
mod held;
mod holds;
mod incoming;
mod index;
pub(crate) mod lanes;
mod life;
mod links;
mod machine;
mod membership;
mod opening;
pub(crate) mod outbox;
mod outgoing;
mod owed;
mod packing;
mod parting;
mod places;
mod progress;
mod proof;
mod report;
mod rounds;
mod server;
pub(crate) mod sessions;
mod slot;
mod slow;
mod steering;
mod target;
mod ticket;
mod uploads;
mod way;
mod window;

pub use accept::{Accept, Opening};
pub use admit::Admit;
pub use command::{Audience, Command, Refused};
pub use config::{Config, Limits};
#[cfg(feature = "deflate")]
pub use deflate::Deflate;
pub use event::{Event, Initiator, Loss, SessionEnd};
pub use machine::{Stats, Transceiver};
pub use report::{Report, Tally};
pub use slow::Slow;
pub use target::{ServerId, Target};
pub use uploads::{TemplateError, Uploads};

pub(crate) use machine::SCOPES_ABOVE;
