//! After the handshake: sizes that nobody has memory for, and things that never end.

use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::Event;
use mongrel2_transceiver::zmtp::Error;

use super::peer::{Both, Side, Trap};
use super::stage::{Stage, config};
use super::wire::{self, COMMAND, LONG, MORE};

/// Breaks the link that brings requests: its life goes on, and the link is there anew.
fn breaks_requests(trap: &Trap, both: &mut Both, octets: &[u8]) {
    both.requests.says(octets);
    both.requests.is_ended();
    both.requests = trap.greet(Side::Requests);
    both.asks(trap, 7);
}

/// Breaks the link for replies when the other is gone, so that the cause is told; then both are there anew.
fn breaks_replies(
    stage: &Stage,
    trap: &Trap,
    both: Both,
    octets: &[u8],
    reason: &DownReason,
) -> Both {
    let Both { requests, mut replies, .. } = both;
    requests.ends();
    // The handler has noticed when it comes anew.
    let again = trap.accept(Side::Requests);
    replies.says(octets);
    assert_eq!(trap.wait_down(stage), *reason);
    replies.is_ended();
    // This one's server is gone before it has said anything: the handler comes once more.
    drop(again);
    trap.up(stage)
}

#[test]
fn who_breaks_a_rule_is_ended_by_its_cause_and_tried_again() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    for (octets, error) in [
        (wire::announce(LONG, 1 << 63), Error::FrameSize { size: 1 << 63 }),
        (wire::announce(LONG | MORE, u64::MAX), Error::FrameSize { size: u64::MAX }),
        (vec![0x08], Error::ReservedFlags { flags: 0x08 }),
        (vec![COMMAND | MORE], Error::CommandWithMore),
        (
            wire::announce(COMMAND | LONG, 1 << 40),
            Error::CommandTooLarge { size: 1 << 40, max: 4096 },
        ),
        (wire::frame(COMMAND, b""), Error::CommandName { announced: 0, left: 0 }),
        (wire::command("PING", b"\0"), Error::PingTooShort { size: 1 }),
    ] {
        breaks_requests(&trap, &mut both, &octets);
        both = breaks_replies(&stage, &trap, both, &octets, &DownReason::Protocol(error));
    }
    both.asks(&trap, 7);
    stage.end();
}

#[test]
fn subscriptions_without_end_are_ended() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let all = |octets: fn(String) -> Vec<u8>| -> Vec<u8> {
        (0..5000).flat_map(|number| octets(format!("topic {number}"))).collect()
    };
    // As commands, as the messages of ZMTP 3.0, and one that is as long as many.
    let commands = all(|topic| wire::command("SUBSCRIBE", topic.as_bytes()));
    let messages = all(|topic| wire::message(&[&[b"\x01", topic.as_bytes()].concat()]));
    let endless = wire::message(&[&[b"\x01", &vec![b'x'; 10_000][..]].concat()]);
    for octets in [commands, messages, endless] {
        let reason = DownReason::TooManySubscriptions;
        both = breaks_replies(&stage, &trap, both, &octets, &reason);
    }
    // The same one again and again is one.
    let same = wire::command("SUBSCRIBE", b"");
    assert!(both.replies.says(&same.repeat(100_000)));
    both.asks(&trap, 7);
    stage.end();
}

/// No answer is due to them, and none of them is kept.
#[test]
fn commands_without_end_are_passed_over() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let unknown = wire::command("XYZZY", &[b'x'; 3000]).repeat(1000);
    let ready = wire::ready("PUSH").repeat(20_000);
    let error = wire::command("ERROR", b"\x04full").repeat(20_000);
    let cancel = wire::command("CANCEL", b"never subscribed").repeat(20_000);
    for octets in [unknown, ready, error, cancel] {
        assert!(both.requests.says(&octets) && both.replies.says(&octets));
        both.asks(&trap, 7);
    }
    stage.end();
}

/// Whoever asks without reading the answers is answered what it asked last.
#[test]
fn pings_without_end_have_one_answer_that_waits() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let mut both = trap.up(&stage);
    let ping = |context: &[u8]| wire::command("PING", &[b"\0\0", context].concat());
    for _ in 0..10 {
        let pings = ping(b"sixteen octets..").repeat(20_000);
        assert!(both.requests.says(&pings) && both.replies.says(&pings));
    }
    assert!(both.requests.says(&ping(b"the last")) && both.replies.says(&ping(b"the last")));
    both.asks(&trap, 7);
    both.requests.hears(&wire::command("PONG", b"the last"));
    stage.end();
}

/// A request of any size, or of any number of frames, holds nothing up but its own link; when it ends
/// after all, the application is told.
#[test]
fn a_request_without_end_is_passed_over() {
    let mut config = config();
    config.limits.message_size_max = 100_000;
    let stage = Stage::new(config);
    let [large, many] = [(); 2].map(|()| Trap::new(&stage));
    let (mut of_large, mut of_many) = (large.up(&stage), many.up(&stage));
    let size = (1 << 63) - 1;
    assert!(of_large.requests.says(&wire::announce(LONG, size)));
    let empty = wire::frame(MORE, b"").repeat(10_000);
    let piece = wire::frame(MORE | LONG, &[b'x'; 50_000]);
    for _ in 0..100 {
        assert!(of_large.requests.says(&[b'x'; 100_000]));
        assert!(of_many.requests.says(&empty) && of_many.requests.says(&piece));
    }
    // The one will go on for some thousand years. The other comes to its end.
    assert!(of_many.requests.says(&wire::frame(0, b"")));
    let size = stage.wait(|event| match event {
        Event::TooLarge { target: None, size } => Some(*size),
        _ => None,
    });
    assert_eq!(size, 100 * 50_000);
    of_many.asks(&many, 7);
    assert!(of_large.requests.is_open());
    stage.end();
}
