//! What waits in a lane: one delivery, or several that will be one, or what is left of one.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::delivery::{Delivery, Form, Origin};

/// One delivery, or several of one origin that will be one.
#[derive(Debug)]
pub(super) struct Held {
    first: Delivery,
    /// The bodies of those that were put together with it.
    more: VecDeque<Bytes>,
    octets: usize,
}

impl Held {
    pub(super) fn new(first: Delivery) -> Self {
        Self { octets: first.body.len(), first, more: VecDeque::new() }
    }

    /// Octets for the browser; none where it ends the connection.
    pub(super) const fn octets(&self) -> usize {
        self.octets
    }

    /// Whether it is our close frame and nothing else.
    pub(super) const fn is_own_close(&self) -> bool {
        self.first.is_own_close()
    }

    /// Whether it may go in parts: what is for the server itself may not.
    pub(super) fn is_divisible(&self) -> bool {
        self.first.form == Form::Plain
    }

    /// Whether a part of it has gone already: nothing else may go before the rest has.
    pub(super) const fn is_begun(&self) -> bool {
        self.first.is_part
    }

    /// Whether `next` may be put together with it, so that both have `together_max` octets at the most.
    pub(super) fn takes(&self, next: &Delivery, together_max: usize) -> bool {
        let are_plain = self.first.form == Form::Plain && next.form == Form::Plain;
        let are_alike = are_plain
            && self.first.origin == next.origin
            && self.first.is_unpacked == next.is_unpacked
            && next.mark.is_none();
        let have_octets = !self.first.is_hang_up() && !next.is_hang_up();
        are_alike
            && have_octets
            && self.octets.saturating_add(next.body.len()) <= together_max.min(TOGETHER_MAX)
    }

    pub(super) fn put(&mut self, next: Delivery) {
        self.octets += next.body.len();
        self.first.parts += next.parts;
        self.first.weight += next.weight;
        self.first.is_close |= next.is_close;
        self.first.answers.extend(next.answers);
        self.more.push_back(next.body);
    }

    /// Whether the oldest message in it may be given up, with nobody the wiser but its browser: what
    /// has begun must go on, and our own is never given up so.
    pub(super) fn can_drop(&self) -> bool {
        let is_message = self.first.form == Form::Plain && !self.first.is_hang_up();
        is_message && self.first.origin == Origin::Application && !self.is_begun()
    }

    /// Gives up the oldest message in it. What that counted, and whether nothing is left.
    pub(super) fn drop_oldest(&mut self) -> (usize, bool) {
        let Some(next) = self.more.pop_front() else { return (self.first.weight, true) };
        let oldest = std::mem::replace(&mut self.first.body, next);
        let weight = Delivery::weight_to_one(oldest.len());
        self.octets -= oldest.len();
        self.first.weight -= weight;
        self.first.parts -= 1;
        (weight, false)
    }

    /// Takes the first octets off; the rest goes on to wait, and counts for all.
    pub(super) fn part(&mut self, octets: usize) -> Delivery {
        self.join();
        let body = self.first.body.split_to(octets.min(self.octets));
        self.octets -= body.len();
        self.first.is_part = true;
        Delivery { parts: 0, weight: 0, is_part: true, ..self.first.clone_body(body) }
    }

    /// All of it as one.
    pub(super) fn together(mut self) -> Delivery {
        self.join();
        self.first
    }

    fn join(&mut self) {
        if self.more.is_empty() {
            return;
        }
        let mut body = BytesMut::with_capacity(self.octets);
        body.extend_from_slice(&self.first.body);
        self.more.drain(..).for_each(|more| body.extend_from_slice(&more));
        self.first.body = body.freeze();
    }
}

/// Octets of bodies that are put together into one delivery.
pub(super) const TOGETHER_MAX: usize = 32 << 10;
