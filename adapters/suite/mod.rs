//! The tests that every adapter must pass, over real sockets of this host or in memory.
//!
//! Each `tests/loopback.rs` includes this, after a module `adapter` that hides the difference: it
//! has `Driver`, `SubmitError`, and `next`, which waits for an event for a limited time; and a module
//! `place`, where handlers and servers run. The time only ends tests that hang; none depends on how long
//! something takes. What only real sockets can show is in `sockets`.

pub(crate) mod bench;
mod connect;
mod driver;
mod handler;
mod listen;
pub(crate) mod probe;
mod transfer;
