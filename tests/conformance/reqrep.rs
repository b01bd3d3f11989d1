//! REQ and REP (RFC 28): R1 to R10, and their rows of the table of section 9.

use std::io::ErrorKind;
use std::time::Duration;

use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Refused};
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, SIDES, Side, endpoint, message, one};
use crate::wire;

const NO_REPLY: Event = Event::NoReply { timed_out: false };
const TIMED_OUT: Event = Event::NoReply { timed_out: true };

/// A request or reply of one frame as it is on the wire, behind its delimiter.
fn enveloped(text: &str) -> Vec<u8> {
    wire::message(&[b"", text.as_bytes()])
}

#[test]
fn r1_req_puts_an_empty_frame_first_and_asks_its_peers_in_turn() {
    for side in SIDES {
        let mut req = Bench::new(SocketType::Req);
        let links = [req.peer(side), req.peer(side)];
        for link in [links[0], links[1], links[0]] {
            req.send(&["a", "b"]).unwrap();
            assert_eq!(req.hand.wrote(link), wire::message(&[b"", b"a", b"b"]));
            assert_eq!(req.send(&["too early"]), Err(Refused::Busy));
            req.hand.says(link, &wire::message(&[b"", b"", b"c"]));
            assert_eq!(req.messages(), [(link, message(&["", "c"]))]);
        }
        assert!(links.iter().all(|link| req.hand.wrote(*link).is_empty()));
    }
}

#[test]
fn r2_req_without_a_peer_refuses_and_drops_nothing() {
    let mut req = Bench::new(SocketType::Req);
    assert_eq!(req.send(&["x"]), Err(Refused::NoPeer));
    let link = req.peer(Side::Bind);
    assert_eq!(req.hand.wrote(link), b"");
    req.send(&["x"]).unwrap();
    assert_eq!(req.hand.wrote(link), enveloped("x"));
}

#[test]
fn r2_a_request_waits_for_an_endpoint_that_is_not_there_yet() {
    let mut req = Bench::new(SocketType::Req);
    req.hand.submit(Command::Connect(endpoint(1))).unwrap();
    req.send(&["x"]).unwrap();
    req.hand.refuse();
    req.hand.pass(Duration::from_secs(1));
    let link = req.hand.connect();
    req.hand.says(link, &wire::handshake(SocketType::Req));
    assert!(req.hand.wrote(link).ends_with(&enveloped("x")));
    assert!(!req.hand.events().contains(&NO_REPLY));
}

#[test]
fn r3_req_drops_what_is_no_reply_to_it() {
    for side in SIDES {
        let mut req = Bench::new(SocketType::Req);
        let (asked, other) = (req.peer(side), req.peer(side));
        req.hand.says(asked, &enveloped("before any request"));
        req.send(&["x"]).unwrap();
        req.hand.says(other, &enveloped("from another"));
        let wrong = [one("no delimiter"), one(""), wire::message(&[b"a", b"", b"b"])];
        req.hand.says(asked, &wrong.concat());
        assert_eq!(req.messages(), []);
        req.hand.says(asked, &[enveloped("the reply"), enveloped("a second one")].concat());
        assert_eq!(req.texts(), ["the reply"]);
        assert!(!req.hand.is_closed(asked) && !req.hand.is_closed(other));
    }
}

#[test]
fn r4_rep_takes_one_request_at_a_time_from_its_peers_in_turn() {
    for side in SIDES {
        let mut rep = Bench::new(SocketType::Rep);
        assert_eq!(rep.send(&["x"]), Err(Refused::NoRequest));
        let links = [rep.peer(side), rep.peer(side)];
        for link in links {
            rep.hand.says(link, &[enveloped("one"), enveloped("two"), enveloped("three")].concat());
        }
        // The first had its turn, and joined the row again, before the second came.
        for (asks, turn) in
            [(0, "one"), (0, "two"), (1, "one"), (0, "three"), (1, "two"), (1, "three")]
        {
            assert_eq!(rep.messages(), [(links[asks], message(&[turn]))]);
            rep.send(&["reply to", turn]).unwrap();
            let reply = wire::message(&[b"", b"reply to", turn.as_bytes()]);
            assert_eq!(rep.hand.wrote(links[asks]), reply);
        }
        assert_eq!(rep.messages(), []);
        assert_eq!(rep.send(&["x"]), Err(Refused::NoRequest));
    }
}

