//! Ends the driver's wait from another thread.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use mio::{Registry, Token, Waker};

/// The token of the wakeup itself; streams have others.
pub(crate) const WAKEUP: Token = Token(0);

/// Wakes the driver once, however often it is asked to before the driver listens again.
#[derive(Debug)]
pub(crate) struct Wakeup {
    waker: Waker,
    /// Whether the driver was woken and has not looked since: saves system calls.
    is_woken: AtomicBool,
}

impl Wakeup {
    pub(crate) fn new(registry: &Registry) -> io::Result<Self> {
        Ok(Self { waker: Waker::new(registry, WAKEUP)?, is_woken: AtomicBool::new(false) })
    }

    /// To be called after each wait, before looking at what there is to do: then whatever comes too
    /// late to be seen wakes the driver again.
    pub(crate) fn listen(&self) {
        self.is_woken.swap(false, Ordering::SeqCst);
    }
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::SeqCst) {
            if let Err(error) = self.waker.wake() {
                tracing::warn!(%error, "the driver could not be woken");
            }
        }
    }
}
