//! What is bounded, and what becomes of that which is too much.

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Event, Refused, SessionEnd, Target};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{frame, get, post, text};
use crate::pair::{Pair, expected, plain, reply, say, small};

fn stall(pair: &mut Pair, is_stalled: bool) {
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, is_stalled);
}

fn is_room(event: &Event) -> bool {
    matches!(event, Event::Room { .. })
}

#[test]
fn a_full_queue_refuses_and_tells_of_room_later() {
    let mut pair = Pair::up(1, small(|config| config.limits.send_messages_max = 4));
    stall(&mut pair, true);
    let target = pair.target(1);
    for body in ["a", "b", "c", "d"] {
        pair.submit(reply(target, body));
    }
    assert_eq!(pair.refused(reply(target, "e")), Refused::Full);
    assert_eq!(pair.refused(Command::HangUp { target }), Refused::Full);
    pair.run_secs(1);
    assert!(pair.is_silent());
    stall(&mut pair, false);
    pair.until(is_room);
    pair.submit(reply(target, "f"));
    assert_eq!(
        pair.replies_soon(),
        expected([(1, b"a"), (1, b"b"), (1, b"c"), (1, b"d"), (1, b"f")])
    );
    assert!(pair.is_silent());
}

#[test]
fn octets_fill_a_queue_too() {
    let mut pair = Pair::up(1, small(|config| config.limits.send_bytes_max = 1000));
    stall(&mut pair, true);
    let target = pair.target(1);
    pair.submit(reply(target, vec![b'x'; 700]));
    assert_eq!(pair.refused(reply(target, vec![b'x'; 300])), Refused::Full);
}

#[test]
fn room_is_told_once_there_is_room_for_what_was_refused() {
    let mut pair = Pair::up(
        1,
        small(|config| {
            config.limits.send_bytes_max = 1000;
            config.limits.write_size = 1;
        }),
    );
    let (small, large) = (pair.target(1), pair.target(2));
    stall(&mut pair, true);
    pair.submit(reply(small, vec![b'x'; 100]));
    assert_eq!(pair.refused(reply(large, vec![b'x'; 900])), Refused::Full);
    // Half of the queue is free, but not what was asked for: to say so would be asked again.
    pair.run_secs(1);
    assert!(pair.is_silent());
    stall(&mut pair, false);
    pair.until(is_room);
    pair.submit(reply(large, vec![b'x'; 900]));
    assert_eq!(pair.replies_soon().len(), 2);
}

#[test]
fn a_broadcast_that_one_server_has_no_room_for_changes_nothing() {
    let mut pair = Pair::up(1, small(|config| config.limits.send_messages_max = 4));
    let targets: Vec<_> = (1..=300).map(|conn_id| pair.open(conn_id)).collect();
    stall(&mut pair, true);
    pair.submit(say(targets[0], "a"));
    pair.submit(say(targets[0], "b"));
    let message = Message::from("to all");
    let broadcast = Command::Broadcast { to: targets.into(), except: None, message };
    assert_eq!(pair.refused(broadcast.clone()), Refused::Full);
    stall(&mut pair, false);
    pair.until(is_room);
    assert_eq!(pair.replies_soon().len(), 2);
    pair.submit(broadcast);
    assert_eq!(pair.replies_soon().len(), 300);
}

#[test]
fn a_reply_above_the_limit_is_refused_and_one_at_the_limit_delivered() {
    let mut pair = Pair::up(1, small(|config| config.limits.message_size_max = 1000));
    let (plain, session) = (pair.target(1), pair.open(2));
    assert_eq!(pair.refused(reply(plain, vec![b'x'; 1001])), Refused::TooLarge);
    let binary = |size: usize| Message::from(vec![b'x'; size]);
    let send = |size| Command::Send { target: session, message: binary(size) };
    assert_eq!(pair.refused(send(1001)), Refused::TooLarge);
    let targets = vec![session];
    let broadcast = Command::Broadcast { to: targets.into(), except: None, message: binary(1001) };
    assert_eq!(pair.refused(broadcast), Refused::TooLarge);
    pair.submit(reply(plain, vec![b'x'; 1000]));
    pair.submit(send(1000));
    let sizes: Vec<usize> = pair.replies_soon().iter().map(|(_, body)| body.len()).collect();
    assert_eq!(sizes, [1000, 1004]);
}

#[test]
fn a_request_above_the_limit_is_answered_with_413_and_reported() {
    let mut pair = Pair::up(1, small(|config| config.limits.message_size_max = 1000));
    let large = post(7, &[b'x'; 2000]);
    let size = large.len() as u64;
    pair.deliver(large);
    pair.deliver(get(8));
    pair.run_ms(50);
    let events = pair.events();
    let [Event::TooLarge { target, size: told }, Event::Request { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*target, *told), (Some(pair.target(7)), size));
    let replies = pair.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 413 "));
    assert_eq!((replies.len(), &replies[1]), (2, &(7, Bytes::new())));
}

