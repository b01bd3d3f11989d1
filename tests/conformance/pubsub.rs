//! PUB and SUB (RFC 29): U1 to U14, and their rows of the table of section 9.
//!
//! U3 (no drop) and U13 (slow joiner) are promises of the transceiver; here is proven what it builds
//! them from: drops are counted and told, and so is every subscription.

use mongrel2_transceiver::LinkId;
use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Refused};
use mongrel2_transceiver::zmtp::{Frame, Message, SocketType};

use crate::bench::{Bench, SIDES, Side, message, one};
use crate::wire;

/// A publisher and one subscriber to `prefix`.
fn publisher(side: Side, prefix: &str) -> (Bench, LinkId) {
    let mut publisher = Bench::new(SocketType::Pub);
    let link = publisher.peer(side);
    subscribe(&mut publisher, link, prefix);
    (publisher, link)
}

fn subscribe(publisher: &mut Bench, link: LinkId, prefix: &str) {
    publisher.hand.says(link, &wire::command("SUBSCRIBE", prefix.as_bytes()));
    publisher.hand.events();
}

#[test]
fn u1_a_subscription_matches_as_a_prefix_of_the_first_frame() {
    for side in SIDES {
        let (mut publisher, link) = publisher(side, "ab");
        for (frames, matches) in [
            (&["ab"][..], true),
            (&["abc", "x"], true),
            (&["a"], false),
            (&["a", "b"], false),
            (&["Ab"], false),
            (&[""], false),
            (&["x", "ab"], false),
        ] {
            let result = publisher.send(frames);
            assert_eq!(result.is_ok(), matches, "{frames:?}");
            let octets: Vec<&[u8]> = frames.iter().map(|frame| frame.as_bytes()).collect();
            let expected = if matches { wire::message(&octets) } else { Vec::new() };
            assert_eq!(publisher.hand.wrote(link), expected);
        }
        let split = Frame::with_head("a".into(), "bc".into());
        publisher.hand.submit(Command::Send(Message::from(split))).unwrap();
        assert_eq!(publisher.hand.wrote(link), one("abc"));
    }
}

#[test]
fn u1_the_empty_subscription_matches_all_and_each_subscriber_gets_one() {
    for side in SIDES {
        let (mut publisher, all) = publisher(side, "");
        let some = publisher.peer(side);
        let none = publisher.peer(side);
        subscribe(&mut publisher, some, "a");
        subscribe(&mut publisher, some, "ab");
        for text in ["", "abc", "b"] {
            publisher.send(&[text]).unwrap();
        }
        assert_eq!(publisher.hand.wrote(all), [one(""), one("abc"), one("b")].concat());
        assert_eq!(publisher.hand.wrote(some), one("abc"), "once, though two match");
        assert_eq!(publisher.hand.wrote(none), b"");
    }
}

#[test]
fn u2_a_full_subscriber_misses_messages_alone_and_that_is_told() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Pub);
        config.limits.send_messages_max = 3;
        let mut publisher = Bench::with(config);
        let (slow, quick) = (publisher.peer(side), publisher.peer(side));
        subscribe(&mut publisher, slow, "");
        subscribe(&mut publisher, quick, "");
        publisher.hand.stick(slow, true);
        for _ in 0..10 {
            publisher.send(&["x"]).unwrap();
        }
        assert_eq!(publisher.hand.wrote(quick), one("x").repeat(10));
        let missed: u64 = publisher
            .hand
            .events()
            .iter()
            .map(|event| if let Event::Dropped { messages } = event { *messages } else { 0 })
            .sum();
        assert_eq!(missed, 7);
        publisher.hand.stick(slow, false);
        assert_eq!(publisher.hand.wrote(slow), one("x").repeat(3), "the first that came");
    }
}

