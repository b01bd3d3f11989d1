//! Where the handlers and servers of the suite run: in threads of their own, for the
//! adapters over real sockets. Each `tests/loopback.rs` of theirs includes this next to the suite.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use mongrel2_transceiver::server::Config;
use mongrel2_transceiver::transceiver::{Event, Transceiver};

use crate::adapter::{Driver, Error, Handle, Pending, Server, next};

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
