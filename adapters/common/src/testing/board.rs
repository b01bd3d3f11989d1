//! Where the driver of a stand-in server leaves what it is told, and others wait for it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::Received;
use mongrel2_transceiver::mongrel2::{ConnId, ReplyError};
use mongrel2_transceiver::server::{ClientId, Event, Failure, ReceiveError};

use super::Error;

/// The driver's side of a board. Tells all who wait that the server is gone when it is dropped.
pub struct Desk {
    board: Arc<Board>,
}

impl Desk {
    /// Says what happened. False where it was the last.
    #[must_use]
    pub fn tell(&self, event: Event) -> bool {
        let is_last = matches!(event, Event::Stopped);
        let woken = self.board.lock().take(event);
        woken.into_iter().for_each(Waker::wake);
        !is_last
    }

    /// Whether nobody waits for the end any more, so that the driver should be dropped. Where it is not
    /// so, the task is woken when it is.
    pub fn poll_abandoned(&self, context: &Context<'_>) -> bool {
        let mut state = self.board.lock();
        state.driver = Some(context.waker().clone());
        state.is_abandoned
    }

    /// The same for drivers that are asked now and then.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.board.lock().is_abandoned
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let woken = self.board.lock().end();
        woken.into_iter().for_each(Waker::wake);
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// What is known of a server, and what is waited for.
#[derive(Debug, Default)]
pub(super) struct Board {
    state: Mutex<State>,
}

/// The two endpoints, once both are bound.
pub(super) type Bound = Result<(Endpoint, Endpoint), Error>;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) bound: Option<Bound>,
    pub(super) links: (usize, usize),
    pub(super) introductions: Slots<Endpoint, Result<(), Failure>>,
    pub(super) partings: Slots<Endpoint, Result<(), Failure>>,
    pub(super) opening: Slots<ClientId, Result<ConnId, Failure>>,
    pub(super) receiving: Slots<ClientId, Result<Received, ReceiveError>>,
    /// What came for who had given up waiting, of clients who did that once.
    pub(super) kept: BTreeMap<ClientId, VecDeque<Received>>,
    pub(super) malformed: VecDeque<ReplyError>,
    pub(super) lost: usize,
    /// Those who wait for the sockets, or for the end.
    watchers: Vec<Waker>,
    pub(super) is_over: bool,
    is_abandoned: bool,
    driver: Option<Waker>,
}

impl Board {
    pub(super) fn desk(self: &Arc<Self>) -> Desk {
        Desk { board: Arc::clone(self) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for the end any more.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_abandoned = true;
        let driver = state.driver.take();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
    }

    /// Where the server is bound.
    pub(super) fn poll_bound(&self, context: &Context<'_>) -> Poll<Bound> {
        let mut state = self.lock();
        match &state.bound {
            Some(bound) => Poll::Ready(bound.clone()),
            None if state.is_over => Poll::Ready(Err(Error::ServerGone)),
            None => {
                state.watch(context);
                Poll::Pending
            }
        }
    }

    pub(super) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.is_over {
            return Poll::Ready(());
        }
        state.watch(context);
        Poll::Pending
    }
}

impl State {
    fn watch(&mut self, context: &Context<'_>) {
        if !self.watchers.iter().any(|known| known.will_wake(context.waker())) {
            self.watchers.push(context.waker().clone());
        }
    }

