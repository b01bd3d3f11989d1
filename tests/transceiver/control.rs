//! The control socket.

use std::io::ErrorKind;
use std::time::Duration;

use mongrel2_transceiver::Transceiver;
use mongrel2_transceiver::introduction::Answer;
use mongrel2_transceiver::socket;
use mongrel2_transceiver::transceiver::{Command, Event};
use mongrel2_transceiver::zmtp::{Frame, Message};

use crate::orders::{Controlled, add, asker};
use crate::pair::small;
use crate::support::{ByHand, base};
use crate::wire;

fn controlled() -> Controlled {
    Controlled::new(|_| ())
}

fn is_error(answer: &Answer) -> bool {
    matches!(answer, Answer::Error(why) if !why.is_empty())
}

#[test]
fn a_ping_is_answered_by_a_pong() {
    let mut controlled = controlled();
    for text in ["PING", "ping", "PiNg"] {
        assert_eq!(controlled.ask(text), Answer::Pong);
    }
    assert!(controlled.world.events(controlled.handler).is_empty());
}

#[test]
fn whatever_is_said_has_one_answer() {
    let mut controlled = controlled();
    for text in ["", "PONG", "STOP", "\u{0}"] {
        assert!(is_error(&controlled.ask(text)), "{text:?}");
    }
    let parts = vec![Frame::from("PING"), Frame::from("PING")];
    assert!(is_error(&controlled.ask(Message::from_frames(parts).unwrap())));
    assert_eq!(controlled.ask("PING"), Answer::Pong);
}

