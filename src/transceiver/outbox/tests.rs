//! What goes into an outbox, and what comes out of it.

use bytes::Bytes;

use super::*;

fn sender() -> Sender {
    Sender::new("me").unwrap()
}

fn outbox(messages_max: usize) -> Outbox {
    Outbox::new(messages_max, 10_000, Bounds { messages_max: 10, octets_max: 10_000 })
}

/// The next message, of a server without sessions.
fn start(outbox: &mut Outbox) -> Option<Bytes> {
    let now = Instant::now();
    let message = outbox.start_one(&sender(), &mut Sessions::default(), now);
    message.map(|message| message.first().bytes())
}

fn delivery(to: i64, origin: Origin) -> Delivery {
    Delivery::to_one(ConnId(to), Bytes::from_static(b"hi"), origin)
}

#[test]
fn messages_are_what_mongrel2_reads() {
    let mut outbox = outbox(10);
    outbox.push(delivery(7, Origin::Application));
    outbox.push(Delivery::hang_up(ConnId(7), Origin::Own));
    let to = Recipients::Many([1, 22, 333].map(ConnId).to_vec());
    outbox.push(Delivery::new(to, Bytes::from_static(b"x"), Origin::Own));
    for expected in ["me 1:7, hi", "me 1:7, ", "me 8:1 22 333, x"] {
        assert_eq!(start(&mut outbox).unwrap(), expected.as_bytes());
    }
    assert!(start(&mut outbox).is_none());
}

#[test]
fn a_proof_takes_the_place_of_the_last_and_goes_first() {
    let mut outbox = outbox(10);
    outbox.push(delivery(1, Origin::Application));
    outbox.prove("a".into());
    outbox.prove("b".into());
    assert_eq!(start(&mut outbox), Some("me 2:-1, b".into()));
    assert_eq!(start(&mut outbox), Some("me 1:1, hi".into()));
    assert_eq!(start(&mut outbox), None);
    outbox.sent(1);
    assert!(!outbox.is_empty());
    outbox.prove("c".into());
    start(&mut outbox);
    assert_eq!(outbox.lose_under_way(&mut Sessions::default()), [ConnId(1)]);
    assert!(outbox.is_empty());
    outbox.prove("d".into());
    assert_eq!(outbox.lose_all(&mut Sessions::default()), []);
    assert_eq!(start(&mut outbox), None);
}

#[test]
fn losses_name_the_application_s_deliveries_alone() {
    let mut outbox = outbox(10);
    for (to, origin) in
        [(1, Origin::Application), (2, Origin::Own), (3, Origin::Application), (4, Origin::Own)]
    {
        outbox.push(delivery(to, origin));
    }
    start(&mut outbox);
    start(&mut outbox);
    outbox.sent(1);
    assert_eq!(outbox.lose_under_way(&mut Sessions::default()), []);
    assert_eq!(outbox.lose_all(&mut Sessions::default()), [ConnId(3)]);
    assert!(outbox.is_empty());
}

#[test]
fn a_lost_end_of_a_connection_waits_again_before_the_others() {
    let mut outbox = outbox(10);
    outbox.push(delivery(1, Origin::Application));
    outbox.push(Delivery::hang_up(ConnId(1), Origin::Own));
    outbox.push(Delivery::hang_up(ConnId(2), Origin::Application));
    outbox.push(delivery(3, Origin::Own));
    (0..3).for_each(|_| drop(start(&mut outbox)));
    assert_eq!(outbox.lose_under_way(&mut Sessions::default()), [ConnId(1)]);
    let mut next = || start(&mut outbox).unwrap();
    assert_eq!([next(), next(), next()], ["me 1:1, ", "me 1:2, ", "me 1:3, hi"]);
    assert_eq!(outbox.lose_all(&mut Sessions::default()), [ConnId(2)]);
    assert!(outbox.is_empty());
}

#[test]
fn what_was_held_back_still_says_what_it_answers() {
    let mut outbox = outbox(100);
    let mut now = Instant::now();
    for request in 0..40 {
        outbox.push(delivery(7, Origin::Application).answering(request));
    }
    let mut answered = Vec::new();
    for _ in 0..100 {
        while outbox.start_one(&sender(), &mut Sessions::default(), now).is_some() {
            outbox.sent(1);
        }
        answered.extend(outbox.take_answered());
        now += Duration::from_millis(10);
        outbox.do_what_is_due(&Sessions::default(), now);
    }
    assert_eq!(answered, (0..40).collect::<Vec<_>>());
    assert!(outbox.is_empty());
}

#[test]
fn what_is_under_way_counts_until_it_is_sent() {
    let mut outbox = outbox(1);
    outbox.push(delivery(1, Origin::Application));
    start(&mut outbox);
    assert!(!outbox.admits(1, 1));
    outbox.sent(5);
    assert!(outbox.reopened() && outbox.admits(1, 1));
}
