//! PUSH and PULL (RFC 30): P1 to P7, and their rows of the table of section 9.

use std::io::ErrorKind;

use mongrel2_transceiver::Input;
use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Refused};
use mongrel2_transceiver::zmtp::{Oversize, SocketType};

use crate::bench::{Bench, SIDES, Side, endpoint, message, one};
use crate::wire;

#[test]
fn p1_push_only_sends_and_pull_only_receives() {
    for side in SIDES {
        let mut push = Bench::new(SocketType::Push);
        let link = push.peer(side);
        let large = wire::frame(wire::LONG, &[b'x'; 100_000]);
        push.hand.says(link, &[one("noise"), wire::message(&[b"a", b"b"]), large].concat());
        assert!(push.hand.events().is_empty() && push.hand.is_reading(link));
        push.send(&["still works"]).unwrap();
        assert_eq!(push.hand.wrote(link), one("still works"));

        let mut pull = Bench::new(SocketType::Pull);
        pull.peer(side);
        assert_eq!(pull.send(&["x"]), Err(Refused::Direction));
    }
}

#[test]
fn p1_what_is_not_asked_for_by_subscribers_is_no_subscription_for_push() {
    let mut push = Bench::new(SocketType::Push);
    let link = push.peer(Side::Bind);
    push.hand.says(link, &[wire::command("SUBSCRIBE", b"a"), one("\u{1}a")].concat());
    assert!(push.hand.events().is_empty());
}

#[test]
fn p2_messages_go_to_peers_in_turn() {
    for side in SIDES {
        let mut push = Bench::new(SocketType::Push);
        let links = [push.peer(side), push.peer(side), push.peer(side)];
        for text in ["a", "b", "c", "d", "e", "f"] {
            push.send(&[text]).unwrap();
        }
        let wrote = links.map(|link| push.hand.wrote(link));
        assert_eq!(wrote, [["a", "d"], ["b", "e"], ["c", "f"]].map(|two| two.map(one).concat()));
    }
}

#[test]
fn p2_a_peer_with_a_full_queue_is_passed_over_until_it_has_room() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Push);
        config.limits.send_messages_max = 4;
        let mut push = Bench::with(config);
        let (slow, quick) = (push.peer(side), push.peer(side));
        push.hand.stick(slow, true);
        for _ in 0..20 {
            push.send(&["x"]).unwrap();
        }
        assert_eq!(push.hand.wrote(quick).len(), 16 * one("x").len(), "four wait for the slow one");
        push.hand.stick(slow, false);
        push.hand.wrote(slow);
        push.send(&["y"]).unwrap();
        push.send(&["y"]).unwrap();
        let wrote = (push.hand.wrote(slow), push.hand.wrote(quick));
        assert_eq!(wrote, (one("y"), one("y")));
    }
}

#[test]
fn p3_push_without_an_available_peer_refuses_and_takes_nothing() {
    let mut push = Bench::new(SocketType::Push);
    assert_eq!(push.send(&["x"]), Err(Refused::NoPeer));
    push.bind();
    assert_eq!(push.send(&["x"]), Err(Refused::NoPeer));
    let link = push.hand.accept();
    assert_eq!(push.send(&["before the handshake"]), Err(Refused::NoPeer));
    push.shake(link, 1);
    assert_eq!(push.hand.wrote(link), b"");
    push.send(&["y"]).unwrap();
    assert_eq!(push.hand.wrote(link), one("y"));
}

#[test]
fn p3_a_full_push_refuses_tells_of_room_once_and_drops_nothing() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Push);
        config.limits.send_messages_max = 10;
        let mut push = Bench::with(config);
        let link = push.peer(side);
        push.hand.stick(link, true);
        assert_eq!(push.fill(&message(&["x"])), (10, Refused::Full));
        assert_eq!(push.hand.events(), []);
        push.hand.stick(link, false);
        assert_eq!(push.hand.events(), [Event::Room]);
        assert_eq!(push.hand.wrote(link), one("x").repeat(10));
    }
}

