//! From messages to octets: who gets a message, and when it is written.

use crate::machine::LinkId;
use crate::zmtp::Message;

use super::core::Core;
use super::event::{Event, Refused};
use super::io::Io;
use super::names::Outlet;
use super::pattern::Pattern;
use super::pubsub::publish;
use super::queue::Queue;

impl Core {
    /// Sends a message as the pattern has it.
    pub(crate) fn send(&mut self, message: Message, io: &mut Io) -> Result<(), Refused> {
        if self.is_stopping {
            return Err(Refused::ShuttingDown);
        }
        let limits = &self.config.limits;
        if message.size() > limits.message_size_max || message.frame_count() > limits.frames_max {
            return Err(Refused::TooLarge);
        }
        match &mut self.pattern {
            Pattern::Push => self.push(message).map(|_| ()),
            Pattern::Pub { dropped } => {
                publish(&message, &mut self.links, &mut self.dirty, dropped)
            }
            Pattern::Req(_) => self.request(message, io),
            Pattern::Rep(replier) => {
                let owed = replier.owed.take().ok_or(Refused::NoRequest)?;
                self.reply(owed, message);
                Ok(())
            }
            Pattern::Pull | Pattern::Sub { .. } => Err(Refused::Direction),
        }
    }

    /// Gives a message to this peer, whoever's turn it is: for owners who deal messages out by
    /// themselves, or say something to one subscriber alone. Whether it was taken.
    pub(crate) fn send_to(&mut self, id: LinkId, message: Message) -> bool {
        let size_max = self.config.limits.message_size_max;
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_ready()) else {
            return false;
        };
        let size = message.size();
        if link.is_lingering || size > size_max || !link.queue.admits(size) {
            return false;
        }
        link.enqueue(message);
        self.mark_dirty(id);
        true
    }

    /// Gives a message to the next peer in turn whose queue has room.
    pub(super) fn push(&mut self, message: Message) -> Result<Outlet, Refused> {
        let size = message.size();
        while let Some(outlet) = self.outlets.next() {
            let link = self.outlet_link(outlet);
            let Some(queue) = self.queue_of(outlet, link) else {
                self.outlets.next_is_gone();
                continue;
            };
            if !queue.admits(size) {
                self.outlets.next_is_full();
                continue;
            }
            queue.push(message);
            self.outlets.pass();
            if let Some(id) = link {
                self.mark_dirty(id);
            }
            return Ok(outlet);
        }
        if !self.outlets.has_full() {
            return Err(Refused::NoPeer);
        }
        self.wants_room = true;
        Err(Refused::Full)
    }

    /// Somebody new may take messages.
    pub(super) fn outlet_joins(&mut self, outlet: Outlet) {
        self.outlets.put_back(outlet);
        self.there_is_room();
    }

    /// A queue that was full has fallen to half.
    pub(super) fn outlet_reopened(&mut self, outlet: Outlet) {
        if self.outlets.reopen(outlet) {
            self.there_is_room();
        }
    }

    fn there_is_room(&mut self) {
        if std::mem::take(&mut self.wants_room) {
            self.notices.push_back(Event::Room);
        }
    }

    /// The stream of an outlet, where it has one.
    pub(super) fn outlet_link(&self, outlet: Outlet) -> Option<LinkId> {
        match outlet {
            Outlet::Dial(dial) => self.dials.get(&dial)?.link,
            Outlet::Accepted(link) => Some(link),
        }
    }

    /// Where messages for an outlet wait: with its stream, or between two streams with its endpoint.
    pub(super) fn outlet_queue(&mut self, outlet: Outlet) -> Option<&mut Queue> {
        self.queue_of(outlet, self.outlet_link(outlet))
    }

    /// The same, where the stream is known already.
    fn queue_of(&mut self, outlet: Outlet, link: Option<LinkId>) -> Option<&mut Queue> {
        match (link, outlet) {
            (Some(id), _) => self.links.get_mut(&id).map(|link| &mut link.queue),
            (None, Outlet::Dial(id)) => self.dials.get_mut(&id).map(|dial| &mut dial.parked),
            (None, Outlet::Accepted(_)) => None,
        }
    }

    /// Writes what waits, as far as no write is under way: for the owner, when nothing else is to be
    /// performed. So all messages of one round go out in one write, and a lone one goes at once.
    pub(crate) fn flush(&mut self, io: &mut Io) {
        let size = self.config.limits.write_size.max(1);
        while let Some(id) = self.dirty.pop_front() {
            if let Some(link) = self.links.get_mut(&id) {
                link.is_dirty = false;
                link.write(io, size);
            }
        }
    }

    /// Whether this link takes messages now.
    pub(crate) fn is_up(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|link| link.is_ready() && !link.is_lingering)
    }

    /// Octets and messages that wait for one link or are under way to it.
    pub(crate) fn queued(&self, link: LinkId) -> (usize, usize) {
        self.links.get(&link).map_or((0, 0), |link| (link.queue.len(), link.queue.octets()))
    }
}
