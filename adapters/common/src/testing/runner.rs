//! What an adapter provides.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use mongrel2_transceiver::server;
use mongrel2_transceiver::{Endpoint, Host};

use super::Desk;
use super::pending::block_on;
use super::route::host_towards;
use crate::{Clock, Handle};

/// How an adapter runs a stand-in server beside a test.
pub trait Runner: Clone + Send + Sync + 'static {
    /// What runs it: a thread, say.
    type Worker: Send + 'static;

    /// What the adapter's drivers take for the time.
    fn clock(&self) -> Clock {
        Clock::system()
    }

    /// A number for the seed of a machine.
    fn seed(&self) -> u64 {
        crate::seed()
    }

    /// Runs the machine beside the caller. Its driver tells `desk` each event, until that says that it
    /// was the last.
    ///
    /// # Errors
    /// What the operating system says where it grants no thread.
    fn run(
        &self,
        machine: server::Server,
        desk: Desk,
    ) -> io::Result<(Handle<server::Server>, Self::Worker)>;

    /// Blocks this thread until the future is done.
    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        block_on(future);
    }

    /// Waits for the end of a server that was told to shut down: as long as `limit` at most, and not at
    /// all where the server can only go on when this returns. False where it does not end, and is to be
    /// given up.
    fn join(&self, worker: Self::Worker, limit: Duration) -> bool;

    /// The host by which whoever is bound to `control` reaches a socket that is bound to all
    /// interfaces; `None` where that cannot be known.
    fn host_towards(&self, control: &Endpoint) -> Option<Host> {
        host_towards(control)
    }
}
