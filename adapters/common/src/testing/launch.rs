//! The usual ways to run a stand-in server beside a test.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use mongrel2_transceiver::server::{Event, Server};

use super::Desk;
use crate::Handle;

/// Tells a desk the events of a driver until the last.
pub async fn attend(mut events: impl Stream<Item = Event> + Unpin, desk: Desk) {
    poll_fn(|context| {
        while !desk.poll_abandoned(context) {
            let goes_on = match Pin::new(&mut events).poll_next(context) {
                Poll::Ready(event) => event.is_some_and(|event| desk.tell(event)),
                Poll::Pending => return Poll::Pending,
            };
            if !goes_on {
                break;
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// Starts a thread that runs a server: `work` makes a driver, says so, and tells a desk its events.
///
/// # Errors
/// What the operating system says where it grants no thread, and what `work` says of the driver.
pub fn in_thread(
    work: impl FnOnce(Started) + Send + 'static,
) -> io::Result<(Handle<Server>, Thread)> {
    let (sender, receiver) = channel();
    let (alive, ended) = channel();
    let builder = thread::Builder::new().name("stand-in server".to_owned());
    let thread = builder.spawn(move || {
        let _alive: Sender<()> = alive;
        work(Started { sender });
    })?;
    let handle = receiver.recv().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
    Ok((handle, Thread { thread, ended }))
}

/// Says that a driver was made, or was not. Given by [`in_thread`].
pub struct Started {
    sender: Sender<io::Result<Handle<Server>>>,
}

impl Started {
    /// Says so.
    pub fn tell(self, handle: io::Result<Handle<Server>>) {
        let _nobody_may_wait = self.sender.send(handle);
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Started").finish_non_exhaustive()
    }
}

/// The thread of a server. Made by [`in_thread`].
#[derive(Debug)]
pub struct Thread {
    thread: thread::JoinHandle<()>,
    /// Closed when the thread ends.
    ended: Receiver<()>,
}

impl Thread {
    /// Waits for the end of the thread, but not for longer than `limit`. Whether it has ended.
    #[must_use]
    pub fn join(self, limit: Duration) -> bool {
        let has_ended = self.ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout);
        if !has_ended {
            tracing::warn!("the thread of a stand-in server does not end, and is left alone");
        } else if self.thread.join().is_err() {
            tracing::warn!("the thread of a stand-in server has panicked");
        }
        has_ended
    }
}
