//! A server's life: what survives which link, and that nothing reaches the next process.

use std::io::ErrorKind;
use std::time::Duration;

use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, Refused, SessionEnd};

use crate::browser::{SENDER, frame, get, text};
use crate::by_hand::Hand;
use crate::pair::{Pair, add_server, expected, new_server, plain, reply, say, small};

fn closed_by_loss(events: &[Event]) -> usize {
    let lost =
        |event: &&Event| matches!(event, Event::SessionClosed { end: SessionEnd::ServerLost, .. });
    events.iter().filter(lost).count()
}

#[test]
fn a_restarted_server_is_another_life() {
    let mut pair = Pair::up(1, plain());
    let (session, plain) = (pair.open(1), pair.target(2));
    pair.crash();
    pair.run_ms(10);
    let events = pair.events();
    let [Event::ServerDown { life: 1, .. }, Event::SessionClosed { target, end }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*target, end), (session, &SessionEnd::ServerLost));
    assert_eq!(pair.refused(say(session, "x")), Refused::ServerGone);
    pair.restart();
    assert_eq!(pair.refused(say(session, "x")), Refused::ServerGone);
    assert_eq!(pair.refused(reply(plain, "x")), Refused::ServerGone);
    pair.open(1);
    pair.run_secs(10);
    assert!(pair.replies().is_empty() && pair.is_silent());
}

#[test]
fn replies_that_waited_for_a_dead_server_are_reported_and_never_reach_the_next() {
    let mut pair = Pair::up(1, plain());
    let session = pair.open(1);
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let plain = pair.target(2);
    for _ in 0..3 {
        pair.submit(say(session, "for the old"));
        pair.submit(reply(plain, "for the old"));
    }
    pair.run_ms(10);
    pair.crash();
    pair.world.network.stall(stream, false);
    pair.run_ms(10);
    let mut lost = 0;
    for event in pair.events() {
        if let Event::Undelivered { targets, reason } = event {
            assert!(matches!(reason, Loss::LinkLost | Loss::ServerLost));
            assert!(targets.iter().all(|target| [session, plain].contains(target)));
            lost += targets.len();
        }
    }
    pair.restart();
    pair.run_secs(5);
    assert!(pair.replies().is_empty());
    // The stand-in takes in what lay in its inbox before it dies, or not.
    assert!(lost <= 6 && lost > 0, "{lost}");
}

#[test]
fn a_thousand_sessions_end_once_each_with_their_server() {
    let mut pair = Pair::up(1, small(|config| config.limits.events_max = 10));
    for conn_id in 1..=1000 {
        pair.deliver(crate::browser::handshake(conn_id, "13"));
        pair.run_ms(2);
    }
    assert_eq!(pair.events().len(), 1000);
    pair.world.set_deaf(pair.handler, true);
    pair.crash();
    pair.run_secs(1);
    assert!(pair.stats().events <= 20);
    pair.world.set_deaf(pair.handler, false);
    pair.run_ms(10);
    let events = pair.events();
    assert!(matches!(events[0], Event::ServerDown { .. }));
    assert_eq!(closed_by_loss(&events), 1000);
}

#[test]
fn one_lost_link_does_not_end_the_life() {
    for is_requests in [true, false] {
        let mut pair = Pair::up(1, plain());
        let session = pair.open(1);
        let stream = if is_requests { pair.request_stream() } else { pair.reply_stream() };
        pair.world.network.cut(stream);
        pair.run_ms(1);
        pair.submit(say(session, "one"));
        pair.submit(say(session, "two"));
        pair.run_secs(2);
        assert_eq!(pair.replies(), expected([(1, b"\x81\x03one"), (1, b"\x81\x03two")]));
        pair.deliver(text(1, "and back"));
        pair.run_ms(50);
        let events = pair.events();
        assert!(matches!(&events[..], [Event::SessionMessage { .. }]), "{events:?}");
    }
}

#[test]
fn requests_that_came_by_a_lost_link_are_told_and_their_answers_wait_for_the_next() {
    let mut pair = Pair::up(1, small(|config| config.limits.events_max = 1));
    pair.world.set_deaf(pair.handler, true);
    (1..=20).for_each(|conn_id| pair.deliver(get(conn_id)));
    pair.run_ms(50);
    let (requests, replies) = (pair.request_stream(), pair.reply_stream());
    pair.world.network.cut(requests);
    pair.run_secs(1);
    assert!(!pair.world.streams(pair.handler).contains(&requests));
    assert!(pair.world.streams(pair.handler).contains(&replies));
    pair.world.script(pair.handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "x")],
        _ => Vec::new(),
    });
    pair.world.set_deaf(pair.handler, false);
    pair.run_secs(2);
    assert_eq!(pair.replies().len(), 20);
    assert_eq!(pair.events().len(), 20);
}

