//! WebSockets: handshakes, messages both ways, broadcasts.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Refused, SessionEnd, Target};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::browser::{frame, get, handshake, handshake_accepting, notice, old_handshake, text};
use crate::pair::{Pair, expected, plain, reply, say, small};

#[test]
fn a_websocket_is_opened_and_echoed() {
    let mut pair = Pair::up(2, plain());
    let target = pair.open(3);
    pair.deliver(text(3, "hi"));
    pair.deliver(frame(3, "0x82", b"\xff\x00"));
    pair.world.script(pair.handler, |event| match event {
        Event::SessionMessage { target, message, .. } => {
            vec![Command::Send { target: *target, message: message.clone() }]
        }
        _ => Vec::new(),
    });
    assert_eq!(pair.replies_soon(), expected([(3, b"\x81\x02hi"), (3, b"\x82\x02\xff\x00")]));
    let told = pair.events();
    assert!(matches!(&told[..], [
        Event::SessionMessage { target: a, message: Message::Text(_), .. },
        Event::SessionMessage { target: b, message: Message::Binary(_), .. },
    ] if (*a, *b) == (target, target)));
}

#[test]
fn a_frame_before_our_answer_is_a_message_of_the_session() {
    let mut pair = Pair::up(2, plain());
    pair.deliver(handshake(3, "13"));
    pair.deliver(text(3, "early"));
    pair.run_ms(50);
    let events = pair.events();
    let [Event::SessionOpened { .. }, Event::SessionMessage { message, .. }] = &events[..] else {
        panic!("{events:?}");
    };
    assert_eq!(*message, Message::from("early"));
    assert_eq!(pair.replies().len(), 1);
}

/// The status that a handshake is refused with, after which the connection has to end.
fn refusal(pair: &mut Pair, raw: Bytes) -> Vec<u8> {
    pair.deliver(raw);
    let replies = pair.replies_soon();
    let [(3, head), (3, end)] = &replies[..] else { panic!("{replies:?}") };
    assert!(end.is_empty() && pair.is_silent());
    head[9..12].to_vec()
}

#[test]
fn handshakes_that_cannot_be_taken_are_refused_and_their_connections_ended() {
    let mut pair = Pair::up(2, plain());
    assert_eq!(refusal(&mut pair, handshake(3, "8")), b"426");
    assert_eq!(refusal(&mut pair, handshake(3, "")), b"426");
    assert_eq!(refusal(&mut pair, handshake_accepting(3, "13", b"too short")), b"400");
    assert_eq!(refusal(&mut pair, old_handshake(3)), b"400");
}

#[test]
fn a_refusal_of_the_version_says_which_would_do() {
    let mut pair = Pair::up(2, plain());
    pair.deliver(handshake(3, "7"));
    let head = pair.replies_soon()[0].1.to_vec();
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{head}");
    assert!(head.contains("sec-websocket-version: 13\r\n") && head.ends_with("\r\n\r\n"));
}

#[test]
fn too_many_sessions_are_refused_until_one_has_ended() {
    let mut pair = Pair::up(2, small(|config| config.limits.sessions_max = 1));
    pair.open(1);
    assert_eq!(refusal(&mut pair, handshake(3, "13")), b"503");
    pair.deliver(notice(1));
    pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    pair.open(4);
}

#[test]
fn frames_of_a_refused_handshake_are_nobody_s() {
    let mut pair = Pair::up(2, plain());
    pair.deliver(handshake(3, "8"));
    pair.deliver(text(3, "hello?"));
    assert_eq!(pair.replies_soon().len(), 2);
    assert!(pair.is_silent());
}

#[test]
fn frames_of_a_connection_that_we_ended_are_ignored() {
    let mut pair = Pair::up(2, plain());
    let target = pair.open(3);
    pair.submit(Command::HangUp { target });
    let events = pair.events();
    let end = SessionEnd::ByHandler { answered: false };
    assert!(matches!(&events[..], [Event::SessionClosed { end: told, .. }] if *told == end));
    pair.deliver(text(3, "late"));
    pair.deliver(frame(3, "0x89", b"late ping"));
    pair.deliver(notice(3));
    assert_eq!(pair.replies_soon(), expected([(3, b"")]));
    assert!(pair.is_silent());
}