    /// Takes note of an event; who is to be woken.
    fn take(&mut self, event: Event) -> Vec<Waker> {
        let woken = match event {
            Event::Listening { send_spec, recv_spec } => {
                self.bound.get_or_insert(Ok((send_spec, recv_spec)));
                return std::mem::take(&mut self.watchers);
            }
            Event::ListenFailed { endpoint, cause } => {
                self.bound = Some(Err(Error::Listen { endpoint, cause }));
                return std::mem::take(&mut self.watchers);
            }
            Event::Stopped => return self.end(),
            Event::Handlers { requests, replies } => {
                self.links = (requests, replies);
                None
            }
            Event::Connected { control } => self.introductions.set(&control, Ok(())),
            Event::ConnectFailed { control, failure } => {
                self.introductions.set(&control, Err(failure))
            }
            Event::Disconnected { control } => self.partings.set(&control, Ok(())),
            Event::DisconnectFailed { control, failure } => {
                if !self.partings.is_waiting(&control) {
                    tracing::warn!(%failure, "a server has ended without parting from a handler");
                }
                self.partings.set(&control, Err(failure))
            }
            Event::Ready { client, conn_id } => self.opening.set(&client, Ok(conn_id)),
            Event::NotReady { client, failure } => self.opening.set(&client, Err(failure)),
            Event::Received { client, received } => self.received(client, received),
            Event::Malformed { error } => {
                tracing::warn!(%error, "a handler said what Mongrel2 would not understand");
                if self.malformed.len() == MALFORMED_MAX {
                    self.malformed.pop_front();
                }
                self.malformed.push_back(error);
                None
            }
            Event::Lost { requests } => {
                tracing::warn!(requests, "requests were lost with the link to a handler");
                self.lost += requests;
                None
            }
            other @ (Event::Reply { .. } | Event::Room | _) => {
                tracing::debug!(event = ?other, "nobody waits for this");
                None
            }
        };
        woken.into_iter().collect()
    }

    fn received(
        &mut self,
        client: ClientId,
        received: Result<Received, ReceiveError>,
    ) -> Option<Waker> {
        let is_next = self.kept.get(&client).is_none_or(VecDeque::is_empty);
        if is_next && self.receiving.is_waiting(&client) {
            return self.receiving.set(&client, received);
        }
        // Who waited has given up just now, or has what was on its way for one who did. The next will
        // want it.
        if let Ok(received) = received {
            self.kept.entry(client).or_default().push_back(received);
        }
        None
    }

    /// Nothing more happens; who is to be woken.
    fn end(&mut self) -> Vec<Waker> {
        self.is_over = true;
        let mut woken = std::mem::take(&mut self.watchers);
        woken.extend(self.introductions.wakers());
        woken.extend(self.partings.wakers());
        woken.extend(self.opening.wakers());
        woken.extend(self.receiving.wakers());
        woken
    }
}

/// Things that are waited for, each by one.
#[derive(Debug)]
pub(super) struct Slots<K, T> {
    slots: BTreeMap<K, Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

impl<K, T> Default for Slots<K, T> {
    fn default() -> Self {
        Self { slots: BTreeMap::new() }
    }
}

impl<K: Ord, T> Slots<K, T> {
    /// Begins to wait. False where somebody waits for this already.
    pub(super) fn expect(&mut self, key: K) -> bool {
        match self.slots.entry(key) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(Slot { value: None, waker: None });
                true
            }
        }
    }

    /// Whether somebody waits, and nothing has come yet.
    fn is_waiting(&self, key: &K) -> bool {
        self.slots.get(key).is_some_and(|slot| slot.value.is_none())
    }

    /// What was waited for has come; who is to be woken.
    fn set(&mut self, key: &K, value: T) -> Option<Waker> {
        let slot = self.slots.get_mut(key)?;
        slot.value = Some(value);
        slot.waker.take()
    }

    /// Takes what has come, or waits on. What nobody began to wait for never comes.
    pub(super) fn poll(&mut self, key: &K, context: &Context<'_>) -> Poll<T> {
        let Some(slot) = self.slots.get_mut(key) else { return Poll::Pending };
        match slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                slot.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Waits no longer; what has come and was not taken.
    pub(super) fn forget(&mut self, key: &K) -> Option<T> {
        self.slots.remove(key)?.value
    }

    fn wakers(&mut self) -> impl Iterator<Item = Waker> {
        self.slots.values_mut().filter_map(|slot| slot.waker.take())
    }
}

/// As many are remembered, the last.
const MALFORMED_MAX: usize = 100;
