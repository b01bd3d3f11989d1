//! A handler within the test, on a thread of its own: for what the echo examples do not do.

mod driver;

use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use interop::Mongrel2;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Report, Transceiver};
use mongrel2_transceiver_threads::{Driver, Handle};

/// The handler. A test that forgets to stop it leaves it to the end of the process.
#[derive(Debug)]
pub(crate) struct Inside {
    handle: Handle<Transceiver>,
    thread: JoinHandle<Vec<Report>>,
}

impl Inside {
    /// Serves `server`, which is up when this returns. All events go to `app`.
    pub(crate) fn start(
        server: &Mongrel2,
        change: impl FnOnce(&mut Config),
        mut app: impl FnMut(&mut Driver<Transceiver>, Event) + Send + 'static,
    ) -> Self {
        let mut driver = driver::driver(server, change);
        let handle = driver.handle();
        let (is_up, up) = mpsc::channel();
        let thread = thread::spawn(move || {
            while let Some(event) = driver.next_event(None).unwrap() {
                match event {
                    Event::ServerUp { .. } => drop(is_up.send(())),
                    Event::Stopped { reports, .. } => return reports,
                    other => app(&mut driver, other),
                }
            }
            Vec::new()
        });
        up.recv_timeout(interop::PATIENCE).expect("the server is up");
        Self { handle, thread }
    }

    /// Ends it in order: what became of all that it said.
    pub(crate) fn stop(self) -> Vec<Report> {
        self.handle.submit(Command::Shutdown).unwrap();
        self.thread.join().unwrap()
    }
}
