//! What is for Mongrel2 itself and not for browsers: it passes by what waits for them.

use std::collections::{BTreeSet, VecDeque};

use crate::mongrel2::{ConnId, Control, TARGETS_MAX};

use super::super::delivery::{Delivery, Origin, Recipients};
use super::{Outbox, Remains};

impl Outbox {
    /// These connections are to be kept alive. What was not written since the last time is not asked
    /// for twice.
    pub(crate) fn keep_alive(&mut self, connections: impl IntoIterator<Item = ConnId>) {
        self.alive.extend(connections);
    }

    /// One message for as many of them as it may name. Where it is lost, its next time comes soon
    /// enough.
    pub(super) fn next_keep_alive(&mut self) -> Option<Delivery> {
        let to: Vec<_> = std::iter::from_fn(|| self.alive.pop_first()).take(TARGETS_MAX).collect();
        if to.is_empty() {
            return None;
        }
        let keep_alive = Delivery::control(Recipients::Many(to), Control::KeepAlive, Origin::Own);
        self.count(&keep_alive);
        Some(keep_alive)
    }

    /// Ends a connection at once: whom to report for what waited for it, which is dropped. An end of
    /// it that waited has come true.
    pub(crate) fn cancel(&mut self, to: ConnId, origin: Origin) -> Vec<ConnId> {
        // Leaves an end of the connection, which goes with the rest.
        let mut lost = self.lose_lane(to, Remains::End);
        lost.extend(self.gone(to));
        lost.extend(self.drop_waiting(to));
        self.push_first(Delivery::control(Recipients::One(to), Control::Cancel, origin));
        lost
    }

    /// Takes one connection off all that waits for the link.
    pub(super) fn drop_waiting(&mut self, to: ConnId) -> Vec<ConnId> {
        self.take_off(|_, of| of == to)
    }