#[test]
fn p3_a_new_peer_makes_room() {
    let mut config = Config::new(SocketType::Push);
    config.limits.send_messages_max = 2;
    let mut push = Bench::with(config);
    let slow = push.peer(Side::Bind);
    push.hand.stick(slow, true);
    assert_eq!(push.fill(&message(&["x"])), (2, Refused::Full));
    let quick = push.hand.accept();
    push.hand.says(quick, &wire::handshake(SocketType::Push));
    assert!(push.hand.events().contains(&Event::Room));
    push.hand.wrote(quick);
    push.send(&["y"]).unwrap();
    assert_eq!(push.hand.wrote(quick), one("y"));
    let third = push.hand.accept();
    push.hand.says(third, &wire::handshake(SocketType::Push));
    assert!(!push.hand.events().contains(&Event::Room), "nobody waits for room any more");
}

#[test]
fn p3_a_lost_link_whose_messages_were_all_under_way_makes_room() {
    let mut config = Config::new(SocketType::Push);
    config.limits.send_messages_max = 2;
    config.limits.write_size = 1;
    let mut push = Bench::with(config);
    let link = push.peer(Side::Connect);
    push.hand.stick(link, true);
    assert_eq!(push.fill(&message(&["x"])), (2, Refused::Full));
    push.hand.ends(link, None);
    assert!(push.hand.events().contains(&Event::Room));
    push.send(&["y"]).unwrap();
}

#[test]
fn p4_pull_takes_in_turn_and_changes_nothing() {
    for side in SIDES {
        let mut pull = Bench::new(SocketType::Pull);
        let links = [pull.peer(side), pull.peer(side)];
        let all_octets: Vec<u8> = (0..=255).collect();
        let frames = [&b""[..], &all_octets, b"", &[0; 300], b""];
        for link in links {
            pull.hand.says(link, &wire::message(&frames));
        }
        for (link, message) in pull.messages() {
            assert!(links.contains(&link));
            assert!(message.frames().map(|frame| frame.bytes()).eq(frames));
        }
    }
}

#[test]
fn p5_a_message_goes_to_one_peer_and_what_was_under_way_is_lost_with_it() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Push);
        config.limits.write_size = 1;
        let mut push = Bench::with(config);
        let first = push.peer(side);
        push.hand.stick(first, true);
        push.send(&["a", "b", "c"]).unwrap();
        push.send(&["next"]).unwrap();
        assert_eq!(push.hand.wrote(first), wire::message(&[b"a", b"b", b"c"]));
        let second = push.peer(side);
        push.hand.ends(first, Some(ErrorKind::ConnectionReset));
        let lost = if side == Side::Bind { 2 } else { 1 };
        assert_eq!(push.downs(), [(DownReason::Io(ErrorKind::ConnectionReset), lost)]);
        assert_eq!(push.hand.wrote(second), b"", "nothing of it goes to another");
        if side == Side::Connect {
            push.hand.pass(std::time::Duration::from_secs(1));
            let again = push.hand.connect();
            push.hand.says(again, &wire::handshake(SocketType::Push));
            let wrote = push.hand.wrote(again);
            assert!(wrote.ends_with(&[wire::ready("PUSH"), one("next")].concat()));
        }
    }
}

#[test]
fn p6_whole_messages_of_a_lost_peer_are_delivered_and_a_half_one_is_dropped() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Pull);
        config.limits.events_max = 1;
        let mut pull = Bench::with(config);
        let link = pull.peer(side);
        pull.hand.is_deaf = true;
        let half = &wire::message(&[b"half", b"of it"])[..9];
        pull.hand.says(link, &[one("a"), one("b"), one("c"), half.to_vec()].concat());
        pull.hand.ends(link, None);
        pull.hand.hear();
        let events = pull.hand.events();
        let down = Event::Down { link, reason: DownReason::Closed, lost: 0 };
        let message = |text| Event::Message { link, message: message(&[text]) };
        assert_eq!(events, [message("a"), message("b"), message("c"), down]);
        assert_eq!(pull.hand.machine.machine().link_count(), 0);
    }
}

