//! Random streams of octets that libzmq takes: what it makes of them, our engine makes of them too.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Engine, Limits, Received, SocketType};

use crate::load::{Dice, Frames};
use crate::raw::{COMMAND, MORE};
use crate::theirs::Theirs;

/// How many streams are tried, unless `STREAMS` says otherwise.
const STREAMS: u64 = 60;

#[test]
fn random_streams_give_the_messages_that_libzmq_makes_of_them() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let seeds = match number("STREAM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("STREAMS").unwrap_or(STREAMS),
    };
    for seed in seeds {
        let stream = Stream::new(seed);
        let replay = format!(
            "to replay: STREAM_SEED={seed} cargo test -p interop --test libzmq random_streams"
        );
        let theirs = libzmq(&stream);
        assert_eq!(theirs, stream.messages, "libzmq reads something else than was meant; {replay}");
        assert_eq!(ours(&stream), theirs, "ours are not libzmq's; {replay}");
    }
}

/// What a PUSH says to a PULL, and how the octets are cut.
struct Stream {
    octets: Vec<u8>,
    cuts: Vec<usize>,
    messages: Vec<Frames>,
}

impl Stream {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let mut octets = greeting(&mut dice);
        ready(&mut dice, &mut octets);
        let mut messages = Vec::new();
        for _ in 0..dice.below(30) + 1 {
            while dice.below(4) == 0 {
                // Between messages alone (RFC 37: traffic).
                ping(&mut dice, &mut octets);
            }
            messages.push(message(&mut dice, &mut octets));
        }
        // Mostly large pieces, sometimes single octets: around the heads most of all.
        let mut cuts = Vec::new();
        let mut at = 0;
        while at < octets.len() {
            let most = [1, 3, 40, 2_000, 100_000][dice.below(5)];
            at += dice.below(most) + 1;
            cuts.push(at.min(octets.len()));
        }
        Self { octets, cuts, messages }
    }

    /// The last octets, cut as drawn.
    fn pieces<'a>(&'a self, octets: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let skipped = self.octets.len() - octets.len();
        let ends = self.cuts.iter().map(move |end| end.saturating_sub(skipped));
        let starts = [0].into_iter().chain(ends.clone());
        starts.zip(ends).map(|(start, end)| &octets[start..end]).filter(|piece| !piece.is_empty())
    }
}

/// Version 3.0 or 3.1; what is padding may be anything.
fn greeting(dice: &mut Dice) -> Vec<u8> {
    let mut greeting = vec![0xFF];
    // What older versions read as a length: libzmq looks at the last bit of the last octet alone.
    greeting.extend([0, 0, 0, 0, 0, 0, 0]);
    greeting.push(octet(dice));
    greeting.extend([0x7F, 3, u8::try_from(dice.below(2)).unwrap()]);
    greeting.extend(*b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    greeting.push(0);
    greeting.extend((0..31).map(|_| octet(dice)));
    greeting
}

/// With properties that nobody knows, in any order, and names in any case.
fn ready(dice: &mut Dice, octets: &mut Vec<u8>) {
    let mut properties = vec![(b"Socket-Type".to_vec(), b"PUSH".to_vec())];
    for number in 0..dice.below(4) {
        let name = format!("X-{number}-{}", "a".repeat(dice.below(100))).into_bytes();
        let size = dice.below(300);
        properties.insert(dice.below(properties.len() + 1), (name, octets_of(dice, size)));
    }
    let mut body = b"\x05READY".to_vec();
    for (name, value) in properties {
        body.push(u8::try_from(name.len()).unwrap());
        body.extend(&name);
        body.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(&value);
    }
    frame(dice, COMMAND, &body, octets);
}

fn ping(dice: &mut Dice, octets: &mut Vec<u8>) {
    let context = dice.below(17);
    let body = [b"\x04PING\0\0", &octets_of(dice, context)[..]].concat();
    frame(dice, COMMAND, &body, octets);
}

fn message(dice: &mut Dice, octets: &mut Vec<u8>) -> Frames {
    let count = [1, 1, 1, 2, 3, 20][dice.below(6)];
    let frames: Frames = (0..count)
        .map(|_| {
            let size = [0, 1, 20, 254, 255, 256, 257, 8_191, 8_192, 70_000][dice.below(10)];
            Bytes::from(octets_of(dice, size))
        })
        .collect();
    for (number, body) in frames.iter().enumerate() {
        let more = if number + 1 < frames.len() { MORE } else { 0 };
        frame(dice, more, body, octets);
    }
    frames
}

/// In the short form or the long one: a small frame may have either.
fn frame(dice: &mut Dice, flags: u8, body: &[u8], octets: &mut Vec<u8>) {
    match u8::try_from(body.len()) {
        Ok(size) if dice.below(4) > 0 => octets.extend([flags, size]),
        _ => {
            octets.push(flags | LONG);
            octets.extend((body.len() as u64).to_be_bytes());
        }
    }
    octets.extend(body);
}

fn libzmq(stream: &Stream) -> Vec<Frames> {
    let pull = Theirs::new(zmq::PULL);
    pull.bind("tcp://127.0.0.1:*");
    let address = pull.socket().get_last_endpoint().unwrap().unwrap();
    let mut socket = TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap();
    socket.set_nodelay(true).unwrap();
    // It wants to have said its greeting before anything comes behind ours (seen on 4.3.4).
    let (greeting, rest) = stream.octets.split_at(64);
    socket.write_all(greeting).unwrap();
    socket.read_exact(&mut [0; 64]).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for piece in stream.pieces(rest) {
                socket.write_all(piece).unwrap();
            }
        });
        let received = || Some(pull.socket().recv_multipart(0).ok()?.into_iter().map(Bytes::from));
        // Where it takes no more there are fewer.
        stream.messages.iter().map_while(|_| Some(received()?.collect())).collect()
    })
}

fn ours(stream: &Stream) -> Vec<Frames> {
    let mut engine = Engine::new(SocketType::Pull, Limits::default());
    let mut messages = Vec::new();
    for piece in stream.pieces(&stream.octets) {
        engine.receive(Bytes::copy_from_slice(piece));
        while let Some(received) = engine.next().unwrap() {
            if let Received::Message(message) = received {
                messages.push(message.into_frames().map(|frame| frame.into_bytes()).collect());
            }
        }
    }
    messages
}

fn octet(dice: &mut Dice) -> u8 {
    dice.next().to_be_bytes()[0]
}

fn octets_of(dice: &mut Dice, count: usize) -> Vec<u8> {
    (0..count).map(|_| octet(dice)).collect()
}

const LONG: u8 = 2;
