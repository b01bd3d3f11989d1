//! Messages that wait to be sent by one link or endpoint.

use std::collections::VecDeque;

use crate::zmtp::Message;

use super::high_water::HighWater;

/// One outlet's messages: those that wait, and the count of those under way. Both count against the
/// high-water marks.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    waiting: VecDeque<Message>,
    under_way: usize,
    under_way_octets: usize,
    /// How many of those under way have arrived, before word that they are written.
    arrived: usize,
    marks: HighWater,
}

impl Queue {
    pub(crate) fn new(messages_max: usize, octets_max: usize) -> Self {
        let marks = HighWater::new(messages_max, octets_max);
        Self { waiting: VecDeque::new(), under_way: 0, under_way_octets: 0, arrived: 0, marks }
    }

    /// Whether a message of `size` octets may come in; notes a refusal.
    pub(crate) fn admits(&mut self, size: usize) -> bool {
        self.marks.admits(1, size)
    }

    /// Whether it refused a message and has room again; says so once.
    pub(crate) fn reopened(&mut self) -> bool {
        self.marks.reopened()
    }

    pub(crate) fn push(&mut self, message: Message) {
        self.marks.add(message.size());
        self.waiting.push_back(message);
    }

    /// Takes the next message to write; it is under way from then on.
    pub(crate) fn start_one(&mut self) -> Option<Message> {
        let message = self.waiting.pop_front()?;
        self.under_way += 1;
        self.under_way_octets += message.size();
        Some(message)
    }

    /// What is under way has arrived, as the peer's answer shows: it cannot be lost any more.
    pub(crate) const fn have_arrived(&mut self) {
        self.arrived = self.under_way;
    }

    /// What was under way is lost, but for what has arrived: how many messages that were.
    pub(crate) fn lose_under_way(&mut self) -> usize {
        let arrived = self.arrived;
        self.end_under_way().saturating_sub(arrived)
    }

    /// What was under way is sent: how many messages that were.
    pub(crate) fn end_under_way(&mut self) -> usize {
        self.arrived = 0;
        let ended = std::mem::take(&mut self.under_way);
        self.marks.remove(ended, std::mem::take(&mut self.under_way_octets));
        ended
    }

    /// Drops what waits: how many messages that were.
    pub(crate) fn clear(&mut self) -> usize {
        let dropped = std::mem::take(&mut self.waiting);
        self.marks.remove(dropped.len(), dropped.iter().map(Message::size).sum());
        dropped.len()
    }

    pub(crate) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many messages wait or are under way.
    pub(crate) const fn len(&self) -> usize {
        self.marks.messages()
    }

    /// How many octets wait or are under way.
    pub(crate) const fn octets(&self) -> usize {
        self.marks.octets()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn offer(queue: &mut Queue, size: usize) -> bool {
        let admitted = queue.admits(size);
        if admitted {
            queue.push(Message::from(Bytes::from(vec![b'x'; size])));
        }
        admitted
    }

    #[test]
    fn messages_under_way_count() {
        let mut queue = Queue::new(2, 100);
        assert!(offer(&mut queue, 1) && offer(&mut queue, 1));
        queue.start_one();
        assert!(!offer(&mut queue, 1));
        assert_eq!(queue.end_under_way(), 1);
        assert!(offer(&mut queue, 1));
    }

    #[test]
    fn what_has_arrived_is_not_lost() {
        let mut queue = Queue::new(4, 100);
        offer(&mut queue, 1);
        queue.start_one();
        queue.have_arrived();
        assert_eq!((queue.lose_under_way(), queue.len()), (0, 0));
        offer(&mut queue, 1);
        queue.start_one();
        assert_eq!((queue.lose_under_way(), queue.len()), (1, 0), "that is another");
    }

    #[test]
    fn clearing_counts_what_waited() {
        let mut queue = Queue::new(4, 1000);
        offer(&mut queue, 5);
        offer(&mut queue, 5);
        queue.start_one();
        assert_eq!((queue.clear(), queue.len(), queue.octets()), (1, 1, 5));
        assert_eq!((queue.end_under_way(), queue.len(), queue.octets()), (1, 0, 0));
    }
}
