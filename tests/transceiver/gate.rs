//! When requests are read, and that no reply is dropped (U3 and U13 of the checklist).

use std::time::Duration;

use mongrel2_transceiver::transceiver::{Event, Refused};

use crate::bare::Bare;
use crate::browser::{SENDER, get, handshake, text};
use crate::by_hand::Hand;
use crate::pair::{Pair, expected, plain, reply, say, small};
use crate::support::Shape;

fn ups(events: &[Event]) -> usize {
    events.iter().filter(|event| matches!(event, Event::ServerUp { .. })).count()
}

#[test]
fn u13_no_request_is_read_before_the_server_has_subscribed() {
    let mut bare = Bare::new(1, plain());
    bare.run_secs(1);
    bare.push(get(7));
    bare.world.script(bare.handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "the first")],
        _ => Vec::new(),
    });
    bare.run_secs(60);
    assert!(matches!(&bare.events()[..], [Event::ServerAdded { .. }]));
    bare.subscribe("");
    bare.run_secs(1);
    let events = bare.events();
    assert!(matches!(&events[..], [Event::ServerUp { .. }, Event::Request { .. }]), "{events:?}");
    assert_eq!(bare.published(), ["5a0c2e6e-test 1:7, the first"]);
}

#[test]
fn u13_the_first_reply_is_never_lost() {
    for seed in 0..50 {
        let mut pair = Pair::new(seed, plain());
        let latency = Duration::from_micros(seed * 97 % 20_000);
        let read_max = if seed % 3 == 0 { 9 } else { usize::MAX };
        pair.world.network.shape = Shape { latency, read_max, ..Shape::default() };
        pair.world.script(pair.handler, |event| match event {
            Event::Request { target, .. } => vec![reply(*target, "the first")],
            _ => Vec::new(),
        });
        let server = pair.server;
        pair.world.run_until(|world| {
            let deliver = mongrel2_transceiver::server::Command::Deliver(get(7));
            world.submit(server, deliver).is_ok()
        });
        pair.run_secs(2);
        assert_eq!(pair.replies(), expected([(7, b"the first")]), "seed {seed}");
    }
}

#[test]
fn a_server_that_would_not_hear_us_is_reported_and_left_alone_until_that_is_mended() {
    let mut bare = Bare::new(1, plain());
    bare.subscribe("another-name ");
    bare.run_secs(1);
    bare.push(get(7));
    bare.run_secs(1);
    let events = bare.events();
    let [Event::ServerAdded { .. }, Event::ServerDeaf { subscribed, .. }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(&subscribed[..], b"another-name ");
    bare.subscribe(SENDER);
    bare.run_secs(1);
    let events = bare.events();
    assert!(matches!(&events[..], [Event::ServerUp { .. }, Event::Request { .. }]), "{events:?}");
}

#[test]
fn a_subscription_that_is_taken_back_closes_the_gate_and_replies_wait() {
    let mut bare = Bare::new(1, plain());
    bare.subscribe("");
    bare.run_secs(1);
    bare.push(get(7));
    bare.run_secs(1);
    let target = bare.events().into_iter().find_map(|event| match event {
        Event::Request { target, .. } => Some(target),
        _ => None,
    });
    bare.cancel("");
    bare.run_secs(1);
    bare.world.submit(bare.handler, reply(target.unwrap(), "waits")).unwrap();
    bare.push(get(8));
    bare.run_secs(5);
    let events = bare.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Request { .. })), "{events:?}");
    bare.subscribe(SENDER);
    bare.run_secs(1);
    assert_eq!(bare.published(), ["5a0c2e6e-test 1:7, waits"]);
    let events = bare.events();
    assert!(matches!(&events[..], [Event::Request { .. }]), "{events:?}");
    assert_eq!(ups(&events), 0, "it is the same life");
}

#[test]
fn nothing_is_read_before_the_application_knows_that_the_server_is_up() {
    let config = small(|config| config.limits.events_max = 1);
    let mut hand = Hand::connected(1, config);
    hand.hand.is_deaf = true;
    hand.greet_replies();
    hand.greet_requests();
    hand.prove(hand.replies);
    assert!(!hand.hand.is_reading(hand.requests));
    hand.hand.hear();
    assert!(hand.hand.is_reading(hand.requests));
}

/// A pair whose replies stall, and whose application answers every request.
fn stalled(requests: i64) -> Pair {
    let mut pair = Pair::up(
        1,
        small(|config| {
            config.limits.events_max = 4;
            config.limits.send_messages_max = 20;
            config.limits.write_size = 1;
        }),
    );
    pair.world.script(pair.handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "x")],
        _ => Vec::new(),
    });
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, true);
    (1..=requests).for_each(|conn_id| pair.deliver(get(conn_id)));
    pair
}

#[test]
fn u3_requests_are_not_read_while_replies_have_no_room_and_none_is_dropped() {
    let mut pair = stalled(500);
    pair.run_ms(400);
    let told = pair.events().len();
    assert!((10..=20).contains(&told), "{told} requests");
    let stream = pair.reply_stream();
    pair.world.network.stall(stream, false);
    pair.run_secs(5);
    let replies = pair.replies();
    let answered: Vec<i64> = replies.iter().map(|(conn_id, _)| *conn_id).collect();
    assert_eq!(answered, (1..=500).collect::<Vec<_>>());
    let events = pair.events();
    assert_eq!(events.len(), 500 - told);
    assert!(events.iter().all(|event| matches!(event, Event::Request { .. })), "{events:?}");
}

#[test]
fn a_server_that_takes_nothing_may_be_waiting_for_us_to_read() {
    // Mongrel2 takes no replies while it cannot get rid of a notice.
    let mut pair = stalled(900);
    pair.run_ms(450);
    let told = pair.events().len();
    assert!(told <= 20, "{told} requests");
    pair.run_ms(200);
    let told_later = pair.events().len();
    assert_eq!(told_later, 512);
    let target = pair.target(1);
    assert_eq!(pair.refused(reply(target, "y")), Refused::Full);
}

/// What waits for one that is slow is in nobody's way, as soon as that is known: the proof that it has
/// read is among what is not read until then.
#[test]
fn what_is_held_back_for_one_shuts_the_gate_for_nobody() {
    let mut hand = Hand::up(1, small(|config| config.limits.send_messages_max = 100));
    [3, 4].into_iter().for_each(|conn_id| hand.deliver(&handshake(conn_id, "13")));
    let opened = hand.hand.events();
    let targets = opened.iter().filter_map(|event| match event {
        Event::SessionOpened { target, .. } => Some(*target),
        _ => None,
    });
    let [slow, other] = targets.collect::<Vec<_>>()[..] else { panic!("{opened:?}") };
    (0..40).for_each(|_| hand.hand.submit(say(slow, "x")).unwrap());
    hand.hand.stick(hand.replies, true);
    hand.hand.submit(say(other, "y")).unwrap();
    (0..90).for_each(|_| hand.hand.submit(say(slow, "x")).unwrap());
    hand.deliver(&text(4, "hello"));
    assert!(!hand.hand.is_reading(hand.requests), "there is no room for more answers");
    hand.hand.stick(hand.replies, false);
    hand.hand.pass(Duration::from_millis(1));
    assert!(hand.hand.is_reading(hand.requests));
    hand.hand.events();
    hand.deliver(&text(4, "hello again"));
    assert!(matches!(hand.hand.events()[..], [Event::SessionMessage { .. }]));
}
