//! A handler that stops while requests come in: the server is told that it takes no more, and what was
//! on the wire by then is answered.

use std::time::Duration;

use mongrel2_transceiver::transceiver::{Command, Config, Event, Refused, Report, Target};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{credits, frame, get, get_with, handshake};
use crate::by_hand::Hand;
use crate::pair::{plain, reply, say, small};

/// A handler with a server that is up.
fn up(config: Config) -> Hand {
    Hand::up(1, config)
}

fn ask(hand: &mut Hand, conn_id: i64) -> Target {
    hand.deliver(&get(conn_id));
    asked(&hand.hand.events()).expect("a request")
}

fn asked(events: &[Event]) -> Option<Target> {
    events.iter().find_map(|event| match event {
        Event::Request { target, .. } => Some(*target),
        _ => None,
    })
}

/// Runs until the server is told that no more is taken.
fn until_finished(hand: &mut Hand) {
    for _ in 0..100 {
        if hand.hand.is_finished(hand.requests) {
            return;
        }
        hand.hand.pass(Duration::from_millis(100));
    }
    panic!("the server is never told");
}

fn reports(events: &[Event]) -> Option<&[Report]> {
    events.iter().find_map(|event| match event {
        Event::Stopped { reports, .. } => Some(&reports[..]),
        _ => None,
    })
}

fn wrote(hand: &mut Hand, what: &str) -> bool {
    let octets = hand.hand.wrote(hand.replies);
    octets.windows(what.len()).any(|part| part == what.as_bytes())
}

#[test]
fn what_was_on_the_wire_is_answered() {
    let mut hand = up(plain());
    hand.hand.submit(Command::Shutdown).unwrap();
    until_finished(&mut hand);
    assert!(!hand.hand.is_closed(hand.requests) && !hand.hand.is_finished(hand.replies));
    let target = ask(&mut hand, 7);
    // In pieces: the rest comes behind the end of our half.
    let next = crate::wire::message(&[&get(8)]);
    let (start, rest) = next.split_at(20);
    hand.hand.says(hand.requests, start);
    hand.hand.submit(reply(target, "seven")).unwrap();
    hand.hand.says(hand.requests, rest);
    let target = asked(&hand.hand.events()).unwrap();
    hand.hand.ends(hand.requests, None);
    hand.hand.submit(reply(target, "eight")).unwrap();
    hand.hand.pass(Duration::from_secs(1));
    assert!(hand.hand.is_closed(hand.replies));
    let octets = hand.hand.wrote(hand.replies);
    for text in ["seven", "eight"] {
        assert!(octets.windows(5).any(|part| part == text.as_bytes()), "{text} was not sent");
    }
    let events = hand.hand.events();
    let [Report { tally, .. }] = reports(&events).expect("all is over") else { panic!() };
    assert_eq!((tally.delivered, tally.refused, tally.undelivered), (2, 0, 0));
}

#[test]
fn it_is_waited_for_the_answers_to_requests() {
    for with_credits in [false, true] {
        let mut hand = up(plain());
        let granted = [("DOWNLOAD_CREDITS", "1000")];
        let raw = if with_credits { get_with(7, &granted) } else { get(7) };
        hand.deliver(&raw);
        let target = asked(&hand.hand.events()).unwrap();
        hand.hand.submit(Command::Shutdown).unwrap();
        until_finished(&mut hand);
        hand.hand.ends(hand.requests, None);
        hand.hand.pass(Duration::from_millis(1500));
        assert!(hand.hand.events().is_empty(), "it is over too early");
        hand.hand.submit(reply(target, "at last")).unwrap();
        hand.hand.pass(Duration::from_millis(300));
        assert!(wrote(&mut hand, "at last"));
        assert!(reports(&hand.hand.events()).is_some(), "it goes on for too long");
    }
}

#[test]
fn not_for_the_answers_of_those_who_have_left() {
    let mut hand = up(plain());
    ask(&mut hand, 7);
    let target = ask(&mut hand, 8);
    hand.deliver(&crate::browser::notice(7));
    hand.hand.submit(Command::HangUp { target }).unwrap();
    hand.hand.submit(Command::Shutdown).unwrap();
    until_finished(&mut hand);
    hand.hand.ends(hand.requests, None);
    hand.hand.pass(Duration::from_millis(500));
    assert!(reports(&hand.hand.events()).is_some());
}

