//! Requests and replies.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect};
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Refused, Target};

use crate::browser::{get, get_tnetstring, get_with, message_in, notice, post};
use crate::pair::{Pair, expected, plain, reply, say};

#[test]
fn a_request_is_answered() {
    let mut pair = Pair::up(1, plain());
    pair.deliver(get(7));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    assert_eq!(target, pair.target(7));
    pair.submit(Command::respond(target, &request, &Response::text(200, "hello")));
    let replies = pair.replies_soon();
    assert_eq!(replies.len(), 1);
    assert!(replies[0].1.starts_with(b"HTTP/1.1 200 OK\r\n") && replies[0].1.ends_with(b"hello"));
}

#[test]
fn a_request_in_tnetstrings_is_the_same_request() {
    let mut pair = Pair::up(1, plain());
    pair.deliver(get_tnetstring(7));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    assert_eq!((request.dialect(), request.method()), (Dialect::Tnetstring, &b"GET"[..]));
    pair.submit(reply(target, "octets\0as they are"));
    assert_eq!(pair.replies_soon(), expected([(7, b"octets\0as they are")]));
}

#[test]
fn a_reply_that_closes_ends_the_connection_behind_it() {
    let mut pair = Pair::up(1, plain());
    let headers = [("connection", "close")];
    pair.deliver(get_with(7, &headers));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    pair.submit(Command::respond(target, &request, &Response::text(200, "bye")));
    let replies = pair.replies_soon();
    assert_eq!(replies.len(), 2);
    assert!(replies[0].1.ends_with(b"bye"));
    assert_eq!(replies[1], (7, Bytes::new()));
}

#[test]
fn requests_of_one_connection_are_told_in_order_and_answered_in_order() {
    let mut pair = Pair::up(1, plain());
    for number in 0..100 {
        pair.deliver(post(7, format!("{number}").as_bytes()));
    }
    pair.world.script(pair.handler, |event| match event {
        Event::Request { target, request } => vec![reply(*target, request.body())],
        _ => Vec::new(),
    });
    // The last of so many go in one delivery.
    let bodies: Vec<_> = pair.replies_soon().into_iter().map(|(_, body)| body).collect();
    let expected: String = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(bodies.concat(), expected.as_bytes());
}

#[test]
fn hanging_up_is_an_empty_reply_behind_the_others() {
    let mut pair = Pair::up(1, plain());
    let target = pair.target(7);
    pair.submit(reply(target, "a"));
    pair.submit(Command::HangUp { target });
    assert_eq!(pair.replies_soon(), expected([(7, b"a"), (7, b"")]));
}

#[test]
fn an_empty_reply_is_refused() {
    let mut pair = Pair::up(1, plain());
    let target = pair.target(7);
    assert_eq!(pair.refused(reply(target, "")), Refused::Empty);
    assert!(pair.replies_soon().is_empty());
}

#[test]
fn a_message_to_what_is_no_session_is_refused() {
    let mut pair = Pair::up(1, plain());
    let target = pair.target(7);
    assert_eq!(pair.refused(say(target, "hi")), Refused::UnknownSession);
    assert!(pair.replies_soon().is_empty());
}

#[test]
fn nothing_is_ever_said_to_a_negative_connection() {
    let mut pair = Pair::up(1, plain());
    let target = Target { conn_id: ConnId::NONE, ..pair.target(1) };
    assert_eq!(pair.refused(reply(target, "x")), Refused::ServerGone);
    assert_eq!(pair.refused(Command::HangUp { target }), Refused::ServerGone);
    // `replies` panics where Mongrel2 would stall.
    assert!(pair.replies_soon().is_empty());
}

#[test]
fn replies_to_unknown_servers_are_refused() {
    let mut pair = Pair::up(1, plain());
    let mut other = Pair::up(1, plain());
    other.submit(Command::RemoveServer { server: other.id });
    other.until(|event| matches!(event, Event::ServerRemoved { .. }));
    let target = other.target(7);
    assert_eq!(
        other.world.submit(other.handler, reply(target, "x")).unwrap_err(),
        Refused::UnknownServer
    );
    // The same name in another transceiver is another server.
    pair.submit(reply(target, "x"));
    assert_eq!(pair.replies_soon(), expected([(7, b"x")]));
}

#[test]
fn a_notice_for_a_plain_connection_is_told_and_never_answered() {
    let mut pair = Pair::up(1, plain());
    for _ in 0..2 {
        pair.deliver(notice(7));
        let event = pair.until(|event| matches!(event, Event::Disconnect { .. }));
        let Event::Disconnect { target } = event else { unreachable!() };
        assert_eq!(target, pair.target(7));
    }
    pair.deliver(notice(-1));
    pair.until(|event| matches!(event, Event::Disconnect { target } if target.conn_id.0 == -1));
    assert!(pair.replies_soon().is_empty());
}

#[test]
fn what_only_looks_like_a_notice_is_a_request() {
    let mut pair = Pair::up(1, plain());
    pair.open(3);
    // A browser's body on a route that begins with @*: all the server's headers are there.
    let headers = [("METHOD", "JSON"), ("PATH", "@*"), ("REMOTE_ADDR", "127.0.0.1")];
    let body = br#"{"type":"disconnect"}"#;
    pair.deliver(message_in(Dialect::Json, 3, "@*", &headers, body));
    pair.until(|event| matches!(event, Event::Request { .. }));
    assert_eq!(pair.stats().sessions, 1);
}

#[test]
fn an_end_of_a_connection_that_is_lost_with_the_link_is_sent_again() {
    let mut pair = Pair::up(1, plain());
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    pair.submit(Command::HangUp { target });
    pair.run_ms(10);
    pair.world.network.cut(stream);
    pair.run_secs(2);
    assert_eq!(pair.replies(), expected([(7, b"")]));
    assert!(pair.is_silent());
}

#[test]
fn a_link_lost_with_replies_under_way_is_reported_and_hang_ups_are_sent_again() {
    let mut pair = Pair::up(1, plain());
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    let target = pair.target(7);
    pair.submit(Command::Reply { target, body: vec![b'x'; 100_000].into(), close: true });
    pair.run_ms(10);
    pair.world.network.cut(stream);
    let event = pair.until(|event| matches!(event, Event::Undelivered { .. }));
    let Event::Undelivered { targets, reason } = event else { unreachable!() };
    assert_eq!((targets, reason), (vec![target], Loss::LinkLost));
    pair.run_secs(2);
    assert_eq!(pair.replies(), expected([(7, b"")]));
}
