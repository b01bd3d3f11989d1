//! Proofs that the process at the other end of a link still runs, for others who ask.

use crate::machine::LinkId;

/// One PING is under way at a time, whoever asks meanwhile; so proofs come however many ask.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// How many PINGs were begun, and the last of them that was answered.
    begun: u64,
    done: u64,
    under_way: Option<LinkId>,
}

impl Proof {
    /// The number of the first PING that is sent from now on.
    pub(super) const fn next(&self) -> u64 {
        self.begun + 1
    }

    /// Whether that PING, or a later one, was answered.
    pub(super) const fn is_done(&self, number: u64) -> bool {
        self.done >= number
    }

    /// Whether a PING is to be sent for this number.
    pub(super) const fn is_due(&self, number: u64) -> bool {
        self.under_way.is_none() && !self.is_done(number)
    }

    pub(super) const fn begin(&mut self, link: LinkId) {
        self.begun += 1;
        self.under_way = Some(link);
    }

    /// A PING on this link was answered that was sent no earlier than ours.
    pub(super) fn proven(&mut self, link: LinkId) {
        if self.under_way == Some(link) {
            self.under_way = None;
            self.done = self.begun;
        }
    }

    pub(super) fn down(&mut self, link: LinkId) {
        if self.under_way == Some(link) {
            self.under_way = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ping_under_way_proves_nothing_to_who_asks_later() {
        let link = LinkId::new(1, 1);
        let mut proof = Proof::default();
        let first = proof.next();
        assert!(proof.is_due(first));
        proof.begin(link);
        let second = proof.next();
        assert!(!proof.is_due(second));
        proof.proven(LinkId::new(1, 2));
        assert!(!proof.is_done(first));
        proof.proven(link);
        assert!(proof.is_done(first) && !proof.is_done(second) && proof.is_due(second));
        proof.begin(link);
        proof.down(link);
        assert!(!proof.is_done(second) && proof.is_due(second));
    }
}
