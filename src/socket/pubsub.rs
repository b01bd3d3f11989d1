//! PUB and SUB (RFC 29).

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::machine::LinkId;
use crate::zmtp::{Engine, Message};

use super::core::Core;
use super::event::{DownReason, Event, Refused};
use super::io::Io;
use super::link::Link;
use super::pattern::Pattern;

/// Gives a message to every subscriber whose subscriptions match; drops it for those whose queue is
/// full, and counts that.
pub(super) fn publish(
    message: &Message,
    links: &mut BTreeMap<LinkId, Link>,
    dirty: &mut VecDeque<LinkId>,
    dropped: &mut u64,
) -> Result<(), Refused> {
    let size = message.size();
    let (mut taken, mut missed) = (0, 0);
    for link in links.values_mut() {
        let wants = link.is_ready() && !link.is_lingering;
        if !wants || !link.subscriptions.match_frame(message.first()) {
            continue;
        }
        if link.queue.admits(size) {
            link.enqueue(message.clone());
            link.mark_dirty(dirty);
            taken += 1;
        } else {
            missed += 1;
        }
    }
    *dropped += missed;
    if taken + missed == 0 { Err(Refused::NoPeer) } else { Ok(()) }
}

impl Core {
    /// Messages that slow subscribers missed since the last call.
    pub(crate) fn take_dropped(&mut self) -> Option<Event> {
        let Pattern::Pub { dropped } = &mut self.pattern else { return None };
        let messages = std::mem::take(dropped);
        (messages > 0).then_some(Event::Dropped { messages })
    }

    /// Whether this subscriber is to get messages that start with these octets.
    pub(crate) fn is_subscribed(&self, link: LinkId, octets: &[u8]) -> bool {
        self.links.get(&link).is_some_and(|link| link.subscriptions.matches(octets))
    }

    pub(super) fn subscribed(&mut self, id: LinkId, prefix: Bytes, io: &mut Io) -> Option<Event> {
        let subscriptions = &mut self.links.get_mut(&id)?.subscriptions;
        let is_full = subscriptions.len() >= self.config.limits.subscriptions_max.max(1);
        if is_full && !subscriptions.contains(&prefix) {
            self.fail(id, DownReason::TooManySubscriptions, io);
            return None;
        }
        // A piece of the chunk that it came in would keep all of the chunk.
        let prefix = Bytes::copy_from_slice(&prefix);
        let is_first = subscriptions.add(prefix.clone());
        is_first.then_some(Event::Subscribed { link: id, prefix })
    }

    pub(super) fn cancelled(&mut self, id: LinkId, prefix: Bytes) -> Option<Event> {
        let was_last = self.links.get_mut(&id)?.subscriptions.remove(&prefix);
        let prefix = Bytes::copy_from_slice(&prefix);
        was_last.then_some(Event::Cancelled { link: id, prefix })
    }

    pub(crate) fn subscribe(&mut self, prefix: Bytes, io: &mut Io) -> Result<(), Refused> {
        let max = self.config.limits.subscriptions_max.max(1);
        let Pattern::Sub { topics } = &mut self.pattern else { return Err(Refused::Direction) };
        if prefix.len() > PREFIX_SIZE_MAX {
            return Err(Refused::TooLarge);
        }
        if topics.len() >= max && !topics.contains(&prefix) {
            return Err(Refused::TooManySubscriptions);
        }
        if topics.add(prefix.clone()) {
            self.tell_publishers(|engine| engine.subscribe(&prefix), io);
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, prefix: &[u8], io: &mut Io) -> Result<(), Refused> {
        let Pattern::Sub { topics } = &mut self.pattern else { return Err(Refused::Direction) };
        if topics.remove(prefix) {
            self.tell_publishers(|engine| engine.cancel(prefix), io);
        }
        Ok(())
    }

    /// Tells all publishers. One that reads nothing is not told for ever: above the high-water mark it
    /// is cut off, and told everything anew when it is back.
    fn tell_publishers(&mut self, tell: impl Fn(&mut Engine), io: &mut Io) {
        let max = self.config.limits.send_bytes_max.max(1);
        let mut stuck = Vec::new();
        for link in self.links.values_mut().filter(|link| link.is_ready()) {
            tell(&mut link.engine);
            link.mark_dirty(&mut self.dirty);
            if link.is_writing() && link.engine.output_len() > max {
                stuck.push(link.id);
            }
        }
        stuck.into_iter().for_each(|id| self.fail(id, DownReason::NotReading, io));
    }
}

/// The longest prefix that every peer takes in one command.
const PREFIX_SIZE_MAX: usize = 2048;
