//! The Nodes that are there, and those that are gone but may still send receipts.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::machine::LinkId;
use crate::transceiver::ServerId;

use super::event::NodeId;
use super::ledger::Ledger;

/// One link to a Node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: NodeId,
    /// What the link is called in receipts, where there are any.
    pub(super) number: u64,
    pub(super) sends_receipts: bool,
    pub(super) ledger: Ledger,
    /// Up to which request it has said that all are taken over, and is to say so.
    pub(super) taken: u64,
    pub(super) marked: u64,
    /// Which life of each server it was told of last.
    pub(super) lives: BTreeMap<ServerId, u32>,
}

#[derive(Debug, Default)]
pub(super) struct Nodes {
    there: BTreeMap<LinkId, Node>,
    /// Whose turn it is.
    turns: VecDeque<LinkId>,
    /// Those whose links have ended, and when they count as lost; in order.
    missing: VecDeque<(Instant, Node)>,
    last_id: u64,
}

impl Node {
    /// Whether it has been given something that it may still have to ask about.
    fn owes_word(&self) -> bool {
        self.sends_receipts && self.ledger.has_behind(self.taken)
    }
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.there.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.there.is_empty()
    }

    /// Requests that Nodes have taken and not finished.
    pub(super) fn unfinished(&self) -> usize {
        let missing = self.missing.iter().map(|(_, node)| node);
        self.there.values().chain(missing).map(|node| node.ledger.len()).sum()
    }

    pub(super) fn add(&mut self, link: LinkId, number: u64, receipts: bool, max: usize) -> NodeId {
        self.last_id += 1;
        let id = NodeId(self.last_id);
        let node = Node {
            id,
            number,
            sends_receipts: receipts,
            ledger: Ledger::new(max),
            taken: 0,
            marked: 0,
            lives: BTreeMap::new(),
        };
        self.there.insert(link, node);
        self.turns.push_back(link);
        id
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<Node> {
        self.turns.retain(|other| *other != link);
        self.there.remove(&link)
    }

    /// A Node whose link has ended may send receipts until then.
    pub(super) fn await_receipts(&mut self, node: Node, until: Instant) {
        self.missing.push_back((until, node));
    }

    /// A Node whose time is over. A clock that was told less patience later changes nothing.
    pub(super) fn next_lost(&mut self, now: Instant) -> Option<Node> {
        let is_due = self.missing.front().is_some_and(|(until, _)| *until <= now);
        if is_due { self.missing.pop_front().map(|(_, node)| node) } else { None }
    }

    /// A Node whose time is cut short.
    pub(super) fn next_missing(&mut self) -> Option<Node> {
        self.missing.pop_front().map(|(_, node)| node)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.missing.front().map(|(until, _)| *until)
    }

    pub(super) fn get_mut(&mut self, link: LinkId) -> Option<&mut Node> {
        self.there.get_mut(&link)
    }

    /// The Node whose link has this number in receipts, even if it is gone.
    pub(super) fn by_number(&mut self, number: u64) -> Option<&mut Node> {
        let missing = self.missing.iter_mut().map(|(_, node)| node);
        let mut nodes = self.there.values_mut().chain(missing);
        nodes.find(|node| node.sends_receipts && node.number == number)
    }

    /// Whether any that is there may still have to ask about something that it was given.
    pub(super) fn owe_word(&self) -> bool {
        self.there.values().any(Node::owes_word)
    }

    /// Those who are to say when they have taken over what they were given, and were not told so.
    pub(super) fn mark(&mut self) -> Vec<LinkId> {
        let unmarked = self
            .there
            .iter_mut()
            .filter(|(_, node)| node.owes_word() && node.marked < node.ledger.last());
        let links = unmarked.map(|(link, node)| {
            node.marked = node.ledger.last();
            *link
        });
        links.collect()
    }

    /// All in turn, for those who deal.
    pub(super) fn turns(&self) -> VecDeque<LinkId> {
        self.turns.clone()
    }

    /// A Node has had its turn.
    pub(super) fn had_turn(&mut self, link: LinkId) {
        self.turns.retain(|other| *other != link);
        self.turns.push_back(link);
    }

    /// Nobody waits for answers of this life any more.
    pub(super) fn forget(&mut self, server: ServerId, life: u32) {
        let missing = self.missing.iter_mut().map(|(_, node)| node);
        self.there.values_mut().chain(missing).for_each(|n| n.ledger.forget(server, life));
    }
}
