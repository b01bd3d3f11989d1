//! Before the handshake is done: greetings that are none, or end, or take their time.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::Event;
use mongrel2_transceiver::zmtp::{Error, SocketType};

use super::peer::{Fair, Peer, SIDES, Side, Trap, greeting};
use super::stage::{Stage, config};
use super::wire::{self, COMMAND, LONG, MORE};

/// What a peer says, and why it is refused.
type Case = (Vec<u8>, Error);

/// Whoever says such things does not get as far as to say what socket it is.
fn no_handshakes() -> Vec<Case> {
    let mechanism = |name: &[u8]| {
        let mut octets = wire::greeting();
        octets[12..32].fill(0);
        octets[12..12 + name.len()].copy_from_slice(name);
        octets
    };
    let greeted = |octets: &[u8]| [&wire::greeting(), octets].concat();
    let property = wire::command("READY", b"\x0bSocket-Type\0\0\0\x05PUS");
    vec![
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), Error::Signature { position: 0, octet: b'G' }),
        (vec![0; 64], Error::Signature { position: 0, octet: 0 }),
        // ZMTP 1.0: a frame with an empty identity, in either form of its length.
        (b"\x01\0".to_vec(), Error::Signature { position: 0, octet: 1 }),
        (b"\xFF\0\0\0\0\0\0\0\x01\0".to_vec(), Error::Signature { position: 9, octet: 0 }),
        // ZMTP 2.0: its revision, the type of its socket, its identity.
        (b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x08\0\0".to_vec(), Error::Version { major: 1 }),
        (wire::greeting_of(2, 0), Error::Version { major: 2 }),
        (mechanism(b"PLAIN"), Error::Mechanism),
        (mechanism(b"CURVE"), Error::Mechanism),
        (mechanism(b"NULLIFY"), Error::Mechanism),
        (greeted(&wire::message(&[b"too early"])), Error::MessageBeforeReady),
        (greeted(&wire::command("PING", b"\0\0")), Error::CommandBeforeReady),
        (greeted(&[0x80]), Error::ReservedFlags { flags: 0x80 }),
        (greeted(&[COMMAND | MORE]), Error::CommandWithMore),
        (greeted(&wire::announce(COMMAND | LONG, 1 << 63)), Error::FrameSize { size: 1 << 63 }),
        (
            greeted(&wire::announce(COMMAND | LONG, u64::MAX >> 1)),
            Error::CommandTooLarge { size: u64::MAX >> 1, max: 4096 },
        ),
        (greeted(&wire::frame(COMMAND, b"")), Error::CommandName { announced: 0, left: 0 }),
        (
            greeted(&wire::frame(COMMAND, b"\x09READY")),
            Error::CommandName { announced: 9, left: 5 },
        ),
        (greeted(&property), Error::Property { position: 0 }),
        (
            greeted(&wire::command("ERROR", b"\x04full")),
            Error::PeerError { reason: Bytes::from_static(b"full") },
        ),
    ]
}

/// A socket that does not go with ours.
fn wrong_socket(ours: SocketType, theirs: &'static str) -> Case {
    let octets = [wire::greeting(), wire::ready(theirs)].concat();
    (octets, Error::SocketType { ours, theirs: Bytes::from_static(theirs.as_bytes()) })
}

fn wrong_sockets(side: Side) -> Vec<Case> {
    let (ours, wrong) = match side {
        Side::Requests => (SocketType::Pull, ["SUB", "PULL", "DEALER", "push"]),
        Side::Replies => (SocketType::Pub, ["PUSH", "PUB", "ROUTER", ""]),
    };
    wrong.into_iter().map(|theirs| wrong_socket(ours, theirs)).collect()
}

#[test]
fn what_is_no_handshake_is_told_by_its_cause_and_tried_again() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    for side in SIDES {
        let _fair = trap.greet(side.other());
        for (octets, error) in no_handshakes().into_iter().chain(wrong_sockets(side)) {
            let mut peer = trap.accept(side);
            peer.says(&octets);
            let reason = trap.wait_unreachable(&stage, side);
            assert_eq!(reason, DownReason::Protocol(error), "{}", octets.escape_ascii());
            peer.is_ended();
        }
    }
    // In the end there is one to talk to.
    let mut both = trap.up(&stage);
    both.asks(&trap, 7);
    stage.end();
}

/// After so many octets something ends or stops: within each part of the greeting, and behind it.
const CUTS: [usize; 9] = [0, 1, 9, 10, 11, 20, 63, 64, 70];

