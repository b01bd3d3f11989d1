//! Prefixes and what they match (RFC 29).

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::zmtp::Frame;

/// A counted set of prefixes: of one peer (PUB) or our own (SUB).
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions {
    /// How often each was subscribed to.
    counts: BTreeMap<Bytes, u64>,
    /// How many distinct prefixes there are of each length: a message is looked up once a length.
    lengths: BTreeMap<usize, usize>,
}

impl Subscriptions {
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    pub(crate) fn contains(&self, prefix: &[u8]) -> bool {
        self.counts.contains_key(prefix)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Bytes> {
        self.counts.keys()
    }

    /// Adds one subscription. Whether it is the first to this prefix, which is kept: a prefix from a
    /// peer should be a copy, not a piece of the chunk that it came in.
    pub(crate) fn add(&mut self, prefix: Bytes) -> bool {
        let length = prefix.len();
        let count = self.counts.entry(prefix).or_insert(0);
        *count = count.saturating_add(1);
        let is_first = *count == 1;
        if is_first {
            *self.lengths.entry(length).or_insert(0) += 1;
        }
        is_first
    }

    /// Takes one subscription back; one never made changes nothing. Whether it was the last to this
    /// prefix.
    pub(crate) fn remove(&mut self, prefix: &[u8]) -> bool {
        let Some(count) = self.counts.get_mut(prefix) else { return false };
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.counts.remove(prefix);
        if let Some(same_length) = self.lengths.get_mut(&prefix.len()) {
            *same_length -= 1;
            if *same_length == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
        true
    }

    /// Whether some prefix matches this frame.
    pub(crate) fn match_frame(&self, frame: &Frame) -> bool {
        let longest = self.lengths.last_key_value().map_or(0, |(length, _)| *length);
        let (head, body) = (frame.head(), frame.body());
        if head.is_empty() {
            self.matches(body)
        } else if head.len() >= longest {
            self.matches(head)
        } else {
            // Not all of the body, which may be large: no prefix looks further than this.
            let wanted = body.len().min(longest - head.len());
            self.matches(&[&head[..], &body[..wanted]].concat())
        }
    }

    /// Whether some prefix matches these octets.
    pub(crate) fn matches(&self, octets: &[u8]) -> bool {
        let mut lengths = self.lengths.keys().take_while(|length| **length <= octets.len());
        lengths.any(|length| self.counts.contains_key(&octets[..*length]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_match_octet_by_octet() {
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.matches(b""));
        subscriptions.add(Bytes::from_static(b"ab"));
        subscriptions.add(Bytes::from_static(b"c"));
        for (octets, expected) in
            [(&b"abc"[..], true), (b"ab", true), (b"a", false), (b"cx", true), (b"Ab", false)]
        {
            assert_eq!(subscriptions.matches(octets), expected, "{octets:?}");
        }
        subscriptions.add(Bytes::new());
        assert!(subscriptions.matches(b"") && subscriptions.matches(b"zz"));
    }

    #[test]
    fn a_prefix_may_lie_across_head_and_body() {
        let mut subscriptions = Subscriptions::default();
        subscriptions.add(Bytes::from_static(b"abcd"));
        for at in 0..=6 {
            let [yes, no] = [b"abcdef", b"abcxef"]
                .map(|octets| Frame::with_head(octets[..at].into(), octets[at..].into()));
            assert!(subscriptions.match_frame(&yes) && !subscriptions.match_frame(&no));
        }
        let short = Frame::with_head(Bytes::from_static(b"a"), Bytes::from_static(b"bc"));
        assert!(!subscriptions.match_frame(&short));
    }

    #[test]
    fn two_subscriptions_need_two_cancels() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.add(Bytes::from_static(b"a")));
        assert!(!subscriptions.add(Bytes::from_static(b"a")));
        assert!(!subscriptions.remove(b"a") && subscriptions.matches(b"a"));
        assert!(subscriptions.remove(b"a") && !subscriptions.matches(b"a"));
        assert!(!subscriptions.remove(b"a") && !subscriptions.remove(b"never"));
        assert_eq!(subscriptions.len(), 0);
    }
}
