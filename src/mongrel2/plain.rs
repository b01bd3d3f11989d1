//! JSON headers as Mongrel2 writes nearly all of them: no blanks, and nothing that needs an escape.
//!
//! There every `"` is the begin of a string or its end, in turn. So it is enough to know where they are,
//! which is found out for 64 octets at a time, and to look at the few octets between two strings. Any
//! other block is left to [`super::json`].

use super::json;
use super::text::{OneOrMany, Text};

/// Whether a block is plain; if so, `note` has seen all of its members.
pub(super) fn check<'a>(block: &'a [u8], mut note: impl FnMut(Member<'a>)) -> bool {
    // All of it, rather than to the first one: this becomes vector code.
    let has_backslash = block.iter().fold(false, |has, octet| has | (*octet == b'\\'));
    if block.first() != Some(&b'{') || has_backslash {
        return false;
    }
    let mut walk = Walk { quotes: Quotes::new(block), at: 1 };
    loop {
        let Some((place, is_last)) = walk.member() else { return false };
        note(Member { block, place });
        if is_last {
            return true;
        }
    }
}

/// A member of a block.
#[derive(Clone, Copy)]
pub(super) struct Member<'a> {
    block: &'a [u8],
    place: Place,
}

impl<'a> Member<'a> {
    /// What its name begins with, or its `"` where it is empty.
    #[inline]
    pub(super) fn first(&self) -> Option<u8> {
        self.block.get(self.place.name.0).copied()
    }

    pub(super) fn name(&self) -> &'a [u8] {
        text(self.block, self.place.name).raw
    }

    /// Its value, unless that is a list.
    pub(super) fn value(&self) -> Option<Text<'a>> {
        (!self.place.is_list).then(|| text(self.block, self.place.value))
    }
}

/// Where a member is in its block: a name, and a value or the items of a list, without their `"`.
#[derive(Clone, Copy)]
struct Place {
    name: (usize, usize),
    value: (usize, usize),
    is_list: bool,
}

fn text(block: &[u8], (start, end): (usize, usize)) -> Text<'_> {
    Text { start, raw: block.get(start..end).unwrap_or_default(), escaped: false }
}

/// The way through a block of which nothing is known. A quote that is not there is beyond the block, as is
/// all that would be behind it.
struct Walk<'a> {
    quotes: Quotes<'a>,
    /// Where the next name is to begin, with its `"`.
    at: usize,
}

impl Walk<'_> {
    /// Goes over one member: where it is, and whether it is the last one.
    #[inline]
    fn member(&mut self) -> Option<(Place, bool)> {
        let block = self.quotes.block;
        if self.quotes.next() != self.at {
            return None;
        }
        let name = (self.at + 1, self.quotes.next());
        let is_list = match (block.get(name.1 + 1)?, block.get(name.1 + 2)?) {
            (b':', b'"') => false,
            (b':', b'[') => true,
            _ => return None,
        };
        let value = if is_list {
            (name.1 + 3, self.list(name.1 + 3)?)
        } else {
            (self.quotes.next() + 1, self.quotes.next())
        };
        self.at = value.1 + 2;
        let is_last = match block.get(value.1 + 1)? {
            b',' => false,
            b'}' if self.at == block.len() => true,
            _ => return None,
        };
        Some((Place { name, value, is_list }, is_last))
    }

    /// Goes over the items of a list: where its `]` is.
    fn list(&mut self, mut at: usize) -> Option<usize> {
        loop {
            if self.quotes.next() != at {
                return None;
            }
            let behind = self.quotes.next() + 1;
            match self.quotes.block.get(behind)? {
                b',' => at = behind + 1,
                b']' => return Some(behind),
                _ => return None,
            }
        }
    }
}

/// The members of a block that is known to be plain.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    quotes: Quotes<'a>,
}

impl<'a> Members<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { quotes: Quotes::new(block) }
    }

    /// The next member; `None` behind the last one.
    #[inline]
    pub(super) fn next(&mut self) -> Option<(Text<'a>, OneOrMany<'a, json::Items<'a>>)> {
        let block = self.quotes.block;
        let name = (self.quotes.next() + 1, self.quotes.next());
        let value = match block.get(name.1 + 2)? {
            b'[' => {
                // Behind the last item stands something else than a comma and a quote.
                while {
                    let behind = (self.quotes.next(), self.quotes.next()).1 + 1;
                    block.get(behind) == Some(&b',')
                } {}
                OneOrMany::Many(json::Items::new(block, name.1 + 3))
            }
            _ => OneOrMany::One(text(block, (self.quotes.next() + 1, self.quotes.next()))),
        };
        Some((text(block, name), value))
    }
}

/// Where the `"` of a block are.
#[derive(Clone, Debug)]
struct Quotes<'a> {
    block: &'a [u8],
    /// Where the octets begin that were looked at last.
    start: usize,
    /// Those of them that are `"`, the first in the lowest bit, less those that were taken.
    found: u64,
}

/// How many octets are looked at together.
const TOGETHER: usize = 64;

impl<'a> Quotes<'a> {
    fn new(block: &'a [u8]) -> Self {
        Self { block, start: 0, found: look(block, 0) }
    }

    /// Where the next one is; somewhere beyond the block where there is none.
    #[inline]
    fn next(&mut self) -> usize {
        if self.found == 0 {
            (self.start, self.found) = look_behind(self.block, self.start);
        }
        let at = self.start + self.found.trailing_zeros() as usize;
        self.found &= self.found.wrapping_sub(1);
        at
    }
}

