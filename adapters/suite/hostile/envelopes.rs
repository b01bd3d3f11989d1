//! Messages that mean nothing to the socket that gets them: to PULL, to PUB, and to REP.

use bytes::Bytes;
use mongrel2_transceiver::introduction::Answer;
use mongrel2_transceiver::transceiver::Event;

use super::peer::{Fair, Trap};
use super::stage::{Stage, config};
use super::wire::{self, LONG, MORE};

/// Each is told of, and the next message is read as if nothing had been.
#[test]
fn what_is_no_request_is_told_and_the_link_goes_on() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let own = trap.get(7);
    let cut = &own[..own.len() - 3];
    let junk: [&[u8]; 8] = [
        b"",
        b"\0",
        b" ",
        b"no request at all",
        b"trap 1 / 2:{},0:",
        b"trap 99999999999999999999999999 / 2:{},0:,",
        b"trap 1 / 18446744073709551616:{},0:,",
        cut,
    ];
    for (round, junk) in (0..).zip(junk) {
        both.requests.says(&wire::message(&[junk]));
        stage.wait(|event| match event {
            Event::Unreadable { server, .. } => (*server == trap.id).then_some(()),
            _ => None,
        });
        both.asks(&trap, 10 + round);
    }
    stage.end();
}

/// Mongrel2 sends single frames alone; further ones have no meaning, and an envelope hides what is in it.
#[test]
fn of_many_frames_the_first_is_the_request() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    both.requests.says(&wire::message(&[b"", &trap.get(1)]));
    stage.wait(|event| matches!(event, Event::Unreadable { .. }).then_some(()));
    let other = trap.get(2);
    both.requests.says(&wire::message(&[&trap.get(3), &other, b"", &other]));
    stage.wait(|event| match event {
        Event::Request { target, .. } => {
            assert_eq!(target.conn_id.0, 3);
            Some(())
        }
        _ => None,
    });
    both.asks(&trap, 4);
    stage.end();
}

#[test]
fn a_subscriber_has_nothing_to_say() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let request = trap.get(1);
    for octets in [
        wire::message(&[&request]),
        wire::message(&[b"", b"", &request]),
        wire::message(&[b"\x02 is neither to subscribe nor to cancel"]),
        wire::message(&[b"\0never subscribed"]),
        // Larger than anything that a subscriber may say, and than any memory.
        wire::frame(LONG, &[b'x'; 200_000]),
        wire::frame(MORE, b"").repeat(5000),
        wire::frame(0, b""),
    ] {
        assert!(both.replies.says(&octets));
        both.asks(&trap, 7);
    }
    assert!(both.replies.says(&wire::announce(LONG, 1 << 62)));
    both.asks(&trap, 7);
    stage.end();
}

/// What has no envelope has no answer, for nobody could be told whose it is; any envelope goes back as it
/// came.
#[test]
fn orders_in_wrong_envelopes_have_no_answer() {
    let stage = Stage::new(config());
    let mut other = Fair::at(&stage.control);
    let mut peer = Fair::at(&stage.control);
    for octets in [
        wire::message(&[b"PING"]),
        wire::message(&[b"PING", b"PING"]),
        wire::message(&[b""]),
        wire::message(&[b"to", b"nobody", b""]),
        wire::message(&[b"PING", b""]),
    ] {
        assert!(peer.peer.says(&octets));
        assert_eq!(peer.asks("PING").unwrap(), "PONG");
        assert_eq!(other.asks("PING").unwrap(), "PONG");
    }
    assert!(peer.peer.says(&wire::message(&[b"a", b"b", &[b'c'; 300], b"", b"PING"])));
    let frames: Vec<Bytes> =
        peer.hears_message().unwrap().frames().map(|frame| frame.bytes()).collect();
    assert_eq!(frames, [&b"a"[..], b"b", &[b'c'; 300], b"", b"PONG"]);
    stage.end();
}

#[test]
fn orders_that_are_none_are_answered_so() {
    let stage = Stage::new(config());
    let mut peer = Fair::at(&stage.control);
    for text in ["", "PONG", "PING ", "nobody -1 @x 2:{},0:,", "\0", "a 1 / 2:{},0:,"] {
        let answer = Answer::parse(peer.asks(text).unwrap());
        assert!(matches!(answer, Answer::Error(_)), "{text:?}: {answer:?}");
    }
    assert!(peer.peer.says(&wire::message(&[b"", b"PING", b"PING"])));
    let answer = peer.hears_message().unwrap().frames().last().unwrap().bytes();
    assert!(matches!(Answer::parse(answer), Answer::Error(_)));
    assert_eq!(peer.asks("PING").unwrap(), "PONG");
    stage.end();
}

/// More than an order can have, in octets or in frames, ends its peer.
#[test]
fn orders_without_end_are_ended() {
    let stage = Stage::new(config());
    let mut other = Fair::at(&stage.control);
    let many = wire::frame(MORE, b"").repeat(65);
    let sum = wire::frame(MORE | LONG, &[b'x'; 5000]).repeat(20);
    let vast = wire::announce(LONG, 1 << 40);
    let impossible = wire::announce(LONG, 1 << 63);
    let huge_envelope =
        [wire::frame(MORE | LONG, &[b'x'; 70_000]), wire::frame(MORE, b"")].concat();
    for octets in [many, sum, vast, impossible, huge_envelope] {
        let mut peer = Fair::at(&stage.control);
        peer.peer.says(&octets);
        peer.peer.is_ended();
        assert_eq!(other.asks("PING").unwrap(), "PONG");
    }
    // Who says nothing whole is heard by nobody, and holds nobody up.
    let mut silent = Fair::at(&stage.control);
    assert!(silent.peer.says(&wire::frame(MORE, b"").repeat(63)));
    assert_eq!(other.asks("PING").unwrap(), "PONG");
    assert!(silent.peer.is_open());
    stage.end();
}
