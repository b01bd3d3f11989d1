//! High-water marks: how much may wait, in messages and in octets.

/// Counts what waits somewhere against two bounds.
///
/// Once something was refused nothing is admitted until both counts have fallen to half (the
/// hysteresis of libzmq), so that senders are not woken for every message.
#[derive(Clone, Debug)]
pub(crate) struct HighWater {
    messages: usize,
    octets: usize,
    messages_max: usize,
    octets_max: usize,
    is_full: bool,
    /// The most that was refused, in messages and octets, since somebody was told of room.
    wanted: Option<(usize, usize)>,
}

impl HighWater {
    /// Bounds of zero count as one.
    pub(crate) fn new(messages_max: usize, octets_max: usize) -> Self {
        let (messages_max, octets_max) = (messages_max.max(1), octets_max.max(1));
        Self { messages: 0, octets: 0, messages_max, octets_max, is_full: false, wanted: None }
    }

    /// Whether so much more may come in; notes a refusal. Where nothing waits one message always may,
    /// however large: its size has a limit of its own.
    pub(crate) fn admits(&mut self, messages: usize, octets: usize) -> bool {
        self.is_full = self.is_full && !self.is_half_empty();
        let admits = !self.is_full && self.fits(messages, octets);
        if !admits {
            self.refuse(messages, octets);
        }
        admits
    }

    /// Notes a refusal, for whatever reason.
    pub(crate) fn refuse(&mut self, messages: usize, octets: usize) {
        let (most_messages, most_octets) = self.wanted.unwrap_or_default();
        self.wanted = Some((most_messages.max(messages), most_octets.max(octets)));
        self.is_full = true;
    }

    /// Whether something was refused, and there is room for it since both counts have fallen to half;
    /// says so once. Who is told of room that is still too small would ask, and be refused, and be
    /// told again, without end.
    pub(crate) fn reopened(&mut self) -> bool {
        let has_room = |(messages, octets)| self.is_half_empty() && self.fits(messages, octets);
        let reopened = self.wanted.is_some_and(has_room);
        if reopened {
            (self.is_full, self.wanted) = (false, None);
        }
        reopened
    }

    /// Whether so much more fits now; no refusal is noted.
    pub(crate) fn fits(&self, messages: usize, octets: usize) -> bool {
        self.messages == 0
            || (self.messages.saturating_add(messages) <= self.messages_max
                && self.octets.saturating_add(octets) <= self.octets_max)
    }

    pub(crate) fn is_half_empty(&self) -> bool {
        self.messages <= self.messages_max / 2 && self.octets <= self.octets_max / 2
    }

    /// Whether more waits than may: it came in without being asked for.
    pub(crate) const fn is_exceeded(&self) -> bool {
        self.messages > self.messages_max || self.octets > self.octets_max
    }

    pub(crate) const fn add(&mut self, octets: usize) {
        self.messages += 1;
        self.octets += octets;
    }

    /// Adds so many at once.
    pub(crate) const fn put(&mut self, messages: usize, octets: usize) {
        self.messages += messages;
        self.octets += octets;
    }

    pub(crate) const fn remove(&mut self, messages: usize, octets: usize) {
        self.messages -= messages;
        self.octets -= octets;
    }

    pub(crate) const fn messages(&self) -> usize {
        self.messages
    }

    pub(crate) const fn octets(&self) -> usize {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_bounded_but_one_message_always_fits() {
        let mut marks = HighWater::new(10, 100);
        assert!(marks.admits(1, 1000));
        marks.add(1000);
        assert!(!marks.admits(1, 1));
        marks.remove(1, 1000);
        assert!(marks.admits(1, 50));
        marks.add(50);
        assert!(marks.admits(1, 50));
        assert!(!marks.admits(1, 51));
    }

    #[test]
    fn a_full_queue_opens_again_at_half_and_says_so_once() {
        let mut marks = HighWater::new(4, 1000);
        for _ in 0..4 {
            assert!(marks.admits(1, 1));
            marks.add(1);
        }
        assert!(!marks.admits(1, 1) && !marks.reopened());
        marks.remove(1, 1);
        assert!(!marks.reopened() && !marks.admits(1, 1));
        marks.remove(1, 1);
        assert!(marks.reopened() && !marks.reopened());
        assert!(marks.admits(1, 1));
    }

    #[test]
    fn room_is_room_for_what_was_refused() {
        let mut marks = HighWater::new(10, 100);
        marks.add(10);
        marks.add(30);
        assert!(!marks.admits(1, 80));
        // What is smaller goes in meanwhile, and takes nobody's turn.
        assert!(!marks.reopened() && marks.admits(1, 10));
        marks.remove(1, 30);
        assert!(marks.reopened() && marks.admits(1, 80));
    }
}
