//! What an API and its Nodes say to each other besides the servers' requests.
//!
//! All of it is written as Mongrel2 writes messages, from connection -1 and with none of the headers
//! that the server adds to what browsers send; so no browser can say any of it.

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, Dialect, Kind, Request, encode_request};

/// Something that an API or a Node of ours says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Note {
    /// The first message on a link for work: what to call this link in receipts.
    Welcome { link: u64 },
    /// From here on, the requests of this server on this link belong to this life of it.
    Life { sender: Bytes, epoch: u64, life: u32 },
    /// This life of a server and all before it are over: nothing of them may be answered any more.
    Over { sender: Bytes, epoch: u64, life: u32 },
    /// Whether this life of a server goes on. The Node's own link to it has come up so many times.
    Ask { sender: Bytes, epoch: u64, life: u32, up: u32 },
    /// The API parts from its servers: it is to be told once all that came by this link before is taken
    /// over.
    Mark,
    /// So many requests of a link are taken over: told to the application, or given back. Nothing more
    /// will be asked about them.
    Taken { link: u64, count: u64 },
    /// Something of the application's for every Node.
    Announcement { topic: Bytes, body: Bytes },
    /// The messages of a link, by their numbers, that are done with.
    Receipt { link: u64, done: Vec<Range>, failed: Vec<Range> },
}

/// The first and the last of some numbers in a row.
pub(super) type Range = (u64, u64);

impl Note {
    pub(super) fn encode(&self) -> Bytes {
        match self {
            Self::Welcome { link } => encode(API, WELCOME, &[("LINK", number(*link))], b""),
            Self::Life { sender, epoch, life } => life_note(sender, LIFE, *epoch, *life),
            Self::Over { sender, epoch, life } => life_note(sender, OVER, *epoch, *life),
            Self::Ask { sender, epoch, life, up } => {
                let [life, up] = [life, up].map(|count| number(u64::from(*count)));
                let headers = [("EPOCH", number(*epoch)), ("LIFE", life), ("UP", up)];
                encode(sender, ASK, &headers, b"")
            }
            Self::Mark => encode(API, MARK, &[], b""),
            Self::Taken { link, count } => {
                let headers = [("LINK", number(*link)), ("COUNT", number(*count))];
                encode(NODE, TAKEN, &headers, b"")
            }
            Self::Announcement { topic, body } => encode(API, topic, &[], body),
            Self::Receipt { link, done, failed } => {
                let headers =
                    [("LINK", number(*link)), ("DONE", ranges(done)), ("FAILED", ranges(failed))];
                encode(NODE, RECEIPT, &headers, b"")
            }
        }
    }

    /// `None` for everything else, such as a request.
    pub(super) fn read(request: &Request) -> Option<Self> {
        if request.conn_id() != ConnId::NONE || request.kind() != Kind::Control {
            return None;
        }
        let sender = || Bytes::copy_from_slice(request.sender());
        let count = |name| parse_number(&request.header(name)?);
        let life = || u32::try_from(count("LIFE")?).ok();
        match request.path() {
            WELCOME => Some(Self::Welcome { link: count("LINK")? }),
            LIFE => Some(Self::Life { sender: sender(), epoch: count("EPOCH")?, life: life()? }),
            OVER => Some(Self::Over { sender: sender(), epoch: count("EPOCH")?, life: life()? }),
            ASK => {
                let up = u32::try_from(count("UP")?).ok()?;
                Some(Self::Ask { sender: sender(), epoch: count("EPOCH")?, life: life()?, up })
            }
            MARK => Some(Self::Mark),
            TAKEN => Some(Self::Taken { link: count("LINK")?, count: count("COUNT")? }),
            RECEIPT => {
                let done = parse_ranges(&request.header("DONE")?)?;
                let failed = parse_ranges(&request.header("FAILED")?)?;
                Some(Self::Receipt { link: count("LINK")?, done, failed })
            }
            [b'/', b'_', b'_', ..] => None,
            topic if request.sender() == API => Some(Self::Announcement {
                topic: Bytes::copy_from_slice(topic),
                body: request.body(),
            }),
            _ => None,
        }
    }
}

/// Whether announcements may have this topic: one word, and none that we use ourselves.
pub(super) fn is_topic(topic: &[u8]) -> bool {
    !topic.is_empty()
        && topic.len() <= TOPIC_SIZE_MAX
        && !topic.contains(&b' ')
        && !topic.starts_with(b"/__")
}

fn life_note(sender: &[u8], path: &[u8], epoch: u64, life: u32) -> Bytes {
    let headers = [("EPOCH", number(epoch)), ("LIFE", number(u64::from(life)))];
    encode(sender, path, &headers, b"")
}

