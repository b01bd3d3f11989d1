//! What waits for a Node, and which Node gets it.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::machine::LinkId;
use crate::socket::HighWater;
use crate::transceiver::{ServerId, Target};

use super::config::Spread;

/// One request on its way to a Node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) target: Target,
    pub(super) raw: Bytes,
    pub(super) is_http: bool,
}

/// All that no Node has taken, in order of arrival; where clients stick to Nodes, in a row for each.
#[derive(Debug)]
pub(super) struct Waiting {
    spread: Spread,
    /// What is for whoever is next; everything, where there is no Node.
    common: Row,
    rows: BTreeMap<LinkId, (u64, Row)>,
    marks: HighWater,
    messages_max: usize,
    octets_max: usize,
    arrivals: u64,
}

/// Requests with the number of their arrival.
type Row = VecDeque<(u64, Work)>;

impl Waiting {
    /// Bounds of zero count as one.
    pub(super) fn new(spread: Spread, messages_max: usize, octets_max: usize) -> Self {
        let (messages_max, octets_max) = (messages_max.max(1), octets_max.max(1));
        Self {
            spread,
            common: Row::new(),
            rows: BTreeMap::new(),
            marks: HighWater::new(messages_max, octets_max),
            messages_max,
            octets_max,
            arrivals: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.marks.messages()
    }

    pub(super) const fn is_full(&self) -> bool {
        self.marks.messages() >= self.messages_max || self.marks.octets() >= self.octets_max
    }

    /// Whether the application may put in so many octets; notes a refusal.
    pub(super) fn admits(&mut self, octets: usize) -> bool {
        self.marks.admits(1, octets)
    }

    /// Whether the application was refused and there is room again; says so once.
    pub(super) fn reopened(&mut self) -> bool {
        self.marks.reopened()
    }

    pub(super) fn push(&mut self, work: Work) {
        self.marks.add(work.raw.len());
        self.arrivals += 1;
        let entry = (self.arrivals, work);
        self.row_for(entry.1.target).push_back(entry);
    }

    /// The next request for this Node.
    pub(super) fn take(&mut self, link: LinkId) -> Option<Work> {
        let row = match self.spread {
            Spread::RoundRobin => &mut self.common,
            Spread::StickyByClient => &mut self.rows.get_mut(&link)?.1,
        };
        let (_, work) = row.pop_front()?;
        self.marks.remove(1, work.raw.len());
        Some(work)
    }

    /// A Node has come, with a number of its own that decides which clients are its.
    pub(super) fn join(&mut self, link: LinkId, number: u64) {
        self.rows.insert(link, (number, Row::new()));
        self.deal_again();
    }

    /// A Node has gone: what waited for it is for the others.
    pub(super) fn leave(&mut self, link: LinkId) {
        if let Some((_, row)) = self.rows.remove(&link) {
            self.common.extend(row);
            self.deal_again();
        }
    }

    /// Takes out all of a life and those before it.
    pub(super) fn forget(&mut self, server: ServerId, life: u32) -> Vec<Target> {
        self.take_out(|target| target.server == server && target.life <= life)
    }

    /// Takes out everything.
    pub(super) fn clear(&mut self) -> Vec<Target> {
        self.take_out(|_| true)
    }

    fn take_out(&mut self, is_out: impl Fn(&Target) -> bool) -> Vec<Target> {
        let mut out = Vec::new();
        let marks = &mut self.marks;
        let rows = self.rows.values_mut().map(|(_, row)| row);
        for row in rows.chain(std::iter::once(&mut self.common)) {
            row.retain(|(_, work)| {
                let is_out = is_out(&work.target);
                if is_out {
                    marks.remove(1, work.raw.len());
                    out.push(work.target);
                }
                !is_out
            });
        }
        out
    }

    /// Deals all that waits to the Nodes that there are now. Requests of one client keep their order.
    fn deal_again(&mut self) {
        if self.spread == Spread::RoundRobin {
            return;
        }
        let mut all: Vec<_> = std::mem::take(&mut self.common).into();
        for (_, row) in self.rows.values_mut() {
            all.extend(std::mem::take(row));
        }
        all.sort_by_key(|(arrival, _)| *arrival);
        for entry in all {
            self.row_for(entry.1.target).push_back(entry);
        }
    }

    fn row_for(&mut self, target: Target) -> &mut Row {
        if self.spread == Spread::RoundRobin {
            return &mut self.common;
        }
        let of_client = number_of(target);
        let rows = self.rows.values_mut();
        let highest = rows.max_by_key(|(number, _)| mix(of_client ^ mix(*number)));
        highest.map_or(&mut self.common, |(_, row)| row)
    }
}

/// One number for each connection.
fn number_of(target: Target) -> u64 {
    let conn_id = u64::from_ne_bytes(target.conn_id.0.to_ne_bytes());
    let life = u64::from(target.server.0) << 32 | u64::from(target.life);
    mix(conn_id ^ mix(life))
}

/// Spreads a number over all 64 bits (the finalizer of `SplitMix64`).
const fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mongrel2::ConnId;

