//! The closing handshake (RFC 6455 7) from both sides, and what breaks the rules.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Refused, SessionEnd};
use mongrel2_transceiver::websocket::{CloseCode, FrameError};

use crate::browser::{frame, handshake, notice, text};
use crate::pair::{Pair, expected, plain, say, small};

fn close(pair: &Pair, conn_id: i64) -> Command {
    let target = pair.target(conn_id);
    Command::Close { target, code: CloseCode::NORMAL, reason: "bye".into() }
}

/// How session 3 has ended; nothing else was told.
fn end(pair: &mut Pair) -> SessionEnd {
    let events = pair.events();
    let [Event::SessionClosed { target, end }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*target, pair.target(3));
    end.clone()
}

#[test]
fn a_close_of_ours_that_is_answered_ends_the_connection() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.submit(close(&pair, 3));
    assert_eq!(pair.replies_soon(), expected([(3, b"\x88\x05\x03\xe8bye")]));
    assert!(pair.is_silent());
    pair.deliver(frame(3, "0x88", b"\x03\xe8bye"));
    assert_eq!(pair.replies_soon(), expected([(3, b"")]));
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: true });
    pair.run_secs(100);
    assert!(pair.is_silent() && pair.replies().is_empty());
}

/// More than are ended in one call.
#[test]
fn however_many_do_not_answer_our_close_all_of_them_end_once() {
    const COUNT: i64 = 4200;
    let mut pair = Pair::up(1, plain());
    for conn_id in 1..=COUNT {
        pair.deliver(handshake(conn_id, "13"));
        pair.run_ms(1);
    }
    pair.run_ms(100);
    pair.events();
    pair.replies();
    (1..=COUNT).for_each(|conn_id| pair.submit(close(&pair, conn_id)));
    pair.run_ms(4_900);
    assert_eq!(pair.replies().len(), 4200);
    assert!(pair.events().is_empty());
    pair.run_ms(300);
    let ended: BTreeSet<_> = pair
        .events()
        .iter()
        .map(|event| match event {
            Event::SessionClosed { target, end: SessionEnd::ByHandler { answered: false } } => {
                *target
            }
            event => panic!("{event:?}"),
        })
        .collect();
    assert_eq!(ended.len(), 4200);
    let hung_up = pair.replies();
    assert_eq!(hung_up.len(), 4200);
    let hung_up: BTreeSet<_> = hung_up.into_iter().collect();
    assert_eq!(hung_up, (1..=COUNT).map(|conn_id| (conn_id, Bytes::new())).collect());
    assert!(pair.is_silent());
}

#[test]
fn a_close_of_ours_without_an_answer_ends_the_connection_in_time() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.submit(close(&pair, 3));
    pair.run_ms(4_990);
    assert_eq!(pair.replies().len(), 1);
    assert!(pair.is_silent());
    pair.run_ms(100);
    assert_eq!(pair.replies(), expected([(3, b"")]));
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: false });
}

/// A server may use the number of a connection again that we are still closing.
#[test]
fn a_number_that_is_closed_twice_ends_once_each_time() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.submit(close(&pair, 3));
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.submit(close(&pair, 3));
    pair.run_ms(50);
    pair.replies();
    // Both are due in one call.
    pair.world.jump(Duration::from_secs(20));
    assert_eq!(pair.replies_soon(), expected([(3, b"")]));
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: false });
}

#[test]
fn two_closes_that_cross_are_one_closing_handshake() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.deliver(frame(3, "0x88", b"\x03\xe9"));
    pair.submit(close(&pair, 3));
    // Ours, and the end; the client's is not echoed too.
    assert_eq!(pair.replies_soon(), expected([(3, b"\x88\x05\x03\xe8bye"), (3, b"")]));
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: true });
}

#[test]
fn what_the_client_says_behind_our_close_is_ignored() {
    let mut pair = Pair::up(1, plain());
    let target = pair.open(3);
    pair.submit(close(&pair, 3));
    pair.deliver(text(3, "one more thing"));
    pair.deliver(frame(3, "0x89", b"ping"));
    pair.deliver(frame(3, "0xC1", b""));
    assert_eq!(pair.replies_soon().len(), 1);
    assert!(pair.is_silent());
    assert_eq!(pair.refused(say(target, "too late")), Refused::UnknownSession);
    assert_eq!(pair.refused(close(&pair, 3)), Refused::UnknownSession);
    pair.deliver(notice(3));
    pair.run_ms(50);
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: false });
}

#[test]
fn a_close_by_the_client_is_echoed_then_the_connection_ended() {
    for (payload, echo) in [
        (&b"\x03\xe8bye"[..], &b"\x88\x05\x03\xe8bye"[..]),
        (b"\x0f\xa0", b"\x88\x02\x0f\xa0"),
        (b"", b"\x88\x00"),
    ] {
        let mut pair = Pair::up(1, plain());
        pair.open(3);
        pair.deliver(frame(3, "0x88", payload));
        let replies = pair.replies_soon();
        assert_eq!(replies.len(), 2);
        assert_eq!((&replies[0].1[..], replies[1].1.is_empty()), (echo, true));
        let SessionEnd::ByClient(close) = end(&mut pair) else { panic!("{payload:?}") };
        assert_eq!(close.code.is_none(), payload.is_empty());
        pair.deliver(notice(3));
        assert!(pair.replies_soon().is_empty() && pair.is_silent());
    }
}