fn encode(sender: &[u8], path: &[u8], headers: &[(&str, String)], body: &[u8]) -> Bytes {
    let mut values: Vec<[&[u8]; 1]> = vec![[b"MONGREL2"]];
    values.extend(headers.iter().map(|(_, value)| [value.as_bytes()]));
    let names = std::iter::once(&b"METHOD"[..]).chain(headers.iter().map(|(n, _)| n.as_bytes()));
    let members: Vec<(&[u8], &[&[u8]])> =
        names.zip(&values).map(|(name, value)| (name, &value[..])).collect();
    let mut raw = BytesMut::new();
    encode_request(sender, ConnId::NONE, path, &members, Dialect::Json, body, &mut raw);
    raw.freeze()
}

fn number(number: u64) -> String {
    number.to_string()
}

fn ranges(ranges: &[Range]) -> String {
    let texts: Vec<_> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
    texts.join(" ")
}

fn parse_number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn parse_ranges(text: &[u8]) -> Option<Vec<Range>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let words = text.split(|octet| *octet == b' ');
    words
        .map(|word| {
            let dash = word.iter().position(|octet| *octet == b'-')?;
            let (first, last) = (parse_number(&word[..dash])?, parse_number(&word[dash + 1..])?);
            (first <= last).then_some((first, last))
        })
        .collect()
}

/// The answer to [`Note::Ask`] where nobody knows yet.
pub(super) const WAIT: &[u8] = b"WAIT";

/// What our Nodes say of themselves in READY, so that they are told what is for them alone.
pub(super) const NODE_PROPERTY: (&str, &str) = ("X-Mongrel2-Node", "1");

/// Octets of the topic of an announcement.
const TOPIC_SIZE_MAX: usize = 1024;

const API: &[u8] = b"api";
const NODE: &[u8] = b"node";
const WELCOME: &[u8] = b"/__welcome__";
const LIFE: &[u8] = b"/__life__";
const OVER: &[u8] = b"/__over__";
const ASK: &[u8] = b"/__lives__";
const MARK: &[u8] = b"/__mark__";
const TAKEN: &[u8] = b"/__taken__";
const RECEIPT: &[u8] = b"/__done__";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: Bytes) -> Option<Note> {
        Note::read(&Request::parse(raw).unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        for note in [
            Note::Welcome { link: u64::MAX },
            Note::Life { sender: "a-b".into(), epoch: 7, life: 1 },
            Note::Over { sender: "a-b".into(), epoch: 7, life: u32::MAX },
            Note::Ask { sender: "a-b".into(), epoch: 0, life: 2, up: u32::MAX },
            Note::Mark,
            Note::Taken { link: u64::MAX, count: 0 },
            Note::Announcement { topic: "/news".into(), body: "\0, }".into() },
            Note::Receipt { link: 3, done: vec![(1, 4), (9, 9)], failed: Vec::new() },
            Note::Receipt { link: 3, done: Vec::new(), failed: vec![(0, u64::MAX)] },
        ] {
            assert_eq!(read(note.encode()), Some(note));
        }
    }

    #[test]
    fn nonsense_is_no_note() {
        let done = |text: &str| {
            let headers =
                [("LINK", "1".to_owned()), ("DONE", text.to_owned()), ("FAILED", String::new())];
            encode(NODE, RECEIPT, &headers, b"")
        };
        for text in [" ", "1", "2-1", "1-", "-1", "1-2,3-4", "a-b", "1-99999999999999999999"] {
            assert_eq!(read(done(text)), None, "{text:?}");
        }
        assert_eq!(read(encode(API, WELCOME, &[], b"")), None);
        assert_eq!(read(encode(API, b"/__unknown__", &[], b"")), None);
        assert_eq!(read(encode(b"somebody", b"/news", &[], b"")), None);
    }

    #[test]
    fn a_browser_says_none_of_it() {
        let mut raw = BytesMut::new();
        let of_the_server: [(&[u8], &[&[u8]]); 3] =
            [(b"METHOD", &[b"MONGREL2"]), (b"LINK", &[b"1"]), (b"REMOTE_ADDR", &[b"1.2.3.4"])];
        encode_request(API, ConnId::NONE, WELCOME, &of_the_server, Dialect::Json, b"", &mut raw);
        assert_eq!(read(raw.freeze()), None);
    }

    #[test]
    fn topics_are_words() {
        assert!(is_topic(b"/news") && is_topic(b"x"));
        assert!(!is_topic(b"") && !is_topic(b"a b") && !is_topic(b"/__life__"));
        assert!(!is_topic(&[b'x'; TOPIC_SIZE_MAX + 1]));
    }
}