/// Looks at the octets behind those that begin at `start`, until there is a `"`: where those begin, and which
/// are one, as bits.
#[inline(never)]
fn look_behind(block: &[u8], mut start: usize) -> (usize, u64) {
    let mut found = 0;
    while found == 0 && start < block.len() {
        start += TOGETHER;
        found = look(block, start);
    }
    (start, found)
}

/// Which of the octets from `start` on are `"`, as bits.
#[inline]
fn look(block: &[u8], start: usize) -> u64 {
    let rest = block.get(start..).unwrap_or_default();
    if let Some(octets) = rest.first_chunk() {
        return quotes(octets);
    }
    if rest.is_empty() {
        return 0;
    }
    if let Some(octets) = block.last_chunk() {
        // With some that were looked at before.
        return quotes(octets) >> (TOGETHER - rest.len());
    }
    let mut octets = [0; TOGETHER];
    octets[..rest.len()].copy_from_slice(rest);
    quotes(&octets)
}

/// A bit for each octet that is `"`, the first the lowest. Written so that it becomes vector code: one bit
/// of its own in each of eight octets, put together by a product, in which no two of them meet.
#[inline]
fn quotes(octets: &[u8; TOGETHER]) -> u64 {
    let mut bits = [0; TOGETHER];
    for (index, (bit, octet)) in bits.iter_mut().zip(octets).enumerate() {
        *bit = if *octet == b'"' { 1_u8 << (index % 8) } else { 0 };
    }
    let eights = bits.chunks_exact(8).map(|eight| {
        let eight = eight.try_into().map_or(0, u64::from_le_bytes);
        eight.wrapping_mul(0x0101_0101_0101_0101) >> 56
    });
    eights.enumerate().fold(0, |all, (index, eight)| all | eight << (index * 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = Vec<(Vec<u8>, Vec<Vec<u8>>)>;

    fn read<'a>(next: impl FnMut() -> Option<(Text<'a>, OneOrMany<'a, json::Items<'a>>)>) -> Read {
        let octets = |text: Text<'_>| text.into_cow().into_owned();
        let members = std::iter::from_fn(next);
        members.map(|(name, value)| (octets(name), value.texts().map(octets).collect())).collect()
    }

    /// What a block says, where it is plain: the same as [`json`] reads there.
    #[track_caller]
    fn read_plain(block: &[u8]) -> Option<Read> {
        let is_plain = check(block, |_| {});
        let mut members = Members::new(block);
        let found = is_plain.then(|| read(|| members.next()))?;
        let mut members = json::Members::new(block);
        let expected = read(|| members.next().unwrap());
        assert_eq!(found, expected, "{}", block.escape_ascii());
        Some(found)
    }

    /// Blocks of which strings and lists begin and end at all places of the octets that are looked at
    /// together.
    fn blocks() -> impl Iterator<Item = String> {
        let long = |count| "x".repeat(count);
        (0..150).map(move |count| {
            let (one, other) = (long(count), long(150 - count));
            format!(r#"{{"A":"{one}","b":["{other}","","{one}"],"":["{{,:"],"{one}":""}}"#)
        })
    }

    #[test]
    fn plain_blocks_are_taken_for_such_and_read_right() {
        for block in blocks() {
            let read = read_plain(block.as_bytes()).unwrap();
            assert_eq!((read.len(), read[1].1.len()), (4, 3), "{block}");
        }
    }

    #[test]
    fn no_other_block_is_taken_for_one() {
        for other in [
            "",
            "{",
            "}",
            "{}",
            r#"{"#,
            r#"{""#,
            r#"{"a"#,
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":"b"#,
            r#"{"a":"b""#,
            r#"{"a":"b"},"#,
            r#"{"a":"b",}"#,
            r#"{"a":"b"}}"#,
            r#"{"a":"b" }"#,
            r#"{ "a":"b"}"#,
            r#"{"a": "b"}"#,
            r#"{"a" :"b"}"#,
            r#"{"a":["b"}"#,
            r#"{"a":["b",]}"#,
            r#"{"a":["b" ]}"#,
            r#"{"a":[]}"#,
            r#"{"a":["b"]"#,
            r#"{"a":1}"#,
            r#"{"a":[1]}"#,
            r#"{"a":"\""}"#,
            r#"{"a":"b","c"}"#,
            r#"["a":"b"}"#,
            r#"x"a":"b"}"#,
            r#"{"a","b"}"#,
            r#"{"a":"b":"c"}"#,
            r#"{"a":["b"],"#,
            r#"{"a":["b"]]}"#,
            r#"{,"a":"b"}"#,
            r#""a":"b"}"#,
        ] {
            assert_eq!(read_plain(other.as_bytes()), None, "{other}");
        }
    }

    /// Whatever is wrong with a block: plain it is only where JSON says the same.
    #[test]
    fn damaged_blocks_mean_what_json_says_or_are_not_plain() {
        let odd = br#"{}[]":,\ Aa"#;
        for block in blocks().step_by(7) {
            let octets = block.as_bytes();
            for at in 0..octets.len() {
                read_plain(&octets[..at]);
                read_plain(&[&octets[..at], &octets[at + 1..]].concat());
                for octet in odd {
                    read_plain(&[&octets[..at], &[*octet], &octets[at..]].concat());
                    read_plain(&[&octets[..at], &[*octet], &octets[at + 1..]].concat());
                }
            }
        }
    }
}
