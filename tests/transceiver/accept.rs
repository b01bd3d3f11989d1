//! Which WebSockets are taken, and how (RFC 6455 4.2.2, 10.2).

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{HeaderError, Request};
use mongrel2_transceiver::transceiver::{Accept, Event, Opening};

use crate::browser::{handshake_with, text};
use crate::pair::{Pair, small};

fn pair(accept: Accept) -> Pair {
    Pair::up(1, small(|config| config.accept = accept))
}

/// Sends a handshake with these headers too: what is said to it, and whether a session is open then.
fn offer(pair: &mut Pair, conn_id: i64, headers: &[(&str, &str)]) -> (Vec<Bytes>, bool) {
    pair.deliver(handshake_with(conn_id, headers));
    let replies = pair.replies_soon().into_iter().map(|(_, body)| body).collect();
    let is_open = pair.events().iter().any(|event| matches!(event, Event::SessionOpened { .. }));
    (replies, is_open)
}

/// The value of a header in an answer.
fn header(answer: &Bytes, name: &str) -> Option<String> {
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    let lines = answer.lines().filter_map(|line| line.split_once(": "));
    let mut values = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
    values.next().map(|(_, value)| value.to_owned())
}

#[test]
fn pages_of_other_origins_are_refused() {
    let mut pair = pair(Accept::origins(["https://example.com", "https://other.example:8443"]));
    for (conn_id, origin) in
        [(1, "https://example.com"), (2, "HTTPS://EXAMPLE.COM"), (3, "https://other.example:8443")]
    {
        let (replies, is_open) = offer(&mut pair, conn_id, &[("origin", origin)]);
        assert!(is_open && replies[0].starts_with(b"HTTP/1.1 101 "), "{origin}: {replies:?}");
    }
    for (conn_id, origin) in
        [(4, "http://example.com"), (5, "null"), (6, ""), (7, "https://example.com.evil.example")]
    {
        let (replies, is_open) = offer(&mut pair, conn_id, &[("origin", origin)]);
        assert!(!is_open && replies[0].starts_with(b"HTTP/1.1 403 "), "{origin}: {replies:?}");
        assert_eq!(header(&replies[0], "connection").as_deref(), Some("close"));
        assert_eq!(replies[1], Bytes::new(), "the connection is ended");
    }
    // No browser.
    assert!(offer(&mut pair, 8, &[]).1);
}

#[test]
fn a_refused_client_that_goes_on_is_not_heard() {
    let mut pair = pair(Accept::new(|_| Opening::refuse(Response::text(401, "Log in first."))));
    let (replies, is_open) = offer(&mut pair, 3, &[]);
    assert!(!is_open && replies[0].ends_with(b"Log in first."));
    pair.deliver(text(3, "hello?"));
    assert!(pair.replies_soon().is_empty() && pair.is_silent());
}

#[test]
fn a_refusal_is_final_whatever_its_status() {
    let mut pair = pair(Accept::new(|_| Opening::refuse(Response::new(101))));
    let (replies, is_open) = offer(&mut pair, 3, &[]);
    assert!(!is_open && replies[0].starts_with(b"HTTP/1.1 500 "));
}

#[test]
fn the_first_subprotocol_that_both_know_is_chosen() {
    let mut pair =
        pair(Accept::new(|request| Opening::take().protocol(request, &["chat.v2", "chat.v1"])));
    for (conn_id, offered, expected) in [
        (1, vec!["chat.v1"], Some("chat.v1")),
        (2, vec!["chat.v1, chat.v2"], Some("chat.v2")),
        (3, vec!["soap", "wamp ,chat.v1"], Some("chat.v1")),
        (4, vec!["chat"], None),
        (5, vec![], None),
    ] {
        let headers: Vec<_> =
            offered.iter().map(|list| ("sec-websocket-protocol", *list)).collect();
        let (replies, is_open) = offer(&mut pair, conn_id, &headers);
        assert!(is_open);
        assert_eq!(header(&replies[0], "sec-websocket-protocol").as_deref(), expected);
    }
}

#[test]
fn headers_of_the_application_go_along() {
    let mut pair = pair(Accept::new(|_| {
        Opening::take().header("set-cookie", "a=1").unwrap_or_else(|_| Opening::take())
    }));
    let (replies, _) = offer(&mut pair, 3, &[]);
    assert_eq!(header(&replies[0], "set-cookie").as_deref(), Some("a=1"));
}

#[test]
fn headers_that_would_break_the_handshake_are_refused() {
    for name in ["Upgrade", "connection", "Sec-WebSocket-Extensions", "sec-websocket-accept"] {
        assert_eq!(Opening::take().header(name, "x"), Err(HeaderError::Reserved), "{name}");
    }
    assert_eq!(Opening::take().header("a b", "x"), Err(HeaderError::Name));
    assert_eq!(Opening::take().header("a", "x\r\ny: z"), Err(HeaderError::Value));
}

#[test]
fn a_refusal_is_as_its_response_says_and_no_other() {
    let request = Request::parse(handshake_with(1, &[("sec-websocket-protocol", "chat")])).unwrap();
    let refusal = Opening::refuse(Response::new(403));
    let with_more = refusal.clone().protocol(&request, &["chat"]).header("x-a", "b").unwrap();
    assert_eq!(with_more, refusal);
    let taken = Opening::take().protocol(&request, &["chat"]).header("x-a", "b").unwrap();
    assert_ne!(taken, Opening::take());
}

#[test]
fn what_is_printed_tells_a_hook_from_none() {
    let all = format!("{:?}", Accept::default());
    assert_ne!(all, format!("{:?}", Accept::origins(["https://example.com"])));
}
