//! Browsers behind a Mongrel2 that holds at most 16 replies for each, and drops a browser with all of
//! them at the next.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use crate::browser::{credits, frame};
use crate::pair::Pair;

/// What Mongrel2 holds for its browsers, and what they have read.
#[derive(Default)]
pub(crate) struct Readers {
    /// Links are cut, and places are lost with pings on them: then even the end of somebody who read
    /// nothing for several rounds may find none.
    pub(crate) cuts: bool,
    pub(crate) of: BTreeMap<i64, Reader>,
}

#[derive(Default)]
pub(crate) struct Reader {
    /// What Mongrel2 holds for it.
    pub(crate) queue: VecDeque<Bytes>,
    /// The texts that it has read.
    pub(crate) texts: Vec<String>,
    /// Whether Mongrel2 was told to end it, and has.
    pub(crate) is_ended: bool,
    /// Whether it left.
    pub(crate) has_left: bool,
    pub(crate) pongs: Vec<Vec<u8>>,
    /// The payloads of close frames that it has read.
    pub(crate) closes: Vec<Vec<u8>>,
    /// How many octets may wait for it, where its server counts octets and not replies.
    pub(crate) credits: Option<usize>,
    /// The start of a frame that it has not got whole.
    begun: Vec<u8>,
    is_shaken: bool,
}

impl Reader {
    /// Whether no more waits than Mongrel2 holds.
    fn is_within_bounds(&self) -> bool {
        let octets: usize = self.queue.iter().map(Bytes::len).sum();
        self.credits.map_or(self.queue.len() <= 16, |most| octets <= most)
    }
}

impl Readers {
    /// Takes what the handler has said.
    pub(crate) fn take(&mut self, pair: &mut Pair) {
        for (conn_id, body) in pair.replies() {
            let reader = self.of.entry(conn_id).or_default();
            if reader.is_ended || reader.has_left {
                continue;
            }
            if self.cuts && body.is_empty() && reader.queue.len() == 16 {
                reader.has_left = true;
                continue;
            }
            reader.queue.push_back(body);
            assert!(reader.is_within_bounds(), "Mongrel2 would have dropped {conn_id}");
        }
    }

    /// One browser reads so many deliveries, answering pings.
    pub(crate) fn read(&mut self, pair: &mut Pair, conn_id: i64, most: usize) {
        let Some(reader) = self.of.get_mut(&conn_id) else { return };
        for body in reader.queue.drain(..most.min(reader.queue.len())) {
            if body.is_empty() {
                reader.is_ended = true;
            } else if reader.credits.is_some() && !reader.has_left {
                pair.deliver_if_any(credits(conn_id, body.len()));
            }
            let whole = [&std::mem::take(&mut reader.begun)[..], &body].concat();
            let mut rest = &whole[..];
            if rest.starts_with(b"HTTP/1.1 ") && !reader.is_shaken {
                reader.is_shaken = true;
                continue;
            }
            while let Some((opcode, payload, behind)) = split_frame(rest) {
                match opcode {
                    0x9 => {
                        let pong = frame(conn_id, "0x8A", payload);
                        reader.pongs.push(payload.to_vec());
                        if !reader.has_left {
                            pair.deliver_if_any(pong);
                        }
                    }
                    0x1 => reader.texts.push(name(payload)),
                    0x8 => reader.closes.push(payload.to_vec()),
                    _ => {}
                }
                rest = behind;
            }
            if reader.credits.is_some() {
                reader.begun = rest.to_vec();
                continue;
            }
            reader.texts.extend(rest.split_inclusive(|octet| *octet == b',').map(name));
        }
    }

    pub(crate) fn read_all(&mut self, pair: &mut Pair) {
        self.take(pair);
        for conn_id in self.of.keys().copied().collect::<Vec<_>>() {
            self.read(pair, conn_id, usize::MAX);
        }
    }

    pub(crate) fn texts(&self, conn_id: i64) -> Vec<String> {
        self.of.get(&conn_id).map(|reader| reader.texts.clone()).unwrap_or_default()
    }

    pub(crate) fn waiting(&self, conn_id: i64) -> usize {
        self.of.get(&conn_id).map_or(0, |reader| reader.queue.len())
    }
}

/// What a text starts with: the rest is there to make it long.
fn name(text: &[u8]) -> String {
    let end = text.iter().position(|octet| *octet == b',').unwrap_or(text.len());
    String::from_utf8_lossy(&text[..end]).into_owned()
}

/// The opcode and the payload of the first frame, and what is behind it.
fn split_frame(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&first, rest) = octets.split_first().filter(|(first, _)| **first >= 0x80)?;
    let (&short, rest) = rest.split_first()?;
    let (size, rest) = match short {
        126 => (usize::from(u16::from_be_bytes(*rest.first_chunk()?)), &rest[2..]),
        127 => (usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?, &rest[8..]),
        short => (usize::from(short), rest),
    };
    let (payload, behind) = rest.split_at_checked(size)?;
    Some((first & 0xF, payload, behind))
}