#[test]
fn r5_rep_puts_the_envelope_unchanged_before_the_reply() {
    for side in SIDES {
        for count in [0, 1, 20, 64] {
            let mut rep = Bench::new(SocketType::Rep);
            let link = rep.peer(side);
            let names: Vec<String> = (0..count).map(|hop| format!("hop {hop}")).collect();
            let mut envelope: Vec<&[u8]> = names.iter().map(String::as_bytes).collect();
            envelope.push(b"");
            let with = |rest: &[&'static [u8]]| wire::message(&[&envelope, rest].concat());
            rep.hand.says(link, &with(&[b"a", b"", b"b"]));
            assert_eq!(rep.texts(), ["a||b"], "an empty frame of the request is its own affair");
            rep.send(&["", "c"]).unwrap();
            assert_eq!(rep.hand.wrote(link), with(&[b"", b"c"]));
        }
    }
}

#[test]
fn r6_a_request_without_a_delimiter_is_dropped() {
    for side in SIDES {
        let mut rep = Bench::new(SocketType::Rep);
        let link = rep.peer(side);
        let bad = [one("x"), wire::message(&[b"a", b"b"]), one(""), wire::message(&[b"a", b""])];
        for octets in &bad {
            rep.hand.says(link, octets);
            assert_eq!(rep.hand.events(), [], "not even a hint");
            assert_eq!(rep.send(&["x"]), Err(Refused::NoRequest));
        }
        rep.hand.says(link, &[bad.concat(), enveloped("good")].concat());
        assert_eq!(rep.texts(), ["good"]);
    }
}

#[test]
fn r7_the_reply_to_a_peer_that_is_gone_is_dropped_and_ends_nothing() {
    for side in SIDES {
        let mut rep = Bench::new(SocketType::Rep);
        let (gone, other) = (rep.peer(side), rep.peer(side));
        rep.hand.says(gone, &enveloped("from the one"));
        rep.hand.says(other, &enveloped("from the other"));
        rep.hand.ends(gone, None);
        assert_eq!(rep.texts(), ["from the one"]);
        rep.send(&["lost"]).unwrap();
        assert_eq!(rep.messages(), [(other, message(&["from the other"]))]);
        rep.send(&["reply"]).unwrap();
        assert_eq!(rep.hand.wrote(other), enveloped("reply"));
    }
}

#[test]
fn r8_a_peer_that_takes_no_replies_is_not_read_and_others_are_served() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Rep);
        config.limits.send_messages_max = 2;
        let mut rep = Bench::with(config);
        let (slow, quick) = (rep.peer(side), rep.peer(side));
        rep.hand.stick(slow, true);
        rep.hand.says(slow, &enveloped("x").repeat(10));
        for _ in 0..2 {
            assert_eq!(rep.texts(), ["x"]);
            rep.send(&["reply"]).unwrap();
        }
        assert!(rep.texts().is_empty() && !rep.hand.is_reading(slow));
        for _ in 0..10 {
            rep.hand.says(quick, &enveloped("y"));
            assert_eq!(rep.texts(), ["y"]);
            rep.send(&["reply"]).unwrap();
        }
        rep.hand.stick(slow, false);
        let mut served = 2;
        while !rep.texts().is_empty() {
            rep.send(&["reply"]).unwrap();
            served += 1;
        }
        assert_eq!((served, rep.hand.wrote(slow)), (10, enveloped("reply").repeat(10)));
    }
}

#[test]
fn r9_requests_sent_ahead_are_answered_in_order() {
    for side in SIDES {
        let mut rep = Bench::new(SocketType::Rep);
        let link = rep.stream(side);
        rep.hand.says(link, &[wire::greeting(), wire::ready("DEALER")].concat());
        rep.hand.wrote(link);
        let requests =
            ["1", "2", "3"].map(|number| wire::message(&[b"id", b"", number.as_bytes()]));
        rep.hand.says(link, &requests.concat());
        for request in requests {
            let (_, asked) = rep.messages().pop().expect("a request");
            rep.hand.submit(Command::Send(asked)).unwrap();
            assert_eq!(rep.hand.wrote(link), request, "echoed with its envelope");
        }
    }
}

