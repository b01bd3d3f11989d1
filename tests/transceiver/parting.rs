//! Removing servers and shutting down.

use std::time::Duration;

use mongrel2_transceiver::Transceiver;
use mongrel2_transceiver::mongrel2::Kind;
use mongrel2_transceiver::transceiver::{Audience, Command, Event, Loss, Refused, SessionEnd};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{SENDER, frame, get, get_with, handshake, text};
use crate::pair::{Pair, add_server, expected, plain, reply, say, small};
use crate::support::World;

const GOING_AWAY: &[u8] = b"\x88\x02\x03\xe9";

fn stopped(event: &Event) -> bool {
    matches!(event, Event::Stopped { .. })
}

/// Everything until the end, which comes once.
fn until_stopped(pair: &mut Pair) -> (Vec<Event>, usize) {
    let handler = pair.handler;
    pair.world.run_until(|world| world.seen(handler).iter().any(stopped));
    pair.run_secs(100);
    let events = pair.events();
    assert_eq!(events.iter().filter(|event| stopped(event)).count(), 1);
    let Some(Event::Stopped { undelivered, .. }) = events.last() else { panic!("{events:?}") };
    let undelivered = *undelivered;
    let stats = pair.stats();
    assert_eq!((stats.servers, stats.sessions, stats.links, stats.events), (0, 0, 0, 0));
    (events, undelivered)
}

#[test]
fn without_servers_a_shutdown_is_over_at_once() {
    let mut world = World::new(1);
    let handler = world.add(Transceiver::new(world.now(), plain()));
    world.submit(handler, Command::Shutdown).unwrap();
    assert!(matches!(world.events(handler)[..], [Event::Stopped { undelivered: 0, .. }]));
    world.submit(handler, Command::Shutdown).unwrap();
    assert_eq!(world.submit(handler, add_server(SENDER, 1)), Err(Refused::ShuttingDown));
    world.run_for(Duration::from_secs(100));
    assert!(world.events(handler).is_empty());
}

#[test]
fn a_shutdown_without_sessions_tells_removed_then_stopped() {
    let mut pair = Pair::up(3, plain());
    pair.submit(Command::Shutdown);
    let (events, undelivered) = until_stopped(&mut pair);
    assert!(matches!(&events[..], [Event::ServerRemoved { .. }, Event::Stopped { .. }]));
    assert_eq!(undelivered, 0);
}

