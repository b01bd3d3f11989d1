//! From octets to messages: fair queueing over all links (RFC 28, 29, 30).
//!
//! Octets stay in a link's engine until somebody has room for a message, and no more are read for
//! that link until then. So a slow application slows its peers through TCP and nothing piles up.

use bytes::Bytes;

use crate::machine::LinkId;
use crate::zmtp::{Message, Received};

use super::core::{Core, Timer};
use super::event::{DownReason, Event};
use super::io::Io;
use super::link::Stage;
use super::pattern::Pattern;

impl Core {
    /// PUSH and PUB: takes in at once what peers say, as long as there is room for what the
    /// application has to be told of it.
    pub(super) fn take_eagerly(&mut self, io: &mut Io) {
        while self.pattern.is_eager() && !self.inbox.is_empty() && !self.holds_back() {
            let Some(event) = self.next_message(io) else { break };
            self.notices.push_back(event);
        }
    }

    /// The next message, one of each link in turn; the caller has room for it.
    pub(crate) fn next_message(&mut self, io: &mut Io) -> Option<Event> {
        for _ in 0..self.inbox.len() {
            if !self.takes_messages() {
                return None;
            }
            let id = *self.inbox.front()?;
            let is_held_back = self.is_held_back(id);
            let event = if is_held_back { None } else { self.take_from(id, io) };
            if !is_held_back && event.is_none() {
                // It has nothing more for now, or is gone.
                self.inbox.pop_front();
                continue;
            }
            if self.inbox.len() > 1 {
                self.inbox.rotate_left(1);
            }
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Whether there are octets that nobody has had room for yet.
    pub(crate) fn has_backlog(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether the pattern wants another message now: REP handles one request at a time.
    fn takes_messages(&self) -> bool {
        match &self.pattern {
            Pattern::Rep(replier) => replier.is_idle(),
            Pattern::Push
            | Pattern::Pull
            | Pattern::Pub { .. }
            | Pattern::Sub { .. }
            | Pattern::Req(_) => true,
        }
    }

    /// Whether this link has to wait: reading is paused, or its peer takes no replies. Links that
    /// have ended are drained all the same.
    fn is_held_back(&mut self, id: LinkId) -> bool {
        let is_paused = self.is_paused;
        let is_replier = matches!(self.pattern, Pattern::Rep(_));
        let Some(link) = self.links.get_mut(&id) else { return false };
        link.is_ready() && (is_paused || (is_replier && !link.queue.admits(0)))
    }

    /// The next message of one link. `None`: it has no whole one, and waits for octets or has ended.
    pub(super) fn take_from(&mut self, id: LinkId, io: &mut Io) -> Option<Event> {
        loop {
            let link = self.links.get_mut(&id)?;
            match link.engine.next() {
                // Nearly all that comes, without a detour.
                Ok(Some(Received::Message(message))) if matches!(self.pattern, Pattern::Pull) => {
                    link.busy_at = io.now();
                    return Some(Event::Message { link: id, message });
                }
                Ok(Some(received)) => {
                    if let Some(event) = self.take_in(id, received, io) {
                        return Some(event);
                    }
                }
                Ok(None) => {
                    self.is_dry(id, io);
                    return None;
                }
                Err(error) => {
                    self.fail(id, DownReason::Protocol(error), io);
                    return None;
                }
            }
        }
    }

    /// A link's octets are used up.
    fn is_dry(&mut self, id: LinkId, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.in_inbox = false;
        if let Stage::Draining(reason) = &link.stage {
            let reason = reason.clone();
            self.finish(id, reason, io);
        } else {
            link.read(io, self.config.limits.read_size);
        }
    }

    fn take_in(&mut self, id: LinkId, received: Received, io: &mut Io) -> Option<Event> {
        match received {
            Received::Message(message) => {
                if let Some(link) = self.links.get_mut(&id) {
                    link.busy_at = io.now();
                }
                self.message(id, message)
            }
            Received::Oversized { size, head } => self.oversized(id, size, head, io),
            Received::Subscribe(prefix) => self.subscribed(id, prefix, io),
            Received::Cancel(prefix) => self.cancelled(id, prefix),
            Received::Ping { ttl, context } => {
                let link = self.links.get_mut(&id)?;
                link.engine.pong(&context);
                link.liveness.set_peer_ttl(ttl);
                if link.is_ready() {
                    self.look_at(id, io);
                    self.mark_dirty(id);
                }
                None
            }
            Received::Pong { context } => self.ponged(id, &context),
            Received::Ready(_) => None,
        }
    }

    fn message(&mut self, link: LinkId, message: Message) -> Option<Event> {
        match &mut self.pattern {
            Pattern::Pull => Some(Event::Message { link, message }),
            Pattern::Sub { topics } => {
                let matches = topics.match_frame(message.first());
                matches.then_some(Event::Message { link, message })
            }
            Pattern::Req(_) => self.reply_arrived(link, message),
            Pattern::Rep(replier) => replier.take(link, message),
            // A PULL peer has nothing to say to PUSH, nor a SUB peer beyond its subscriptions.
            Pattern::Push | Pattern::Pub { .. } => None,
        }
    }

    /// A message was skipped. PUSH and PUB drop it as they drop any other, save that a subscription of
    /// such a size is above the limits.
    fn oversized(&mut self, link: LinkId, size: u64, head: Bytes, io: &mut Io) -> Option<Event> {
        match &self.pattern {
            Pattern::Pull | Pattern::Sub { .. } | Pattern::Req(_) | Pattern::Rep(_) => {
                Some(Event::Oversized { link, size, head })
            }
            Pattern::Pub { .. } if head.first() == Some(&SUBSCRIBE_OCTET) => {
                self.fail(link, DownReason::TooManySubscriptions, io);
                None
            }
            Pattern::Push | Pattern::Pub { .. } => None,
        }
    }

    fn ponged(&mut self, id: LinkId, context: &[u8]) -> Option<Event> {
        let link = self.links.get_mut(&id)?;
        if link.probe.is_none_or(|probe| probe != *context) {
            return None;
        }
        link.probe = None;
        self.timers.clear(Timer::Probe(id));
        Some(Event::Proven { link: id })
    }
}

/// How a subscription begins that is dressed as a message (ZMTP 3.0, RFC 23).
const SUBSCRIBE_OCTET: u8 = 1;