#[test]
fn a_port_in_use_is_reported_and_the_rest_goes_on() {
    let mut controlled = controlled();
    let world = &mut controlled.world;
    let server = world.add(crate::pair::new_server(world, "a", 7001));
    world.run_for(Duration::from_millis(10));
    let config = small(|config| config.control = Some("tcp://127.0.0.1:7001".parse().unwrap()));
    let second = world.add(Transceiver::new(world.now(), config));
    world.submit(second, crate::pair::add_server("a", 7001)).unwrap();
    world.run_for(Duration::from_secs(1));
    let events = world.events(second);
    assert!(events.iter().any(|event| matches!(event, Event::ControlFailed { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::ServerUp { .. })));
    world.crash(server);
    world.submit(second, Command::Shutdown).unwrap();
    world.run_for(Duration::from_secs(5));
    let events = world.events(second);
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
}

#[test]
fn a_shutdown_ends_the_control_socket_too() {
    let mut controlled = controlled();
    controlled.ask("PING");
    let (world, handler) = (&mut controlled.world, controlled.handler);
    world.submit(handler, Command::Shutdown).unwrap();
    world.run_for(Duration::from_secs(5));
    assert!(matches!(world.events(handler)[..], [Event::Stopped { .. }]));
    assert!(world.streams(handler).is_empty());
}

#[test]
fn the_control_socket_answers_while_the_application_polls_nothing() {
    let mut controlled = controlled();
    controlled.world.set_deaf(controlled.handler, true);
    for _ in 0..50 {
        assert_eq!(controlled.ask("PING"), Answer::Pong);
    }
}

/// A control socket driven octet by octet.
struct Hand(ByHand<Transceiver>);

impl Hand {
    fn new() -> Self {
        let config = small(|config| config.control = Some("ipc://control".parse().unwrap()));
        let mut hand = ByHand::new(Transceiver::new(base(), config));
        hand.hear();
        hand.listening(0);
        Self(hand)
    }

    /// Greets like a peer of this type.
    fn peer(&mut self, socket_type: &str) -> mongrel2_transceiver::LinkId {
        let link = self.0.accept();
        self.0.says(link, &[wire::greeting(), wire::ready(socket_type)].concat());
        self.0.wrote(link);
        link
    }

    fn ask(&mut self, link: mongrel2_transceiver::LinkId) -> Vec<u8> {
        self.0.says(link, &wire::message(&[b"", b"PING"]));
        self.0.wrote(link)
    }

    fn is_alive(&mut self) -> bool {
        let link = self.peer("REQ");
        let answer = self.ask(link);
        self.0.ends(link, None);
        answer == wire::message(&[b"", b"PONG"])
    }
}

#[test]
fn whatever_a_peer_leaves_behind_the_next_one_is_answered() {
    let huge = wire::announce(wire::LONG, 1 << 40);
    let order =
        [&wire::frame(wire::MORE, b"")[..], &wire::frame(0, &add("a", 9).encode())].concat();
    let pieces: [&[u8]; 9] = [
        b"",
        b"\xFF",
        &wire::frame(wire::MORE, b""),
        &wire::message(&[b"PING"]),
        &wire::message(&[b"", b""]),
        &wire::message(&[b"", b"PING", b"PING"]),
        &huge,
        &order[..order.len() - 1],
        &order,
    ];
    let mut hand = Hand::new();
    for piece in pieces {
        for cause in [None, Some(ErrorKind::ConnectionReset)] {
            let link = hand.peer("REQ");
            hand.0.says(link, piece);
            if !hand.0.is_closed(link) {
                hand.0.ends(link, cause);
            }
            assert!(hand.is_alive(), "{}", piece.escape_ascii());
        }
    }
    // Gone at every place of an order.
    for length in 0..order.len() {
        let link = hand.peer("REQ");
        hand.0.says(link, &order[..length]);
        hand.0.ends(link, None);
    }
    assert!(hand.is_alive());
    let stats = hand.0.machine.machine().stats();
    assert_eq!((stats.servers, stats.control_links), (1, 0));
}

#[test]
fn a_peer_of_another_kind_is_sent_away() {
    let mut hand = Hand::new();
    for socket_type in ["PUSH", "SUB", "PUB", "PULL", "REP", "ROUTER", "PAIR"] {
        let link = hand.peer(socket_type);
        assert!(hand.0.is_closed(link), "{socket_type}");
    }
    assert!(hand.is_alive());
}

#[test]
fn a_dealer_gets_an_answer_to_each_of_its_requests() {
    let mut hand = Hand::new();
    let link = hand.peer("DEALER");
    if hand.0.is_closed(link) {
        // RFC 28 lets REP talk to DEALER; a REQ that does not wait is the same on the wire.
        panic!("a REP refuses a DEALER");
    }
    let asked: Vec<u8> =
        (0..5u8).flat_map(|id| wire::message(&[b"envelope", &[id], b"", b"PING"])).collect();
    hand.0.says(link, &asked);
    let expected: Vec<u8> =
        (0..5u8).flat_map(|id| wire::message(&[b"envelope", &[id], b"", b"PONG"])).collect();
    assert_eq!(hand.0.wrote(link), expected);
}

#[test]
fn a_peer_that_asks_and_does_not_read_holds_up_nobody() {
    let mut hand = Hand::new();
    let link = hand.peer("REQ");
    hand.0.stick(link, true);
    for _ in 0..1000 {
        if !hand.0.is_reading(link) {
            break;
        }
        hand.0.says(link, &wire::message(&[b"", b"nonsense"]));
    }
    assert!(!hand.0.is_reading(link), "it is read without end");
    assert!(hand.is_alive());
}

#[test]
fn idle_peers_lock_nobody_out() {
    let mut hand = Hand::new();
    let mut links: Vec<_> = (0..200).map(|_| hand.peer("REQ")).collect();
    assert!(hand.is_alive());
    links.retain(|link| !hand.0.is_closed(*link));
    assert_eq!(hand.0.machine.machine().stats().control_links, links.len());
    // Who asks now and then stays, while the silent make room.
    let busy = links[0];
    for _ in 0..500 {
        assert_eq!(hand.ask(busy), wire::message(&[b"", b"PONG"]));
        hand.0.pass(Duration::from_millis(1));
        hand.peer("REQ");
    }
    assert!(!hand.0.is_closed(busy));
    // Nor do those that never finish their handshake.
    for _ in 0..200 {
        hand.0.accept();
    }
    assert!(hand.is_alive());
    assert!(hand.0.machine.machine().stats().control_links <= 65);
}

#[test]
fn a_thousand_peers_are_answered_each() {
    let mut controlled = controlled();
    let control = controlled.control.clone();
    let world = &mut controlled.world;
    let mut asked = 0;
    for _ in 0..1000 {
        // They stay, all of them, are cut off as others need their places, and come back. That may hit
        // one whose request is on its way: it is told, and asks again.
        let peer = asker(world, &control);
        let mut is_answered = false;
        while !is_answered {
            world.submit(peer, socket::Command::Send(Message::from("PING"))).unwrap();
            asked += 1;
            assert!(asked < 1100, "they are locked out");
            let is_answer = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
            let is_over = |event: &socket::Event| {
                is_answer(event) || matches!(event, socket::Event::NoReply { .. })
            };
            world.run_until(|world| world.seen(peer).iter().any(is_over));
            is_answered = world.events(peer).iter().any(is_answer);
        }
    }
    assert_eq!(controlled.ask("PING"), Answer::Pong);
}

#[test]
fn the_last_answer_is_waited_for_at_the_end() {
    for is_read in [true, false] {
        let mut hand = Hand::new();
        let link = hand.peer("REQ");
        hand.0.stick(link, true);
        assert!(!hand.ask(link).is_empty());
        hand.0.events();
        hand.0.submit(Command::Shutdown).unwrap();
        assert!(hand.0.events().is_empty(), "it is not written yet");
        if is_read {
            hand.0.stick(link, false);
        } else {
            hand.0.pass(Duration::from_secs(100));
        }
        let events = hand.0.events();
        assert!(matches!(&events[..], [Event::Stopped { .. }]), "{events:?}");
        assert!(hand.0.is_closed(link));
    }
}