#[test]
fn a_frame_above_the_limit_of_messages_ends_its_session_with_1009() {
    let mut pair = Pair::up(1, small(|config| config.limits.message_size_max = 1000));
    pair.open(3);
    pair.deliver(frame(3, "0x82", &[b'x'; 2000]));
    assert_eq!(pair.replies_soon(), expected([(3, b"\x88\x02\x03\xf1"), (3, b"")]));
    let events = pair.events();
    let [Event::SessionClosed { end: SessionEnd::Refused, .. }, Event::TooLarge { .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
}

#[test]
fn a_message_that_cannot_be_read_is_answered_with_400_and_reported() {
    let mut pair = Pair::up(1, plain());
    pair.deliver(Bytes::from_static(b"5a0c2e6e-test 7 / 5:{\"a\",0:,"));
    pair.run_ms(50);
    let events = pair.events();
    let [Event::Unreadable { target, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(*target, Some(pair.target(7)));
    let replies = pair.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 400 "));
    assert_eq!((replies.len(), &replies[1]), (2, &(7, Bytes::new())));
}

#[test]
fn a_message_that_nobody_can_be_told_of_is_reported_alone() {
    let mut pair = Pair::up(1, plain());
    for raw in [&b""[..], b"\xff", b"5a0c2e6e-test -1 / nonsense", b"a b c d"] {
        pair.deliver(Bytes::from_static(raw));
        pair.run_ms(50);
        let events = pair.events();
        assert!(matches!(&events[..], [Event::Unreadable { .. }]), "{events:?}");
    }
    assert!(pair.replies().is_empty());
}

#[test]
fn an_application_that_never_polls_holds_little_and_goes_on_later() {
    let mut pair = Pair::up(1, small(|config| config.limits.events_max = 10));
    pair.world.set_deaf(pair.handler, true);
    (1..=900).for_each(|conn_id| pair.deliver(get(conn_id)));
    for _ in 0..100 {
        pair.run_secs(1);
        assert!(pair.stats().events <= 10);
    }
    pair.world.set_deaf(pair.handler, false);
    pair.run_secs(1);
    let told: Vec<i64> = pair
        .events()
        .iter()
        .map(|event| match event {
            Event::Request { target, .. } => target.conn_id.0,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, (1..=900).collect::<Vec<_>>());
}

#[test]
fn events_are_bounded_by_their_octets() {
    let mut pair = Pair::up(1, small(|config| config.limits.event_bytes_max = 100_000));
    pair.world.set_deaf(pair.handler, true);
    (1..=100).for_each(|conn_id| pair.deliver(post(conn_id, &[b'x'; 40_000])));
    pair.run_secs(1);
    assert_eq!(pair.stats().events, 3);
    pair.world.set_deaf(pair.handler, false);
    pair.run_secs(1);
    assert_eq!(pair.events().len(), 100);
}

#[test]
fn broadcasts_go_on_whatever_waits_to_be_told() {
    let mut pair = Pair::up(1, small(|config| config.limits.events_max = 2));
    let target = pair.open(1);
    pair.world.set_deaf(pair.handler, true);
    (0..10).for_each(|_| pair.deliver(text(1, "hi")));
    pair.run_ms(50);
    let unknown = pair.target(9);
    let broadcast = |targets: Vec<Target>| Command::Broadcast {
        to: targets.into(),
        except: None,
        message: Message::from("x"),
    };
    pair.submit(broadcast(vec![target]));
    assert_eq!(pair.replies_soon(), expected([(1, b"\x81\x01x")]));
    // But reports that nobody takes are bounded as well.
    pair.submit(broadcast(vec![unknown]));
    pair.submit(broadcast(vec![unknown]));
    assert_eq!(pair.refused(broadcast(vec![unknown])), Refused::Neglected);
}

#[test]
fn limits_of_zero_count_as_one() {
    let mut pair = Pair::up(
        1,
        small(|config| {
            let limits = &mut config.limits;
            limits.websocket_size_max = 0;
            limits.servers_max = 0;
            limits.sessions_max = 0;
            limits.events_max = 0;
            limits.event_bytes_max = 0;
            limits.send_messages_max = 0;
            limits.send_bytes_max = 0;
            limits.read_size = 0;
            limits.write_size = 0;
        }),
    );
    let target = pair.open(1);
    pair.deliver(text(1, "x"));
    pair.until(|event| matches!(event, Event::SessionMessage { .. }));
    pair.submit(say(target, "y"));
    assert_eq!(pair.replies_soon(), expected([(1, b"\x81\x01y")]));
}