#[test]
fn a_half_open_reply_link_cannot_vouch_for_the_next_process() {
    let mut pair = Pair::up(1, plain());
    let session = pair.open(1);
    let stream = pair.reply_stream();
    pair.world.half_open(stream, pair.server);
    pair.crash();
    pair.server = pair.world.add(new_server(&pair.world, SENDER, 9999));
    pair.run_secs(2);
    // Nobody can know yet.
    assert!(pair.is_silent());
    pair.submit(say(session, "for the old"));
    pair.run_secs(20);
    let events = pair.events();
    assert_eq!(closed_by_loss(&events), 1, "{events:?}");
    assert!(events.iter().any(|event| matches!(
        event,
        Event::ServerDown { life: 1, reason: DownReason::Silent, .. }
    )));
    assert!(events.iter().any(|event| matches!(event, Event::Undelivered { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::ServerUp { life: 2, .. })));
    assert!(pair.replies().is_empty());
}

#[test]
fn a_half_open_request_link_cannot_vouch_for_the_next_process() {
    let mut pair = Pair::up(1, plain());
    let session = pair.open(1);
    let stream = pair.request_stream();
    pair.world.half_open(stream, pair.server);
    pair.crash();
    pair.server = pair.world.add(new_server(&pair.world, SENDER, 9999));
    pair.run_secs(2);
    pair.submit(say(session, "for the old"));
    pair.run_secs(30);
    let events = pair.events();
    assert_eq!(closed_by_loss(&events), 1, "{events:?}");
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::Undelivered { reason: Loss::ServerLost, .. }))
    );
    assert!(events.iter().any(|event| matches!(event, Event::ServerUp { life: 2, .. })));
    assert!(pair.replies().is_empty());
}

#[test]
fn requests_of_a_dead_server_that_are_told_late_do_not_vouch_for_the_next_process() {
    // Whether the end of the request link is noticed at once, or when the requests are taken.
    for is_noticed in [true, false] {
        let mut pair = Pair::up(1, small(|config| config.limits.events_max = 1));
        pair.world.set_deaf(pair.handler, true);
        (1..=20).for_each(|conn_id| pair.deliver(get(conn_id)));
        pair.run_ms(50);
        if is_noticed {
            let stream = pair.request_stream();
            pair.world.network.cut(stream);
        }
        pair.crash();
        pair.server = pair.world.add(new_server(&pair.world, SENDER, 9999));
        pair.run_secs(5);
        pair.world.script(pair.handler, |event| match event {
            Event::Request { target, .. } => vec![reply(*target, "for the old")],
            _ => Vec::new(),
        });
        pair.world.set_deaf(pair.handler, false);
        pair.run_secs(5);
        let events = pair.events();
        let told = events.iter().filter(|event| matches!(event, Event::Request { .. })).count();
        let lost = events.iter().map(|event| match event {
            Event::Undelivered { targets, .. } => targets.len(),
            _ => 0,
        });
        // Where it was, the life is over with the last request: its answer is refused.
        let accepted = 20 - usize::from(is_noticed);
        assert_eq!((told, lost.sum::<usize>()), (20, accepted), "{events:?}");
        assert!(pair.replies().is_empty());
        assert!(matches!(events.last(), Some(Event::ServerUp { life: 2, .. })), "{events:?}");
    }
}

#[test]
fn a_slow_application_does_not_end_a_life_by_keeping_the_proof_waiting() {
    let mut pair = Pair::up(1, small(|config| config.limits.events_max = 1));
    let session = pair.open(1);
    pair.world.set_deaf(pair.handler, true);
    (2..=9).for_each(|conn_id| pair.deliver(get(conn_id)));
    pair.run_ms(50);
    let stream = pair.reply_stream();
    pair.world.network.cut(stream);
    pair.run_secs(100);
    pair.world.set_deaf(pair.handler, false);
    pair.run_secs(2);
    let events = pair.events();
    assert!(!events.iter().any(|event| matches!(event, Event::ServerDown { .. })), "{events:?}");
    pair.submit(say(session, "still here"));
    assert_eq!(pair.replies_soon().len(), 1);
}

#[test]
fn a_server_that_speaks_zmtp_3_0_is_served_and_lives_while_both_links_do() {
    let mut hand = Hand::up(0, plain());
    hand.deliver(&get(7));
    let events = hand.hand.events();
    let [Event::Request { target, .. }] = &events[..] else { panic!("{events:?}") };
    hand.hand.submit(reply(*target, "hello")).unwrap();
    assert!(hand.hand.wrote(hand.replies).ends_with(b"5a0c2e6e-test 1:7, hello"));
    // It knows no PING, so one lost link ends the life: nobody could prove that it goes on.
    hand.hand.pass(Duration::from_secs(1000));
    assert!(!hand.hand.is_closed(hand.replies) && !hand.hand.is_closed(hand.requests));
    hand.hand.ends(hand.requests, None);
    assert!(hand.hand.is_closed(hand.replies));
    let events = hand.hand.events();
    assert!(matches!(&events[..], [Event::ServerDown { life: 1, .. }]), "{events:?}");
}

