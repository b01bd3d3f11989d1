//! What all Nodes are told: which servers there are, and what the application has to say.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::introduction::Order;
use crate::machine::LinkId;
use crate::mongrel2::Sender;
use crate::socket::io::Io;
use crate::socket::{self, Core};
use crate::transceiver::ServerId;
use crate::zmtp::Message;

use super::super::wire::Note;

/// The PUB socket, and what it says again to whoever comes later.
#[derive(Debug)]
pub(super) struct News {
    pub(super) core: Core,
    /// Tells this API from the one before it, whose lives were counted from 1, too.
    epoch: u64,
    servers: BTreeMap<ServerId, Served>,
    /// What could not be said again to somebody for want of room.
    missed: u64,
}

#[derive(Debug)]
struct Served {
    sender: Sender,
    send_spec: Endpoint,
    recv_spec: Endpoint,
    /// The last life that is over; 0 for none.
    over: u32,
}

impl News {
    pub(super) const fn new(core: Core, epoch: u64) -> Self {
        Self { core, epoch, servers: BTreeMap::new(), missed: 0 }
    }

    pub(super) fn add(
        &mut self,
        id: ServerId,
        (sender, send_spec, recv_spec): (Sender, Endpoint, Endpoint),
        io: &mut Io,
    ) {
        let served = Served { sender, send_spec, recv_spec, over: 0 };
        self.publish(served.order(), io);
        self.servers.insert(id, served);
    }

    pub(super) fn remove(&mut self, id: ServerId, io: &mut Io) {
        if let Some(Served { sender, .. }) = self.servers.remove(&id) {
            self.publish(Order::Remove { sender }.encode(), io);
        }
    }

    /// This life of a server is over.
    pub(super) fn over(&mut self, id: ServerId, life: u32, io: &mut Io) {
        let Some(served) = self.servers.get_mut(&id) else { return };
        served.over = life;
        let note = served.note(self.epoch);
        self.publish(note, io);
    }

    /// That requests of a server belong to this life of it from here on, for one Node.
    pub(super) fn life(&self, id: ServerId, life: u32) -> Option<Bytes> {
        let sender = Bytes::copy_from_slice(self.servers.get(&id)?.sender.as_bytes());
        Some(Note::Life { sender, epoch: self.epoch, life }.encode())
    }

    /// Whether this life is over.
    pub(super) fn is_over(&self, id: ServerId, life: u32) -> bool {
        self.servers.get(&id).is_none_or(|served| life <= served.over)
    }

    /// The server of a life that this API has told a Node of, and that is not known to be over.
    pub(super) fn living(&self, sender: &[u8], epoch: u64, life: u32) -> Option<ServerId> {
        let mut servers = self.servers.iter().filter(|_| epoch == self.epoch);
        let (id, served) = servers.find(|(_, served)| served.sender.as_bytes() == sender)?;
        (life > served.over).then_some(*id)
    }

    pub(super) fn announce(
        &mut self,
        topic: Bytes,
        body: Bytes,
        io: &mut Io,
    ) -> Result<(), socket::Refused> {
        self.core.send(Message::from(Note::Announcement { topic, body }.encode()), io)
    }

    /// Tells a newcomer all that still holds.
    pub(super) fn repeat(&mut self, to: LinkId) {
        for served in self.servers.values() {
            let mut notes = vec![served.order()];
            if served.over > 0 {
                notes.push(served.note(self.epoch));
            }
            for note in notes {
                if self.core.is_subscribed(to, &note) && !self.core.send_to(to, note.into()) {
                    self.missed += 1;
                }
            }
        }
    }

    /// How much slow Nodes missed since the last call.
    pub(super) fn take_missed(&mut self) -> u64 {
        let missed = std::mem::take(&mut self.missed);
        match self.core.take_dropped() {
            Some(socket::Event::Dropped { messages }) => missed + messages,
            _ => missed,
        }
    }

    fn publish(&mut self, note: Bytes, io: &mut Io) {
        // Where nobody is there to hear it, it is said again to whoever comes.
        let _ = self.core.send(Message::from(note), io);
    }
}

impl Served {
    fn order(&self) -> Bytes {
        let Self { sender, send_spec, recv_spec, .. } = self;
        let (sender, send_spec, recv_spec) = (sender.clone(), send_spec.clone(), recv_spec.clone());
        Order::Add { sender, send_spec, recv_spec }.encode()
    }

    fn note(&self, epoch: u64) -> Bytes {
        let sender = Bytes::copy_from_slice(self.sender.as_bytes());
        Note::Over { sender, epoch, life: self.over }.encode()
    }
}
