//! One life of a Mongrel2 server: from its start to its end, as far as its two links tell.
//!
//! A restarted server has the same name and counts its connection ids from 1 again, so a reply kept
//! for the old process would reach a stranger in the new one (seen on Mongrel2 1.12.2). No message
//! tells of a restart. But one process owns both of its sockets, so: while a link to it lives, it
//! lives. The first link to come up founds a life. A link that comes up later belongs to the same
//! life once the link that was there before has answered a PING sent after that: until then it is
//! unproven. A life is over when no proven link is left.

use crate::machine::LinkId;

/// The two links of a server, and the life that they prove.
#[derive(Debug, Default)]
pub(super) struct Life {
    number: u32,
    requests: Tie,
    replies: Tie,
    /// The peer knows no PING (ZMTP 3.0): losing one link ends the life.
    is_unprovable: bool,
}

/// Which of the two links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Our PULL, their PUSH.
    Requests,
    /// Our PUB, their SUB.
    Replies,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tie {
    #[default]
    Down,
    Unproven(LinkId),
    Proven(LinkId),
}

/// What a link's coming or going means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing, as yet.
    None,
    /// A life has begun.
    Begun,
    /// This link, the other one, is to be asked for a PONG; then call [`Life::proven`], or
    /// [`Life::cannot_prove`] where it cannot be asked.
    Probe(LinkId),
    /// The life goes on, but nobody can prove it: this link, the other one, is to be cut.
    Cut(LinkId),
    /// The life is over.
    Over,
    /// The life is over, and the other link has founded the next one.
    Succeeded,
}

impl Life {
    /// The number of this life, or of the last one. The first is 1.
    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    /// Whether its links cannot be asked, so that each counts only beside the other.
    pub(super) const fn is_unprovable(&self) -> bool {
        self.is_unprovable
    }

    /// Whether this is the number of a life that goes on.
    pub(super) fn is_current(&self, number: u32) -> bool {
        let is_alive = [self.requests, self.replies].iter().any(|t| matches!(t, Tie::Proven(_)));
        number == self.number && is_alive
    }

    /// The link of a side, where it is up; and whether it is proven.
    pub(super) const fn link(&self, side: Side) -> Option<(LinkId, bool)> {
        match self.tie(side) {
            Tie::Down => None,
            Tie::Unproven(link) => Some((link, false)),
            Tie::Proven(link) => Some((link, true)),
        }
    }

    /// The link of a side, where it is up and proven.
    pub(super) const fn proven_link(&self, side: Side) -> Option<LinkId> {
        match self.tie(side) {
            Tie::Proven(link) => Some(link),
            Tie::Down | Tie::Unproven(_) => None,
        }
    }

    pub(super) fn up(&mut self, side: Side, link: LinkId) -> Change {
        match self.tie(side.other()) {
            Tie::Proven(other) => {
                *self.tie_mut(side) = Tie::Unproven(link);
                Change::Probe(other)
            }
            Tie::Down | Tie::Unproven(_) => {
                *self.tie_mut(side) = Tie::Proven(link);
                self.begin();
                Change::Begun
            }
        }
    }

    /// A link has answered the PING that was sent when the other came up.
    pub(super) fn proven(&mut self, link: LinkId) {
        for side in [Side::Requests, Side::Replies] {
            if self.tie(side) == Tie::Proven(link) {
                if let Tie::Unproven(other) = self.tie(side.other()) {
                    *self.tie_mut(side.other()) = Tie::Proven(other);
                }
            }
        }
    }

    /// A link could not be asked: the other counts as proven, since both came up while neither was
    /// lost.
    pub(super) fn cannot_prove(&mut self, link: LinkId) {
        self.is_unprovable = true;
        self.proven(link);
    }

    pub(super) fn down(&mut self, link: LinkId) -> Change {
        let Some(side) = self.side_of(link) else { return Change::None };
        let was = std::mem::take(self.tie_mut(side));
        match (was, self.tie(side.other())) {
            (Tie::Proven(_), Tie::Down) => Change::Over,
            (Tie::Proven(_), Tie::Unproven(other)) => {
                *self.tie_mut(side.other()) = Tie::Proven(other);
                self.begin();
                Change::Succeeded
            }
            (Tie::Proven(_), Tie::Proven(other)) if self.is_unprovable => Change::Cut(other),
            (Tie::Down | Tie::Unproven(_) | Tie::Proven(_), _) => Change::None,
        }
    }

