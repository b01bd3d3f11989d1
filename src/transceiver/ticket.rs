//! What is kept of a delivery while it is under way.

use crate::mongrel2::ConnId;
use crate::planted::{Bug, is_planted};

use super::delivery::{Delivery, Origin, Recipients};

/// A delivery under way.
#[derive(Debug)]
pub(super) enum Ticket {
    /// It ends connections. To do so twice does no harm, so it is sent again if it is lost.
    End(Delivery),
    /// It has octets for browsers, and must not reach them twice.
    Body {
        /// Who has to be reported if it is lost: each as often as there are parts.
        to: Option<Recipients>,
        parts: usize,
        weight: usize,
        answers: Vec<u64>,
        /// Whose stream makes no sense without it.
        part_of: Option<ConnId>,
    },
}

impl Ticket {
    /// Of what counts nowhere: whoever misses it asks again.
    pub(super) const UNCOUNTED: Self =
        Self::Body { to: None, parts: 0, weight: 0, answers: Vec::new(), part_of: None };

    pub(super) fn new(delivery: Delivery) -> Self {
        if delivery.is_repeatable() || is_planted(Bug::SentTwice) {
            return Self::End(delivery);
        }
        let Delivery { to, origin, parts, weight, answers, is_part, .. } = delivery;
        let part_of = to.as_slice().first().copied().filter(|_| is_part);
        let to = (origin == Origin::Application).then_some(to);
        Self::Body { to, parts, weight, answers, part_of }
    }

    pub(super) const fn origin(&self) -> Origin {
        match self {
            Self::End(delivery) => delivery.origin,
            Self::Body { to: Some(_), .. } => Origin::Application,
            Self::Body { to: None, .. } => Origin::Own,
        }
    }

    pub(super) const fn parts(&self) -> usize {
        match self {
            Self::End(delivery) => delivery.parts,
            Self::Body { parts, .. } => *parts,
        }
    }

    pub(super) const fn weight(&self) -> usize {
        match self {
            Self::End(delivery) => delivery.weight,
            Self::Body { weight, .. } => *weight,
        }
    }

    /// The connection whose stream makes no sense where this is lost.
    pub(super) const fn breaks(&self) -> Option<ConnId> {
        match self {
            Self::Body { part_of, .. } => *part_of,
            Self::End(_) => None,
        }
    }

    /// The requests that it answers, which are counted once.
    pub(super) fn take_answers(&mut self) -> Vec<u64> {
        std::mem::take(match self {
            Self::End(delivery) => &mut delivery.answers,
            Self::Body { answers, .. } => answers,
        })
    }

    /// Whom to report where it is lost: as often as there are parts.
    pub(super) fn told_of(&self) -> impl Iterator<Item = ConnId> + '_ {
        let told = match self {
            Self::Body { to: Some(to), .. } => to.as_slice(),
            Self::Body { to: None, .. } | Self::End(_) => &[],
        };
        told.iter().flat_map(|to| std::iter::repeat_n(*to, self.parts()))
    }
}
