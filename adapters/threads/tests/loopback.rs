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

    use mongrel2_transceiver::Machine;
    pub(crate) use mongrel2_transceiver_threads::testing::{Client, Error, Pending, Server};
    pub(crate) use mongrel2_transceiver_threads::{Driver, Handle, SubmitError, seed};

    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        driver.next_event(Some(timeout)).unwrap()
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

#[path = "../../suite/sockets/mod.rs"]
mod sockets;
#[path = "../../suite/mod.rs"]
mod suite;

use std::time::Duration;

use suite::probe::{Ask, Probe};

#[test]
fn a_timeout_gives_none_and_loses_nothing() {
    let mut driver = adapter::Driver::new(Probe::default()).unwrap();
    assert!(driver.next_event(Some(Duration::ZERO)).unwrap().is_none());
    assert!(driver.next_event(Some(Duration::from_millis(2))).unwrap().is_none());
    driver.submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    while driver.next_event(Some(Duration::ZERO)).unwrap().is_none() {}
}

#[test]
fn events_come_from_the_iterator_too() {
    let mut driver = adapter::Driver::new(Probe::default()).unwrap();
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    let mut events = driver.events();
    events.next().unwrap().unwrap();
    events.driver().submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    events.next().unwrap().unwrap();
}
