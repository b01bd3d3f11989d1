//! The test driver: octets as peers send them, and an engine that is fed with them in every cut.

use std::ops::Range;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Engine, Error, Limits, Message, Received, SocketType};

pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

pub(crate) const ALL_TYPES: [SocketType; 6] = [
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Req,
    SocketType::Rep,
];

/// The greeting of a NULL peer of this version.
pub(crate) fn greeting_of(major: u8, minor: u8) -> Vec<u8> {
    let mut octets = b"\xFF\0\0\0\0\0\0\0\0\x7F".to_vec();
    octets.extend([major, minor]);
    octets.extend(b"NULL");
    octets.resize(64, 0);
    octets
}

pub(crate) fn greeting() -> Vec<u8> {
    greeting_of(3, 1)
}

/// One frame; the LONG bit of `flags` decides the form of its size.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [announce(flags, body.len() as u64), body.to_vec()].concat()
}

/// Flags and size alone.
pub(crate) fn announce(flags: u8, size: u64) -> Vec<u8> {
    let mut octets = vec![flags];
    if flags & LONG == 0 {
        octets.push(u8::try_from(size).expect("a short frame"));
    } else {
        octets.extend(size.to_be_bytes());
    }
    octets
}

/// A message of these frames, each in the form its size asks for.
pub(crate) fn message(frames: &[&[u8]]) -> Vec<u8> {
    let last = frames.len() - 1;
    let encode = |(position, body): (usize, &&[u8])| {
        let more = if position < last { MORE } else { 0 };
        let long = if body.len() > 255 { LONG } else { 0 };
        frame(more | long, body)
    };
    frames.iter().enumerate().flat_map(encode).collect()
}

pub(crate) fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let name_size = u8::try_from(name.len()).expect("a short name");
    let body = [&[name_size], name.as_bytes(), data].concat();
    let long = if body.len() > 255 { LONG } else { 0 };
    frame(COMMAND | long, &body)
}

pub(crate) fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let name_size = u8::try_from(name.len()).expect("a short name");
    let value_size = u32::try_from(value.len()).expect("a short value");
    [&[name_size], name.as_bytes(), &value_size.to_be_bytes(), value].concat()
}

pub(crate) fn ready(socket_type: &str) -> Vec<u8> {
    command("READY", &property("Socket-Type", socket_type.as_bytes()))
}

/// A type that goes with ours.
pub(crate) const fn peer_of(socket_type: SocketType) -> SocketType {
    match socket_type {
        SocketType::Pub => SocketType::Sub,
        SocketType::Sub => SocketType::Pub,
        SocketType::Push => SocketType::Pull,
        SocketType::Pull => SocketType::Push,
        SocketType::Req => SocketType::Rep,
        SocketType::Rep => SocketType::Req,
    }
}

/// Greeting and READY of a peer that goes with `socket_type`.
pub(crate) fn handshake(socket_type: SocketType) -> Vec<u8> {
    [greeting(), ready(peer_of(socket_type).as_str())].concat()
}

/// What came of some octets.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) received: Vec<Received>,
    pub(crate) error: Option<Error>,
    pub(crate) output: Vec<u8>,
}