#[test]
fn a_client_that_answers_our_farewell_has_been_closed_in_order() {
    let mut pair = Pair::up(3, plain());
    pair.open(3);
    pair.submit(Command::Shutdown);
    pair.run_ms(20);
    assert_eq!(pair.replies(), expected([(3, GOING_AWAY)]));
    pair.deliver(frame(3, "0x88", b"\x03\xe9"));
    let (events, undelivered) = until_stopped(&mut pair);
    let [Event::SessionClosed { end, .. }, Event::ServerRemoved { .. }, Event::Stopped { .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((end, undelivered), (&SessionEnd::ServerRemoved { answered: true }, 0));
    assert_eq!(pair.replies(), expected([(3, b"")]));
}

#[test]
fn a_client_that_does_not_answer_our_farewell_is_hung_up_on() {
    let mut pair = Pair::up(3, plain());
    pair.open(3);
    pair.submit(Command::Shutdown);
    let (events, _) = until_stopped(&mut pair);
    let [Event::SessionClosed { end, .. }, Event::ServerRemoved { .. }, Event::Stopped { .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(end, &SessionEnd::ServerRemoved { answered: false });
    assert_eq!(pair.replies(), expected([(3, GOING_AWAY), (3, b"")]));
}

#[test]
fn a_thousand_sessions_get_a_farewell_and_end_once_each() {
    let mut pair = Pair::up(3, plain());
    for conn_id in 1..=1000 {
        pair.deliver(handshake(conn_id, "13"));
        pair.run_ms(2);
    }
    pair.events();
    pair.replies();
    pair.submit(Command::Shutdown);
    pair.run_ms(100);
    let farewells = pair.replies();
    assert_eq!(farewells.len(), 1000);
    assert!(farewells.iter().all(|(_, body)| &body[..] == GOING_AWAY));
    for conn_id in 1..=500 {
        pair.deliver(frame(conn_id, "0x88", b"\x03\xe9"));
    }
    let (events, undelivered) = until_stopped(&mut pair);
    let answered = |wanted: bool| {
        let is_so = |event: &&Event| {
            matches!(event, Event::SessionClosed { end: SessionEnd::ServerRemoved { answered }, .. }
                if *answered == wanted)
        };
        events.iter().filter(is_so).count()
    };
    assert_eq!((answered(true), answered(false), undelivered), (500, 500, 0));
    let ends = pair.replies();
    assert_eq!(ends.len(), 1000);
    assert!(ends.iter().all(|(_, body)| body.is_empty()));
}

#[test]
fn a_shutdown_ends_though_the_server_is_dead() {
    for was_up in [true, false] {
        let mut pair = Pair::new(3, plain());
        if was_up {
            pair.until(|event| matches!(event, Event::ServerUp { .. }));
            pair.open(3);
        }
        pair.crash();
        pair.run_secs(1);
        pair.submit(Command::Shutdown);
        let (_, undelivered) = until_stopped(&mut pair);
        assert_eq!(undelivered, 0);
    }
}

#[test]
fn a_server_that_dies_in_the_middle_of_the_farewell_is_removed_all_the_same() {
    let mut pair = Pair::up(3, plain());
    pair.open(3);
    pair.submit(Command::Shutdown);
    pair.run_ms(20);
    pair.crash();
    let (events, _) = until_stopped(&mut pair);
    let closed = |event: &&Event| matches!(event, Event::SessionClosed { .. });
    assert_eq!(events.iter().filter(closed).count(), 1, "{events:?}");
}

#[test]
fn what_was_accepted_before_the_shutdown_is_delivered() {
    let mut pair = Pair::up(3, plain());
    let (plain, session) = (pair.target(1), pair.open(2));
    pair.submit(reply(plain, "a"));
    pair.submit(say(session, "b"));
    pair.submit(Command::Shutdown);
    until_stopped(&mut pair);
    let replies = pair.replies();
    assert_eq!(replies[..3], expected([(1, b"a"), (2, b"\x81\x01b"), (2, GOING_AWAY)]));
}

#[test]
fn requests_in_hand_can_still_be_answered() {
    let mut pair = Pair::up(3, plain());
    pair.deliver(get(7));
    pair.until(|event| matches!(event, Event::Request { .. }));
    pair.submit(Command::Shutdown);
    let target = pair.target(7);
    for _ in 0..5 {
        pair.run_ms(50);
        pair.submit(reply(target, "part"));
    }
    let (_, undelivered) = until_stopped(&mut pair);
    assert_eq!((pair.replies().len(), undelivered), (5, 0));
    assert_eq!(pair.refused(reply(target, "late")), Refused::UnknownServer);
}

/// The body of a request may come in pieces, of which none but the first is a request.
#[test]
fn an_answer_to_a_streamed_upload_is_waited_for() {
    let mut pair = Pair::up(3, small(|config| config.linger = Duration::from_secs(40)));
    pair.deliver(get_with(7, &[("content-length", "9"), ("UPLOAD_STREAM", "0")]));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    assert_eq!(request.kind(), Kind::StreamFirst);
    pair.submit(Command::Shutdown);
    // The farewells are long over.
    pair.run_secs(25);
    pair.submit(reply(target, "answer"));
    let (_, undelivered) = until_stopped(&mut pair);
    assert_eq!((pair.replies().last(), undelivered), (Some(&(7, "answer".into())), 0));
}

/// What lets more of an upload come says nothing to its browser.
#[test]
fn a_grant_is_no_answer() {
    let mut pair = Pair::up(3, small(|config| config.linger = Duration::from_secs(40)));
    pair.deliver(get(7));
    pair.until(|event| matches!(event, Event::Request { .. }));
    let target = pair.target(7);
    pair.submit(Command::Grant { target, octets: 100 });
    pair.submit(Command::Shutdown);
    // The farewells are long over.
    pair.run_secs(25);
    pair.submit(reply(target, "answer"));
    let (_, undelivered) = until_stopped(&mut pair);
    assert_eq!((pair.replies().last(), undelivered), (Some(&(7, "answer".into())), 0));
}

#[test]
fn what_cannot_be_flushed_in_time_is_reported() {
    let mut pair = Pair::up(3, plain());
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    for _ in 0..10 {
        pair.submit(reply(target, vec![b'x'; 100_000]));
    }
    pair.submit(Command::Shutdown);
    pair.run_ms(2_990);
    assert!(!pair.world.seen(pair.handler).iter().any(stopped));
    assert_eq!(pair.refused(reply(target, "late")), Refused::ShuttingDown);
    pair.run_ms(20);
    let (to, message) = (Audience::All, Message::from("later"));
    let nothing_happens_now = Command::Broadcast { to, except: None, message };
    assert_eq!(pair.refused(nothing_happens_now), Refused::ShuttingDown);
    let events = pair.events();
    let lost: usize = events
        .iter()
        .map(|event| match event {
            Event::Undelivered { targets, reason: Loss::ShutDown } => targets.len(),
            _ => 0,
        })
        .sum();
    assert!(
        matches!(events.last(), Some(Event::Stopped { undelivered, .. }) if *undelivered == lost)
    );
    // What the kernel had taken before it stalled counts as under way.
    assert!(lost >= 7, "{events:?}");
}

#[test]
fn new_websockets_are_sent_away_while_parting() {
    let mut pair = Pair::up(3, plain());
    pair.submit(Command::Shutdown);
    pair.deliver(handshake(3, "13"));
    pair.deliver(text(4, "who am I?"));
    pair.run_ms(20);
    let replies = pair.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 503 "), "{replies:?}");
    assert_eq!(replies[1..], expected([(3, b""), (4, GOING_AWAY), (4, b"")]));
    let (events, _) = until_stopped(&mut pair);
    assert_eq!(events.len(), 2, "{events:?}");
}

#[test]
fn a_shutdown_of_nothing_lingers_not_at_all() {
    let mut config = plain();
    config.linger = Duration::ZERO;
    let mut pair = Pair::up(3, config);
    pair.open(3);
    pair.submit(Command::Shutdown);
    pair.run_ms(2);
    assert!(pair.events().iter().any(stopped));
}

#[test]
fn a_farewell_that_waits_for_no_answer_leaves_no_deadline_in_the_past() {
    let mut config = plain();
    config.close_timeout = Duration::ZERO;
    let mut pair = Pair::up(3, config);
    pair.open(3);
    pair.submit(Command::Shutdown);
    until_stopped(&mut pair);
}

#[test]
fn a_server_is_removed_while_traffic_flows_and_added_again() {
    let mut pair = Pair::up(3, plain());
    pair.world.script(pair.handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "x")],
        _ => Vec::new(),
    });
    for conn_id in 1..200 {
        pair.deliver(get(conn_id));
        if conn_id == 100 {
            pair.submit(Command::RemoveServer { server: pair.id });
            let again = Command::RemoveServer { server: pair.id };
            assert_eq!(pair.refused(again), Refused::ShuttingDown);
            assert_eq!(pair.refused(add_server(SENDER, 9999)), Refused::SenderInUse);
        }
    }
    pair.until(|event| matches!(event, Event::ServerRemoved { .. }));
    pair.run_ms(50);
    let answered = pair.replies().len();
    assert!(answered >= 99, "{answered}");
    assert_eq!(pair.refused(Command::RemoveServer { server: pair.id }), Refused::UnknownServer);
    pair.submit(add_server(SENDER, 9999));
    let up = pair.until(|event| matches!(event, Event::ServerUp { .. }));
    assert!(matches!(up, Event::ServerUp { server, life: 1 } if server != pair.id));
    pair.deliver(get(1));
    assert_eq!(pair.replies_soon(), expected([(1, b"x")]));
}

#[test]
fn nothing_is_read_for_a_server_that_is_removed_before_it_came_up() {
    let mut hand = crate::by_hand::Hand::connected(1, plain());
    hand.hand.hear();
    let events = hand.hand.events();
    let [Event::ServerAdded { server, .. }] = &events[..] else { panic!("{events:?}") };
    hand.hand.submit(Command::RemoveServer { server: *server }).unwrap();
    hand.greet_replies();
    hand.greet_requests();
    hand.prove(hand.replies);
    assert!(!hand.hand.is_reading(hand.requests));
    hand.hand.pass(Duration::from_secs(5));
    let events = hand.hand.events();
    assert!(matches!(&events[..], [Event::ServerRemoved { .. }]), "{events:?}");
}

#[test]
fn a_thousand_servers_added_and_removed_leave_nothing_behind() {
    let mut pair = Pair::up(3, plain());
    for round in 0..1000 {
        let server = pair.id;
        if round % 3 == 0 {
            pair.submit(Command::RemoveServer { server });
        }
        pair.deliver_if_any(handshake(1, "13"));
        pair.run_ms(round % 7);
        if round % 3 != 0 {
            pair.submit(Command::RemoveServer { server });
        }
        pair.until(|event| matches!(event, Event::ServerRemoved { .. }));
        pair.submit(add_server(SENDER, 9999));
        let event = pair.until(|event| matches!(event, Event::ServerAdded { .. }));
        let Event::ServerAdded { server, .. } = event else { unreachable!() };
        pair.id = server;
    }
    pair.run_secs(100);
    assert_eq!(pair.stats().servers, 1);
    pair.events();
    pair.submit(Command::Shutdown);
    until_stopped(&mut pair);
}

#[test]
fn a_quiet_shutdown_is_short_however_long_the_linger() {
    let mut pair = Pair::up(1, small(|config| config.linger = Duration::MAX));
    let asked_at = pair.world.now();
    pair.submit(Command::Shutdown);
    pair.until(|event| matches!(event, Event::Stopped { .. }));
    assert!(pair.world.now() - asked_at < Duration::from_secs(1));
}

#[test]
fn sessions_that_no_farewell_had_room_for_get_one_with_their_end() {
    let mut pair = Pair::up(3, small(|config| config.limits.send_messages_max = 4));
    for conn_id in 3..=9 {
        pair.open(conn_id);
    }
    let (stream, other) = (pair.reply_stream(), pair.target(77));
    pair.world.network.stall(stream, true);
    while pair.world.submit(pair.handler, reply(other, vec![b'x'; 100_000])).is_ok() {
        pair.run_ms(1);
    }
    pair.submit(Command::Shutdown);
    pair.run_ms(2_000);
    pair.world.network.stall(stream, false);
    let (events, _) = until_stopped(&mut pair);
    let closed = |event: &&Event| matches!(event, Event::SessionClosed { .. });
    assert_eq!(events.iter().filter(closed).count(), 7);
    let replies = pair.replies();
    for conn_id in 3..=9 {
        let said: Vec<_> = replies.iter().filter(|(to, _)| *to == conn_id).collect();
        let said: Vec<_> = said.iter().map(|(_, body)| &body[..]).collect();
        assert_eq!(said, [GOING_AWAY, b""], "{conn_id}");
    }
}

#[test]
fn so_many_farewells_wait_for_an_answer_and_the_others_for_them() {
    let mut pair = Pair::up(4, small(|config| config.linger = Duration::from_secs(100)));
    let count = 10_000;
    for conn_id in 1..=count {
        pair.deliver(handshake(conn_id, "13"));
        if conn_id % 100 == 0 {
            pair.run_ms(100);
        }
    }
    pair.events();
    pair.replies();
    pair.submit(Command::Shutdown);
    pair.run_ms(100);
    let first = pair.replies();
    assert!((8192..8192 + 256).contains(&first.len()), "{}", first.len());
    // Who answers makes room for another.
    let mut told = first.clone();
    for (conn_id, _) in first {
        pair.deliver(frame(conn_id, "0x88", b"\x03\xe9"));
        if conn_id % 100 == 0 {
            pair.run_ms(10);
        }
    }
    pair.run_ms(100);
    told.extend(pair.replies());
    told.retain(|(_, body)| body == GOING_AWAY);
    let mut conn_ids: Vec<_> = told.into_iter().map(|(conn_id, _)| conn_id).collect();
    conn_ids.sort_unstable();
    assert!(conn_ids.into_iter().eq(1..=count), "each once");
}
