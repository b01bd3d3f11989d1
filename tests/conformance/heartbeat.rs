//! B: PING and PONG.

use std::time::Duration;

use mongrel2_transceiver::zmtp::{Engine, Error, Limits, Received, SocketType};

use crate::wire::{
    assert_ready_refuses_by_the_last_octet, command, feed, handshake, message, ready_engine, run,
    run_ready, taken,
};

const PULL: SocketType = SocketType::Pull;

#[test]
fn b1_a_ping_has_a_ttl_in_tenths_of_a_second_and_a_context() {
    for (data, millis, context) in [
        (&b"\0\0"[..], 0, ""),
        (b"\0\x06", 600, ""),
        (b"\0\x01c", 100, "c"),
        (b"\xFF\xFFsixteen octets!!", 6_553_500, "sixteen octets!!"),
    ] {
        let outcome = run_ready(PULL, Limits::default(), &command("PING", data));
        let ttl = Duration::from_millis(millis);
        assert_eq!(outcome.received, [Received::Ping { ttl, context: context.into() }]);
        // The engine never answers on its own.
        assert_eq!(outcome.output, []);
    }
}

#[test]
fn b1_a_ping_without_its_ttl_is_refused() {
    for size in 0..2 {
        let octets = command("PING", &b"\0\0"[..size]);
        assert_ready_refuses_by_the_last_octet(&octets, &Error::PingTooShort { size });
    }
}

#[test]
fn b1_our_ping_is_the_same() {
    let mut engine = ready_engine(PULL, 3, 1);
    engine.ping(Duration::from_millis(600), b"");
    engine.ping(Duration::ZERO, b"context longer than 16 octets");
    let expected = [command("PING", b"\0\x06"), command("PING", b"\0\0context longer t")];
    assert_eq!(taken(&mut engine), expected.concat());
}

#[test]
fn b2_a_pong_repeats_the_context() {
    for (uncut, answered) in [
        (&b""[..], &b""[..]),
        (b"2ctx!", b"2ctx!"),
        (b"sixteen octets!!", b"sixteen octets!!"),
        (b"sixteen octets!!and more", b"sixteen octets!!"),
    ] {
        let mut engine = ready_engine(PULL, 3, 1);
        let outcome = feed(&mut engine, &command("PING", &[b"\0\0", uncut].concat()));
        let [Received::Ping { context, .. }] = &outcome.received[..] else {
            panic!("a ping alone: {outcome:?}");
        };
        assert_eq!(context, answered);
        engine.pong(uncut);
        let octets = taken(&mut engine);
        assert_eq!(octets, command("PONG", answered));
        let outcome = run_ready(PULL, Limits::default(), &octets);
        assert_eq!(outcome.received, [Received::Pong { context: answered.into() }]);
    }
}

#[test]
fn b3_one_pong_waits_and_it_is_the_newest() {
    let mut engine = ready_engine(SocketType::Push, 3, 1);
    engine.send(&"before".into());
    for number in 0..10_000_u32 {
        engine.pong(&number.to_be_bytes());
    }
    engine.send(&"after".into());
    let pong = command("PONG", &9999_u32.to_be_bytes());
    let expected = [pong, message(&[b"before"]), message(&[b"after"])].concat();
    assert_eq!(taken(&mut engine), expected);
}

#[test]
fn b3_a_pong_does_not_overtake_the_handshake() {
    let shake = run(PULL, Limits::default(), &handshake(PULL)).output;
    let mut engine = Engine::new(PULL, Limits::default());
    engine.receive(handshake(PULL).into());
    while let Ok(Some(_)) = engine.next() {}
    engine.pong(b"x");
    assert_eq!(taken(&mut engine), [shake, command("PONG", b"x")].concat());
}

#[test]
fn b6_the_ttl_of_our_ping_is_rounded_up_and_at_most_655() {
    for (ttl, units) in [
        (Duration::from_nanos(1), 1_u16),
        (Duration::from_millis(1501), 16),
        (Duration::from_millis(65_500), 655),
        (Duration::from_secs(66), 655),
        (Duration::MAX, 655),
    ] {
        let mut engine = ready_engine(PULL, 3, 1);
        engine.ping(ttl, b"");
        assert_eq!(taken(&mut engine), command("PING", &units.to_be_bytes()));
    }
}

#[test]
fn b7_peers_from_3_1_on_answer_pings() {
    for (major, minor, answers) in [(3, 0, false), (3, 1, true), (3, 2, true), (4, 0, true)] {
        assert_eq!(ready_engine(PULL, major, minor).has_heartbeat(), answers);
    }
}
