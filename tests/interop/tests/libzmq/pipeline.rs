//! I1: PUSH and PULL (RFC 30).

use bytes::Bytes;
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{assert_same, end, load};
use crate::ours::Ours;
use crate::theirs::{Apart, Theirs};
use crate::way::{Transport, Way};

both_adapters! {
    i1_libzmq_push_to_our_pull, i1_our_push_to_libzmq_pull,
    i1_five_libzmq_push_to_our_pull, i1_our_push_to_three_libzmq_pull,
}

const MESSAGES: usize = 10_000;

fn i1_libzmq_push_to_our_pull<A: Adapter>() {
    for (seed, way) in (1..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Pull), Theirs::new(zmq::PUSH));
        way.join(&mut ours, &theirs);
        let all = move || load(seed).take(MESSAGES).chain([end()]);
        let sender = theirs.apart(move |theirs| all().for_each(|frames| theirs.send(&frames)));
        ours.expect_all(all());
        sender.join();
    }
}

fn i1_our_push_to_libzmq_pull<A: Adapter>() {
    for (seed, way) in (11..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Push), Theirs::new(zmq::PULL));
        way.join(&mut ours, &theirs);
        ours.wait_up();
        let all = move || load(seed).take(MESSAGES).chain([end()]);
        let receiver = theirs.apart(move |theirs| theirs.expect_all(all()));
        all().for_each(|frames| ours.send(&frames));
        ours.shut_down();
        receiver.join();
    }
}

fn i1_five_libzmq_push_to_our_pull<A: Adapter>() {
    const EACH: usize = 2000;
    let mut ours = Ours::<A>::new(SocketType::Pull);
    let address = ours.bind(&Transport::Tcp.address());
    let senders: Vec<_> = (0..5)
        .map(|peer| {
            let theirs = Theirs::new(zmq::PUSH);
            theirs.connect(&address);
            theirs.apart(move |theirs| {
                load(u64::from(peer)).take(EACH).for_each(|mut frames| {
                    frames.insert(0, Bytes::copy_from_slice(&[peer]));
                    theirs.send(&frames);
                });
            })
        })
        .collect();
    let mut loads: Vec<_> = (0..5).map(load).collect();
    let mut counts = [0; 5];
    for _ in 0..5 * EACH {
        let frames = ours.receive();
        let peer = usize::from(frames[0][0]);
        let expected = loads[peer].next().unwrap();
        assert_same(&format!("message {} of {peer}", counts[peer]), &frames[1..], &expected);
        counts[peer] += 1;
    }
    assert_eq!(counts, [EACH; 5]);
    senders.into_iter().for_each(Apart::join);
}

/// The messages go round, so each peer gets every third: nobody's queue was ever full.
fn i1_our_push_to_three_libzmq_pull<A: Adapter>() {
    const EACH: usize = 400;
    let mut ours = Ours::<A>::new(SocketType::Push);
    let address = ours.bind(&Transport::Tcp.address());
    let peers: Vec<_> = (0..3).map(|_| Theirs::new(zmq::PULL)).collect();
    for peer in &peers {
        peer.connect(&address);
        ours.wait_up();
    }
    let receivers: Vec<_> = (0..3)
        .zip(peers)
        .map(|(turn, peer)| {
            let share = load(21).take(3 * EACH).skip(turn).step_by(3);
            peer.apart(|peer| peer.expect_all(share.chain([end()])))
        })
        .collect();
    load(21).take(3 * EACH).chain([end(), end(), end()]).for_each(|frames| {
        ours.send(&frames);
    });
    ours.shut_down();
    receivers.into_iter().for_each(Apart::join);
}