    /// Which side a link is.
    pub(super) fn side_of(&self, link: LinkId) -> Option<Side> {
        let is_link = |side: &Side| self.link(*side).is_some_and(|(of_side, _)| of_side == link);
        [Side::Requests, Side::Replies].into_iter().find(is_link)
    }

    const fn begin(&mut self) {
        self.number = self.number.wrapping_add(1);
        self.is_unprovable = false;
    }

    const fn tie(&self, side: Side) -> Tie {
        match side {
            Side::Requests => self.requests,
            Side::Replies => self.replies,
        }
    }

    const fn tie_mut(&mut self, side: Side) -> &mut Tie {
        match side {
            Side::Requests => &mut self.requests,
            Side::Replies => &mut self.replies,
        }
    }
}

impl Side {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Requests => Self::Replies,
            Self::Replies => Self::Requests,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Side::{Replies, Requests};
    use super::*;

    fn link(serial: u64) -> LinkId {
        LinkId::new(0, serial)
    }

    /// A life with both links up and proven.
    fn alive() -> Life {
        let mut life = Life::default();
        assert_eq!(life.up(Replies, link(1)), Change::Begun);
        assert_eq!(life.up(Requests, link(2)), Change::Probe(link(1)));
        assert_eq!(life.link(Requests), Some((link(2), false)));
        life.proven(link(1));
        assert_eq!(life.proven_link(Requests), Some(link(2)));
        life
    }

    #[test]
    fn a_link_that_comes_and_goes_alone_changes_nothing() {
        let mut life = alive();
        assert_eq!(life.down(link(2)), Change::None);
        assert!(life.is_current(1));
        assert_eq!(life.up(Requests, link(3)), Change::Probe(link(1)));
        life.proven(link(1));
        assert_eq!((life.proven_link(Requests), life.number()), (Some(link(3)), 1));
    }

    #[test]
    fn both_links_lost_is_the_end() {
        let mut life = alive();
        assert_eq!(life.down(link(1)), Change::None);
        assert_eq!(life.down(link(2)), Change::Over);
        assert!(!life.is_current(1));
        assert_eq!(life.up(Requests, link(3)), Change::Begun);
        assert!(life.is_current(2) && !life.is_current(1));
    }

    #[test]
    fn a_half_open_link_cannot_vouch_for_the_next_process() {
        let mut life = alive();
        life.down(link(2));
        // The new process takes our connect; the old reply link is dead, but nobody knows yet.
        life.up(Requests, link(3));
        assert_eq!(life.down(link(1)), Change::Succeeded);
        assert!(life.is_current(2));
        assert_eq!(life.proven_link(Requests), Some(link(3)));
        // A late answer of the dead link proves nothing.
        assert_eq!(life.up(Replies, link(4)), Change::Probe(link(3)));
        life.proven(link(1));
        assert_eq!(life.link(Replies), Some((link(4), false)));
    }

    #[test]
    fn an_unproven_link_that_goes_leaves_the_life_alone() {
        let mut life = alive();
        life.down(link(2));
        life.up(Requests, link(3));
        assert_eq!(life.down(link(3)), Change::None);
        assert!(life.is_current(1));
    }

    #[test]
    fn without_ping_a_lost_link_takes_the_other_along() {
        let mut life = Life::default();
        life.up(Replies, link(1));
        life.up(Requests, link(2));
        life.cannot_prove(link(1));
        assert_eq!(life.proven_link(Requests), Some(link(2)));
        assert_eq!(life.down(link(1)), Change::Cut(link(2)));
        assert_eq!(life.down(link(2)), Change::Over);
    }

    #[test]
    fn unknown_links_mean_nothing() {
        let mut life = alive();
        assert_eq!(life.down(link(9)), Change::None);
        life.proven(link(9));
        assert!(life.is_current(1));
    }
}
