//! The loop that runs while an event is awaited.

use std::any::type_name;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures_core::Stream;
use mongrel2_transceiver::Machine;
use mongrel2_transceiver_adapter::{Handle, Shared};

use crate::network::{Network, NodeId};

/// Owns a machine and performs its operations on a [`Network`], inside
/// [`next_event`](Self::next_event).
///
/// Nothing is performed while nobody awaits an event, so await often. Dropping the driver drops the
/// machine and closes all of its streams, as the end of a process does. The same events come from its
/// [`Stream`], which **never ends by itself**: leave the loop at the event that is the machine's last,
/// such as `Stopped` of a transceiver.
pub struct Driver<M: Machine> {
    shared: Arc<Shared<M>>,
    network: Network,
    node: usize,
}

impl<M: Machine> Driver<M> {
    /// A driver for `machine`, which is told the time of the network. Make the machine at
    /// [`Network::now`].
    ///
    /// # Errors
    /// None; the operating system has a say with other adapters.
    #[track_caller]
    pub fn new(network: &Network, machine: M) -> io::Result<Self> {
        let name = type_name::<M>().rsplit("::").next().unwrap_or_default();
        let node = network.plug_in(format!("a {name}, driven at {}", Location::caller()));
        let network = network.belonging();
        let bell = Arc::new(Bell { network: network.clone(), node });
        let shared = Shared::with_clock(machine, Waker::from(bell), network.made_up_clock());
        Ok(Self { shared, network, node })
    }

    /// Submits a command to the machine. What it causes is performed by the next
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    /// Says why the machine refused the command; then nothing has changed. Refusals are a part of life: a
    /// browser may be gone before the answer to it is ready, or slow.
    pub fn submit(&mut self, command: M::Command) -> Result<(), M::Refused> {
        self.shared.submit(command)
    }

    /// A handle that submits commands from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle<M> {
        self.shared.handle()
    }

    /// Looks at the machine: for its statistics, say.
    ///
    /// Handles wait meanwhile, so do not submit to one from within `look`.
    pub fn with<T>(&self, look: impl FnOnce(&M) -> T) -> T {
        look(&self.shared.lock())
    }

    /// The network that it runs on.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Its name on the network, to break its streams by.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        NodeId(self.node)
    }

    /// Performs operations until there is an event.
    ///
    /// Nothing is held in the future: dropping it at any time loses nothing, and the next call goes
    /// on from there. So it can stand in a `select` or beside a [`Network::sleep`].
    pub async fn next_event(&mut self) -> M::Event {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<M::Event> {
        // What a handle does from here on is either seen below, or wakes.
        self.network.register(self.node, context);
        if !self.network.is_plugged_in(self.node) {
            return Poll::Pending;
        }
        // What has arrived comes before the time, which may blame somebody for its absence.
        while let Some(answer) = self.network.take_answer(self.node) {
            self.shared.tell(answer);
        }
        self.shared.tell_time();
        while let Some(output) = self.shared.step(None) {
            self.network.perform(self.node, output);
        }
        if !self.network.may_step(self.node) {
            // Back to the run, which says so.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut machine = self.shared.lock();
        let (event, deadline) = (machine.poll_event(), machine.next_deadline());
        drop(machine);
        match event {
            Some(event) => {
                self.network.unregister(self.node);
                Poll::Ready(event)
            }
            None => {
                self.network.set_deadline(self.node, deadline);
                Poll::Pending
            }
        }
    }
}

impl<M: Machine> Stream for Driver<M> {
    type Item = M::Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<M::Event>> {
        self.poll_event(context).map(Some)
    }
}

impl<M: Machine> Drop for Driver<M> {
    fn drop(&mut self) {
        self.network.unplug(self.node);
    }
}

impl<M: Machine> fmt::Debug for Driver<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Wakes whoever waits for the events of a driver.
struct Bell {
    network: Network,
    node: usize,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.network.wake(self.node);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.network.wake(self.node);
    }
}
