//! What a server and its clients share, and waiting for what it is told.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::Poll;
use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::Received;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server::{
    ClientId, Command, Failure, ReceiveError, Refused, Server as Machine,
};

use super::board::{Board, Slots, State};
use super::pending::{Block, Pending};
use super::{Error, Wanted};
use crate::{Clock, Handle, SubmitError};

/// What a server and its clients share.
pub(super) struct Hub {
    pub(super) handle: Handle<Machine>,
    pub(super) board: Arc<Board>,
    pub(super) clock: Clock,
    pub(super) block: Block,
    pub(super) clients_ever: AtomicU64,
}

impl Hub {
    pub(super) fn submit(&self, command: Command) -> Result<(), Error> {
        self.handle.submit(command).map_err(|error| match error {
            SubmitError::Refused(refused) => Error::Refused(refused),
            SubmitError::Gone => Error::ServerGone,
        })
    }

    pub(super) fn pending<'a, T>(
        &self,
        future: impl Future<Output = T> + Send + 'a,
    ) -> Pending<'a, T> {
        Pending::new(Arc::clone(&self.block), future)
    }

    /// Submits a command and waits for its end in one of the slots.
    pub(super) async fn ask<K: Ord + Clone, T>(
        &self,
        command: Command,
        key: K,
        slots: fn(&mut State) -> &mut Slots<K, T>,
    ) -> Result<T, Error> {
        if !slots(&mut self.board.lock()).expect(key.clone()) {
            return Err(Error::Refused(Refused::Busy));
        }
        let waiting = Waiting { hub: self, key, slots };
        self.submit(command)?;
        poll_fn(|context| {
            let mut state = self.board.lock();
            match slots(&mut state).poll(&waiting.key, context) {
                Poll::Ready(value) => Poll::Ready(Ok(value)),
                Poll::Pending if state.is_over => Poll::Ready(Err(Error::ServerGone)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    pub(super) async fn introduce(&self, command: Command, control: Endpoint) -> Result<(), Error> {
        Ok(self.ask(command, control, |state| &mut state.introductions).await??)
    }

    pub(super) async fn part(&self, control: Endpoint) -> Result<(), Error> {
        let command = Command::Disconnect { control: control.clone() };
        Ok(self.ask(command, control, |state| &mut state.partings).await??)
    }

    pub(super) async fn open(&self, command: Command, client: ClientId) -> Result<ConnId, Error> {
        let opened: Result<ConnId, Failure> =
            self.ask(command, client, |state| &mut state.opening).await?;
        Ok(opened?)
    }

    /// The next thing that a client got, or gets in time.
    pub(super) async fn receive(
        &self,
        client: ClientId,
        wanted: Wanted,
        within: Duration,
    ) -> Result<Received, Error> {
        let start = self.clock.now();
        {
            let mut state = self.board.lock();
            if let Some(kept) = state.kept.get_mut(&client).and_then(VecDeque::pop_front) {
                return Ok(kept);
            }
            // Nobody else waits for this: it takes the client for itself.
            state.receiving.expect(client);
        }
        let mut receiving = Receiving { hub: self, client, is_done: false };
        self.submit(Command::Receive { client, within })?;
        poll_fn(|context| {
            let mut state = self.board.lock();
            loop {
                let Poll::Ready(received) = state.receiving.poll(&client, context) else { break };
                // The end of a former receive, which was given up, may come as late as now.
                let is_ours = received != Err(ReceiveError::TimedOut)
                    || self.clock.now().saturating_duration_since(start) >= within;
                if is_ours {
                    receiving.is_done = true;
                    return Poll::Ready(received.map_err(|error| match error {
                        ReceiveError::TimedOut => Error::TimedOut { wanted, within },
                        ReceiveError::Gone => Error::Ended,
                        ReceiveError::ShuttingDown | _ => Error::ServerGone,
                    }));
                }
            }
            if state.is_over { Poll::Ready(Err(Error::ServerGone)) } else { Poll::Pending }
        })
        .await
    }

    pub(super) fn forget(&self, client: ClientId) {
        self.board.lock().kept.remove(&client);
        let _it_may_be_gone = self.submit(Command::Forget { client });
    }
}

/// Waits in a slot, for as long as it lives.
struct Waiting<'a, K: Ord, T> {
    hub: &'a Hub,
    key: K,
    slots: fn(&mut State) -> &mut Slots<K, T>,
}

impl<K: Ord, T> Drop for Waiting<'_, K, T> {
    fn drop(&mut self) {
        let late = (self.slots)(&mut self.hub.board.lock()).forget(&self.key);
        drop(late);
    }
}

/// Waits for what a client gets. What comes too late is kept for the next.
struct Receiving<'a> {
    hub: &'a Hub,
    client: ClientId,
    is_done: bool,
}

impl Drop for Receiving<'_> {
    /// Where a receive is given up, its event may be on its way, and end the next one in its place. That
    /// one is then under way still when it is done, and is taken back as well: so from then on, all are.
    fn drop(&mut self) {
        let mut state = self.hub.board.lock();
        let late = state.receiving.forget(&self.client);
        if self.is_done && late.is_none() && !state.kept.contains_key(&self.client) {
            return;
        }
        let kept = state.kept.entry(self.client).or_default();
        if let Some(Ok(received)) = late {
            // Others have come behind it, if any.
            kept.push_front(received);
        }
        drop(state);
        let _it_may_have_ended = self.hub.submit(Command::Cancel { client: self.client });
    }
}
