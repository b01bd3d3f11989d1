//! What one engine encodes, another decodes; and whatever becomes of the octets on their way, every cut
//! gives the same and nothing panics.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Engine, Frame, Limits, Message, Oversize, Received, SocketType};

use crate::wire::{
    ALL_TYPES, Dice, Outcome, command, feed, greeting, handshake, message, peer_of, taken,
};

const SIZES: [usize; 12] = [0, 1, 2, 100, 255, 256, 2047, 2048, 2049, 5000, 20_000, 70_000];

/// Two engines that have shaken hands.
fn pair(socket_type: SocketType) -> (Engine, Engine) {
    let mut left = Engine::new(socket_type, Limits::default());
    let mut right = Engine::new(peer_of(socket_type), Limits::default());
    for _ in 0..2 {
        let (to_right, to_left) = (taken(&mut left), taken(&mut right));
        right.receive(to_right);
        left.receive(to_left);
        while left.next().expect("no error").is_some() || right.next().expect("no error").is_some()
        {
        }
    }
    assert!(left.is_ready() && right.is_ready());
    (left, right)
}

/// Its octets are above 1, so that a publisher does not take it for a subscription.
fn random_message(dice: &mut Dice) -> Message {
    let count = 1 + dice.below(4);
    let frames = (0..count).map(|_| {
        let octets = Bytes::from(vec![dice.octet() | 2; dice.pick(&SIZES)]);
        let head = octets.slice(..dice.below(octets.len() + 1));
        let body = octets.slice(head.len()..);
        Frame::with_head(head, body)
    });
    Message::from_frames(frames.collect()).expect("at least one frame")
}

/// Puts something into the output of `engine`, and says what the peer must make of it.
fn say_something(dice: &mut Dice, engine: &mut Engine) -> Received {
    let context = Bytes::from(vec![dice.octet(); dice.below(17)]);
    match dice.below(10) {
        0 => {
            let ttl = Duration::from_millis(100 * dice.below(600) as u64);
            engine.ping(ttl, &context);
            Received::Ping { ttl, context }
        }
        1 if engine.socket_type() == SocketType::Sub => {
            engine.subscribe(&context);
            Received::Subscribe(context)
        }
        2 if engine.socket_type() == SocketType::Sub => {
            engine.cancel(&context);
            Received::Cancel(context)
        }
        _ => {
            let message = random_message(dice);
            engine.send(&message);
            Received::Message(message)
        }
    }
}

#[test]
fn what_is_encoded_is_decoded_in_any_cut() {
    for (seed, socket_type) in (0..60).zip(ALL_TYPES.into_iter().cycle()) {
        let mut dice = Dice(seed);
        let (mut sender, mut receiver) = pair(socket_type);
        for _ in 0..10 {
            let count = dice.below(8);
            let said: Vec<_> = (0..count).map(|_| say_something(&mut dice, &mut sender)).collect();
            let mut heard = Outcome::default();
            for piece in dice.pieces(&taken(&mut sender)) {
                receiver.receive(piece);
                heard.drain(&mut receiver);
            }
            assert_eq!(heard.received, said, "seed {seed}, {socket_type}");
            assert_eq!((heard.error, receiver.held()), (None, 0));
        }
    }
}

/// A stream with something of everything in it.
fn rich_stream(socket_type: SocketType) -> Vec<u8> {
    [
        handshake(socket_type),
        message(&[b"one"]),
        command("PING", b"\0\x0Acontext"),
        message(&[b"a", b"", &[7; 300]]),
        command("SUBSCRIBE", b"topic"),
        message(&[b"\x01topic"]),
        command("PONG", b""),
        message(&[&[8; 1200]]),
        command("UNKNOWN", &[9; 280]),
        message(&[b"last"]),
    ]
    .concat()
}

fn limits(dice: &mut Dice) -> Limits {
    Limits::default()
        .with_message_size_max(dice.pick(&[100, 400, 5000]))
        .with_frames_max(dice.pick(&[1, 2, 1000]))
        .with_oversize(dice.pick(&[Oversize::Refuse, Oversize::Skip]))
}

#[test]
fn damaged_streams_give_the_same_in_any_cut() {
    for seed in 0..3000 {
        let mut dice = Dice(seed);
        let socket_type = dice.pick(&ALL_TYPES);
        let mut octets = rich_stream(socket_type);
        for _ in 0..dice.below(4) {
            let at = dice.below(octets.len());
            octets[at] = dice.octet();
        }
        let limits = limits(&mut dice);
        let whole = feed(&mut Engine::new(socket_type, limits), &octets);
        let mut engine = Engine::new(socket_type, limits);
        let mut cut = Outcome::default();
        for piece in dice.pieces(&octets.into()) {
            engine.receive(piece);
            cut.drain(&mut engine);
        }
        assert_eq!(cut, whole, "seed {seed}");
    }
}

#[test]
fn noise_behind_a_greeting_never_panics() {
    for seed in 0..3000 {
        let mut dice = Dice(seed);
        let socket_type = dice.pick(&ALL_TYPES);
        let opening = dice.pick(&[0, 64, 91]);
        let mut octets = handshake(socket_type);
        octets.truncate(opening);
        let kinds = dice.pick(&[8, 256]);
        octets.extend((0..200).map(|_| dice.below(kinds).to_le_bytes()[0]));
        let mut engine = Engine::new(socket_type, limits(&mut dice));
        let outcome = feed(&mut engine, &octets);
        assert!(engine.held() <= 5000 + 4096, "seed {seed}");
        assert_eq!(feed(&mut engine, &greeting()).error.is_some(), engine.next().is_err());
        assert!(outcome.error.is_none() || engine.next() == Err(outcome.error.expect("an error")));
    }
}