#[test]
fn r10_a_request_has_a_time_limit_to_the_instant_and_a_late_reply_is_no_reply() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Req);
        config.request_timeout = Some(Duration::from_secs(5));
        let mut req = Bench::with(config);
        let link = req.peer(side);
        req.send(&["x"]).unwrap();
        req.hand.pass(Duration::from_secs(5) - Duration::from_nanos(1));
        assert_eq!(req.hand.events(), []);
        req.hand.pass(Duration::from_nanos(1));
        let down = Event::Down { link, reason: DownReason::RequestTimeout, lost: 0 };
        assert_eq!(req.hand.events(), [TIMED_OUT, down]);
        assert!(req.hand.is_closed(link), "so that the reply cannot come late");
        let again = req.peer(side);
        req.send(&["y"]).unwrap();
        let asked = if side == Side::Bind { again } else { again_or_first(&mut req, again) };
        req.hand.says(asked, &enveloped("to y"));
        assert_eq!(req.texts(), ["to y"]);
    }
}

/// The request went to the first endpoint, which is connected anew by now, or to the second.
fn again_or_first(
    req: &mut Bench,
    second: mongrel2_transceiver::LinkId,
) -> mongrel2_transceiver::LinkId {
    if !req.hand.wrote(second).is_empty() {
        return second;
    }
    req.hand.pass(Duration::from_secs(1));
    let first = req.hand.connect();
    req.hand.says(first, &wire::handshake(SocketType::Req));
    first
}

#[test]
fn r10_a_request_that_never_left_is_taken_back_without_cutting_anything() {
    let mut config = Config::new(SocketType::Req);
    config.request_timeout = Some(Duration::from_secs(1));
    let mut req = Bench::with(config);
    req.hand.submit(Command::Connect(endpoint(1))).unwrap();
    req.send(&["x"]).unwrap();
    req.hand.pass(Duration::from_secs(2));
    assert_eq!(req.hand.events(), [TIMED_OUT]);
    let link = req.hand.connect();
    req.shake(link, 1);
    assert_eq!(req.hand.wrote(link), b"");
    req.send(&["y"]).unwrap();
    assert_eq!(req.hand.wrote(link), enveloped("y"));
}

#[test]
fn r10_a_lost_peer_or_a_disconnect_ends_the_wait() {
    for side in SIDES {
        let mut req = Bench::new(SocketType::Req);
        let link = req.peer(side);
        req.send(&["x"]).unwrap();
        req.hand.ends(link, None);
        assert!(req.hand.events().contains(&NO_REPLY));
    }
    for is_up in [true, false] {
        let mut req = Bench::new(SocketType::Req);
        if is_up {
            req.peer(Side::Connect);
        } else {
            req.hand.submit(Command::Connect(endpoint(1))).unwrap();
            req.hand.refuse();
        }
        req.send(&["x"]).unwrap();
        req.hand.submit(Command::Disconnect(endpoint(1))).unwrap();
        while !req.hand.connects.is_empty() {
            req.hand.refuse();
        }
        assert!(req.hand.events().contains(&NO_REPLY), "up: {is_up}");
        assert_eq!(req.send(&["y"]), Err(Refused::NoPeer), "it may ask again");
    }
}

/// The reply may come before word that its request is written, and the link end before that comes.
#[test]
fn r10_a_request_that_waits_behind_one_that_is_answered_is_not_lost_with_it() {
    let mut req = Bench::new(SocketType::Req);
    let link = req.peer(Side::Connect);
    req.hand.stick(link, true);
    req.send(&["x"]).unwrap();
    req.hand.says(link, &enveloped("to x"));
    assert_eq!(req.texts(), ["to x"]);
    req.send(&["y"]).unwrap();
    req.hand.ends(link, None);
    let events = req.hand.events();
    assert!(!events.contains(&NO_REPLY), "it goes to the next");
    let is_down = |event: &&Event| matches!(event, Event::Down { lost: 0, .. });
    assert_eq!(events.iter().filter(is_down).count(), 1, "the other has arrived: {events:?}");
    assert_eq!(req.send(&["z"]), Err(Refused::Busy));
    req.hand.pass(Duration::from_secs(1));
    let next = req.hand.connect();
    req.hand.says(next, &wire::handshake(SocketType::Req));
    let wrote = req.hand.wrote(next);
    assert!(
        wrote.ends_with(&enveloped("y"))
            && !wrote.ends_with(&[enveloped("x"), enveloped("y")].concat())
    );
    req.hand.says(next, &enveloped("to y"));
    assert_eq!(req.texts(), ["to y"]);
}

