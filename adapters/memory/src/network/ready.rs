//! Which tasks are to be polled.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

/// Names a task. What is given to `run` is a task too, for as long as that lasts.
pub(super) type TaskId = u64;

/// The tasks that were woken, first come first served.
#[derive(Debug, Default)]
pub(super) struct Ready {
    woken: Mutex<VecDeque<Arc<Woken>>>,
}

impl Ready {
    /// A waker for a task.
    pub(super) fn waker(self: &Arc<Self>, id: TaskId) -> Waker {
        let ready = Arc::downgrade(self);
        Waker::from(Arc::new(Woken { id, is_listed: AtomicBool::new(false), ready }))
    }

    /// The next task to poll. From then on it may be woken again.
    pub(super) fn next(&self) -> Option<TaskId> {
        let woken = self.lock().pop_front()?;
        woken.is_listed.store(false, Ordering::SeqCst);
        Some(woken.id)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Woken>>> {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Woken {
    id: TaskId,
    is_listed: AtomicBool,
    /// Weak, for the list holds these.
    ready: Weak<Ready>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(ready) = self.ready.upgrade() else { return };
        if !self.is_listed.swap(true, Ordering::SeqCst) {
            ready.lock().push_back(Arc::clone(self));
        }
    }
}
