//! The three processes of the second tier, but for their adapter: what `tier-threads` runs.
//!
//! - [`options`]: the command line.
//! - [`api`]: the process that talks to Mongrel2 and deals requests out.
//! - [`node`]: a process that answers them.
//! - [`server`]: a stand-in Mongrel2 with browsers that ask without end, for those who have none.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

pub(crate) mod api;
pub(crate) mod node;
pub(crate) mod options;
pub(crate) mod server;

/// What comes after an event.
pub(crate) enum Next {
    /// The next event.
    Go,
    /// Nothing: all is over.
    Stopped,
    /// Nothing: this went wrong.
    Failed(String),
}
