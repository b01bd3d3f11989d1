//! What was accepted arrives, whoever ends first.

use std::thread;

use mongrel2_transceiver::socket::{Command, DownReason, Event};
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{Frames, assert_same, frames, load, text};
use crate::ours::{Ours, assert_calm};
use crate::pair::{Kinds, Pair};
use crate::theirs::Theirs;
use crate::way::Way;

both_adapters! {
    what_we_accepted_arrives, what_libzmq_accepted_arrives, our_last_reply_arrives,
    our_last_request_arrives, a_libzmq_dealer_leaves_requests_behind,
}

/// As many as the queues take at once.
const MESSAGES: usize = 500;

fn what_we_accepted_arrives<A: Adapter>() {
    for kinds in [Kinds::PUSH, Kinds::PUB] {
        for way in Way::ALL {
            let Pair { mut ours, theirs, .. } = Pair::<A>::new(kinds, way);
            all().for_each(|frames| ours.try_send(&frames).unwrap());
            let receiver = theirs.apart(|theirs| theirs.expect_all(all()));
            ours.shut_down();
            receiver.join();
        }
    }
}

/// Its socket is closed before we have read anything: what it had taken comes first, then the end.
fn what_libzmq_accepted_arrives<A: Adapter>() {
    for kinds in [Kinds::PULL, Kinds::SUB] {
        for way in Way::ALL {
            let Pair { mut ours, theirs, .. } = Pair::<A>::new(kinds, way);
            all().for_each(|frames| theirs.send(&frames));
            let thread = thread::spawn(move || theirs.linger());
            ours.expect_all(all());
            assert_eq!(ours.wait_down(), DownReason::Closed);
            thread.join().unwrap();
        }
    }
}

fn our_last_reply_arrives<A: Adapter>() {
    for way in Way::ALL {
        let Pair { mut ours, theirs, .. } = Pair::<A>::new(Kinds::REP, way);
        theirs.send(&text("request"));
        assert_eq!(ours.receive(), text("request"));
        ours.send(&large());
        let asker = theirs.apart(|theirs| assert_same("the reply", &theirs.receive(), &large()));
        ours.shut_down();
        asker.join();
    }
}

fn our_last_request_arrives<A: Adapter>() {
    for way in Way::ALL {
        let Pair { mut ours, theirs, .. } = Pair::<A>::new(Kinds::REQ, way);
        ours.send(&large());
        let answerer =
            theirs.apart(|theirs| assert_same("the request", &theirs.receive(), &large()));
        ours.submit(Command::Shutdown);
        assert!(ours.until_stopped().contains(&Event::NoReply { timed_out: false }));
        answerer.join();
    }
}

/// REP takes one request at a time. It can read no more from a link that takes no replies; but what
/// it has seen is in order, and others are served on.
fn a_libzmq_dealer_leaves_requests_behind<A: Adapter>() {
    for way in Way::ALL {
        let mut ours = Ours::<A>::new(SocketType::Rep);
        let theirs = Theirs::new(zmq::DEALER);
        let address = way.join(&mut ours, &theirs);
        ours.wait_up();
        all().for_each(|frames| theirs.send(&[text(""), frames].concat()));
        let thread = thread::spawn(move || theirs.linger());
        let mut expected = all().enumerate();
        loop {
            match ours.next() {
                Event::Message { message, .. } => {
                    let (number, expected) = expected.next().unwrap();
                    assert_same(&format!("request {number}"), &frames(&message), &expected);
                    // Refused once the link has ended.
                    let _ = ours.try_send(&expected);
                }
                Event::Down { .. } => break,
                event => assert_calm(&event),
            }
        }
        thread.join().unwrap();
        let theirs = Kinds::REP.new_theirs();
        way.join_again(&theirs, &address);
        let mut pair = Pair { kinds: Kinds::REP, ours, theirs, address };
        pair.wait_ready();
        pair.exchange("the next one");
    }
}

fn all() -> impl Iterator<Item = Frames> + Send {
    load(61).take(MESSAGES)
}

/// More than the kernel takes at once.
fn large() -> Frames {
    vec![vec![7; 10_000_000].into()]
}
