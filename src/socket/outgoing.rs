//! From messages to octets: who gets a message, and when it is written.

use crate::machine::LinkId;
use crate::zmtp::Message;

use super::core::Core;
use super::event::Refused;
use super::io::Io;
use super::link::{DialId, Link};
use super::pattern::Pattern;
use super::queue::Queue;

/// Somebody who may take a message of a PUSH or REQ socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outlet {
    /// An endpoint that we connect to: it has a queue from the connect on (RFC 28, RFC 30).
    Dial(DialId),
    /// An accepted peer: it has a queue while its link is up.
    Accepted(LinkId),
}

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
        match &self.pattern {
            Pattern::Push => self.push(message).map(|_| ()),
            Pattern::Pub { .. } => self.publish(&message),
            Pattern::Req(_) => self.request(message, io),
            Pattern::Rep(_) => self.reply(message),
            Pattern::Pull | Pattern::Sub { .. } => Err(Refused::Direction),
        }
    }

    /// Gives a message to the next peer in turn whose queue has room.
    pub(super) fn push(&mut self, message: Message) -> Result<Outlet, Refused> {
        let mut refused = Refused::NoPeer;
        for _ in 0..self.outlets.len() {
            let Some(outlet) = self.outlets.pop_front() else { break };
            self.outlets.push_back(outlet);
            let Some(queue) = self.outlet_queue(outlet) else { continue };
            if queue.admits(message.size()) {
                queue.push(message);
                if let Some(link) = self.outlet_link(outlet) {
                    self.mark_dirty(link);
                }
                return Ok(outlet);
            }
            refused = Refused::Full;
        }
        Err(refused)
    }

    /// The stream of an outlet, where it has one.
    pub(super) fn outlet_link(&self, outlet: Outlet) -> Option<LinkId> {
        match outlet {
            Outlet::Dial(dial) => self.dials.get(&dial)?.link,
            Outlet::Accepted(link) => Some(link),
        }
    }

    pub(super) fn outlet_queue(&mut self, outlet: Outlet) -> Option<&mut Queue> {
        let immediate = self.config.immediate;
        match self.outlet_link(outlet) {
            Some(id) => {
                let link = self.links.get_mut(&id)?;
                let is_open = !immediate || link.is_ready();
                (is_open && !link.is_lingering).then_some(&mut link.queue)
            }
            None => match outlet {
                Outlet::Dial(id) if !immediate => Some(&mut self.dials.get_mut(&id)?.parked),
                Outlet::Dial(_) | Outlet::Accepted(_) => None,
            },
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

    /// Whether a flush would do something.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Octets and messages that wait for one link or are under way to it.
    pub(crate) fn queued(&self, link: LinkId) -> (usize, usize) {
        self.links.get(&link).map_or((0, 0), |link: &Link| (link.queue.len(), link.queue.octets()))
    }
}
