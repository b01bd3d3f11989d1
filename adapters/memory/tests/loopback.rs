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
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use mongrel2_transceiver::Machine;
    use mongrel2_transceiver_memory as memory;
    pub(crate) use mongrel2_transceiver_memory::testing::{Client, Error, Pending, Server};
    pub(crate) use mongrel2_transceiver_memory::{Handle, SubmitError};
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

    /// Differs from call to call, and is the same in each run of the tests.
    pub(crate) fn seed() -> u64 {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        COUNT.fetch_add(1, Ordering::Relaxed)
    }
}

/// Where the handlers and servers of the suite run: as tasks on a network.
mod place {
    use std::time::{Duration, Instant};

    use mongrel2_transceiver::server::Config;
    use mongrel2_transceiver::transceiver::{Event, Transceiver};
    use mongrel2_transceiver_memory as memory;
    use mongrel2_transceiver_memory::{Network, Task};

    use crate::adapter::{Error, Handle, Pending, Server, seed};

    /// Ends a handler without a word, as the end of its process does.
    pub(crate) struct Kill(Task<()>);

    impl Kill {
        pub(crate) fn now(self) {
            self.0.cancel();
        }
    }

    pub(crate) struct Place(Network);

    impl Place {
        pub(crate) fn new() -> Self {
            Self(Network::new(seed()))
        }

        pub(crate) fn now(&self) -> Instant {
            self.0.now()
        }

        pub(crate) fn pause(&self) {
            self.0.run_for(Duration::from_millis(1));
        }

        pub(crate) fn server(&self, config: Config) -> Pending<'static, Result<Server, Error>> {
            Server::start_on(&self.0, config)
        }

        pub(crate) fn serve(
            &self,
            machine: Transceiver,
            mut app: impl FnMut(&Handle<Transceiver>, Event) -> bool + Send + 'static,
        ) -> (Handle<Transceiver>, Kill) {
            let mut driver = memory::Driver::new(&self.0, machine).unwrap();
            let handle = driver.handle();
            let task = self.0.spawn(async move {
                let handle = driver.handle();
                while app(&handle, driver.next_event().await) {}
            });
            (handle, Kill(task))
        }
    }
}

#[path = "../../suite/futures.rs"]
mod futures;
#[allow(dead_code, reason = "some of it is for tests over sockets")]
#[path = "../../suite/mod.rs"]
mod suite;
