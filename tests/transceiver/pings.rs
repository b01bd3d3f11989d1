//! Pings both ways, and what silence leads to, at which virtual times.

use std::time::Duration;

use mongrel2_transceiver::transceiver::{Config, Event, SessionEnd};

use crate::browser::{frame, handshake, text};
use crate::by_hand::Hand;
use crate::pair::{Pair, expected, plain, small};

/// One slice of a ping round of 30 s is 117.2 ms: a session that opens now is looked at first then.
const FIRST_LOOK_MS: u64 = 118;

#[test]
fn a_ping_is_answered_by_a_pong_with_the_same_payload() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.deliver(frame(3, "0x89", b""));
    pair.deliver(frame(3, "0x89", &[b'p'; 125]));
    let replies = pair.replies_soon();
    assert_eq!(&replies[0].1[..], b"\x8a\x00");
    assert_eq!(&replies[1].1[..], &[&b"\x8a\x7d"[..], &[b'p'; 125]].concat());
    assert!(pair.is_silent());
}

#[test]
fn a_silent_session_is_pinged_once_then_closed_with_1011_and_hung_up() {
    let mut pair = Pair::up(1, plain());
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.run_ms(FIRST_LOOK_MS - 50);
    pair.replies();
    pair.run_secs(30);
    assert!(pair.replies().is_empty());
    pair.run_ms(200);
    assert_eq!(pair.replies(), expected([(3, b"\x89\x04\x00\x00\x00\x02")]));
    pair.run_ms(29_700);
    assert!(pair.replies().is_empty() && pair.is_silent());
    pair.run_ms(500);
    assert_eq!(pair.replies(), expected([(3, b"\x88\x02\x03\xf3"), (3, b"")]));
    let events = pair.events();
    let [Event::SessionClosed { end: SessionEnd::Silent, target }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*target, pair.target(3));
    pair.run_secs(100);
    assert!(pair.replies().is_empty() && pair.is_silent());
    assert_eq!(pair.stats().sessions, 0);
}

/// A server that never stops has always just said something when it is looked after the silent.
#[test]
fn who_is_silent_is_parted_from_however_much_the_others_say() {
    let mut config = plain();
    config.heartbeat = None;
    let mut hand = Hand::up(1, config);
    for conn_id in [3, 5] {
        hand.deliver(&handshake(conn_id, "13"));
    }
    let mut rounds = 0;
    let start = hand.hand.now();
    while hand.hand.now() < start + Duration::from_secs(100) {
        hand.hand.be_late();
        hand.deliver(&text(5, "and another thing"));
        rounds += 1;
    }
    assert!(rounds > 500, "{rounds}");
    let ended = |event: Event| {
        if let Event::SessionClosed { target, end } = event {
            Some((target.conn_id.0, end))
        } else {
            None
        }
    };
    let ended: Vec<_> = hand.hand.events().into_iter().filter_map(ended).collect();
    assert_eq!(ended, [(3, SessionEnd::Silent)]);
}

#[test]
fn a_chatty_session_is_never_pinged() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    for _ in 0..20 {
        pair.run_secs(20);
        pair.deliver(text(3, "still here"));
    }
    assert!(pair.replies().is_empty());
    assert_eq!(pair.stats().sessions, 1);
}

#[test]
fn a_pong_keeps_a_session_alive() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    for _ in 0..10 {
        pair.run_secs(60);
        let replies = pair.replies();
        assert_eq!(replies.len(), 1, "one ping in two rounds: {replies:?}");
        // Behind every eighth ping is one more, which asks whether the others were read.
        let mut pings = &replies[0].1[..];
        while let [0x89, size, rest @ ..] = pings {
            let (payload, behind) = rest.split_at(usize::from(*size));
            pair.deliver(frame(3, "0x8A", payload));
            pings = behind;
        }
    }
    assert!(pair.is_silent());
}

#[test]
fn without_an_interval_nobody_is_pinged_or_ended() {
    let mut pair = Pair::up(1, small(|config| config.ping_interval = None));
    pair.open(3);
    pair.run_secs(3600);
    assert!(pair.replies().is_empty() && pair.is_silent());
    assert_eq!(pair.stats().sessions, 1);
}

