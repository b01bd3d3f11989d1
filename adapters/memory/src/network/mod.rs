//! [`Network`]: a pretended network, its clock, and the tasks that live on it.

mod executor;
mod faults;
mod ready;
mod sleep;
mod state;
mod stuck;
mod task;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use mongrel2_transceiver::{Input, Output};
use mongrel2_transceiver_adapter::Clock;

pub use faults::NodeId;
pub use sleep::Sleep;
pub use stuck::Stuck;
pub use task::Task;

use ready::Ready;
use state::State;

/// A pretended network with a clock of its own, and the tasks on it. Cheap to clone; clones are one.
///
/// [`Driver`](crate::Driver)s run machines on it, [`spawn`](Self::spawn) starts tasks beside each
/// other, and [`run`](Self::run) lets all of them work until a future is done. The time passes only
/// there, and only when everybody waits: then it jumps to whatever is due next. So an hour of waiting
/// takes as long as what happens in it.
///
/// Equal seeds give equal runs, as long as no other thread interferes and nobody looks at another
/// clock or at other dice.
///
/// Tasks end with the last `Network`; those that a driver or a [`Task`] has do not count. A task that
/// has one of its own, as servers and clients of [`testing`](crate::testing) have, keeps all of them
/// until it is done.
#[derive(Clone)]
pub struct Network {
    inner: Arc<Inner>,
    /// `None` in what belongs to the network, which would keep it alive otherwise.
    _owner: Option<Arc<Owner>>,
}

/// Ends the tasks when it is dropped.
struct Owner {
    inner: Arc<Inner>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut lock(&self.inner.state).tasks);
        // Outside of the lock, for it drops whatever the tasks have.
        drop(tasks);
    }
}

struct Inner {
    start: Instant,
    /// Nanoseconds since `start`: beside the state, so that the clock needs no lock.
    elapsed: Arc<AtomicU64>,
    state: Mutex<State>,
    ready: Arc<Ready>,
    /// Held by whoever runs.
    running: Mutex<()>,
    runner: Mutex<Option<ThreadId>>,
}

impl Network {
    /// A network on which all is well. The seed decides what is drawn, such as how long the report of
    /// a write takes.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let inner = Arc::new(Inner {
            start: Instant::now(),
            elapsed: Arc::default(),
            state: Mutex::new(State::new(seed)),
            ready: Arc::default(),
            running: Mutex::new(()),
            runner: Mutex::new(None),
        });
        let _owner = Some(Arc::new(Owner { inner: Arc::clone(&inner) }));
        Self { inner, _owner }
    }

    /// The time on this network, for machines to be made. It has nothing to do with the time outside.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.inner.start + self.elapsed()
    }

    /// The time since the network was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.inner.elapsed.load(Ordering::SeqCst))
    }

    /// Waits for so long, in the network's time.
    pub fn sleep(&self, time: Duration) -> Sleep {
        Sleep::new(self.belonging(), self.elapsed().saturating_add(time))
    }

    /// A number for the seed of a machine: another with each call, and the same in each run.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.lock().seeds.next()
    }

    /// How long a run waits for what it was given, in the network's time, before it counts as
    /// [`Stuck::TooLate`]. A day, unless told otherwise: where handlers ping each other there is always
    /// something to do, and no other end.
    pub fn set_patience(&self, patience: Duration) {
        self.lock().patience = patience;
    }

    /// The same network, for what belongs to it.
    pub(crate) fn belonging(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), _owner: None }
    }

    /// The same time for drivers.
    pub(crate) fn made_up_clock(&self) -> Clock {
        let (start, elapsed) = (self.inner.start, Arc::clone(&self.inner.elapsed));
        Clock::made_up(move || start + Duration::from_nanos(elapsed.load(Ordering::SeqCst)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.inner.state)
    }

    /// The clock shows what the state says.
    fn show(&self, state: &State) {
        let nanos = u64::try_from(state.wires.now().as_nanos()).unwrap_or(u64::MAX);
        self.inner.elapsed.store(nanos, Ordering::SeqCst);
    }
}

/// For drivers.
impl Network {
    pub(crate) fn plug_in(&self, label: String) -> usize {
        self.lock().plug_in(label)
    }

    pub(crate) fn unplug(&self, node: usize) {
        self.lock().unplug(node);
    }

    pub(crate) fn is_plugged_in(&self, node: usize) -> bool {
        self.lock().is_plugged_in(node)
    }

    pub(crate) fn perform(&self, node: usize, output: Output) {
        self.lock().perform(node, output);
    }

    pub(crate) fn take_answer(&self, node: usize) -> Option<Input> {
        self.lock().take_answer(node)
    }

    /// Whether a driver may take one more step in this instant.
    pub(crate) fn may_step(&self, node: usize) -> bool {
        self.lock().driver_steps(node)
    }

    pub(crate) fn register(&self, node: usize, context: &Context<'_>) {
        self.lock().register(node, context.waker());
    }

    pub(crate) fn set_deadline(&self, node: usize, deadline: Option<Instant>) {
        let start = self.inner.start;
        let deadline = deadline.map(|at| at.saturating_duration_since(start));
        self.lock().set_deadline(node, deadline);
    }

    /// Nobody waits for the events of a driver any more.
    pub(crate) fn unregister(&self, node: usize) {
        let waker = self.lock().take_waker(node);
        drop(waker);
    }

    pub(crate) fn wake(&self, node: usize) {
        let waker = self.lock().take_waker(node);
        waker.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

/// What a panic left behind is as good as anything: a test is over by then.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
