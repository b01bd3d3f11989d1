//! Which streams have become ready, and the task that wants to know.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use mongrel2_transceiver::{LinkId, ListenerId};

/// Whoever waits for readiness.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Link(LinkId),
    Listener(ListenerId),
}

/// Collects wakes, so that each costs as much as the streams that are ready, however many there are.
///
/// As a waker it wakes the task alone: something other than a stream wants it.
#[derive(Debug, Default)]
pub(super) struct Ready {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Each waiter at most once.
    listed: VecDeque<Arc<Waiter>>,
    task: Option<Waker>,
}

impl Ready {
    /// A waker that lists `name` and wakes the task.
    pub(super) fn waker(self: &Arc<Self>, name: Name) -> Waker {
        let ready = Arc::downgrade(self);
        Waker::from(Arc::new(Waiter { name, is_listed: AtomicBool::new(false), ready }))
    }

    /// Names the task to wake next time.
    pub(super) fn register(&self, task: &Waker) {
        let mut inner = self.lock();
        if !inner.task.as_ref().is_some_and(|known| known.will_wake(task)) {
            inner.task = Some(task.clone());
        }
    }

    /// The first of those listed. From then on it may be listed again.
    pub(super) fn next(&self) -> Option<Name> {
        let waiter = self.lock().listed.pop_front()?;
        waiter.is_listed.store(false, Ordering::SeqCst);
        Some(waiter.name)
    }

    /// Wakes the task once: it registers again before it looks.
    fn wake_task(&self) {
        let task = self.lock().task.take();
        if let Some(task) = task {
            task.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Ready {
    fn wake(self: Arc<Self>) {
        self.wake_task();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_task();
    }
}

#[derive(Debug)]
struct Waiter {
    name: Name,
    is_listed: AtomicBool,
    /// Weak, for the list holds waiters.
    ready: Weak<Ready>,
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(ready) = self.ready.upgrade() else { return };
        if !self.is_listed.swap(true, Ordering::SeqCst) {
            ready.lock().listed.push_back(Arc::clone(self));
            ready.wake_task();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn each_is_listed_once_and_the_task_woken_once() {
        let (ready, count) = (Arc::new(Ready::default()), Arc::new(Count::default()));
        let wakers = [1, 2].map(|serial| ready.waker(Name::Link(LinkId::new(0, serial))));
        ready.register(&Waker::from(Arc::clone(&count)));
        for _ in 0..3 {
            wakers.iter().for_each(Waker::wake_by_ref);
        }
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(ready.next().is_some() && ready.next().is_some() && ready.next().is_none());
        wakers[0].wake_by_ref();
        assert!(ready.next().is_some() && ready.next().is_none());
    }

    #[test]
    fn a_late_wake_finds_nobody() {
        let ready = Arc::new(Ready::default());
        let waker = ready.waker(Name::Link(LinkId::new(0, 1)));
        waker.wake_by_ref();
        let weak = Arc::downgrade(&ready);
        drop(ready);
        waker.wake();
        assert!(weak.upgrade().is_none(), "the list keeps itself alive");
    }
}