#[test]
fn a_handshake_that_ends_halfway_is_tried_again() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    for side in SIDES {
        let _fair = trap.greet(side.other());
        for cut in CUTS {
            let mut peer = trap.accept(side);
            peer.says(&greeting(side)[..cut]);
            peer.ends();
            assert_eq!(trap.wait_unreachable(&stage, side), DownReason::Closed, "{cut}");
            peer.is_ended();
        }
    }
    trap.up(&stage).asks(&trap, 7);
    stage.end();
}

/// Each of them is silent for as long as a handshake may take; so many servers do it side by side.
#[test]
fn a_handshake_that_stops_halfway_has_a_deadline() {
    let mut config = config();
    config.handshake_timeout = Duration::from_millis(300);
    let stage = Stage::new(config);
    let stalled: Vec<_> = CUTS
        .iter()
        .zip(SIDES.into_iter().cycle())
        .map(|(cut, side)| {
            let trap = Trap::new(&stage);
            let fair = trap.greet(side.other());
            let mut peer = trap.accept(side);
            peer.says(&greeting(side)[..*cut]);
            (trap, side, peer, fair)
        })
        .collect();
    let mut waiting: Vec<_> = stalled.iter().map(|(trap, side, ..)| trap.endpoint(*side)).collect();
    stage.wait(|event| {
        if let Event::ServerUnreachable { endpoint, reason, .. } = event {
            assert_eq!(*reason, DownReason::HandshakeTimeout);
            waiting.retain(|other| other != endpoint);
        }
        waiting.is_empty().then_some(())
    });
    for (trap, side, mut peer, _fair) in stalled {
        peer.is_ended();
        let _it_is_tried_again = trap.accept(side);
    }
    stage.end();
}

/// That octets come does not make the time longer.
#[test]
fn a_handshake_that_drips_has_a_deadline() {
    let mut config = config();
    config.handshake_timeout = Duration::from_millis(150);
    let stage = Stage::new(config);
    let trap = Trap::new(&stage);
    for side in SIDES {
        let _fair = trap.greet(side.other());
        let mut peer = trap.accept(side);
        peer.drips(&greeting(side), Duration::from_millis(5));
        assert_eq!(trap.wait_unreachable(&stage, side), DownReason::HandshakeTimeout);
        peer.is_ended();
    }
    stage.end();
}

/// However slow, who keeps to the rules is served.
#[test]
fn all_that_a_server_says_may_come_octet_by_octet() {
    let stage = Stage::new(config());
    let trap = Trap::new(&stage);
    let (mut requests, mut replies) = (trap.accept(Side::Requests), trap.accept(Side::Replies));
    let pause = Duration::from_micros(100);
    requests.drips(&greeting(Side::Requests), pause);
    replies.drips(&greeting(Side::Replies), pause);
    let mut both = trap.up_with(&stage, Some(requests), Some(replies));
    both.requests.drips(&wire::message(&[&trap.get(7)]), pause);
    both.replies.hears(format!("{} 1:7, ", trap.sender).as_bytes());
    both.asks(&trap, 8);
    stage.end();
}

#[test]
fn strangers_at_the_control_socket_are_ended_for_themselves() {
    let mut config = config();
    config.handshake_timeout = Duration::from_millis(300);
    let stage = Stage::new(config);
    let mut fair = Fair::at(&stage.control);
    let wrong = ["REP", "PUB", "PUSH", "\x1b[2J"].map(|kind| wrong_socket(SocketType::Rep, kind));
    for (octets, _) in no_handshakes().into_iter().chain(wrong) {
        let mut peer = Peer::at(&stage.control);
        peer.says(&octets);
        peer.is_ended();
        assert_eq!(fair.asks("PING").unwrap(), "PONG", "{}", octets.escape_ascii());
    }
    for cut in CUTS {
        let mut peer = Peer::at(&stage.control);
        peer.says(&greeting(Side::Requests)[..cut]);
        peer.ends();
        peer.is_ended();
    }
    // All of these stop, and one drips, at the same time.
    let mut stopped = CUTS.map(|cut| {
        let mut peer = Peer::at(&stage.control);
        peer.says(&greeting(Side::Requests)[..cut]);
        peer
    });
    let mut peer = Peer::at(&stage.control);
    let slow = wire::greeting();
    assert!(!peer.drips(&slow.repeat(100), Duration::from_millis(10)), "a drip has no deadline");
    stopped.iter_mut().for_each(Peer::is_ended);
    assert_eq!(fair.asks("PING").unwrap(), "PONG");
    stage.end();
}
