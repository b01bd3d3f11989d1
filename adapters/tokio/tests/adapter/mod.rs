//! A driver with a runtime of its own, for the suite, which knows of none. `runtime` of the test that
//! includes this makes it.

use std::io;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use mongrel2_transceiver::Machine;
use mongrel2_transceiver_tokio as adapter;
pub(crate) use mongrel2_transceiver_tokio::testing::{Client, Error, Pending, Server};
pub(crate) use mongrel2_transceiver_tokio::{Handle, SubmitError, seed};
use tokio::runtime::Runtime;

pub(crate) struct Driver<M: Machine> {
    /// `None` while a task has it. Dropped before its runtime.
    driver: Option<adapter::Driver<M>>,
    runtime: Runtime,
}

impl<M: Machine> Driver<M> {
    pub(crate) fn new(machine: M) -> io::Result<Self> {
        let runtime = crate::runtime();
        let driver = runtime.block_on(async { adapter::Driver::new(machine) })?;
        Ok(Self { driver: Some(driver), runtime })
    }
}

impl<M: Machine> Deref for Driver<M> {
    type Target = adapter::Driver<M>;

    fn deref(&self) -> &Self::Target {
        self.driver.as_ref().expect("no task has it")
    }
}

impl<M: Machine> DerefMut for Driver<M> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.driver.as_mut().expect("no task has it")
    }
}

/// Awaits the next event in a task, as applications do.
pub(crate) fn next<M>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event>
where
    M: Machine<Event: Send> + Send + 'static,
{
    let mut inner = driver.driver.take().expect("no task has it");
    let task = driver.runtime.spawn(async move {
        let event = tokio::time::timeout(timeout, inner.next_event()).await;
        (inner, event.ok())
    });
    let (inner, event) = driver.runtime.block_on(task).expect("the task does not panic");
    driver.driver = Some(inner);
    event
}

/// Awaits `work` outside of any task.
pub(crate) fn wait<M: Machine, T>(
    driver: &mut Driver<M>,
    work: impl AsyncFnOnce(&mut adapter::Driver<M>) -> T,
) -> T {
    let inner = driver.driver.as_mut().expect("no task has it");
    driver.runtime.block_on(work(inner))
}
