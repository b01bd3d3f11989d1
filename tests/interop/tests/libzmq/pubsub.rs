//! I2: PUB and SUB (RFC 29).

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, Event, Refused};
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{Dice, Frames, end, load, text};
use crate::ours::{Ours, assert_calm};
use crate::theirs::{Apart, Theirs};
use crate::way::{Transport, Way};

both_adapters! {
    i2_our_pub_to_libzmq_sub, i2_libzmq_pub_to_our_sub, i2_our_pub_to_three_libzmq_sub,
    i2_our_sub_to_three_libzmq_pub, i2_libzmq_takes_a_subscription_back,
    i2_we_take_a_subscription_back, i2_a_slow_libzmq_sub_misses_what_is_counted,
}

const MESSAGES: usize = 10_000;
/// What the subscribers of the long tests want. One lies within another.
const PREFIXES: [&[u8]; 3] = [b"a", b"ab", b"c"];

fn i2_our_pub_to_libzmq_sub<A: Adapter>() {
    for (seed, way) in (1..).zip(Way::ALL) {
        let (mut ours, theirs) = (publisher::<A>(), Theirs::new(zmq::SUB));
        PREFIXES.iter().chain(&[END]).for_each(|prefix| theirs.subscribe(prefix));
        way.join(&mut ours, &theirs);
        ours.wait_subscribed(PREFIXES.len() + 1, &theirs);
        let receiver = theirs.apart(move |theirs| {
            theirs.expect_all(topics(seed).filter(|frames| is_wanted(frames, &PREFIXES)));
        });
        topics(seed).for_each(|frames| publish(&mut ours, &frames));
        ours.shut_down();
        receiver.join();
    }
}

/// libzmq's PUB drops what a subscriber is not ready for and says nothing, so it is kept back by
/// permits of 100 messages each.
fn i2_libzmq_pub_to_our_sub<A: Adapter>() {
    for (seed, way) in (11..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Sub), Theirs::new(zmq::PUB));
        PREFIXES.iter().chain(&[END, HELLO]).for_each(|prefix| ours.subscribe(prefix));
        way.join(&mut ours, &theirs);
        let (permits, permitted) = mpsc::channel();
        let sender = theirs.apart(move |theirs| {
            // Until one of them has arrived, nobody knows whether the subscriptions have.
            while permitted.recv_timeout(Duration::from_millis(5)).is_err() {
                theirs.send(&hello());
            }
            for (number, frames) in topics(seed).enumerate() {
                if number % 100 == 0 && number >= 500 {
                    permitted.recv().unwrap();
                }
                theirs.send(&frames);
            }
        });
        assert_eq!(ours.receive(), hello());
        permits.send(()).unwrap();
        expect_paced(&mut ours, seed, &permits);
        sender.join();
    }
}

/// Receives what the prefixes let through; gives a permit for each 100 messages that were sent.
fn expect_paced<A: Adapter>(ours: &mut Ours<A>, seed: u64, permits: &mpsc::Sender<()>) {
    let mut found = ours.receive();
    while found == hello() {
        found = ours.receive();
    }
    for (number, frames) in topics(seed).enumerate() {
        if number % 100 == 0 {
            // Nobody takes the last ones.
            let _ = permits.send(());
        }
        if is_wanted(&frames, &PREFIXES) {
            assert!(found == frames, "message {number} is another one");
            if frames != end() {
                found = ours.receive();
            }
        }
    }
    assert_eq!(found, end());
}

fn i2_our_pub_to_three_libzmq_sub<A: Adapter>() {
    let mut ours = publisher::<A>();
    let address = ours.bind(&Transport::Tcp.address());
    let wishes: [&'static [&[u8]]; 3] = [&[b"a"], &[b"b", b"ca"], &[b""]];
    let receivers: Vec<_> = wishes
        .into_iter()
        .map(|prefixes| {
            let theirs = Theirs::new(zmq::SUB);
            prefixes.iter().chain(&[END]).for_each(|prefix| theirs.subscribe(prefix));
            theirs.connect(&address);
            ours.wait_subscribed(prefixes.len() + 1, &theirs);
            theirs.apart(move |theirs| {
                theirs.expect_all(topics(21).filter(|frames| is_wanted(frames, prefixes)));
            })
        })
        .collect();
    topics(21).for_each(|frames| publish(&mut ours, &frames));
    ours.shut_down();
    receivers.into_iter().for_each(Apart::join);
}

/// XPUB is PUB that tells of subscriptions, which arrive as messages there.
fn i2_our_sub_to_three_libzmq_pub<A: Adapter>() {
    let mut ours = Ours::<A>::new(SocketType::Sub);
    ours.subscribe(b"a");
    let peers = [(); 3].map(|()| {
        let (theirs, address) = (Theirs::new(zmq::XPUB), Transport::Tcp.address());
        theirs.bind(&address);
        ours.connect(&address);
        ours.wait_up();
        theirs
    });
    peers.iter().for_each(|peer| expect_soon(&mut ours, peer, b"\x01a"));
    for (name, peer) in ["a0", "a1", "a2"].iter().zip(&peers) {
        peer.send(&text("b"));
        peer.send(&text(name));
    }
    let mut found = [(); 3].map(|()| ours.receive());
    found.sort();
    assert_eq!(found, ["a0", "a1", "a2"].map(text));
}

fn i2_libzmq_takes_a_subscription_back<A: Adapter>() {
    for way in Way::ALL {
        let (mut ours, theirs) = (publisher::<A>(), Theirs::new(zmq::SUB));
        theirs.subscribe(b"a");
        theirs.subscribe(b"b");
        way.join(&mut ours, &theirs);
        ours.wait_subscribed(2, &theirs);
        theirs.socket().set_unsubscribe(b"a").unwrap();
        let prefix = ours.wait_for(|event| match event {
            Event::Cancelled { prefix, .. } => Some(prefix.clone()),
            _ => None,
        });
        assert_eq!(prefix, "a");
        assert_eq!(ours.try_send(&text("a")), Err(Refused::NoPeer));
        ours.try_send(&text("b")).unwrap();
        ours.shut_down();
        assert_eq!(theirs.receive(), text("b"));
    }
}

/// Two of one prefix need two to take them back, and libzmq is told of the first and the last.
fn i2_we_take_a_subscription_back<A: Adapter>() {
    for way in Way::ALL {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Sub), Theirs::new(zmq::XPUB));
        ours.subscribe(b"a");
        ours.subscribe(b"a");
        way.join(&mut ours, &theirs);
        expect_soon(&mut ours, &theirs, b"\x01a");
        ours.submit(Command::Cancel(Bytes::from_static(b"a")));
        ours.subscribe(b"b");
        expect_soon(&mut ours, &theirs, b"\x01b");
        ["a", "b"].iter().for_each(|name| theirs.send(&text(name)));
        assert_eq!([ours.receive(), ours.receive()], ["a", "b"].map(text));
        ours.submit(Command::Cancel(Bytes::from_static(b"a")));
        expect_soon(&mut ours, &theirs, b"\x00a");
        ["a", "b"].iter().for_each(|name| theirs.send(&text(name)));
        assert_eq!(ours.receive(), text("b"));
    }
}