#[test]
fn frames_that_break_the_rules_end_the_session_with_the_code_for_it() {
    for (flags, payload, code) in [
        ("0xC1", &b"x"[..], 1002_u16),
        ("0x91", b"x", 1002),
        ("0xF2", b"x", 1002),
        ("0x83", b"x", 1002),
        ("0x8B", b"x", 1002),
        ("0x81", b"\xff", 1007),
        ("0x81", b"\xed\xa0\x80", 1007),
        ("0x88", b"\x03", 1002),
        ("0x88", b"\x03\xed", 1002),
        ("0x88", b"\x03\xe8\xff", 1007),
        ("0x89", &[0; 126], 1002),
        ("0x82", &[0; 101], 1009),
    ] {
        let mut pair = Pair::up(1, small(|config| config.limits.websocket_size_max = 100));
        pair.open(3);
        pair.deliver(frame(3, flags, payload));
        let replies = pair.replies_soon();
        let told = [&b"\x88\x02"[..], &code.to_be_bytes()].concat();
        assert_eq!((replies.len(), &replies[0].1[..]), (2, &told[..]), "{flags} {payload:?}");
        assert!(replies[1].1.is_empty());
        let SessionEnd::Violation(error) = end(&mut pair) else { panic!("{flags}") };
        assert_eq!(error.answer().get(), code);
    }
}

#[test]
fn a_message_of_the_largest_size_is_taken() {
    let mut pair = Pair::up(1, small(|config| config.limits.websocket_size_max = 100));
    pair.open(3);
    pair.deliver(frame(3, "0x82", &[0; 100]));
    pair.until(|event| matches!(event, Event::SessionMessage { .. }));
    pair.deliver(frame(3, "0x82", &[0; 101]));
    let event = pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    let Event::SessionClosed { end: SessionEnd::Violation(error), .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!(error, FrameError::TooLarge { size: 101, size_max: 100 });
}

#[test]
fn a_client_that_vanishes_is_told_once_and_not_answered() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.deliver(notice(3));
    pair.run_ms(50);
    assert_eq!(end(&mut pair), SessionEnd::Disconnected);
    // A second notice is that of a connection nobody knows.
    pair.deliver(notice(3));
    pair.run_ms(50);
    assert!(matches!(&pair.events()[..], [Event::Disconnect { .. }]));
    assert!(pair.replies().is_empty());
}

#[test]
fn codes_that_may_not_be_sent_are_refused() {
    let mut pair = Pair::up(1, plain());
    let target = pair.open(3);
    for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::TLS_HANDSHAKE] {
        let refused = pair.refused(Command::Close { target, code, reason: "".into() });
        assert!(matches!(refused, Refused::BadClose(_)), "{refused:?}");
    }
    let reason = "x".repeat(124).into();
    let refused = pair.refused(Command::Close { target, code: CloseCode::NORMAL, reason });
    assert!(matches!(refused, Refused::BadClose(_)), "{refused:?}");
    assert!(pair.replies_soon().is_empty() && pair.is_silent());
}

#[test]
fn a_close_timeout_of_nothing_leaves_no_deadline_in_the_past() {
    let config = small(|config| config.close_timeout = Duration::ZERO);
    let mut pair = Pair::up(1, config);
    pair.open(3);
    pair.submit(close(&pair, 3));
    pair.run_ms(50);
    assert_eq!(end(&mut pair), SessionEnd::ByHandler { answered: false });
}

/// A browser that answers no ping is asked anew in each round, but not behind our close frame.
#[test]
fn nothing_is_asked_behind_our_close_frame() {
    let asks_often = |config: &mut Config| {
        config.ping_interval = Some(Duration::from_secs(5));
        config.pong_timeout = Some(Duration::from_secs(300));
        config.close_timeout = Duration::from_secs(100);
    };
    let mut pair = Pair::up(9, small(asks_often));
    let target = pair.open(3);
    (0..9).for_each(|_| {
        pair.submit(say(target, "x"));
        pair.run_ms(1);
    });
    pair.submit(close(&pair, 3));
    for _ in 0..30 {
        pair.deliver(text(3, "still here"));
        pair.run_secs(1);
    }
    let last = pair.replies().pop();
    assert_eq!(last, Some((3, Bytes::from_static(b"\x88\x05\x03\xe8bye"))));
}

/// It proves nothing any more once it has closed, and what waits for it is given up in time. The places
/// that are left are for its close frame and its end.
#[test]
fn who_closes_behind_a_burst_is_told_the_close_all_the_same() {
    let mut pair = Pair::up(13, Config::default());
    let target = pair.open(3);
    for _ in 0..40 {
        pair.submit(Command::Send { target, message: "x".into() });
    }
    pair.run_ms(50);
    let ahead = pair.replies().len();
    assert_eq!(ahead, 12, "the answer to its handshake was the first");
    pair.deliver(frame(3, "0x88", b"\x03\xE8"));
    pair.run_secs(10);
    let replies = pair.replies();
    let bodies: Vec<&[u8]> = replies.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!(bodies, [&b"\x88\x02\x03\xE8"[..], b""]);
    let undelivered = pair.events().into_iter().find_map(|event| match event {
        Event::Undelivered { targets, .. } => Some(targets.len()),
        _ => None,
    });
    assert_eq!(undelivered, Some(40 - ahead));
}

#[test]
fn a_close_of_ours_behind_the_clients_own_is_refused() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.world.set_deaf(pair.handler, true);
    pair.deliver(frame(3, "0x88", b"\x03\xe8"));
    pair.run_ms(10);
    // The application has not heard of it: what it says still goes before the answer.
    let (ours, target) = (close(&pair, 3), pair.target(3));
    pair.submit(say(target, "last"));
    assert_eq!(pair.refused(ours), Refused::UnknownSession);
    pair.world.set_deaf(pair.handler, false);
    pair.run_ms(10);
    let expected = expected([(3, b"\x81\x04last"), (3, b"\x88\x02\x03\xe8"), (3, b"")]);
    assert_eq!(pair.replies(), expected);
    assert!(matches!(end(&mut pair), SessionEnd::ByClient(_)));
}
