//! The suite for all adapters, in memory.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

/// A driver on a network of its own, for the suite, which knows of none.
mod adapter {
    use std::io;
    use std::ops::{Deref, DerefMut};
    use std::thread;
    use std::time::{Duration, Instant};

    use mongrel2_transceiver::Machine;
    use mongrel2_transceiver_memory as memory;
    pub(crate) use mongrel2_transceiver_memory::SubmitError;
    use mongrel2_transceiver_memory::{Network, Stuck};

    pub(crate) struct Driver<M: Machine> {
        driver: memory::Driver<M>,
        network: Network,
    }

    impl<M: Machine> Driver<M> {
        pub(crate) fn new(machine: M) -> io::Result<Self> {
            let network = Network::new(7);
            Ok(Self { driver: memory::Driver::new(&network, machine)?, network })
        }
    }

    impl<M: Machine> Deref for Driver<M> {
        type Target = memory::Driver<M>;

        fn deref(&self) -> &Self::Target {
            &self.driver
        }
    }

    impl<M: Machine> DerefMut for Driver<M> {
        fn deref_mut(&mut self) -> &mut Self::Target {
            &mut self.driver
        }
    }

    /// The timeout is one outside of the network: another thread may yet submit something.
    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        let start = Instant::now();
        loop {
            match driver.network.try_run(driver.driver.next_event()) {
                Ok(event) => return Some(event),
                Err(Stuck::AllWait { .. }) if start.elapsed() < timeout => thread::yield_now(),
                Err(Stuck::AllWait { .. }) => return None,
                Err(stuck) => panic!("{stuck}"),
            }
        }
    }

    /// Time passes meanwhile, as it does elsewhere.
    pub(crate) fn wait<M: Machine, T>(
        driver: &mut Driver<M>,
        work: impl AsyncFnOnce(&mut memory::Driver<M>) -> T,
    ) -> T {
        driver.network.run_for(Duration::from_micros(10));
        driver.network.run(work(&mut driver.driver))
    }
}

#[path = "../../suite/futures.rs"]
mod futures;
#[allow(dead_code, reason = "some of it is for tests over sockets")]
#[path = "../../suite/mod.rs"]
mod suite;