/// What our queue has no room for is dropped for that subscriber, and counted: with what arrives
/// that makes all.
fn i2_a_slow_libzmq_sub_misses_what_is_counted<A: Adapter>() {
    let mut ours = Ours::<A>::with(SocketType::Pub, |config| {
        config.limits.send_messages_max = 10;
    });
    let theirs = Theirs::new(zmq::SUB);
    theirs.socket().set_rcvhwm(10).unwrap();
    theirs.subscribe(b"");
    Way::ALL[0].join(&mut ours, &theirs);
    ours.wait_subscribed(1, &theirs);
    let large = vec![Bytes::from(vec![7; 1 << 20])];
    let large_too = large.clone();
    let (mut sent, mut dropped) = (0, 0);
    while dropped < 10 {
        ours.try_send(&large).unwrap();
        sent += 1;
        dropped += ours.turn().map_or(0, |event| count_dropped(&event));
    }
    let receiver = thread::spawn(move || {
        let mut received = 0;
        loop {
            let found = theirs.receive();
            if found != large_too {
                return (received, found, theirs);
            }
            received += 1;
        }
    });
    // The first that there is room for ends it; those before it are dropped.
    let mut ends = 0;
    while !receiver.is_finished() {
        ours.try_send(&text(&format!("end {ends}"))).unwrap();
        ends += 1;
        dropped += ours.turn().map_or(0, |event| count_dropped(&event));
    }
    let (received, last, _theirs) = receiver.join().unwrap();
    ours.submit(Command::Shutdown);
    dropped += ours.until_stopped().iter().map(count_dropped).sum::<u64>();
    let ends_dropped = (0..ends).position(|end| last == text(&format!("end {end}"))).unwrap();
    assert_eq!(received + dropped, sent + ends_dropped as u64);
}

#[track_caller]
fn count_dropped(event: &Event) -> u64 {
    match event {
        Event::Dropped { messages } => *messages,
        Event::Down { .. } | Event::Stopped { .. } => 0,
        event => {
            assert_calm(event);
            0
        }
    }
}

/// A publisher that drops nothing in these tests.
fn publisher<A: Adapter>() -> Ours<A> {
    Ours::with(SocketType::Pub, |config| {
        config.limits.send_messages_max = 2 * MESSAGES;
        config.limits.send_bytes_max = usize::MAX / 2;
    })
}

fn publish<A: Adapter>(ours: &mut Ours<A>, frames: &[Bytes]) {
    match ours.try_send(frames) {
        Ok(()) | Err(Refused::NoPeer) => {}
        Err(refused) => panic!("{refused}"),
    }
}

/// A load whose first frames begin with something to subscribe to.
fn topics(seed: u64) -> impl Iterator<Item = Frames> + Send {
    let mut dice = Dice(!seed);
    let all = load(seed).take(MESSAGES).map(move |mut frames| {
        let topic: &[u8] = [&b""[..], b"a", b"ab", b"b", b"c", b"ca"][dice.below(6)];
        frames[0] = [topic, &frames[0]].concat().into();
        frames
    });
    all.chain([end()])
}

fn is_wanted(frames: &[Bytes], prefixes: &[&[u8]]) -> bool {
    prefixes.iter().chain(&[END]).any(|prefix| frames[0].starts_with(prefix))
}

fn hello() -> Frames {
    vec![Bytes::from_static(HELLO)]
}

/// Waits until libzmq's XPUB has this to tell, while ours is at work.
#[track_caller]
pub(crate) fn expect_soon<A: Adapter>(
    ours: &mut Ours<A>,
    theirs: &Theirs,
    expected: &'static [u8],
) {
    assert_eq!(ours.work_until(|| theirs.try_receive()), [Bytes::from_static(expected)]);
}

const END: &[u8] = b"the end";
const HELLO: &[u8] = b"hello";