#[test]
fn u4_both_forms_of_subscription_are_taken() {
    for side in SIDES {
        for minor in [0, 1] {
            let mut publisher = Bench::new(SocketType::Pub);
            let link = publisher.stream(side);
            publisher.shake(link, minor);
            let both = [wire::command("SUBSCRIBE", b"a"), one("\u{1}b")].concat();
            publisher.hand.says(link, &both);
            let subscribed = |prefix| Event::Subscribed { link, prefix };
            assert_eq!(publisher.hand.events(), [subscribed("a".into()), subscribed("b".into())]);
            publisher.send(&["a"]).unwrap();
            publisher.send(&["b"]).unwrap();
            // Each form cancels what either form began.
            publisher.hand.says(link, &[one("\0a"), wire::command("CANCEL", b"b")].concat());
            let cancelled = |prefix| Event::Cancelled { link, prefix };
            assert_eq!(publisher.hand.events(), [cancelled("a".into()), cancelled("b".into())]);
            assert_eq!(publisher.send(&["a"]), Err(Refused::NoPeer));
        }
    }
}

#[test]
fn u5_sub_speaks_the_dialect_of_the_publisher() {
    for side in SIDES {
        let mut subscriber = Bench::new(SocketType::Sub);
        subscriber.hand.submit(Command::Subscribe("a".into())).unwrap();
        let links = [0, 1].map(|minor| {
            let link = subscriber.stream(side);
            let octets = [wire::greeting_of(3, minor), wire::ready("PUB")].concat();
            subscriber.hand.says(link, &octets);
            link
        });
        let [old, new] = links.map(|link| subscriber.hand.wrote(link));
        assert!(old.ends_with(&one("\u{1}a")) && new.ends_with(&wire::command("SUBSCRIBE", b"a")));
        subscriber.hand.submit(Command::Cancel("a".into())).unwrap();
        let [old, new] = links.map(|link| subscriber.hand.wrote(link));
        assert_eq!((old, new), (one("\0a"), wire::command("CANCEL", b"a")));
    }
}

#[test]
fn u6_subscriptions_add_up() {
    let (mut publisher, link) = publisher(Side::Bind, "a");
    let (twice, cancel) = (wire::command("SUBSCRIBE", b"a"), wire::command("CANCEL", b"a"));
    publisher.hand.says(link, &[twice, cancel.clone()].concat());
    assert_eq!(publisher.hand.events(), [], "it was and is subscribed");
    publisher.send(&["a"]).unwrap();
    publisher.hand.says(link, &cancel);
    assert_eq!(publisher.send(&["a"]), Err(Refused::NoPeer));

    let mut subscriber = Bench::new(SocketType::Sub);
    let link = subscriber.peer(Side::Connect);
    for _ in 0..2 {
        subscriber.hand.submit(Command::Subscribe("a".into())).unwrap();
    }
    assert_eq!(subscriber.hand.wrote(link), wire::command("SUBSCRIBE", b"a"));
    subscriber.hand.submit(Command::Cancel("a".into())).unwrap();
    assert_eq!(subscriber.hand.wrote(link), b"");
    subscriber.hand.submit(Command::Cancel("a".into())).unwrap();
    assert_eq!(subscriber.hand.wrote(link), cancel);
}

#[test]
fn u7_cancelling_what_was_never_subscribed_changes_nothing() {
    let (mut publisher, link) = publisher(Side::Bind, "a");
    publisher.hand.says(link, &[wire::command("CANCEL", b"b"), one("\0c")].concat());
    assert_eq!(publisher.hand.events(), []);
    publisher.send(&["a"]).unwrap();
    let mut subscriber = Bench::new(SocketType::Sub);
    let link = subscriber.peer(Side::Bind);
    subscriber.hand.submit(Command::Cancel("never".into())).unwrap();
    assert_eq!(subscriber.hand.wrote(link), b"");
}