/// The parts of a large answer count as one.
#[test]
fn an_answer_in_parts_is_waited_for_to_its_end() {
    let mut hand = up(plain());
    hand.deliver(&get_with(7, &[("DOWNLOAD_CREDITS", "1000")]));
    let target = asked(&hand.hand.events()).unwrap();
    hand.hand.submit(reply(target, "x".repeat(1500) + "end")).unwrap();
    hand.hand.submit(Command::Shutdown).unwrap();
    hand.hand.pass(Duration::from_millis(50));
    hand.deliver(&credits(7, 1000));
    until_finished(&mut hand);
    hand.hand.ends(hand.requests, None);
    hand.hand.pass(Duration::from_millis(500));
    assert!(wrote(&mut hand, "xend"));
    let events = hand.hand.events();
    assert_eq!(reports(&events).unwrap()[0].tally.delivered, 1);
}

/// A server that goes on talking behind the end of our half is heard out, for a while.
#[test]
fn a_server_that_does_not_end_its_link_is_not_waited_for_for_ever() {
    let mut hand = up(plain());
    hand.hand.submit(Command::Shutdown).unwrap();
    until_finished(&mut hand);
    for conn_id in 0..100 {
        if hand.hand.is_closed(hand.requests) {
            break;
        }
        hand.deliver(&get(conn_id));
        hand.hand.pass(Duration::from_millis(100));
    }
    hand.hand.pass(Duration::from_secs(1));
    assert!(hand.hand.is_closed(hand.requests));
    assert!(reports(&hand.hand.events()).is_some());
}

#[test]
fn a_shutdown_can_be_hastened() {
    let mut hand = up(small(|config| config.heartbeat = None));
    ask(&mut hand, 7);
    hand.hand.submit(Command::ShutdownWithin { time: Duration::from_secs(3600) }).unwrap();
    hand.hand.pass(Duration::from_secs(60));
    assert!(hand.hand.events().is_empty());
    // It is no sooner over because somebody allows for more time.
    hand.hand.submit(Command::ShutdownWithin { time: Duration::from_secs(7200) }).unwrap();
    hand.hand.submit(Command::ShutdownWithin { time: Duration::from_secs(2) }).unwrap();
    hand.hand.pass(Duration::from_secs(2));
    assert!(reports(&hand.hand.events()).is_some());
}

#[test]
fn the_report_counts_browsers() {
    let mut hand = up(plain());
    for conn_id in [3, 4] {
        hand.deliver(&handshake(conn_id, "13"));
    }
    let events = hand.hand.events();
    let targets: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::SessionOpened { target, .. } => Some(*target),
            _ => None,
        })
        .collect();
    hand.hand.submit(say(targets[0], "one")).unwrap();
    let message = Message::from("to both");
    hand.hand
        .submit(Command::Broadcast { to: targets.clone().into(), except: None, message })
        .unwrap();
    assert_eq!(hand.hand.submit(reply(targets[0], "raw")), Err(Refused::IsSession));
    hand.hand.stick(hand.replies, true);
    // The first is being written, the second waits when the link is lost.
    hand.hand.submit(say(targets[0], "under way")).unwrap();
    hand.hand.submit(say(targets[1], "waits")).unwrap();
    hand.hand.ends(hand.replies, None);
    hand.hand.submit(Command::ShutdownWithin { time: Duration::from_millis(100) }).unwrap();
    hand.hand.pass(Duration::from_secs(1));
    let events = hand.hand.events();
    let tally = reports(&events).expect("all is over")[0].tally;
    assert_eq!((tally.delivered, tally.refused, tally.undelivered), (3, 1, 2));
    let removed = events.iter().find_map(|event| match event {
        Event::ServerRemoved { tally, .. } => Some(*tally),
        _ => None,
    });
    assert_eq!(removed, Some(tally));
}

/// Closes come in while the sessions are parted from; then nobody is left.
#[test]
fn sessions_are_closed_before_the_server_is_told() {
    let mut hand = up(plain());
    hand.deliver(&handshake(3, "13"));
    hand.hand.submit(Command::Shutdown).unwrap();
    hand.hand.pass(Duration::from_millis(300));
    assert!(!hand.hand.is_finished(hand.requests));
    hand.deliver(&frame(3, "0x88", b"\x03\xE9"));
    until_finished(&mut hand);
    hand.hand.ends(hand.requests, None);
    hand.hand.pass(Duration::from_millis(500));
    assert!(reports(&hand.hand.events()).is_some());
}