#[test]
fn a_session_whose_handshake_another_handler_took_is_adopted() {
    let mut pair = Pair::up(2, plain());
    pair.deliver(text(3, "hi"));
    pair.run_ms(50);
    let events = pair.events();
    let [Event::SessionOpened { adopted: true, target, request }, Event::SessionMessage { .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((*target, request.method()), (pair.target(3), &b"WEBSOCKET"[..]));
    pair.submit(say(pair.target(3), "hello"));
    assert_eq!(pair.replies_soon(), expected([(3, b"\x81\x05hello")]));
}

#[test]
fn what_cannot_be_adopted_for_want_of_room_is_told_to_try_again_later() {
    let mut pair = Pair::up(2, small(|config| config.limits.sessions_max = 1));
    pair.open(1);
    pair.deliver(text(3, "hi"));
    assert_eq!(pair.replies_soon(), expected([(3, b"\x88\x02\x03\xf5"), (3, b"")]));
    assert!(pair.is_silent());
}

#[test]
fn a_second_handshake_of_an_open_session_ends_the_first() {
    let mut pair = Pair::up(2, plain());
    pair.open(3);
    pair.deliver(handshake(3, "13"));
    pair.run_ms(50);
    let events = pair.events();
    let [Event::SessionClosed { end, .. }, Event::SessionOpened { .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*end, SessionEnd::Disconnected);
}

#[test]
fn a_handshake_from_nobody_is_not_answered() {
    let mut pair = Pair::up(2, plain());
    pair.deliver(handshake(-1, "13"));
    pair.deliver(text(-1, "x"));
    assert!(pair.replies_soon().is_empty() && pair.is_silent());
    assert_eq!(pair.stats().sessions, 0);
}

#[test]
fn raw_replies_to_a_session_are_refused() {
    let mut pair = Pair::up(2, plain());
    let target = pair.open(3);
    assert_eq!(pair.refused(reply(target, "HTTP/1.1 200 OK")), Refused::IsSession);
    pair.submit(Command::Close { target, code: CloseCode::NORMAL, reason: "".into() });
    assert_eq!(pair.refused(reply(target, "HTTP/1.1 200 OK")), Refused::IsSession);
    pair.deliver(frame(3, "0x88", b""));
    pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    assert_eq!(pair.refused(reply(target, "HTTP/1.1 200 OK")), Refused::UnknownSession);
}

#[test]
fn a_plain_request_does_not_disturb_sessions() {
    let mut pair = Pair::up(2, plain());
    pair.open(3);
    pair.deliver(get(4));
    pair.until(|event| matches!(event, Event::Request { .. }));
    pair.submit(reply(pair.target(4), "x"));
    pair.submit(say(pair.target(3), "y"));
    assert_eq!(pair.replies_soon(), expected([(4, b"x"), (3, b"\x81\x01y")]));
}

#[test]
fn a_broadcast_reaches_each_once_in_messages_of_at_most_128() {
    let mut pair = Pair::up(2, plain());
    let targets: Vec<Target> = (1..=300).map(|conn_id| pair.open(conn_id)).collect();
    let message = Message::from("to all");
    pair.submit(Command::Broadcast { to: targets.into(), except: None, message });
    // A message with more targets would be reported as malformed.
    let mut reached: Vec<i64> = pair
        .replies_soon()
        .into_iter()
        .map(|(to, body)| {
            assert_eq!(&body[..], b"\x81\x06to all");
            to
        })
        .collect();
    reached.sort_unstable();
    assert_eq!(reached, (1..=300).collect::<Vec<_>>());
    assert!(pair.is_silent());
}

#[test]
fn whom_a_broadcast_cannot_reach_is_reported_and_disturbs_nobody() {
    let mut pair = Pair::up(2, plain());
    let open = pair.open(1);
    let unknown = pair.target(2);
    let foreign = Target { life: 9, ..open };
    let nobody = Target { conn_id: ConnId::NONE, ..open };
    let targets = vec![unknown, open, foreign, nobody];
    pair.submit(Command::Broadcast {
        to: targets.into(),
        except: None,
        message: Message::from("x"),
    });
    assert_eq!(pair.replies_soon(), expected([(1, b"\x81\x01x")]));
    let events = pair.events();
    let [Event::Undelivered { targets, reason: Loss::NotOpen }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(*targets, [unknown, foreign, nobody]);
}

#[test]
fn a_broadcast_to_nobody_does_nothing() {
    let mut pair = Pair::up(2, plain());
    pair.submit(Command::Broadcast {
        to: Vec::new().into(),
        except: None,
        message: Message::from("x"),
    });
    assert!(pair.replies_soon().is_empty() && pair.is_silent());
}

#[test]
fn where_nothing_is_adopted_strangers_are_told_to_come_again() {
    let mut pair = Pair::up(2, small(|config| config.adopt = false));
    for raw in [text(3, "hi"), frame(4, "0x89", b"?"), frame(5, "0x88", b"\x03\xE8")] {
        pair.deliver(raw);
    }
    let restart = b"\x88\x02\x03\xF4";
    let mut replies = pair.replies_soon();
    replies.sort_by_key(|(conn_id, body)| (*conn_id, body.is_empty()));
    let told = [(3, &restart[..]), (3, b""), (4, restart), (4, b""), (5, restart), (5, b"")];
    assert_eq!(replies, expected(told));
    assert!(pair.is_silent());
    // Its own sessions are served as ever.
    let target = pair.open(6);
    pair.submit(say(target, "hello"));
    assert_eq!(pair.replies_soon(), expected([(6, b"\x81\x05hello")]));
}

#[test]
fn notices_that_are_late_or_come_twice_or_for_nobody_end_nothing_twice() {
    let mut pair = Pair::up(2, plain());
    pair.open(3);
    pair.deliver(notice(3));
    pair.deliver(notice(3));
    pair.deliver(notice(99));
    pair.run_ms(20);
    let events = pair.events();
    let ends = events.iter().filter(|event| matches!(event, Event::SessionClosed { .. }));
    assert_eq!(ends.count(), 1, "{events:?}");
    let others = events.iter().filter(|event| matches!(event, Event::Disconnect { .. }));
    assert_eq!((events.len(), others.count()), (3, 2));
    assert!(pair.replies().is_empty(), "a notice is never answered");
}
