//! Nodes that ask whether a life of a server goes on, and what proves it to them.

use std::collections::BTreeMap;

use crate::machine::LinkId;
use crate::transceiver::ServerId;

/// Questions that are not answered yet, by the link for receipts that they came by.
///
/// A server may be gone, and another process in its place, before the API notices. So the API vouches
/// for a life only once the server has answered a PING that was sent after the question; who asks
/// has a link to the process that owns the place by then, and it is the same.
#[derive(Debug, Default)]
pub(super) struct Vouching {
    asked: BTreeMap<(LinkId, ServerId), Asked>,
}

/// One question: the life as the API counts, and as the Node counts.
#[derive(Clone, Copy, Debug)]
struct Asked {
    life: u32,
    up: u32,
    proof: u64,
}

impl Vouching {
    /// The number of the proof that answers a question: that from when it was asked first.
    pub(super) fn ask(
        &mut self,
        key: (LinkId, ServerId),
        (life, up): (u32, u32),
        next_proof: u64,
    ) -> u64 {
        let fresh = Asked { life, up, proof: next_proof };
        let asked = self.asked.entry(key).or_insert(fresh);
        if (asked.life, asked.up) != (life, up) {
            *asked = fresh;
        }
        asked.proof
    }

    pub(super) fn is_answered(&mut self, key: (LinkId, ServerId)) {
        self.asked.remove(&key);
    }

    /// Nobody asks by this link any more.
    pub(super) fn forget(&mut self, link: LinkId) {
        self.asked.retain(|(of, _), _| *of != link);
    }
}