#[test]
fn p6_the_same_when_we_disconnect_or_the_peer_breaks_a_rule() {
    let mut config = Config::new(SocketType::Pull);
    config.limits.events_max = 1;
    let mut pull = Bench::with(config.clone());
    let link = pull.peer(Side::Connect);
    pull.hand.is_deaf = true;
    pull.hand.says(link, &[one("a"), one("b")].concat());
    pull.hand.submit(Command::Disconnect(endpoint(1))).unwrap();
    assert!(pull.hand.is_closed(link));
    pull.hand.hear();
    assert_eq!(pull.texts(), ["a", "b"]);

    let mut pull = Bench::with(config);
    let link = pull.peer(Side::Bind);
    pull.hand.is_deaf = true;
    pull.hand.says(link, &[one("a"), one("b"), vec![0xFF]].concat());
    assert!(!pull.hand.is_closed(link), "the broken rule is not reached yet");
    pull.hand.hear();
    assert!(pull.hand.is_closed(link));
    assert_eq!(pull.texts(), ["a", "b"]);
}

#[test]
fn p6_late_answers_on_a_lost_link_take_nothing_away() {
    let mut config = Config::new(SocketType::Pull);
    config.limits.events_max = 1;
    let mut pull = Bench::with(config);
    let link = pull.peer(Side::Connect);
    pull.hand.is_deaf = true;
    pull.hand.stick(link, true);
    pull.hand.says(link, &wire::command("PING", &[0, 0]));
    pull.hand.says(link, &[one("a"), one("b"), one("c")].concat());
    // The PONG is still to be sent: the link lingers, until the peer ends it.
    pull.hand.submit(Command::Disconnect(endpoint(1))).unwrap();
    pull.hand.ends(link, None);
    pull.hand.tell(Input::Sent { link });
    pull.hand.tell(Input::Received { link, data: one("late").into() });
    pull.hand.hear();
    assert_eq!(pull.texts(), ["a", "b", "c"]);
}

#[test]
fn p7_messages_are_marked_with_their_link() {
    for side in SIDES {
        let mut pull = Bench::new(SocketType::Pull);
        let first = pull.peer(side);
        pull.hand.says(first, &one("old"));
        pull.hand.ends(first, None);
        assert_eq!(pull.messages(), [(first, message(&["old"]))]);
        let second = pull.peer(side);
        pull.hand.says(second, &one("new"));
        assert_ne!(first, second);
        assert_eq!(pull.messages(), [(second, message(&["new"]))]);
    }
}

#[test]
fn messages_above_the_limit_are_skipped_and_reported_where_that_is_asked_for() {
    let mut config = Config::new(SocketType::Pull);
    config.limits.message_size_max = 10;
    let mut pull = Bench::with(config.clone());
    let link = pull.peer(Side::Bind);
    pull.hand.says(link, &one("elevenoctet"));
    assert!(pull.hand.is_closed(link));

    config.limits.oversize = Oversize::Skip;
    let mut pull = Bench::with(config);
    let link = pull.peer(Side::Bind);
    pull.hand.says(link, &[one("elevenoctet"), one("next")].concat());
    let oversized = Event::Oversized { link, size: 11, head: "elevenoctet".into() };
    let next = Event::Message { link, message: message(&["next"]) };
    assert_eq!(pull.hand.events(), [oversized, next]);
}

#[test]
fn table_push_keeps_the_queue_of_an_endpoint_and_not_that_of_an_accepted_peer() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Push);
        config.limits.write_size = 1;
        let mut push = Bench::with(config);
        let link = push.peer(side);
        push.hand.stick(link, true);
        for _ in 0..5 {
            push.send(&["x"]).unwrap();
        }
        push.hand.ends(link, None);
        let lost = if side == Side::Bind { 5 } else { 1 };
        assert_eq!(push.downs(), [(DownReason::Closed, lost)]);
    }
}