#[test]
fn nothing_is_taken_from_a_link_that_was_lost_before_it_was_proven() {
    let mut hand = Hand::up(1, plain());
    hand.deliver(&crate::browser::handshake(1, "13"));
    assert_eq!(hand.hand.events().len(), 1);
    hand.hand.ends(hand.requests, None);
    hand.hand.pass(Duration::from_secs(1));
    hand.requests = hand.hand.connect();
    // Another process may be behind it, whose first connection is a stranger.
    let stranger = frame(1, "0x81", b"I am not who you think");
    let octets = [
        crate::wire::greeting_of(3, 1),
        crate::wire::ready("PUSH"),
        crate::wire::message(&[&stranger]),
    ];
    hand.hand.says(hand.requests, &octets.concat());
    hand.hand.ends(hand.requests, None);
    assert!(hand.hand.events().is_empty());
}

#[test]
fn a_proof_that_is_late_is_asked_for_again_while_octets_come() {
    let mut hand = Hand::up(1, plain());
    hand.hand.ends(hand.requests, None);
    hand.hand.pass(Duration::from_millis(200));
    hand.requests = hand.hand.connect();
    hand.greet_requests();
    let asked = hand.probe(hand.replies).unwrap();
    for _ in 0..3 {
        // A sign of life, but no answer: a peer may answer the last of several PINGs alone.
        hand.hand.pass(Duration::from_secs(9));
        let subscribe = crate::wire::command("SUBSCRIBE", b"more");
        hand.hand.says(hand.replies, &subscribe);
        hand.hand.pass(Duration::from_secs(1));
        assert_eq!(hand.probe(hand.replies).as_ref(), Some(&asked));
    }
    hand.hand.says(hand.replies, &crate::wire::command("PONG", &asked));
    hand.deliver(&get(7));
    let events = hand.hand.events();
    assert!(matches!(&events[..], [Event::Request { .. }]), "{events:?}");
}

#[test]
fn an_unreachable_server_is_tried_again_and_again() {
    let mut world = crate::support::World::new(1);
    let handler = world.add(mongrel2_transceiver::Transceiver::new(world.now(), plain()));
    world.submit(handler, add_server(SENDER, 9999)).unwrap();
    world.run_for(Duration::from_secs(60));
    let events = world.events(handler);
    let failed = |event: &&Event| matches!(event, Event::ServerUnreachable { .. });
    assert!((20..=80).contains(&events.iter().filter(failed).count()), "{}", events.len());
    let server = world.add(new_server(&world, SENDER, 9999));
    world.run_for(Duration::from_secs(10));
    assert!(matches!(world.events(handler)[..], [Event::ServerUp { life: 1, .. }]));
    world.crash(server);
    world.run_for(Duration::from_secs(10));
    let events = world.events(handler);
    assert!(matches!(events[0], Event::ServerDown { .. }));
}

/// Without PING nobody could prove that the life goes on, so it is over with its first link: whoever is
/// said good-bye to then gets no answer into the next life.
#[test]
fn a_life_without_proofs_ends_in_the_midst_of_the_farewell() {
    let mut hand = Hand::up(0, plain());
    hand.deliver(&crate::browser::handshake(7, "13"));
    let events = hand.hand.events();
    assert!(matches!(&events[..], [Event::SessionOpened { .. }]), "{events:?}");
    hand.hand.submit(Command::Shutdown).unwrap();
    assert!(!hand.hand.is_closed(hand.replies), "the browser has to answer");
    hand.hand.ends(hand.requests, None);
    assert!(hand.hand.is_closed(hand.replies));
    let events = hand.hand.events();
    let [Event::ServerDown { life: 1, .. }, Event::SessionClosed { end, .. }, ..] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*end, SessionEnd::ServerRemoved { answered: false });
}

/// What a request link brought last is taken only while replies are heard. A server whose reply link ended
/// first, with a request on the other, was not reported to be gone until it was back: its end was found by
/// a PING that could not be written.
#[test]
fn both_streams_gone_is_the_end_whatever_they_brought() {
    let mut hand = Hand::up(1, Config::default());
    hand.hand.ends(hand.replies, None);
    hand.deliver(&get(8));
    assert!(!hand.hand.is_reading(hand.requests));
    assert!(hand.hand.events().is_empty());
    hand.hand.stick(hand.requests, true);
    hand.hand.pass(Duration::from_secs(10));
    hand.hand.ends(hand.requests, Some(ErrorKind::BrokenPipe));
    let events = hand.hand.events();
    let down = events.iter().filter_map(|event| match event {
        Event::ServerDown { life, reason, .. } => Some((*life, reason.clone())),
        _ => None,
    });
    let expected = [(1, DownReason::Io(ErrorKind::BrokenPipe))];
    assert_eq!(down.collect::<Vec<_>>(), expected, "{events:?}");
}
