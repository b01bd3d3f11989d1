//! The clients of a server: who has which connection, who waits for something.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::client::{Action, Client, Limits, Origin, Protocol};
use crate::mongrel2::{ConnId, Control, Extended, parse_extended};
use crate::socket::later;
use crate::socket::timers::Timers;

use super::command::{ClientId, Refused};
use super::event::{Event, ReceiveError};

/// The table of clients, by the name that the application gave and by their connections.
#[derive(Debug)]
pub(super) struct Clients {
    entries: BTreeMap<ClientId, Entry>,
    by_conn_id: BTreeMap<ConnId, ClientId>,
    entries_max: usize,
    /// The connections that there were so far.
    count: i64,
    origin: Origin,
    limits: Limits,
    seed: u64,
    /// When a receive under way is over.
    timers: Timers<ClientId>,
}

#[derive(Debug)]
struct Entry {
    client: Client,
    is_ready: bool,
    is_receiving: bool,
}

/// What came of something that was done to a client.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What Mongrel2 has for a handler by that.
    pub(super) messages: Vec<Bytes>,
    /// What a receive under way ended with.
    pub(super) event: Option<Event>,
}

impl Clients {
    pub(super) fn new(entries_max: usize, origin: Origin, limits: Limits, seed: u64) -> Self {
        Self {
            entries: BTreeMap::new(),
            by_conn_id: BTreeMap::new(),
            entries_max: entries_max.max(1),
            count: 0,
            origin,
            limits,
            seed,
            timers: Timers::new(),
        }
    }

    /// Whether there ever was one.
    pub(super) const fn were_opened(&self) -> bool {
        self.count > 0
    }

    /// A new client. Mongrel2 counts its connections from 1.
    pub(super) fn open(&mut self, id: ClientId, protocol: Protocol) -> Result<(), Refused> {
        if self.entries.contains_key(&id) {
            return Err(Refused::ClientInUse);
        }
        if self.entries.len() >= self.entries_max {
            return Err(Refused::TooManyClients);
        }
        self.count += 1;
        let conn_id = ConnId(self.count);
        let seed = self.seed ^ self.count.unsigned_abs().rotate_left(32);
        let client =
            Client::new(protocol, conn_id, self.origin.clone(), self.limits).with_seed(seed);
        self.entries.insert(id, Entry { client, is_ready: false, is_receiving: false });
        self.by_conn_id.insert(conn_id, id);
        Ok(())
    }

    /// A client may begin. Its connection, unless it was forgotten meanwhile.
    pub(super) fn ready(&mut self, id: ClientId) -> Option<ConnId> {
        let entry = self.entries.get_mut(&id)?;
        entry.is_ready = true;
        Some(entry.client.conn_id())
    }

    /// Lets a client do something.
    pub(super) fn act(&mut self, id: ClientId, action: Action) -> Result<Said, Refused> {
        let entry = self.ready_entry(id)?;
        entry.client.act(action).map_err(Refused::Act)?;
        Ok(self.said(id))
    }

    /// Hands out what a client got, or waits for it.
    pub(super) fn receive(
        &mut self,
        id: ClientId,
        within: Duration,
        now: Instant,
    ) -> Result<Option<Event>, Refused> {
        let entry = self.ready_entry(id)?;
        if entry.is_receiving {
            return Err(Refused::Receiving);
        }
        entry.is_receiving = true;
        if let Some(event) = entry.take(id) {
            return Ok(Some(event));
        }
        if within.is_zero() {
            return Ok(entry.end_receive(id, ReceiveError::TimedOut));
        }
        self.timers.set(id, later(now, within));
        Ok(None)
    }

    pub(super) fn cancel(&mut self, id: ClientId) -> Result<(), Refused> {
        self.ready_entry(id)?.is_receiving = false;
        self.timers.clear(id);
        Ok(())
    }

    /// Forgets a client.
    pub(super) fn forget(&mut self, id: ClientId) -> Result<Said, Refused> {
        let mut entry = self.entries.remove(&id).ok_or(Refused::UnknownClient)?;
        self.by_conn_id.remove(&entry.client.conn_id());
        self.timers.clear(id);
        // A client that is gone cannot vanish.
        let _ = entry.client.act(Action::Vanish);
        let event = entry.end_receive(id, ReceiveError::Gone);
        Ok(Said { messages: entry.deliveries(), event })
    }

    /// Hands a reply to the client whose connection it is for. `None` where there is no such client.
    pub(super) fn reply(&mut self, conn_id: ConnId, body: &Bytes, extended: bool) -> Option<Said> {
        let id = *self.by_conn_id.get(&conn_id)?;
        self.entries.get_mut(&id)?.client.reply(body.clone(), extended);
        Some(self.said(id))
    }

    /// What Mongrel2 says of a reply to a connection that does not exist.
    pub(super) fn notice(&self, conn_id: ConnId, body: &Bytes, extended: bool) -> Option<Bytes> {
        let is_silent = extended
            && match parse_extended(body) {
                Extended::Controls(controls) => controls.contains(&Control::Cancel),
                Extended::Close | Extended::Ignored => false,
            };
        (!is_silent).then(|| self.origin.notice(conn_id))
    }

    /// The next receive whose time is up.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Event> {
        let (_, id) = self.timers.pop_due(now)?;
        self.entries.get_mut(&id)?.end_receive(id, ReceiveError::TimedOut)
    }

    /// Ends all receives under way.
    pub(super) fn shutdown(&mut self) -> Vec<Event> {
        self.timers.clear_all();
        let ended = self
            .entries
            .iter_mut()
            .filter_map(|(id, entry)| entry.end_receive(*id, ReceiveError::ShuttingDown));
        ended.collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn said(&mut self, id: ClientId) -> Said {
        let Some(entry) = self.entries.get_mut(&id) else { return Said::default() };
        let event = entry.take(id);
        if event.is_some() {
            self.timers.clear(id);
        }
        Said { messages: entry.deliveries(), event }
    }

    fn ready_entry(&mut self, id: ClientId) -> Result<&mut Entry, Refused> {
        let entry = self.entries.get_mut(&id).ok_or(Refused::UnknownClient)?;
        if entry.is_ready { Ok(entry) } else { Err(Refused::NotReady) }
    }
}

impl Entry {
    /// What the client has to say to the handler.
    fn deliveries(&mut self) -> Vec<Bytes> {
        std::iter::from_fn(|| self.client.poll_delivery()).collect()
    }

    /// What a receive under way ends with, if anything does.
    fn take(&mut self, id: ClientId) -> Option<Event> {
        if !self.is_receiving {
            return None;
        }
        let received = match self.client.poll_received() {
            Some(received) => Ok(received),
            None if self.client.is_connected() => return None,
            None => Err(ReceiveError::Gone),
        };
        self.is_receiving = false;
        Some(Event::Received { client: id, received })
    }

    fn end_receive(&mut self, id: ClientId, error: ReceiveError) -> Option<Event> {
        std::mem::take(&mut self.is_receiving)
            .then_some(Event::Received { client: id, received: Err(error) })
    }
}