    /// Takes connections that nobody knows any more off what the application has said and what waits for
    /// the link: nothing would count what of it they have read. Their ends remain.
    pub(super) fn drop_said(&mut self, to: &[ConnId]) -> Vec<ConnId> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let to: BTreeSet<_> = to.iter().copied().collect();
        self.take_off(|delivery, of| {
            let is_said = delivery.origin == Origin::Application && !delivery.is_repeatable();
            is_said && to.contains(&of)
        })
    }

    /// Takes connections off what waits for the link: whom to report for that.
    fn take_off(&mut self, is_off: impl Fn(&Delivery, ConnId) -> bool) -> Vec<ConnId> {
        let mut lost = Vec::new();
        let mut kept = VecDeque::with_capacity(self.waiting.len());
        while let Some(delivery) = self.waiting.pop_front() {
            let is_other = |other: &ConnId| !is_off(&delivery, *other);
            if delivery.to.as_slice().iter().all(is_other) {
                kept.push_back(delivery);
                continue;
            }
            self.release(delivery.origin, delivery.parts, delivery.weight);
            self.answered.extend(&delivery.answers);
            let is_told = |told: &ConnId| !is_other(told) && !delivery.is_repeatable();
            lost.extend(delivery.told_of().filter(is_told));
            let others: Vec<_> = delivery.to.as_slice().iter().copied().filter(is_other).collect();
            if !others.is_empty() {
                let rest = delivery.clone_to(Recipients::Many(others));
                self.count(&rest);
                kept.push_back(rest);
            }
        }
        self.waiting = kept;
        lost
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::super::super::lanes::Bounds;
    use super::super::super::sessions::Sessions;
    use super::*;
    use crate::mongrel2::Sender;

    fn outbox() -> Outbox {
        Outbox::new(100, 100_000, Bounds { messages_max: 100, octets_max: 100_000 })
    }

    /// All messages that go without waiting for anything.
    fn drain(outbox: &mut Outbox) -> Vec<Bytes> {
        let (now, sender) = (Instant::now(), Sender::new("me").unwrap());
        let next = || outbox.start_one(&sender, &mut Sessions::default(), now);
        std::iter::from_fn(next).map(|message| message.first().bytes()).collect()
    }

    fn reply(to: i64) -> Delivery {
        Delivery::to_one(ConnId(to), Bytes::from_static(b"hi"), Origin::Application)
    }

    #[test]
    fn many_are_kept_alive_by_few_messages_before_all_else() {
        let mut outbox = outbox();
        outbox.push(reply(7));
        outbox.keep_alive((1..=130).map(ConnId));
        outbox.keep_alive([ConnId(3)]);
        let messages = drain(&mut outbox);
        assert_eq!(messages.len(), 3);
        assert!(messages[0].ends_with(b" 128, 31:3:ctl,21:10:keep-alive,4:true!}]"));
        assert_eq!(messages[1], "me 9:X 129 130, 31:3:ctl,21:10:keep-alive,4:true!}]");
        assert_eq!(messages[2], "me 1:7, hi");
        outbox.sent(3);
        assert!(outbox.is_empty());
    }

    #[test]
    fn controls_take_no_place_and_wait_for_nobody() {
        let mut outbox = outbox();
        (0..20).for_each(|_| outbox.push(reply(7)));
        let credits = Control::Credits(5);
        let to = Recipients::One(ConnId(7));
        outbox.push(Delivery::control(to, credits, Origin::Application));
        let messages = drain(&mut outbox);
        assert_eq!(messages.len(), 8 + 1, "the others wait for the browser");
        assert_eq!(messages[8], "me 3:X 7, 24:3:ctl,14:7:credits,1:5#}]");
        let lost = outbox.lose_under_way(&mut Sessions::default());
        assert_eq!(lost.len(), 9, "lost credits are told of");
    }

    #[test]
    fn a_cancel_drops_all_that_waits_for_its_connection_and_goes_first() {
        let mut outbox = outbox();
        outbox.push(reply(8));
        (0..20).for_each(|_| outbox.push(reply(7)));
        drain(&mut outbox);
        outbox.sent(9);
        // Twelve are held for the browser; these wait for the link.
        let many = Recipients::Many([6, 7, 8].map(ConnId).to_vec());
        outbox.push(Delivery::new(many, Bytes::from_static(b"all"), Origin::Application));
        outbox.push(Delivery::hang_up(ConnId(7), Origin::Application));
        let lost = outbox.cancel(ConnId(7), Origin::Application);
        assert_eq!(lost, [ConnId(7); 13]);
        let messages = drain(&mut outbox);
        assert_eq!(messages, ["me 3:X 7, 26:3:ctl,16:6:cancel,4:true!}]", "me 3:6 8, all"]);
        outbox.sent(1);
        assert_eq!(outbox.lose_under_way(&mut Sessions::default()), [6, 8].map(ConnId));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_lost_cancel_is_said_again() {
        let mut outbox = outbox();
        outbox.cancel(ConnId(7), Origin::Application);
        let first = drain(&mut outbox);
        assert_eq!(outbox.lose_under_way(&mut Sessions::default()), []);
        assert_eq!(drain(&mut outbox), first);
        assert_eq!(outbox.lose_all(&mut Sessions::default()), [ConnId(7)]);
        assert!(outbox.is_empty());
    }

    #[test]
    fn what_is_for_modules_has_its_turn_and_stays_one() {
        let mut outbox = outbox();
        for number in 0..20 {
            outbox.push(if number % 2 == 0 {
                reply(7)
            } else {
                Delivery::extended(ConnId(7), b"sendfile", b"a")
            });
        }
        assert_eq!(drain(&mut outbox).len(), 8);
        outbox.lanes.open(ConnId(7));
        let waiting = outbox.lanes.take_all_of(ConnId(7));
        assert_eq!(waiting.iter().map(|held| held.parts).collect::<Vec<_>>(), [1; 12]);
    }
}
