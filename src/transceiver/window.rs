//! How much one connection may be sent before something proves that it was read.
//!
//! Mongrel2 holds at most 16 replies for a connection: the 17th closes it, and all are lost without a
//! word. It takes in all replies that have come before it writes to any client, so that a burst is
//! enough, however fast the client reads (seen on Mongrel2 1.12.2). So only so many are ever sent
//! unproven, the last places being kept for one more ping and for the end of the connection:
//!
//! - on a WebSocket, a ping goes behind some of them, and its pong proves that all before it was read
//!   ([`Window`]);
//! - elsewhere the time has to do, and over HTTP whatever the browser asks next ([`super::bucket`]).

use std::num::NonZeroU8;

/// What one WebSocket was sent, and what of it is unproven. Three octets, for a table of a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    /// Deliveries since the last proof.
    unproven: u8,
    /// How many of them came behind the ping that is under way.
    behind: u8,
    /// What the ping under way carries.
    asked: Option<Mark>,
}

/// What a ping carries, so that its pong is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(NonZeroU8);

impl Mark {
    pub(crate) const FIRST: Self = Self(NonZeroU8::MIN);

    pub(crate) fn next(self) -> Self {
        self.0.checked_add(1).map_or(Self::FIRST, Self)
    }

    /// One octet, unlike the payloads of the rounds of pings, which have four.
    pub(crate) const fn payload(self) -> [u8; 1] {
        [self.0.get()]
    }
}

impl Window {
    /// Whether one more delivery may go.
    pub(crate) const fn admits(self, end: End) -> bool {
        self.unproven < places(end)
    }

    /// A delivery goes.
    pub(crate) const fn sent(&mut self) {
        self.unproven = self.unproven.saturating_add(1);
        self.behind = self.behind.saturating_add(1);
    }

    /// Whether it is time for a ping.
    pub(crate) const fn wants_ping(self) -> bool {
        self.asked.is_none() && self.unproven >= PING_AT && !self.is_full()
    }

    /// Whether there is no place left even for a ping, for the last two are those of the end: pings or links
    /// were lost again and again, and it is not known what arrived. Only an answer to the last ping helps.
    pub(crate) const fn is_full(self) -> bool {
        self.unproven >= PINGS
    }

    /// A ping goes with the last delivery, or was the last delivery.
    pub(crate) const fn asked(&mut self, mark: Mark) {
        self.asked = Some(mark);
        self.behind = 0;
    }

    /// A pong has come. Whether it was the one that was waited for.
    pub(crate) fn answered(&mut self, payload: &[u8]) -> bool {
        let is_answer = self.asked.is_some_and(|mark| payload == mark.payload());
        if is_answer {
            self.unproven = self.behind;
            self.asked = None;
        }
        is_answer
    }

    /// What the ping under way carries; `None` where there is none.
    pub(crate) const fn mark(self) -> Option<Mark> {
        self.asked
    }

    /// The ping may be lost with a link, or its pong. What was sent may have arrived, or not. As long as
    /// there is a place for another ping that one will be waited for.
    pub(crate) const fn lost_link(&mut self) {
        if !self.is_full() {
            self.asked = None;
        }
    }
}

/// What of the end of a connection a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing.
    None,
    /// Our close frame.
    Close,
    /// The end itself.
    HangUp,
}

impl End {
    /// What a delivery of so many octets is; without any it ends the connection.
    pub(crate) const fn of(octets: usize, is_close: bool) -> Self {
        match octets {
            0 => Self::HangUp,
            _ if is_close => Self::Close,
            _ => Self::None,
        }
    }
}

/// How many may wait in Mongrel2 for one connection, this one included: a ping that is repeated, our close
/// frame and the end of the connection each have a place of their own, so that none takes another's.
const fn places(end: End) -> u8 {
    match end {
        End::None => PINGS - 1,
        End::Close => PINGS + 1,
        End::HangUp => PINGS + 2,
    }
}

/// How many may wait there where the last one is a ping.
const PINGS: u8 = 14;

/// Behind how many unproven deliveries a ping goes: late enough to be rare, early enough that its pong
/// comes before all places are taken.
const PING_AT: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pong_proves_what_went_before_its_ping() {
        let mut window = Window::default();
        (0..8).for_each(|_| window.sent());
        assert!(window.wants_ping());
        window.asked(Mark::FIRST);
        assert!(!window.wants_ping());
        (0..5).for_each(|_| {
            assert!(window.admits(End::None));
            window.sent();
        });
        assert!(!window.admits(End::None) && window.admits(End::HangUp));
        assert!(!window.answered(&[2]) && !window.answered(&[0, 0, 0, 1]) && !window.answered(&[]));
        assert!(window.answered(&[1]) && !window.answered(&[1]));
        assert_eq!(window, Window { unproven: 5, behind: 5, asked: None });
    }

    #[test]
    fn nothing_asked_means_nothing_answered() {
        let mut window = Window::default();
        window.sent();
        assert!(!window.answered(&[0]) && !window.answered(&[1]));
    }

    #[test]
    fn marks_are_never_zero() {
        let mut mark = Mark::FIRST;
        for _ in 0..1000 {
            assert_ne!(mark.payload(), [0]);
            mark = mark.next();
        }
    }

    #[test]
    fn a_lost_link_asks_anew() {
        let mut window = Window::default();
        (0..13).for_each(|_| window.sent());
        window.asked(Mark::FIRST);
        window.lost_link();
        assert!(window.wants_ping() && !window.answered(&[1]));
    }

    #[test]
    fn there_is_a_place_for_a_ping_or_the_last_one_counts() {
        let mut window = Window::default();
        (0..12).for_each(|_| window.sent());
        for mark in [Mark::FIRST, Mark::FIRST.next()] {
            window.lost_link();
            assert!(window.wants_ping());
            window.sent();
            window.asked(mark);
        }
        window.lost_link();
        assert!(!window.wants_ping() && !window.admits(End::None));
        assert!(window.answered(&[2]) && window.admits(End::None));
    }

    #[test]
    fn however_many_pings_are_lost_both_parts_of_the_end_have_a_place() {
        let mut window = Window::default();
        while window.admits(End::None) {
            window.sent();
        }
        while window.wants_ping() {
            window.sent();
            window.asked(Mark::FIRST);
            window.lost_link();
        }
        for end in [End::Close, End::HangUp] {
            assert!(window.admits(end));
            window.sent();
        }
        assert_eq!((window.unproven, window.admits(End::HangUp)), (16, false));
    }
}
