//! What an API and its Nodes say to each other, written and read by one who knows the octets alone.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Request, encode_request};
use mongrel2_transceiver::zmtp::{Frame, Message};

use crate::choices::Choices;

/// The first message on a link for work: what the link is called.
pub(super) fn welcome(link: u64) -> Bytes {
    note("api", WELCOME, &[("LINK", link.to_string())], b"")
}

/// Of which life of a server the requests are that follow.
pub(super) fn life(sender: &str, epoch: u64, life: u64) -> Bytes {
    note(sender, LIFE, &[("EPOCH", epoch.to_string()), ("LIFE", life.to_string())], b"")
}

/// This life of a server is over.
pub(super) fn over(sender: &str, epoch: u64, life: u64) -> Bytes {
    note(sender, OVER, &[("EPOCH", epoch.to_string()), ("LIFE", life.to_string())], b"")
}

/// Whether this life of a server goes on.
pub(super) fn ask(sender: &str, epoch: u64, life: u64, up: u64) -> Bytes {
    let [epoch, life, up] = [epoch, life, up].map(|number| number.to_string());
    note(sender, ASK, &[("EPOCH", epoch), ("LIFE", life), ("UP", up)], b"")
}

/// All that came by this link before is to be taken over, and that to be said.
pub(super) fn mark() -> Bytes {
    note("api", MARK, &[], b"")
}

/// So many requests of a link are taken over.
pub(super) fn taken(link: u64, count: u64) -> Bytes {
    let headers = [("LINK", link.to_string()), ("COUNT", count.to_string())];
    note("node", TAKEN, &headers, b"")
}

/// Something for all Nodes.
pub(super) fn announcement(topic: &str, body: &[u8]) -> Bytes {
    note("api", topic, &[], body)
}

/// Requests of a link that are done with.
pub(super) fn receipt(link: u64, [done, failed]: [&[(u64, u64)]; 2]) -> Bytes {
    let text = |ranges: &[(u64, u64)]| {
        let words: Vec<_> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        words.join(" ")
    };
    let headers = [("LINK", link.to_string()), ("DONE", text(done)), ("FAILED", text(failed))];
    note("node", RECEIPT, &headers, b"")
}

fn note(sender: &str, path: &str, headers: &[(&str, String)], body: &[u8]) -> Bytes {
    let mut values: Vec<[&[u8]; 1]> = vec![[b"MONGREL2"]];
    values.extend(headers.iter().map(|(_, value)| [value.as_bytes()]));
    let names = std::iter::once(&b"METHOD"[..]).chain(headers.iter().map(|(n, _)| n.as_bytes()));
    let members: Vec<(&[u8], &[&[u8]])> =
        names.zip(&values).map(|(name, value)| (name, &value[..])).collect();
    let (mut raw, path) = (BytesMut::new(), path.as_bytes());
    let sender = sender.as_bytes();
    encode_request(sender, ConnId::NONE, path, &members, Dialect::Json, body, &mut raw);
    raw.freeze()
}

/// A number in a header of a note.
pub(super) fn number(note: &Request, name: &str) -> u64 {
    let text = note.header_str(name).unwrap_or_else(|| panic!("no {name} in {note:?}"));
    text.parse().unwrap_or_else(|_| panic!("{name} is {text}"))
}

/// The ranges of numbers in a header of a receipt.
pub(super) fn ranges(note: &Request, name: &str) -> Vec<(u64, u64)> {
    let text = note.header_str(name).unwrap_or_else(|| panic!("no {name} in {note:?}"));
    let words = text.split(' ').filter(|word| !word.is_empty());
    let ranges = words.map(|word| {
        let (first, last) = word.split_once('-').expect("two numbers");
        (first.parse().expect("a number"), last.parse().expect("a number"))
    });
    ranges.collect()
}

/// A few ranges, most of them short.
pub(super) fn some_ranges(choices: &mut Choices<'_>) -> Vec<(u64, u64)> {
    let count = choices.below(3);
    let ranges = (0..count).map(|_| {
        let first = choices.number();
        (first, first.saturating_add(choices.number()))
    });
    ranges.collect()
}

/// A message as it is, as a rule; else one that something is wrong with. Whether it is not wholly there, or
/// may mean something else.
pub(super) fn damaged(raw: Bytes, choices: &mut Choices<'_>) -> (Bytes, bool) {
    let octet = choices.octet();
    if octet < 0xF8 || raw.is_empty() {
        return (raw, false);
    }
    let place = usize::from(choices.wide()) % raw.len();
    if octet < 0xFC {
        return (raw.slice(..place), false);
    }
    let mut raw = raw.to_vec();
    raw[place] ^= choices.octet();
    (raw.into(), true)
}

/// Behind an empty frame, as REQ and REP have it.
pub(super) fn enveloped(raw: Bytes) -> Message {
    Message::from_frames(vec![Frame::default(), raw.into()]).expect("two frames")
}

pub(super) const WELCOME: &str = "/__welcome__";
pub(super) const LIFE: &str = "/__life__";
pub(super) const OVER: &str = "/__over__";
pub(super) const ASK: &str = "/__lives__";
pub(super) const MARK: &str = "/__mark__";
pub(super) const TAKEN: &str = "/__taken__";
pub(super) const RECEIPT: &str = "/__done__";
/// What Nodes of ours say of themselves.
pub(super) const OURS: &[(&str, &str)] = &[("X-Mongrel2-Node", "1")];

/// The scopes of the sockets between an API and its Nodes, on both sides.
pub(super) const WORK: u32 = u32::MAX - 14;
pub(super) const ANNOUNCEMENTS: u32 = u32::MAX - 13;
pub(super) const RECEIPTS: u32 = u32::MAX - 12;
pub(super) const CONTROL: u32 = u32::MAX - 11;