    const CLIENTS: i64 = 3000;

    fn work(conn_id: i64) -> Work {
        let target = Target { server: ServerId(1), life: 1, conn_id: ConnId(conn_id) };
        Work { target, raw: Bytes::from_static(b"raw"), is_http: true }
    }

    fn link(serial: u64) -> LinkId {
        LinkId::new(1, serial)
    }

    fn waiting(spread: Spread, nodes: u64) -> Waiting {
        let mut waiting = Waiting::new(spread, usize::MAX, usize::MAX);
        (1..=nodes).for_each(|node| waiting.join(link(node), node));
        (1..=CLIENTS).for_each(|conn_id| waiting.push(work(conn_id)));
        waiting
    }

    fn taken(waiting: &mut Waiting, node: u64) -> Vec<i64> {
        let works = std::iter::from_fn(|| waiting.take(link(node)));
        works.map(|work| work.target.conn_id.0).collect()
    }

    #[test]
    fn sticky_clients_are_spread_evenly() {
        let mut waiting = waiting(Spread::StickyByClient, 3);
        for node in 1..=3 {
            let count = taken(&mut waiting, node).len();
            assert!((800..1200).contains(&count), "{count}");
        }
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn a_node_that_goes_or_comes_moves_its_share_alone() {
        let mut before = waiting(Spread::StickyByClient, 3);
        let shares: Vec<_> = (1..=3).map(|node| taken(&mut before, node)).collect();
        let mut after = waiting(Spread::StickyByClient, 3);
        after.leave(link(2));
        for node in [1, 3] {
            let share = taken(&mut after, node);
            let kept = &shares[usize::try_from(node).unwrap() - 1];
            assert!(kept.iter().all(|conn_id| share.contains(conn_id)));
            assert!(share.is_sorted(), "in order of arrival");
        }
        let mut again = waiting(Spread::StickyByClient, 2);
        again.join(link(3), 3);
        for node in 1..=3 {
            assert_eq!(taken(&mut again, node), shares[usize::try_from(node).unwrap() - 1]);
        }
    }

    #[test]
    fn without_a_node_all_wait_in_order() {
        let everybody: Vec<_> = (1..=CLIENTS).collect();
        for spread in [Spread::RoundRobin, Spread::StickyByClient] {
            let mut waiting = waiting(spread, 0);
            waiting.join(link(1), 1);
            assert_eq!(taken(&mut waiting, 1), everybody);
        }
    }

    #[test]
    fn what_is_over_is_taken_out() {
        let mut waiting = waiting(Spread::RoundRobin, 1);
        assert!(waiting.forget(ServerId(2), 1).is_empty());
        assert_eq!(waiting.forget(ServerId(1), 1).len(), usize::try_from(CLIENTS).unwrap());
        assert_eq!((waiting.len(), waiting.is_full()), (0, false));
    }
}
