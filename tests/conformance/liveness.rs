//! Whether the peer still lives: heartbeats (B4 to B8) and the time of the handshake (H13, H16).

use std::time::Duration;

use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Heartbeat};
use mongrel2_transceiver::zmtp::{Error, SocketType};

use crate::bench::{Bench, SIDES, Side, endpoint, one};
use crate::wire;

const NANO: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
/// Of our own PING: twice the interval and the timeout, in tenths of a second.
const TTL: [u8; 2] = [0, 240];

/// A socket that asks every 8 seconds and gives up after 4 silent ones.
fn asking(socket_type: SocketType) -> Bench {
    let mut config = Config::new(socket_type);
    config.heartbeat = Some(Heartbeat { interval: 8 * SECOND, timeout: 4 * SECOND });
    Bench::with(config)
}

#[test]
fn b4_any_octet_is_a_sign_of_life() {
    for side in SIDES {
        for socket_type in wire::ALL_TYPES {
            let mut bench = asking(socket_type);
            let link = bench.peer(side);
            let large = wire::frame(wire::LONG, &[b'x'; 30]);
            for octet in large {
                bench.hand.pass(8 * SECOND);
                assert_eq!(bench.hand.wrote(link), wire::command("PING", &TTL));
                bench.hand.says(link, &[octet]);
            }
            assert!(!bench.hand.is_closed(link));
        }
    }
}

#[test]
fn b5_a_peer_that_is_silent_for_its_own_ttl_is_given_up() {
    for side in SIDES {
        for socket_type in wire::ALL_TYPES {
            let mut bench = Bench::new(socket_type);
            let link = bench.peer(side);
            bench.hand.says(link, &wire::command("PING", &[0, 50, b'c']));
            assert_eq!(bench.hand.wrote(link), wire::command("PONG", b"c"));
            bench.hand.pass(5 * SECOND - NANO);
            bench.hand.says(link, &wire::command("PONG", b""));
            bench.hand.pass(5 * SECOND - NANO);
            assert!(!bench.hand.is_closed(link), "traffic starts the time over");
            bench.hand.pass(NANO);
            assert!(bench.hand.is_closed(link));
            assert_eq!(bench.downs(), [(DownReason::Silent, 0)]);
        }
    }
}

#[test]
fn b5_a_ttl_of_zero_asks_for_nothing() {
    let mut bench = Bench::new(SocketType::Pull);
    let link = bench.peer(Side::Bind);
    bench.hand.says(link, &wire::command("PING", &[0, 50]));
    bench.hand.says(link, &wire::command("PING", &[0, 0]));
    bench.hand.pass(1000 * SECOND);
    assert!(!bench.hand.is_closed(link));
}

#[test]
fn b7_a_peer_that_does_not_answer_a_ping_is_given_up_and_connected_anew() {
    for side in SIDES {
        for socket_type in wire::ALL_TYPES {
            let mut bench = asking(socket_type);
            let link = bench.peer(side);
            bench.hand.pass(8 * SECOND - NANO);
            assert_eq!(bench.hand.wrote(link), b"");
            bench.hand.pass(NANO);
            assert_eq!(bench.hand.wrote(link), wire::command("PING", &TTL));
            bench.hand.pass(4 * SECOND - NANO);
            assert_eq!((bench.hand.wrote(link), bench.hand.is_closed(link)), (Vec::new(), false));
            bench.hand.pass(NANO);
            assert_eq!(bench.downs(), [(DownReason::Silent, 0)]);
            bench.hand.pass(SECOND);
            assert_eq!(bench.hand.connects.len(), usize::from(side == Side::Connect));
        }
    }
}

#[test]
fn b7_an_answer_starts_the_time_over() {
    let mut bench = asking(SocketType::Pub);
    let link = bench.peer(Side::Connect);
    for _ in 0..10 {
        bench.hand.pass(8 * SECOND);
        assert_eq!(bench.hand.wrote(link), wire::command("PING", &TTL));
        bench.hand.says(link, &wire::command("PONG", b""));
    }
    assert!(!bench.hand.is_closed(link));
}

/// Our PING announces a time to live: a peer that talks all the time must hear from us within it.
#[test]
fn b7_a_peer_that_talks_all_the_time_is_asked_as_well() {
    let mut bench = asking(SocketType::Pull);
    let link = bench.peer(Side::Connect);
    for _ in 0..10 {
        for _ in 0..8 {
            bench.hand.says(link, &one("talk"));
            bench.hand.pass(SECOND);
        }
        assert_eq!(bench.hand.wrote(link), wire::command("PING", &TTL));
    }
}

#[test]
fn b7_a_peer_of_zmtp_3_0_is_not_asked() {
    let mut bench = asking(SocketType::Push);
    let link = bench.stream(Side::Bind);
    bench.shake(link, 0);
    bench.hand.pass(1000 * SECOND);
    assert!(bench.hand.wrote(link).is_empty() && !bench.hand.is_closed(link));
    // Yet it is held to what it announces itself.
    bench.hand.says(link, &wire::command("PING", &[0, 10]));
    bench.hand.pass(SECOND);
    assert!(bench.hand.is_closed(link));
}

#[test]
fn b7_one_ping_waits_at_most_for_a_peer_that_sends_but_does_not_read() {
    let mut bench = asking(SocketType::Push);
    let link = bench.peer(Side::Bind);
    bench.hand.stick(link, true);
    bench.send(&["x"]).unwrap();
    for _ in 0..100 {
        bench.hand.pass(3 * SECOND);
        bench.hand.says(link, &one("I live"));
    }
    bench.hand.wrote(link);
    bench.hand.stick(link, false);
    assert_eq!(bench.hand.wrote(link), wire::command("PING", &TTL));
}