#[test]
fn u8_subscriptions_are_forgotten_with_their_link() {
    for side in SIDES {
        let (mut publisher, link) = publisher(side, "a");
        publisher.hand.ends(link, None);
        let again = publisher.peer(side);
        assert_eq!(publisher.send(&["a"]), Err(Refused::NoPeer));
        assert_eq!(publisher.hand.wrote(again), b"");
    }
}

#[test]
fn u9_too_many_or_too_long_subscriptions_end_the_link() {
    let mut config = Config::new(SocketType::Pub);
    config.limits.subscriptions_max = 2;
    for last in [&b"c"[..], &[b'x'; 5000]] {
        for dialect in [0, 1] {
            let mut publisher = Bench::with(config.clone());
            let link = publisher.peer(Side::Bind);
            let octets = [b"a", b"b", b"a"].map(|prefix| wire::command("SUBSCRIBE", prefix));
            publisher.hand.says(link, &octets.concat());
            assert!(!publisher.hand.is_closed(link), "two distinct ones are within the limit");
            publisher.hand.events();
            let octets = match dialect {
                0 => wire::message(&[&[b"\x01", last].concat()]),
                _ => wire::command("SUBSCRIBE", last),
            };
            publisher.hand.says(link, &octets);
            assert!(publisher.hand.is_closed(link));
            assert!(matches!(
                publisher.downs()[..],
                [(DownReason::TooManySubscriptions | DownReason::Protocol(_), 0)]
            ));
        }
    }
}

#[test]
fn u10_other_messages_of_a_subscriber_are_dropped() {
    for side in SIDES {
        let (mut publisher, link) = publisher(side, "a");
        let large = wire::frame(wire::LONG, &[b'x'; 100_000]);
        let many = wire::message(&[b"\x01b", b"\x01c"]);
        publisher.hand.says(link, &[one(""), one("x"), many, large].concat());
        assert_eq!(publisher.hand.events(), []);
        assert!(publisher.hand.is_reading(link));
        assert_eq!(publisher.send(&["b"]), Err(Refused::NoPeer));
    }
}

#[test]
fn u11_a_full_sub_stops_reading_takes_in_turn_and_filters() {
    for side in SIDES {
        let mut config = Config::new(SocketType::Sub);
        config.limits.events_max = 2;
        let mut subscriber = Bench::with(config);
        subscriber.hand.submit(Command::Subscribe("a".into())).unwrap();
        let links = [subscriber.peer(side), subscriber.peer(side)];
        subscriber.hand.is_deaf = true;
        for (link, number) in links.into_iter().zip(["1", "2"]) {
            let of = |text: &str| one(&format!("{text}{number}"));
            subscriber.hand.says(link, &[of("a"), of("b"), of("aa"), of("aaa")].concat());
            assert!(!subscriber.hand.is_reading(link) || number == "1");
        }
        subscriber.hand.hear();
        assert_eq!(subscriber.texts(), ["a1", "aa1", "aaa1", "a2", "aa2", "aaa2"]);
        assert!(links.iter().all(|link| subscriber.hand.is_reading(*link)));
    }
}

#[test]
fn u12_after_reconnecting_all_subscriptions_are_sent_again() {
    let mut subscriber = Bench::new(SocketType::Sub);
    let link = subscriber.peer(Side::Connect);
    for topic in ["b", "a", "gone"] {
        subscriber.hand.submit(Command::Subscribe(topic.into())).unwrap();
    }
    subscriber.hand.submit(Command::Cancel("gone".into())).unwrap();
    subscriber.hand.ends(link, None);
    subscriber.hand.pass(std::time::Duration::from_secs(1));
    let again = subscriber.hand.connect();
    subscriber.hand.wrote(again);
    subscriber.hand.says(again, &wire::greeting());
    assert_eq!(subscriber.hand.wrote(again), wire::ready("SUB"), "not before the handshake");
    subscriber.hand.says(again, &wire::ready("PUB"));
    let expected = ["a", "b"].map(|topic| wire::command("SUBSCRIBE", topic.as_bytes()));
    assert_eq!(subscriber.hand.wrote(again), expected.concat());
}

