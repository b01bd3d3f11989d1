//! Conversations recorded with the real Mongrel2 and libzmq, replayed in every cut.
//!
//! A transcript is a text of lines:
//! ```text
//! # a remark: what it shows, and the clauses
//! socket PULL     our end
//! < hex           octets from the peer
//! = what          what the engine must make of the octets since the last line of ours
//! ! verb hex      what our application does: send, subscribe, pong; ping has its TTL first
//! > hex           all octets that we send now
//! ```

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Engine, Limits, Message, Received, SocketType};

use crate::wire::{ALL_TYPES, Outcome, every_cut, taken};

struct Transcript {
    socket_type: SocketType,
    rounds: Vec<Round>,
}

/// Some octets of the peer, what becomes of them, then what we do.
#[derive(Default)]
struct Round {
    peer: Vec<u8>,
    expected: Vec<String>,
    ours: Vec<Ours>,
}

enum Ours {
    Output(Vec<u8>),
    Send(Vec<u8>),
    Subscribe(Vec<u8>),
    Ping(Duration, Vec<u8>),
    Pong(Vec<u8>),
}

impl Transcript {
    fn parse(text: &str) -> Self {
        let mut socket_type = None;
        let mut rounds = vec![Round::default()];
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (mark, rest) = line.split_once(' ').expect("a mark, then a blank");
            let round = rounds.last_mut().expect("there is a first round");
            match mark {
                "socket" => {
                    socket_type = ALL_TYPES.into_iter().find(|known| known.as_str() == rest);
                }
                "<" if round.ours.is_empty() => round.peer.extend(octets(rest)),
                "<" => rounds.push(Round { peer: octets(rest), ..Round::default() }),
                "=" => round.expected.push(rest.to_owned()),
                ">" => round.ours.push(Ours::Output(octets(rest))),
                "!" => round.ours.push(Ours::parse(rest)),
                _ => unreachable!("no such mark: {line}"),
            }
        }
        Self { socket_type: socket_type.expect("a line with the socket type"), rounds }
    }

    fn peer_len(&self) -> usize {
        self.rounds.iter().map(|round| round.peer.len()).sum()
    }

    /// `pieces` are ranges of the octets of the peer; where a round ends, a piece ends too.
    fn replay(&self, pieces: &[Range<usize>]) {
        let mut engine = Engine::new(self.socket_type, Limits::default());
        let mut start = 0;
        for round in &self.rounds {
            let end = start + round.peer.len();
            let mut heard = Outcome::default();
            let mut output = Vec::new();
            for piece in pieces {
                let (from, to) = (piece.start.clamp(start, end), piece.end.clamp(start, end));
                engine.receive(Bytes::copy_from_slice(&round.peer[from - start..to - start]));
                heard.drain(&mut engine);
                output.append(&mut heard.output);
            }
            let mut descriptions: Vec<_> = heard.received.iter().map(describe).collect();
            descriptions.extend(heard.error.map(|error| format!("error {error:?}")));
            assert_eq!(descriptions, round.expected);
            round.ours.iter().for_each(|ours| ours.perform(&mut engine, &mut output));
            assert_eq!(output, [], "output that is not in the transcript");
            start = end;
        }
        assert_eq!(taken(&mut engine), Bytes::new(), "output behind the end of the transcript");
    }
}

impl Ours {
    fn parse(action: &str) -> Self {
        let mut words = action.split(' ');
        let verb = words.next().unwrap_or_default();
        let ttl = words.next().filter(|_| verb == "ping");
        let argument =
            octets(action.split(' ').nth(if ttl.is_some() { 2 } else { 1 }).unwrap_or(""));
        match verb {
            "send" => Self::Send(argument),
            "subscribe" => Self::Subscribe(argument),
            "pong" => Self::Pong(argument),
            "ping" => {
                let tenths: u64 = ttl.and_then(|ttl| ttl.parse().ok()).expect("a ttl in tenths");
                Self::Ping(Duration::from_millis(100 * tenths), argument)
            }
            _ => unreachable!("no such action: {action}"),
        }
    }

    /// `output`: what the engine has sent since the last line of ours.
    fn perform(&self, engine: &mut Engine, output: &mut Vec<u8>) {
        match self {
            Self::Output(octets) => {
                output.extend(taken(engine));
                assert_eq!(output, octets);
                output.clear();
            }
            Self::Send(body) => engine.send(&Message::from(body.clone())),
            Self::Subscribe(prefix) => engine.subscribe(prefix),
            Self::Ping(ttl, context) => engine.ping(*ttl, context),
            Self::Pong(context) => engine.pong(context),
        }
    }
}

fn octets(hex: &str) -> Vec<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16).expect("a hexadecimal digit");
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).expect("two digits"))
        .collect()
}

fn describe(received: &Received) -> String {
    match received {
        Received::Ready(peer) => {
            let socket_type = peer.socket_type().unwrap_or_default().escape_ascii();
            format!("ready {} {socket_type}", peer.version())
        }
        Received::Message(message) => {
            let frames =
                message.frames().map(|frame| format!(" \"{}\"", frame.body().escape_ascii()));
            format!("message{}", frames.collect::<String>())
        }
        Received::Subscribe(prefix) => format!("subscribe \"{}\"", prefix.escape_ascii()),
        Received::Cancel(prefix) => format!("cancel \"{}\"", prefix.escape_ascii()),
        Received::Ping { ttl, context } => {
            format!("ping {}ms \"{}\"", ttl.as_millis(), context.escape_ascii())
        }
        Received::Pong { context } => format!("pong \"{}\"", context.escape_ascii()),
        Received::Oversized { size, head } => {
            format!("oversized {size} \"{}\"", head.escape_ascii())
        }
        _ => unreachable!("a kind that no transcript has: {received:?}"),
    }
}

#[test]
fn transcripts_replay_in_every_cut() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/transcripts");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("the folder of transcripts") {
        let path = entry.expect("an entry of the folder").path();
        println!("{}", path.display());
        let transcript = Transcript::parse(&std::fs::read_to_string(&path).expect("a text"));
        let (whole, cuts) = every_cut(transcript.peer_len());
        transcript.replay(&whole);
        cuts.for_each(|pieces| transcript.replay(&pieces));
        count += 1;
    }
    assert!(count >= EXPECTED_MIN, "{count} transcripts were found");
}

/// Guards against an empty folder.
const EXPECTED_MIN: usize = 25;