#[test]
fn b7_octets_that_find_no_room_are_waited_for_no_longer_than_an_answer() {
    let mut config = Config::new(SocketType::Push);
    config.heartbeat = Some(Heartbeat { interval: 8 * SECOND, timeout: 4 * SECOND });
    config.limits.write_size = 100;
    let mut bench = Bench::with(config);
    let link = bench.peer(Side::Bind);
    bench.hand.stick(link, true);
    bench.send(&[&"x".repeat(1000)]).unwrap();
    bench.hand.pass(12 * SECOND - NANO);
    assert!(!bench.hand.is_closed(link));
    bench.hand.pass(NANO);
    assert_eq!(bench.downs(), [(DownReason::Silent, 1)]);
}

#[test]
fn b7_who_does_not_read_blames_nobody() {
    for socket_type in [SocketType::Pull, SocketType::Pub, SocketType::Sub] {
        let mut config = Config::new(socket_type);
        config.heartbeat = Some(Heartbeat::default());
        config.limits.events_max = 1;
        let mut bench = Bench::with(config);
        let link = bench.peer(Side::Bind);
        bench.hand.is_deaf = true;
        bench.hand.says(link, &wire::command("PING", &[0, 1]));
        let _only_sub_subscribes = bench.hand.submit(Command::Subscribe("".into()));
        // Four messages, or four subscriptions of the older form.
        bench.hand.says(link, &["\u{1}a", "\u{1}b", "\u{1}c", "\u{1}d"].map(one).concat());
        assert!(!bench.hand.is_reading(link));
        bench.hand.pass(1000 * SECOND);
        assert!(!bench.hand.is_closed(link), "{socket_type}: the silence was ours");
        bench.hand.hear();
        bench.hand.pass(SECOND);
        assert!(bench.hand.is_closed(link), "{socket_type}: its TTL counts again");
    }
}

#[test]
fn b8_heartbeats_are_off_unless_asked_for() {
    for socket_type in wire::ALL_TYPES {
        let mut bench = Bench::new(socket_type);
        let link = bench.peer(Side::Connect);
        bench.hand.pass(100_000 * SECOND);
        assert!(bench.hand.wrote(link).is_empty() && !bench.hand.is_closed(link));
    }
}

#[test]
fn h13_the_handshake_has_one_deadline_that_octets_do_not_extend() {
    for side in SIDES {
        for socket_type in wire::ALL_TYPES {
            let mut bench = Bench::new(socket_type);
            let link = bench.stream(side);
            let octets = wire::handshake(socket_type);
            for octet in &octets[..octets.len() - 1] {
                bench.hand.pass(SECOND / 5);
                bench.hand.says(link, &[*octet]);
            }
            let spent = SECOND / 5 * u32::try_from(octets.len() - 1).unwrap();
            bench.hand.pass(30 * SECOND - spent - NANO);
            assert!(!bench.hand.is_closed(link));
            bench.hand.events();
            bench.hand.pass(NANO);
            assert!(bench.hand.is_closed(link));
            let events = bench.hand.events();
            match (side, &events[..]) {
                (Side::Bind, []) => {}
                (Side::Connect, [Event::ConnectFailed { reason, .. }]) => {
                    assert_eq!(*reason, DownReason::HandshakeTimeout);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn h13_the_connect_counts_and_a_finished_handshake_is_safe() {
    let mut bench = Bench::new(SocketType::Pull);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    bench.hand.pass(30 * SECOND - NANO);
    let link = bench.hand.connect();
    bench.shake(link, 1);
    bench.hand.pass(1000 * SECOND);
    assert!(!bench.hand.is_closed(link));

    let mut bench = Bench::new(SocketType::Pull);
    bench.hand.submit(Command::Connect(endpoint(1))).unwrap();
    bench.hand.pass(30 * SECOND);
    assert!(bench.hand.connects.is_empty(), "a hanging connect is given up");
    bench.hand.pass(SECOND);
    assert_eq!(bench.hand.connects.len(), 1);
}

#[test]
fn h16_a_wrong_peer_is_told_why_and_closed_on_both_sides() {
    for side in SIDES {
        for socket_type in wire::ALL_TYPES {
            let mut bench = Bench::new(socket_type);
            let link = bench.stream(side);
            bench.hand.wrote(link);
            bench.hand.says(link, &[wire::greeting(), wire::ready("PAIR")].concat());
            let error = wire::command("ERROR", b"\x13Invalid-Socket-Type");
            assert!(bench.hand.wrote(link).ends_with(&error));
            assert!(bench.hand.is_closed(link));
        }
    }
}

#[test]
fn h16_noise_is_closed_at_once_on_both_sides() {
    for side in SIDES {
        for octets in [&b"GET / HTTP/1.1\r\n"[..], b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01"] {
            let mut bench = Bench::new(SocketType::Sub);
            let link = bench.stream(side);
            bench.hand.says(link, octets);
            assert!(bench.hand.is_closed(link));
            let events = bench.hand.events();
            let told = |event: &Event| {
                let Event::ConnectFailed { reason, .. } = event else { return false };
                matches!(
                    reason,
                    DownReason::Protocol(Error::Signature { .. } | Error::Version { .. })
                )
            };
            assert_eq!(events.iter().filter(|event| told(event)).count(), events.len());
            assert_eq!(events.len(), usize::from(side == Side::Connect));
        }
    }
}
