//! What `spawn` gives back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::ready::TaskId;
use super::{Network, lock};

/// A task that was spawned; awaiting it gives what it ended with. Dropping it lets the task go on.
pub struct Task<T> {
    network: Network,
    id: TaskId,
    end: Arc<Mutex<End<T>>>,
}

/// How a task ended, once it has.
pub(super) struct End<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<T> Default for End<T> {
    fn default() -> Self {
        Self { value: None, waker: None }
    }
}

impl<T> End<T> {
    /// Says how a task ended; who is to be woken.
    pub(super) fn set(&mut self, value: T) -> Option<Waker> {
        self.value = Some(value);
        self.waker.take()
    }
}

impl<T> Task<T> {
    pub(super) const fn new(network: Network, id: TaskId, end: Arc<Mutex<End<T>>>) -> Self {
        Self { network, id, end }
    }

    /// Drops the task with all that it has, such as a driver with its streams: as when a process is
    /// killed. What it had ended with already is returned.
    pub fn cancel(self) -> Option<T> {
        let task = self.network.lock().tasks.remove(&self.id);
        // Outside of the lock, for it drops whatever the task has.
        drop(task);
        lock(&self.end).value.take()
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !self.network.lock().tasks.contains_key(&self.id)
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut end = lock(&self.end);
        match end.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                end.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("id", &self.id).finish_non_exhaustive()
    }
}
