//! Peers that go and come back: the side that connects comes back by itself, the side that is bound
//! takes whoever comes.

use mongrel2_transceiver::socket::Event;
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::text;
use crate::pair::{Kinds, Pair};
use crate::theirs::Theirs;
use crate::way::Way;

both_adapters! {
    libzmq_is_started_anew, we_are_started_anew, a_request_to_a_lost_libzmq_rep_is_given_up,
    what_waits_for_libzmq_pull_is_sent_when_it_is_back,
}

const ROUNDS: usize = 3;

fn libzmq_is_started_anew<A: Adapter>() {
    for_each_pair::<A>(|mut pair, way| {
        for round in 0..ROUNDS {
            pair.exchange(&format!("round {round}"));
            drop(pair.theirs);
            pair.ours.wait_down();
            pair.theirs = pair.kinds.new_theirs();
            way.join_again(&pair.theirs, &pair.address);
            pair.wait_ready();
        }
        pair.exchange("the last one");
    });
}

/// The same, seen from the other side. A bound PUSH or REQ of libzmq may still give a message to the
/// link that it has not yet seen end, so those two are left out.
fn we_are_started_anew<A: Adapter>() {
    for_each_pair::<A>(|mut pair, way| {
        if !way.we_bind && matches!(pair.kinds.ours, SocketType::Pull | SocketType::Rep) {
            return;
        }
        for round in 0..ROUNDS {
            pair.exchange(&format!("round {round}"));
            pair.ours.shut_down();
            if pair.kinds.ours == SocketType::Sub && !way.we_bind {
                // A bound XPUB tells that the subscription is gone.
                assert_eq!(pair.theirs.receive(), text("\0"));
            }
            pair.ours = pair.kinds.new_ours(|_| {});
            if way.we_bind {
                pair.ours.bind(&pair.address);
            } else {
                pair.ours.connect(&pair.address);
            }
            pair.wait_ready();
        }
        pair.exchange("the last one");
    });
}

/// libzmq would wait for ever.
fn a_request_to_a_lost_libzmq_rep_is_given_up<A: Adapter>() {
    for way in Way::ALL {
        let mut pair = Pair::<A>::new(Kinds::REQ, way);
        pair.ours.send(&text("never answered"));
        let Pair { ours, theirs, address, .. } = &mut pair;
        assert_eq!(ours.work_until(|| theirs.try_receive()), text("never answered"));
        *theirs = Theirs::new(zmq::PAIR);
        ours.wait_for(|event| (*event == Event::NoReply { timed_out: false }).then_some(()));
        *theirs = Kinds::REQ.new_theirs();
        way.join_again(theirs, address);
        pair.ours.wait_up();
        pair.exchange("once more");
    }
}

/// An endpoint that we connect to has its queue whether somebody is there or not.
fn what_waits_for_libzmq_pull_is_sent_when_it_is_back<A: Adapter>() {
    for way in Way::ALL.into_iter().filter(|way| !way.we_bind) {
        let mut pair = Pair::<A>::new(Kinds::PUSH, way);
        pair.exchange("before");
        drop(pair.theirs);
        pair.ours.wait_down();
        let all: Vec<_> = (0..100).map(|number| text(&number.to_string())).collect();
        all.iter().for_each(|frames| pair.ours.send(frames));
        // The queue outlives attempts that fail, too.
        pair.ours.wait_for(|event| matches!(event, Event::ConnectFailed { .. }).then_some(()));
        let theirs = Kinds::PUSH.new_theirs();
        theirs.bind(&pair.address);
        for expected in all {
            assert_eq!(pair.ours.work_until(|| theirs.try_receive()), expected);
        }
    }
}

fn for_each_pair<A: Adapter>(test: impl Fn(Pair<A>, Way)) {
    for kinds in Kinds::ALL {
        for way in Way::ALL {
            test(Pair::new(kinds, way), way);
        }
    }
}