#[test]
fn three_hundred_silent_sessions_are_pinged_in_few_messages() {
    let mut pair = Pair::up(1, plain());
    for conn_id in 1..=300 {
        pair.deliver(handshake(conn_id, "13"));
        // All are there before the first look.
        pair.run_ms(u64::from(conn_id % 4 == 0));
    }
    pair.replies();
    pair.run_secs(50);
    let replies = pair.replies();
    assert!(replies.iter().all(|(_, body)| body.starts_with(b"\x89\x04")), "{replies:?}");
    let mut pinged: Vec<i64> = replies.into_iter().map(|(to, _)| to).collect();
    pinged.sort_unstable();
    pinged.dedup();
    assert_eq!(pinged.len(), 300);
}

#[test]
fn silence_does_not_count_while_the_application_does_not_listen() {
    let config = small(|config| config.limits.events_max = 1);
    let mut pair = Pair::up(1, config);
    pair.open(3);
    pair.world.set_deaf(pair.handler, true);
    for _ in 0..300 {
        pair.deliver(text(3, "I am here"));
        pair.run_secs(1);
    }
    pair.world.set_deaf(pair.handler, false);
    pair.run_secs(1);
    let events = pair.events();
    assert_eq!(events.len(), 300);
    assert!(events.iter().all(|event| matches!(event, Event::SessionMessage { .. })));
    assert!(pair.replies().is_empty());
}

#[test]
fn a_jump_of_the_clock_ends_nobody() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    pair.run_secs(31);
    assert_eq!(pair.replies().len(), 1);
    // The process was suspended with a ping on its way.
    pair.world.jump(Duration::from_secs(1000));
    pair.run_ms(100);
    assert!(
        !pair
            .events()
            .iter()
            .any(|event| matches!(event, Event::SessionClosed { end: SessionEnd::Silent, .. }))
    );
}

fn limits(pong_timeout: Option<u64>, idle_limit: Option<u64>) -> Config {
    small(|config| {
        config.ping_interval = Some(Duration::from_secs(10));
        config.pong_timeout = pong_timeout.map(Duration::from_secs);
        config.idle_limit = idle_limit.map(Duration::from_secs);
    })
}

#[test]
fn a_silent_client_may_be_given_more_time() {
    let mut pair = Pair::up(1, limits(Some(25), None));
    pair.open(3);
    // Pinged after one whole round of silence; given up three rounds later.
    pair.run_secs(39);
    assert!(pair.is_silent());
    assert_eq!(pair.replies().len(), 1);
    pair.run_secs(2);
    let events = pair.events();
    assert!(matches!(events[..], [Event::SessionClosed { end: SessionEnd::Silent, .. }]));
}

#[test]
fn any_frame_in_time_is_a_sign_of_life_whatever_it_says() {
    let mut pair = Pair::up(2, limits(None, None));
    pair.open(3);
    for payload in [&b""[..], b"\x00\x00\x00\x07", b"nobody asked", b"\x01"] {
        pair.run_secs(15);
        pair.deliver(frame(3, "0x8A", payload));
    }
    assert!(pair.is_silent());
    assert_eq!(pair.stats().sessions, 1);
}

/// It answers every ping, and says nothing.
#[test]
fn an_idle_client_is_closed_and_told_so() {
    let mut pair = Pair::up(3, limits(None, Some(60)));
    pair.open(3);
    let mut seconds = 0;
    let end = loop {
        pair.run_secs(1);
        seconds += 1;
        assert!(seconds < 200, "it is never closed");
        for (_, reply) in pair.replies() {
            if let Some(payload) = reply.strip_prefix(b"\x89\x04") {
                pair.deliver(frame(3, "0x8A", payload));
            }
        }
        if seconds == 30 {
            pair.deliver(text(3, "something"));
        }
        let closed = pair.events().into_iter().find_map(|event| match event {
            Event::SessionClosed { end, .. } => Some(end),
            _ => None,
        });
        if let Some(end) = closed {
            break end;
        }
    };
    assert_eq!(end, SessionEnd::Idle);
    // Sixty seconds without a message, rounded up to rounds of ten.
    assert!((90..=101).contains(&seconds), "{seconds}");
}

#[test]
fn an_idle_client_gets_a_close_frame_and_its_connection_ends() {
    let mut pair = Pair::up(4, limits(None, Some(1)));
    pair.open(3);
    pair.run_secs(21);
    let replies = pair.replies();
    assert_eq!(replies[replies.len() - 2..], expected([(3, b"\x88\x06\x03\xE9idle"), (3, b"")]));
}
