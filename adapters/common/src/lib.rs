//! What the adapters of `mongrel2-transceiver` have in common, for those who write one.
//!
//! An adapter performs the operations of a [`Machine`](mongrel2_transceiver::Machine) over real
//! sockets. How it waits for readiness is its own affair; what does not depend on that is here, once:
//!
//! - [`Shared`] and [`Handle`]: one machine, used by its driver and by any number of submitters.
//! - [`Clock`]: the system's, or a made-up one.
//! - [`address`]: from an endpoint to the addresses to connect to.
//! - [`bind`]: from an endpoint to a listening socket, with the rules for files of Unix sockets.
//! - [`octets`]: reading without copying, writing from many pieces.
//! - [`runtime`]: the whole driver for an async runtime, but for its sockets.
//! - [`seed`]: entropy for a machine that wants some.
//! - [`testing`]: a stand-in server and its clients, for tests of handlers.
//!
//! Applications need none of this: the adapters re-export what an application names.

pub mod address;
mod batch;
pub mod bind;
mod clock;
pub mod octets;
pub mod runtime;
mod shared;
pub mod testing;

use std::hash::{BuildHasher, RandomState};

pub use batch::Batch;
pub use clock::Clock;
pub use shared::{Handle, Shared, SubmitError};

/// A number that differs from run to run, for a machine's seed.
///
/// It comes from the keys that the operating system gave the standard library for its hash tables:
/// good enough to spread reconnects, not for secrets.
#[must_use]
pub fn seed() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_seeds_differ() {
        assert_ne!(super::seed(), super::seed());
    }
}