impl Outcome {
    /// Asks the engine for all it has.
    pub(crate) fn drain(&mut self, engine: &mut Engine) {
        loop {
            match engine.next() {
                Ok(Some(received)) => self.received.push(received),
                Ok(None) => break,
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        assert_eq!(engine.buffered(), 0, "all that was received was looked at");
        self.output.extend(taken(engine));
    }

    /// The messages alone.
    pub(crate) fn messages(self) -> Vec<Message> {
        assert_eq!(self.error, None);
        let message = |received| {
            if let Received::Message(message) = received { Some(message) } else { None }
        };
        self.received.into_iter().filter_map(message).collect()
    }
}

/// The output of an engine, side by side.
pub(crate) fn taken(engine: &mut Engine) -> Bytes {
    let announced = engine.output_len();
    let octets = engine.take_output().map(|octets| octets.into_bytes()).unwrap_or_default();
    assert_eq!((octets.len(), engine.output_len()), (announced, 0));
    octets
}

pub(crate) fn feed(engine: &mut Engine, octets: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    engine.receive(Bytes::copy_from_slice(octets));
    outcome.drain(engine);
    outcome
}

/// Feeds an engine with `octets` whole, octet by octet, and cut at each point; all must give the same.
pub(crate) fn run(socket_type: SocketType, limits: Limits, octets: &[u8]) -> Outcome {
    let run_pieces = |pieces: &[Range<usize>]| {
        let mut engine = Engine::new(socket_type, limits);
        let mut outcome = Outcome::default();
        outcome.drain(&mut engine);
        for piece in pieces {
            engine.receive(Bytes::copy_from_slice(&octets[piece.clone()]));
            outcome.drain(&mut engine);
        }
        outcome
    };
    let (whole, cuts) = every_cut(octets.len());
    let expected = run_pieces(&whole);
    for pieces in cuts {
        assert_eq!(run_pieces(&pieces), expected, "cut as {pieces:?}");
    }
    expected
}

/// One cut into a single piece, and all the others: octet by octet, and in two at each point (at some
/// thousand points where there are many more).
pub(crate) fn every_cut(
    len: usize,
) -> (Vec<Range<usize>>, impl Iterator<Item = Vec<Range<usize>>>) {
    let octet_by_octet = (0..len).map(|at| at..at + 1).collect();
    let step = 1 + len / 1000;
    let in_two = (0..=len)
        .filter(move |at| at % step == 0 || *at < 200 || len - at < 200)
        .map(move |at| vec![0..at, at..len]);
    (vec![Range { start: 0, end: len }], std::iter::once(octet_by_octet).chain(in_two))
}

/// As [`run`], with the handshake before `octets` and left out of what came of it.
pub(crate) fn run_ready(socket_type: SocketType, limits: Limits, octets: &[u8]) -> Outcome {
    let shake = run(socket_type, limits, &handshake(socket_type));
    let mut all = run(socket_type, limits, &[&handshake(socket_type), octets].concat());
    assert_eq!(all.received.drain(..1).collect::<Vec<_>>(), shake.received);
    assert_eq!(all.output.drain(..shake.output.len()).collect::<Vec<_>>(), shake.output);
    all
}

/// An engine whose handshake with a peer of this version is done, with nothing in its output.
pub(crate) fn ready_engine(socket_type: SocketType, major: u8, minor: u8) -> Engine {
    let mut engine = Engine::new(socket_type, Limits::default());
    feed(&mut engine, &greeting_of(major, minor));
    feed(&mut engine, &ready(peer_of(socket_type).as_str()));
    assert!(engine.is_ready());
    engine
}

/// Asserts that nothing is wrong with `octets` before the last one, and this error with it: then no
/// octet is waited for in vain, and none is kept that need not be.
pub(crate) fn assert_refused_by_the_last_octet(
    socket_type: SocketType,
    octets: &[u8],
    error: &Error,
) {
    let (last, before) = octets.split_last().expect("at least one octet");
    assert_eq!(run(socket_type, Limits::default(), before).error, None, "before the last octet");
    let mut engine = Engine::new(socket_type, Limits::default());
    feed(&mut engine, before);
    assert_eq!(feed(&mut engine, &[*last]).error.as_ref(), Some(error));
    // Final, and nothing is kept any more.
    assert_eq!(feed(&mut engine, &greeting()).error.as_ref(), Some(error));
}

/// The same after the handshake.
pub(crate) fn assert_ready_refuses_by_the_last_octet(octets: &[u8], error: &Error) {
    let all = [&handshake(SocketType::Pull), octets].concat();
    assert_refused_by_the_last_octet(SocketType::Pull, &all, error);
}

/// Seeded dice for tests (`SplitMix64`).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        usize::try_from(self.next() % bound).expect("below a usize")
    }

    pub(crate) fn octet(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// `octets` in pieces of all sizes.
    pub(crate) fn pieces(&mut self, octets: &Bytes) -> Vec<Bytes> {
        let mut rest = octets.clone();
        let mut pieces = Vec::new();
        while !rest.is_empty() {
            let largest = self.pick(&[1, 3, 20, 300, 5000, 100_000]);
            let size = 1 + self.below(largest).min(rest.len() - 1);
            pieces.push(rest.split_to(size));
        }
        pieces
    }
}
