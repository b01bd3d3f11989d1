//! What a server works with, but does not own.

use crate::socket::io::Io;

use super::config::Config;
use super::events::Events;

/// What is at hand while a server works.
pub(super) struct Context<'a> {
    pub(super) config: &'a Config,
    pub(super) io: &'a mut Io,
    pub(super) events: &'a mut Events,
}
