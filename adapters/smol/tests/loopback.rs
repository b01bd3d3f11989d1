//! The suite for all adapters, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

mod adapter {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::{Duration, Instant};

    use mongrel2_transceiver::server::Config;
    use mongrel2_transceiver::transceiver::{Event, Transceiver};

    use futures_lite::future::{block_on, or};
    use mongrel2_transceiver::Machine;
    pub(crate) use mongrel2_transceiver_smol::testing::{Client, Error, Pending, Server};
    pub(crate) use mongrel2_transceiver_smol::{Driver, Handle, SubmitError, seed};

    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        async_io::block_on(or(async { Some(driver.next_event().await) }, async {
            async_io::Timer::after(timeout).await;
            None
        }))
    }

    /// This `block_on` knows nothing of async-io.
    pub(crate) fn wait<M: Machine, T>(
        driver: &mut Driver<M>,
        work: impl AsyncFnOnce(&mut Driver<M>) -> T,
    ) -> T {
        block_on(work(driver))
    }

    /// Ends a handler without a word, as the end of its process does.
    pub(crate) struct Kill {
        is_killed: Arc<AtomicBool>,
        thread: thread::JoinHandle<()>,
    }

    impl Kill {
        pub(crate) fn now(self) {
            self.is_killed.store(true, Ordering::SeqCst);
            self.thread.join().unwrap();
        }
    }

    pub(crate) struct Place;

    impl Place {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn now(&self) -> Instant {
            Instant::now()
        }

        pub(crate) fn pause(&self) {
            thread::sleep(Duration::from_millis(1));
        }

        pub(crate) fn server(&self, config: Config) -> Pending<'static, Result<Server, Error>> {
            Server::start(config)
        }

        pub(crate) fn serve(
            &self,
            machine: Transceiver,
            mut app: impl FnMut(&Handle<Transceiver>, Event) -> bool + Send + 'static,
        ) -> (Handle<Transceiver>, Kill) {
            let is_killed = Arc::new(AtomicBool::new(false));
            let (killed, (sender, receiver)) = (Arc::clone(&is_killed), channel());
            let thread = thread::spawn(move || {
                let mut driver = Driver::new(machine).unwrap();
                let handle = driver.handle();
                sender.send(handle.clone()).unwrap();
                while !killed.load(Ordering::SeqCst) {
                    if next(&mut driver, TICK).is_some_and(|event| !app(&handle, event)) {
                        break;
                    }
                }
            });
            (receiver.recv().unwrap(), Kill { is_killed, thread })
        }
    }

    /// How soon a handler notices that it is killed.
    const TICK: Duration = Duration::from_millis(20);
}

#[path = "../../suite/futures.rs"]
mod futures;
#[path = "../../suite/sockets/mod.rs"]
mod sockets;
#[path = "../../suite/mod.rs"]
mod suite;
