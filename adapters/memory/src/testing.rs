//! A stand-in Mongrel2 on a [`Network`], and its clients: for tests of handlers in no time.

use std::future::{Future, poll_fn};
use std::io;
use std::net::Ipv4Addr;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use mongrel2_transceiver::server::Server as Machine;
use mongrel2_transceiver::{Endpoint, Host};
use mongrel2_transceiver_adapter::Clock;
pub use mongrel2_transceiver_adapter::testing::{Action, Ask, Protocol, Received, Response};
pub use mongrel2_transceiver_adapter::testing::{Client, Error, Pending, Wanted};
use mongrel2_transceiver_adapter::testing::{Desk, Runner, attend};

use crate::{Driver, Handle, Network, Task};

/// A stand-in Mongrel2 that runs as a task on a [`Network`]. Made by
/// [`for_handler_on`](mongrel2_transceiver_adapter::testing::Server::for_handler_on) and
/// [`start_on`](mongrel2_transceiver_adapter::testing::Server::start_on).
pub type Server = mongrel2_transceiver_adapter::testing::Server<Network>;

impl Runner for Network {
    type Worker = Task<()>;

    fn clock(&self) -> Clock {
        self.made_up_clock()
    }

    fn seed(&self) -> u64 {
        Self::seed(self)
    }

    fn run(&self, machine: Machine, desk: Desk) -> io::Result<(Handle<Machine>, Task<()>)> {
        let driver = Driver::new(self, machine)?;
        Ok((driver.handle(), self.spawn(attend(driver, desk))))
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        Self::run(self, future);
    }

    /// Within the network the server ends by itself, while the others go on.
    fn join(&self, worker: Task<()>, limit: Duration) -> bool {
        if self.is_running_here() {
            return true;
        }
        let ended = async {
            worker.await;
            true
        };
        let is_late = async {
            self.sleep(limit).await;
            false
        };
        self.try_run(either(ended, is_late)).unwrap_or(false)
    }

    /// All hosts are one.
    fn host_towards(&self, _control: &Endpoint) -> Option<Host> {
        Some(Host::Ip(Ipv4Addr::LOCALHOST.into()))
    }
}

/// What the first of two that is done gives.
async fn either<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        ready => ready,
    })
    .await
}
