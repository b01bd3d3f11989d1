//! Crowds at the control socket.

use std::collections::VecDeque;
use std::io::{ErrorKind, Write};

use mongrel2_transceiver::zmtp::SocketType;

use super::peer::{Fair, Peer};
use super::stage::{HUNG, Stage, config};
use super::wire;

/// As many links as the control socket has at one time: see `transceiver::control`.
const LINKS_MAX: usize = 64;

/// As many of them may be in their handshakes.
const HANDSHAKES_MAX: usize = 16;

/// Silent ones take each other's places; whoever shakes hands has one.
#[test]
fn thousands_of_silent_connections_lock_nobody_out() {
    let stage = Stage::new(config());
    let mut waiting = VecDeque::new();
    for round in 0..3000 {
        waiting.push_back(Peer::at(&stage.control));
        if waiting.len() > 100 {
            // It was the oldest in its handshake long ago.
            waiting.pop_front().unwrap().is_ended();
        }
        if round % 300 == 299 {
            asks_until_answered(&stage);
        }
    }
    // Those who are accepted and wait are no more than may be; the last ones may not be accepted yet.
    while waiting.iter_mut().filter_map(|peer| peer.is_open().then_some(())).count() > LINKS_MAX {
        std::thread::yield_now();
    }
    drop(waiting);
    asks_until_answered(&stage);
    stage.end();
}

/// In a crowd of silent ones anybody may be the oldest of those in their handshakes; REQ comes again.
fn asks_until_answered(stage: &Stage) {
    let end = std::time::Instant::now() + HUNG;
    loop {
        let fair = Fair::over(Peer::at(&stage.control), SocketType::Req);
        if fair.and_then(|mut fair| fair.asks("PING")).is_some_and(|answer| answer == "PONG") {
            return;
        }
        assert!(std::time::Instant::now() < end, "locked out");
    }
}

/// Connections that come and go at once, with all that a peer may leave undone.
#[test]
fn thousands_that_come_and_go_leave_nothing() {
    let stage = Stage::new(config());
    let mut fair = Fair::at(&stage.control);
    for round in 0..1500 {
        let mut peer = Peer::at(&stage.control);
        match round % 5 {
            0 => {}
            1 => drop(peer.says(&wire::greeting()[..round % 64])),
            2 => drop(peer.says(&wire::greeting())),
            3 => {
                peer.says(&[wire::greeting(), wire::ready("REQ")].concat());
                peer.says(&wire::message(&[b"", b"PING"]));
            }
            _ => {
                peer.says(&[wire::greeting(), wire::ready("REQ")].concat());
                peer.ends();
            }
        }
        if round % 100 == 0 {
            assert_eq!(fair.asks("PING").unwrap(), "PONG");
        }
    }
    assert_eq!(fair.asks("PING").unwrap(), "PONG");
    stage.end();
}

/// Those who have shaken hands and ask nothing take each other's places, too: the one that has asked
/// nothing for longest makes room.
#[test]
fn idle_peers_lock_nobody_out() {
    let stage = Stage::new(config());
    let mut idle = VecDeque::new();
    for _ in 0..LINKS_MAX {
        // Who has shaken hands as far as it knows may yet have to be heard; who was answered was heard.
        let mut peer = Fair::at(&stage.control);
        assert_eq!(peer.asks("PING").unwrap(), "PONG");
        idle.push_back(peer);
    }
    for _ in 0..100 {
        let mut peer = Fair::at(&stage.control);
        assert_eq!(peer.asks("PING").unwrap(), "PONG");
        idle.pop_front().unwrap().peer.is_ended();
        idle.push_back(peer);
    }
    assert!(idle.iter_mut().all(|fair| fair.peer.is_open()));
    // And with silent ones besides.
    let mut silent: Vec<_> = (0..2 * HANDSHAKES_MAX).map(|_| Peer::at(&stage.control)).collect();
    asks_until_answered(&stage);
    let open = silent.iter_mut().filter_map(|peer| peer.is_open().then_some(())).count();
    assert!(open <= HANDSHAKES_MAX, "{open} in their handshakes");
    stage.end();
}

/// Orders whose answers nobody reads are taken no longer when too many answers wait; who reads them gets
/// all of them.
#[test]
fn orders_without_end_are_answered_as_they_are_read() {
    let stage = Stage::new(config());
    let mut greedy = Fair::at(&stage.control);
    let mut other = Fair::at(&stage.control);
    // So that it has answered the handler's own PING: later there is no way to say more.
    assert_eq!(greedy.asks("PING").unwrap(), "PONG");
    let orders = wire::message(&[b"", b"PING"]).repeat(10_000);
    greedy.peer.stream.set_nonblocking(true).unwrap();
    let mut said = 0_usize;
    // Until the way there is full and stays so while another is served many times.
    let mut in_vain = 0;
    while in_vain < 50 {
        match greedy.peer.stream.write(&orders[said % orders.len()..]) {
            Ok(count) => (said, in_vain) = (said + count, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                assert_eq!(other.asks("PING").unwrap(), "PONG");
                in_vain += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    greedy.peer.stream.set_nonblocking(false).unwrap();
    let size = orders.len() / 10_000;
    let whole = said / size;
    for _ in 0..whole {
        let answer = greedy.hears_message().unwrap();
        assert_eq!(answer.frames().last().unwrap().bytes(), "PONG");
    }
    assert_eq!(other.asks("PING").unwrap(), "PONG");
    stage.end();
}
