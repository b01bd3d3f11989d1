//! F7 and F8 with [`Oversize::Skip`]: the message is lost, the link goes on.

use mongrel2_transceiver::zmtp::{Engine, Error, Limits, Message, Oversize, Received, SocketType};

use crate::wire::{
    COMMAND, LONG, MORE, announce, command, feed, frame, handshake, message, run_ready,
};

const PULL: SocketType = SocketType::Pull;

fn skip() -> Limits {
    Limits::default().with_oversize(Oversize::Skip).with_message_size_max(1000).with_frames_max(4)
}

fn oversized(size: u64, head: &[u8]) -> Received {
    Received::Oversized { size, head: head.to_vec().into() }
}

/// What is received of `octets` and a message behind them, without that message.
fn skipped(octets: &[u8]) -> Vec<Received> {
    let mut outcome = run_ready(PULL, skip(), &[octets, &message(&[b"after"])].concat());
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.received.pop(), Some(Received::Message(Message::from("after"))));
    outcome.received
}

#[test]
fn f7_one_frame_above_the_limit_is_skipped_and_reported() {
    let body: Vec<u8> = (0..1001_u32).map(|at| at.to_le_bytes()[0]).collect();
    assert_eq!(skipped(&message(&[&body])), [oversized(1001, &body[..512])]);
    let largest = Received::Message(body[..1000].to_vec().into());
    assert_eq!(skipped(&message(&[&body[..1000]])), [largest]);
}

#[test]
fn f8_a_later_frame_takes_the_whole_message_with_it() {
    let octets = message(&[b"address", &[1; 900], &[2; 94], b"rest"]);
    assert_eq!(skipped(&octets), [oversized(1005, b"address")]);
    let long_head = [7; 600];
    let octets = message(&[&long_head, &[1; 401]]);
    assert_eq!(skipped(&octets), [oversized(1001, &long_head[..512])]);
}

#[test]
fn f8_what_follows_the_frame_that_was_too_much_belongs_to_the_message() {
    let octets = message(&[&[1; 1001], b"small", b"", &[3; 2000], b"end"]);
    assert_eq!(skipped(&octets), [oversized(3009, &[1; 512])]);
    assert_eq!(skipped(&octets.repeat(2)), [&[1; 512], &[1; 512]].map(|h| oversized(3009, h)));
}

#[test]
fn f8_too_many_frames_are_skipped_as_well() {
    assert_eq!(skipped(&message(&[&b"a"[..]; 5])), [oversized(5, b"a")]);
    assert_eq!(skipped(&message(&[b"", b"", b"", b"", b""])), [oversized(0, b"")]);
    assert_eq!(skipped(&message(&[&b"a"[..]; 4])).len(), 1);
}

#[test]
fn f11_commands_between_skipped_frames_are_heard() {
    let octets = [frame(MORE | LONG, &[1; 1001]), command("PONG", b"hello"), frame(0, b"x")];
    let pong = Received::Pong { context: "hello".into() };
    assert_eq!(skipped(&octets.concat()), [pong, oversized(1002, &[1; 512])]);
}

#[test]
fn f13_an_endless_message_keeps_its_head_alone() {
    let mut engine = Engine::new(PULL, skip());
    feed(&mut engine, &handshake(PULL));
    feed(&mut engine, &announce(LONG, u64::MAX >> 1));
    for _ in 0..1000 {
        assert_eq!(feed(&mut engine, &[9; 10_000]).received, []);
    }
    assert_eq!((engine.held(), engine.buffered()), (512, 0));
    let mut engine = Engine::new(PULL, skip());
    feed(&mut engine, &handshake(PULL));
    assert_eq!(feed(&mut engine, &[MORE, 0].repeat(1_000_000)).received, []);
    assert_eq!(engine.held(), 0);
}

#[test]
fn f7_a_command_above_the_limit_is_refused_all_the_same() {
    let outcome = run_ready(PULL, skip(), &announce(COMMAND | LONG, 4097));
    assert_eq!(outcome.error, Some(Error::CommandTooLarge { size: 4097, max: 4096 }));
}

#[test]
fn f6_an_invalid_size_is_refused_all_the_same() {
    let octets = [frame(MORE | LONG, &[1; 1001]), announce(LONG, 1 << 63)].concat();
    assert_eq!(run_ready(PULL, skip(), &octets).error, Some(Error::FrameSize { size: 1 << 63 }));
}