#[test]
fn r10_without_a_limit_it_waits() {
    let mut config = Config::new(SocketType::Req);
    config.request_timeout = None;
    let mut req = Bench::with(config);
    let link = req.peer(Side::Bind);
    req.send(&["x"]).unwrap();
    req.hand.pass(Duration::from_secs(1_000_000));
    req.hand.says(link, &enveloped("at last"));
    assert_eq!(req.texts(), ["at last"]);
}

#[test]
fn table_a_reply_that_came_before_the_end_is_delivered() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Req);
        config.limits.events_max = 1;
        let mut req = Bench::with(config);
        let link = req.peer(side);
        req.send(&["x"]).unwrap();
        req.hand.is_deaf = true;
        req.hand.says(link, &enveloped("the reply"));
        req.hand.ends(link, None);
        req.hand.hear();
        let events = req.hand.events();
        assert!(matches!(events[0], Event::Message { .. }) && !events.contains(&NO_REPLY));
    }
}

#[test]
fn rep_at_its_limit_closes_who_asked_nothing_for_longest_but_never_who_waits_for_a_reply() {
    let mut config = Config::new(SocketType::Rep);
    config.limits.links_max = 3;
    let mut rep = Bench::with(config);
    let asks = |rep: &mut Bench, link| {
        rep.hand.pass(Duration::from_millis(1));
        rep.hand.says(link, &enveloped("x"));
    };
    let [first, second, third] = std::array::from_fn(|_| rep.peer(Side::Bind));
    asks(&mut rep, first);
    rep.send(&["y"]).unwrap();
    asks(&mut rep, second);
    rep.hand.events();
    let fourth = rep.stream(Side::Bind);
    assert!(rep.hand.is_closed(third));
    let down = rep.hand.events();
    assert!(down.contains(&Event::Down { link: third, reason: DownReason::Evicted, lost: 0 }));
    rep.shake(fourth, 1);
    rep.hand.pass(Duration::from_millis(1));
    let fifth = rep.peer(Side::Bind);
    assert!(rep.hand.is_closed(first) && !rep.hand.is_closed(second));
    rep.peer(Side::Bind);
    assert!(rep.hand.is_closed(fourth) && !rep.hand.is_closed(second));
    rep.peer(Side::Bind);
    assert!(rep.hand.is_closed(fifth) && !rep.hand.is_closed(second));
    rep.send(&["y"]).unwrap();
    assert_eq!(rep.hand.wrote(second), enveloped("y"));
}

#[test]
fn rep_without_descriptors_closes_who_asked_nothing_for_longest() {
    let mut rep = Bench::new(SocketType::Rep);
    let [first, second] = std::array::from_fn(|_| rep.peer(Side::Bind));
    rep.hand.pass(Duration::from_millis(1));
    rep.hand.says(first, &enveloped("x"));
    rep.send(&["y"]).unwrap();
    rep.hand.events();
    // A peer that was gone before it was accepted costs nobody else's place.
    rep.hand.cannot_accept(ErrorKind::ConnectionAborted);
    assert!(!rep.hand.is_closed(first) && !rep.hand.is_closed(second));
    rep.hand.pass(Duration::from_secs(5));
    rep.hand.cannot_accept(ErrorKind::Other);
    assert!(rep.hand.is_closed(second) && !rep.hand.is_closed(first));
    let down = rep.hand.events();
    assert!(down.contains(&Event::Down { link: second, reason: DownReason::Evicted, lost: 0 }));
    // Who has just come and said nothing goes before those.
    rep.hand.pass(Duration::from_secs(5));
    let third = rep.stream(Side::Bind);
    rep.hand.cannot_accept(ErrorKind::Other);
    assert!(rep.hand.is_closed(third) && !rep.hand.is_closed(first));
    rep.hand.pass(Duration::from_secs(5));
    rep.peer(Side::Bind);
}
