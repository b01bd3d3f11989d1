//! Tasks, and the loop that lets them work.

use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use super::ready::TaskId;
use super::state::{RUN, Spawned};
use super::task::{End, Task};
use super::{Network, Stuck, lock};

impl Network {
    /// Starts a task, which works whenever somebody [`run`](Self::run)s the network. It starts when
    /// those before it wait.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + Send + 'static,
    ) -> Task<T> {
        let end = Arc::new(Mutex::new(End::default()));
        let told = Arc::clone(&end);
        let future = Box::pin(async move {
            let value = future.await;
            let waker = lock(&told).set(value);
            waker.into_iter().for_each(Waker::wake);
        });
        let mut state = self.lock();
        let id = state.new_id();
        let waker = self.inner.ready.waker(id);
        waker.wake_by_ref();
        state.tasks.insert(id, Spawned { future: Some(future), at: Location::caller(), waker });
        drop(state);
        Task::new(self.belonging(), id, end)
    }

    /// Lets all tasks work until `future` is done, which runs beside them. Tasks that are not done by
    /// then go on in the next run.
    ///
    /// # Panics
    /// Where the future can never be done, saying who waits for what: see [`Stuck`]. And where it is
    /// called by a task of this network: await the future there. Panics of tasks come out of here.
    #[expect(clippy::panic, reason = "it is for tests: that is how they fail")]
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.try_run(future).unwrap_or_else(|stuck| panic!("{stuck}"))
    }

    /// Like [`run`](Self::run).
    ///
    /// # Errors
    /// Where the future can never be done, saying who waits for what. The future is dropped then.
    ///
    /// # Panics
    /// Where it is called by a task of this network.
    pub fn try_run<T>(&self, future: impl Future<Output = T>) -> Result<T, Stuck> {
        let _running = self.begin();
        let patience = self.lock().patience;
        let end = self.elapsed().saturating_add(patience);
        let mut future = pin!(future);
        let (id, waker) = self.new_waker();
        waker.wake_by_ref();
        let mut context = Context::from_waker(&waker);
        loop {
            while let Some(woken) = self.inner.ready.next() {
                if !self.lock().task_steps(woken) {
                    return Err(self.spinning());
                }
                if woken != id {
                    self.poll_task(woken);
                } else if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
                    return Ok(value);
                }
            }
            if !self.advance(end) {
                return Err(self.stuck(patience));
            }
        }
    }

    /// Lets all tasks work for so long, in the network's time.
    ///
    /// # Panics
    /// As [`run`](Self::run) does; but that all of them wait is fine.
    #[expect(clippy::panic, reason = "it is for tests: that is how they fail")]
    pub fn run_for(&self, time: Duration) {
        let _running = self.begin();
        let end = self.elapsed().saturating_add(time);
        loop {
            while let Some(woken) = self.inner.ready.next() {
                if !self.lock().task_steps(woken) {
                    panic!("{}", self.spinning());
                }
                self.poll_task(woken);
            }
            if !self.advance(end) {
                break;
            }
        }
        let mut state = self.lock();
        state.pass(end);
        self.show(&state);
    }

    /// Waits for another thread that runs the network.
    #[expect(clippy::panic, reason = "waiting for oneself would never end")]
    fn begin(&self) -> Running<'_> {
        if self.is_running_here() {
            panic!("the network runs already, in this very thread: await the future instead");
        }
        let running = lock(&self.inner.running);
        *lock(&self.inner.runner) = Some(thread::current().id());
        self.lock().forgive();
        Running { network: self, _running: running }
    }

    /// Whether whoever asks is within a run.
    pub(crate) fn is_running_here(&self) -> bool {
        *lock(&self.inner.runner) == Some(thread::current().id())
    }

    fn new_waker(&self) -> (TaskId, Waker) {
        let id = self.lock().new_id();
        (id, self.inner.ready.waker(id))
    }

    /// Polls a task, if there is one of this name still.
    fn poll_task(&self, id: TaskId) {
        let mut state = self.lock();
        let Some(task) = state.tasks.get_mut(&id) else { return };
        let Some(mut future) = task.future.take() else { return };
        let waker = task.waker.clone();
        drop(state);
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let mut state = self.lock();
        let task = match polled {
            Poll::Ready(()) => state.tasks.remove(&id),
            Poll::Pending => {
                if let Some(task) = state.tasks.get_mut(&id) {
                    task.future = Some(future);
                    return;
                }
                None
            }
        };
        // Outside of the lock, for it drops whatever the task has.
        drop(state);
        drop(task);
    }

    /// Does what is due first, up to `end`. False where nothing is.
    fn advance(&self, end: Duration) -> bool {
        let mut state = self.lock();
        let advanced = state.advance(end);
        self.show(&state);
        drop(state);
        advanced.inspect(|woken| woken.iter().for_each(Waker::wake_by_ref)).is_some()
    }

    fn stuck(&self, patience: Duration) -> Stuck {
        let state = self.lock();
        let mut waiting = vec![RUN.to_owned()];
        waiting.extend(state.waiting());
        match state.next_at() {
            Some(_) => Stuck::TooLate { patience, waiting },
            None => Stuck::AllWait { at: state.wires.now(), waiting },
        }
    }

    fn spinning(&self) -> Stuck {
        let mut state = self.lock();
        let spinning = state.forgive().into_iter().collect();
        Stuck::Spinning { at: state.wires.now(), spinning }
    }
}

/// A run of this thread. Other threads wait until it is dropped.
struct Running<'a> {
    network: &'a Network,
    _running: std::sync::MutexGuard<'a, ()>,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        *lock(&self.network.inner.runner) = None;
    }
}
