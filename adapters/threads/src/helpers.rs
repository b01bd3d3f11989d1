//! Work that may block: looking up names, and binding what somebody else may hold.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::Waker;
use std::thread;

use mongrel2_transceiver::{LinkId, ListenerId};
use mongrel2_transceiver_adapter::address::Address;
use mongrel2_transceiver_adapter::bind::Bound;

/// What came of such work.
pub(crate) enum Found {
    /// The addresses to connect a link to.
    Addresses(LinkId, io::Result<Vec<Address>>),
    /// The socket of a listener.
    Bound(ListenerId, io::Result<Bound>),
}

/// Short-lived threads, each of which does one piece of work, wakes the driver and ends.
#[derive(Debug)]
pub(crate) struct Helpers {
    running: usize,
    sender: Sender<Found>,
    /// Holds at most one result for each that is running.
    receiver: Receiver<Found>,
    waker: Waker,
}

impl Helpers {
    pub(crate) fn new(waker: Waker) -> Self {
        let (sender, receiver) = channel();
        Self { running: 0, sender, receiver, waker }
    }

    /// Does `work` elsewhere. Fails where too much of it is going on already.
    pub(crate) fn start(
        &mut self,
        work: impl FnOnce() -> Found + Send + 'static,
    ) -> io::Result<()> {
        if self.running >= HELPERS_MAX {
            return Err(io::ErrorKind::ResourceBusy.into());
        }
        let (sender, waker) = (self.sender.clone(), self.waker.clone());
        let name = "mongrel2-transceiver-helper".to_owned();
        thread::Builder::new().name(name).spawn(move || {
            // Nobody takes it once the driver is gone; then dropping it is right.
            let _gone = sender.send(work());
            waker.wake();
        })?;
        self.running += 1;
        Ok(())
    }

    /// What came of one piece of work that is done.
    pub(crate) fn take(&mut self) -> Option<Found> {
        let found = self.receiver.try_recv().ok()?;
        self.running -= 1;
        Some(found)
    }
}

/// Name servers may take half a minute; a machine that retries meanwhile must not pile up threads.
const HELPERS_MAX: usize = 256;
