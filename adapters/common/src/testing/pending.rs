//! Something that takes a while, for those who await and those who wait.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// How a thread waits for a future: see [`Runner::block_on`](super::Runner::block_on).
pub(super) type Block = Arc<dyn Fn(Pin<&mut dyn Future<Output = ()>>) + Send + Sync>;

/// Something that takes a while. Await it in any executor, or [`wait`](Self::wait) for it.
///
/// Nothing begins before one of the two; dropping it gives it up, and nothing received is lost.
#[must_use = "nothing begins before it is awaited, or waited for"]
pub struct Pending<'a, T> {
    future: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    block: Block,
}

impl<'a, T> Pending<'a, T> {
    pub(super) fn new(block: Block, future: impl Future<Output = T> + Send + 'a) -> Self {
        Self { future: Box::pin(future), block }
    }

    /// Blocks this thread until it is done. Not for use within an executor, which this would keep from
    /// everything else: await it there.
    ///
    /// # Panics
    /// In memory, within a run of the network, and where it can never be done.
    pub fn wait(self) -> T {
        let (mut future, mut output) = (self.future, None);
        (self.block)(pin!(async { output = Some(future.as_mut().await) }));
        output.expect("whoever blocks waits for the end of the future")
    }
}

impl<T> Future for Pending<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        self.future.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

/// Blocks this thread until a future is done, which other threads make progress with.
pub fn block_on(mut future: Pin<&mut dyn Future<Output = ()>>) {
    let parked = Arc::new(Parked { thread: thread::current(), is_woken: AtomicBool::new(false) });
    let waker = Waker::from(Arc::clone(&parked));
    let mut context = Context::from_waker(&waker);
    while future.as_mut().poll(&mut context).is_pending() {
        // Anybody may unpark a thread, so it is the flag that counts.
        while !parked.is_woken.swap(false, Ordering::SeqCst) {
            thread::park();
        }
    }
}

/// A thread that waits.
struct Parked {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}
