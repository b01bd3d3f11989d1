//! What a Node says about requests that it is done with.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mongrel2_transceiver::LinkId;
use mongrel2_transceiver::mongrel2::Request;

use super::notes;

/// Links for work as the API calls them, and what was said of them.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    /// The present name of each link.
    names: BTreeMap<LinkId, u64>,
    /// How many messages have come by each name.
    counts: BTreeMap<u64, u64>,
    done: BTreeSet<(u64, u64)>,
    failed: BTreeSet<(u64, u64)>,
}

impl Receipts {
    /// A link gets another name.
    pub(super) fn welcome(&mut self, link: LinkId) -> u64 {
        let name = 1 + self.counts.len() as u64;
        self.counts.insert(name, 0);
        self.names.insert(link, name);
        name
    }

    /// The API has said something by a link.
    pub(super) fn said(&mut self, link: LinkId) {
        if let Some(count) = self.names.get(&link).and_then(|name| self.counts.get_mut(name)) {
            *count += 1;
        }
    }

    /// Judges a receipt, or a question.
    pub(super) fn heard(&mut self, raw: Bytes, is_honest: bool) {
        let note = Request::parse(raw).expect("an API can read it");
        if note.path() == notes::ASK.as_bytes() {
            let _are_numbers = ["EPOCH", "LIFE", "UP"].map(|name| notes::number(&note, name));
            return;
        }
        if note.path() == notes::TAKEN.as_bytes() {
            let [name, taken] = ["LINK", "COUNT"].map(|name| notes::number(&note, name));
            let count = self.counts.get(&name).copied().unwrap_or_default();
            return assert!(taken <= count || !is_honest, "{taken} of {count}");
        }
        assert_eq!(note.path(), notes::RECEIPT.as_bytes());
        let name = notes::number(&note, "LINK");
        let [done, failed] = ["DONE", "FAILED"].map(|name| notes::ranges(&note, name));
        assert!(done.len() + failed.len() > 0, "it says nothing");
        if !is_honest {
            return;
        }
        let count = self.counts.get(&name).expect("a link of that name");
        for (ranges, has_failed) in [(done, false), (failed, true)] {
            for number in ranges.into_iter().flat_map(|(first, last)| first..=last) {
                assert!((1..=*count).contains(&number), "{number} of {count}");
                let (is_in, other) = if has_failed {
                    (&mut self.failed, &self.done)
                } else {
                    (&mut self.done, &self.failed)
                };
                is_in.insert((name, number));
                assert!(!other.contains(&(name, number)), "{number} is done and has failed");
            }
        }
    }
}