#[test]
fn u13_a_subscription_is_told_before_any_message_can_be_missed() {
    for side in SIDES {
        let mut publisher = Bench::new(SocketType::Pub);
        let link = publisher.peer(side);
        publisher.hand.says(link, &wire::command("SUBSCRIBE", b"server"));
        assert_eq!(publisher.hand.events(), [Event::Subscribed { link, prefix: "server".into() }]);
        publisher.send(&["server 1"]).unwrap();
        assert_eq!(publisher.hand.wrote(link), one("server 1"));
    }
}

#[test]
fn u14_nothing_is_published_before_the_handshake() {
    for side in SIDES {
        let (mut publisher, ready) = publisher(side, "");
        let link = publisher.stream(side);
        publisher.hand.says(link, &wire::greeting());
        publisher.hand.wrote(link);
        publisher.send(&["x"]).unwrap();
        assert_eq!(publisher.hand.wrote(ready), one("x"));
        publisher.hand.says(link, &wire::ready("SUB"));
        subscribe(&mut publisher, link, "");
        assert_eq!(publisher.hand.wrote(link), b"");
    }
}

#[test]
fn table_pub_without_subscribers_says_so_and_keeps_nothing() {
    for side in SIDES {
        let mut publisher = Bench::new(SocketType::Pub);
        assert_eq!(publisher.send(&["a"]), Err(Refused::NoPeer));
        let link = publisher.peer(side);
        assert_eq!(publisher.send(&["a"]), Err(Refused::NoPeer));
        subscribe(&mut publisher, link, "a");
        assert_eq!(publisher.hand.wrote(link), b"");
    }
}

#[test]
fn table_the_queue_of_a_lost_subscriber_is_lost_with_it() {
    for side in SIDES {
        let (mut publisher, link) = publisher(side, "");
        publisher.hand.stick(link, true);
        for _ in 0..5 {
            publisher.send(&["x"]).unwrap();
        }
        publisher.hand.ends(link, None);
        assert_eq!(publisher.downs(), [(DownReason::Closed, 5)]);
        let again = publisher.peer(side);
        subscribe(&mut publisher, again, "");
        assert_eq!(publisher.hand.wrote(again), b"");
    }
}

#[test]
fn subscribing_is_for_sub_and_within_limits() {
    let mut config = Config::new(SocketType::Sub);
    config.limits.subscriptions_max = 2;
    let mut subscriber = Bench::with(config);
    let mut try_it =
        |topic: &'static [u8]| subscriber.hand.submit(Command::Subscribe(topic.into()));
    assert_eq!((try_it(b"a"), try_it(b"b"), try_it(b"a")), (Ok(()), Ok(()), Ok(())));
    assert_eq!(try_it(b"c"), Err(Refused::TooManySubscriptions));
    assert_eq!(try_it(&[0; 2049]), Err(Refused::TooLarge));
    let mut publisher = Bench::new(SocketType::Pub);
    let refused = publisher.hand.submit(Command::Subscribe("a".into()));
    assert_eq!(refused, Err(Refused::Direction));
    assert_eq!(subscriber.hand.submit(Command::Send(message(&["x"]))), Err(Refused::Direction));
}

#[test]
fn a_publisher_that_reads_nothing_is_not_told_subscriptions_without_end() {
    let mut config = Config::new(SocketType::Sub);
    config.limits.send_bytes_max = 1000;
    let mut subscriber = Bench::with(config);
    let link = subscriber.peer(Side::Connect);
    subscriber.hand.stick(link, true);
    for _ in 0..1000 {
        subscriber.hand.submit(Command::Subscribe("topic".into())).unwrap();
        subscriber.hand.submit(Command::Cancel("topic".into())).unwrap();
    }
    assert_eq!(subscriber.downs(), [(DownReason::NotReading, 0)]);
}
