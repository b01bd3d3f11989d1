//! I3: REQ and REP (RFC 28).

use std::thread;

use bytes::Bytes;
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{Dice, Frames, assert_same, end, load, text};
use crate::ours::Ours;
use crate::theirs::{Apart, Theirs};
use crate::way::{Transport, Way};

both_adapters! {
    i3_libzmq_req_asks_our_rep, i3_libzmq_dealer_asks_our_rep, i3_our_req_asks_libzmq_rep,
    i3_our_req_asks_libzmq_router, i3_ten_libzmq_req_ask_our_rep, i3_our_req_asks_three_libzmq_rep,
    i3_our_rep_drops_what_is_no_request, i3_our_req_drops_what_is_no_reply,
    i3_our_req_asks_our_rep_through_libzmq,
}

const REQUESTS: usize = 10_000;
/// The most frames that stand before the empty one.
const ENVELOPE_MAX: usize = 20;

fn i3_libzmq_req_asks_our_rep<A: Adapter>() {
    for (seed, way) in (1..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Rep), Theirs::new(zmq::REQ));
        way.join(&mut ours, &theirs);
        let asker = theirs.apart(move |theirs| {
            for (number, (request, reply)) in talk(seed).enumerate() {
                theirs.send(&request);
                assert_same(&format!("reply {number}"), &theirs.receive(), &reply);
            }
        });
        answer_all(ours, talk(seed));
        asker.join();
    }
}

/// A DEALER waits for nobody, and puts 0 to 20 frames before the empty one that a REP looks for.
fn i3_libzmq_dealer_asks_our_rep<A: Adapter>() {
    for (seed, way) in (11..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Rep), Theirs::new(zmq::DEALER));
        way.join(&mut ours, &theirs);
        let asker = theirs.apart(move |theirs| {
            let replies = talk(seed).zip(envelopes(seed)).enumerate();
            let mut replies = replies.map(|(number, ((_, reply), envelope))| {
                (format!("reply {number}"), [envelope, reply].concat())
            });
            for (number, ((request, _), envelope)) in talk(seed).zip(envelopes(seed)).enumerate() {
                theirs.send(&[envelope, request].concat());
                if number >= AHEAD {
                    let (what, expected) = replies.next().unwrap();
                    assert_same(&what, &theirs.receive(), &expected);
                }
            }
            replies.for_each(|(what, expected)| assert_same(&what, &theirs.receive(), &expected));
        });
        answer_all(ours, talk(seed));
        asker.join();
    }
}

fn i3_our_req_asks_libzmq_rep<A: Adapter>() {
    for (seed, way) in (21..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Req), Theirs::new(zmq::REP));
        way.join(&mut ours, &theirs);
        ours.wait_up();
        let answerer = theirs.apart(move |theirs| {
            for (number, (request, reply)) in talk(seed).enumerate() {
                assert_same(&format!("request {number}"), &theirs.receive(), &request);
                theirs.send(&reply);
            }
        });
        ask_all(&mut ours, seed);
        answerer.join();
    }
}

fn i3_our_req_asks_libzmq_router<A: Adapter>() {
    for (seed, way) in (31..).zip(Way::ALL) {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Req), Theirs::new(zmq::ROUTER));
        way.join(&mut ours, &theirs);
        ours.wait_up();
        let answerer = theirs.apart(move |theirs| {
            for (number, (request, reply)) in talk(seed).enumerate() {
                let mut found = theirs.receive();
                assert_same(&format!("request {number}"), &found[2..], &request);
                assert!(found[1].is_empty());
                found.truncate(2);
                theirs.send(&[found, reply].concat());
            }
        });
        ask_all(&mut ours, seed);
        answerer.join();
    }
}

fn i3_ten_libzmq_req_ask_our_rep<A: Adapter>() {
    const EACH: usize = 500;
    let mut ours = Ours::<A>::new(SocketType::Rep);
    let address = ours.bind(&Transport::Tcp.address());
    let askers: Vec<_> = (0..10)
        .map(|seed| {
            let theirs = Theirs::new(zmq::REQ);
            theirs.connect(&address);
            theirs.apart(move |theirs| {
                for frames in load(seed).take(EACH) {
                    theirs.send(&frames);
                    assert_same("the echo", &theirs.receive(), &frames);
                }
            })
        })
        .collect();
    for _ in 0..10 * EACH {
        let request = ours.receive();
        ours.send(&request);
    }
    ours.shut_down();
    askers.into_iter().for_each(Apart::join);
}

/// Requests go round.
fn i3_our_req_asks_three_libzmq_rep<A: Adapter>() {
    const EACH: usize = 200;
    let mut ours = Ours::<A>::new(SocketType::Req);
    let address = ours.bind(&Transport::Tcp.address());
    let answerers = [0, 1, 2].map(|turn| {
        let theirs = Theirs::new(zmq::REP);
        theirs.connect(&address);
        ours.wait_up();
        theirs.apart(move |theirs| {
            for expected in load(41).take(3 * EACH).skip(turn).step_by(3).chain([end()]) {
                assert_same("a request", &theirs.receive(), &expected);
                theirs.send(&expected);
            }
        })
    });
    for frames in load(41).take(3 * EACH).chain([end(), end(), end()]) {
        ours.send(&frames);
        assert_same("the echo", &ours.receive(), &frames);
    }
    answerers.into_iter().for_each(Apart::join);
}

/// R6: what has no empty frame, or nothing behind it, is dropped, and the next request is answered.
fn i3_our_rep_drops_what_is_no_request<A: Adapter>() {
    for way in Way::ALL {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Rep), Theirs::new(zmq::DEALER));
        way.join(&mut ours, &theirs);
        ours.wait_up();
        for nonsense in [&["no envelope"][..], &["no", "empty", "frame"], &[""], &["nothing", ""]] {
            theirs.send(&words(nonsense));
        }
        theirs.send(&words(&["", "request"]));
        assert_eq!(ours.receive(), text("request"));
        ours.send(&text("reply"));
        ours.shut_down();
        assert_eq!(theirs.receive(), words(&["", "reply"]));
    }
}

/// R3: what does not begin with an empty frame, or has nothing behind it, is dropped.
fn i3_our_req_drops_what_is_no_reply<A: Adapter>() {
    for way in Way::ALL {
        let (mut ours, theirs) = (Ours::<A>::new(SocketType::Req), Theirs::new(zmq::ROUTER));
        way.join(&mut ours, &theirs);
        ours.wait_up();
        for round in ["one", "two"] {
            ours.send(&text(round));
            let request = ours.work_until(|| theirs.try_receive());
            assert_eq!(request[1..], words(&["", round]));
            for answer in [&["no envelope"][..], &[""], &["", "reply"]] {
                theirs.send(&[&request[..1], &words(answer)].concat());
            }
            assert_eq!(ours.receive(), text("reply"));
        }
    }
}

/// Twenty of libzmq's proxies in a row, each of which puts a frame of its own before the request.
fn i3_our_req_asks_our_rep_through_libzmq<A: Adapter>() {
    let mut asker = Ours::<A>::new(SocketType::Req);
    let mut answerer = Ours::<A>::new(SocketType::Rep);
    let addresses = [(); 1 + ENVELOPE_MAX].map(|()| Transport::Tcp.address());
    let proxies: Vec<_> = addresses.windows(2).map(Proxy::between).collect();
    answerer.bind(&addresses[ENVELOPE_MAX]);
    asker.connect(&addresses[0]);
    let count = 200;
    let thread = thread::spawn(move || {
        answer_all(answerer, talk(51).take(count));
    });
    for (number, (request, reply)) in talk(51).take(count).enumerate() {
        asker.send(&request);
        assert_same(&format!("reply {number}"), &asker.receive(), &reply);
    }
    thread.join().unwrap();
    drop(proxies);
}

/// A device of libzmq that hands requests on, in a thread of its own.
struct Proxy {
    context: zmq::Context,
    thread: Option<thread::JoinHandle<()>>,
}

impl Proxy {
    fn between(addresses: &[String]) -> Self {
        let context = zmq::Context::new();
        let front = context.socket(zmq::ROUTER).unwrap();
        let back = context.socket(zmq::DEALER).unwrap();
        front.set_linger(0).unwrap();
        back.set_linger(0).unwrap();
        front.bind(&addresses[0]).unwrap();
        back.connect(&addresses[1]).unwrap();
        let thread = thread::spawn(move || {
            assert_eq!(zmq::proxy(&front, &back), Err(zmq::Error::ETERM));
        });
        Self { context, thread: Some(thread) }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.context.destroy().unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Requests and their replies.
fn talk(seed: u64) -> impl Iterator<Item = (Frames, Frames)> + Send {
    load(seed).zip(load(!seed)).take(REQUESTS)
}

/// For each request what a DEALER puts before it: 0 to 20 frames of an address, then the empty one.
fn envelopes(seed: u64) -> impl Iterator<Item = Frames> + Send {
    let mut dice = Dice(seed);
    (0..=ENVELOPE_MAX).cycle().map(move |count| {
        let address = (0..count).map(|_| Bytes::from(vec![7; 1 + dice.below(300)]));
        address.chain([Bytes::new()]).collect()
    })
}

#[track_caller]
fn answer_all<A: Adapter>(mut ours: Ours<A>, talk: impl Iterator<Item = (Frames, Frames)>) {
    for (number, (request, reply)) in talk.enumerate() {
        assert_same(&format!("request {number}"), &ours.receive(), &request);
        ours.send(&reply);
    }
    ours.shut_down();
}

#[track_caller]
fn ask_all<A: Adapter>(ours: &mut Ours<A>, seed: u64) {
    for (number, (request, reply)) in talk(seed).enumerate() {
        ours.send(&request);
        assert_same(&format!("reply {number}"), &ours.receive(), &reply);
    }
}

fn words(words: &[&str]) -> Frames {
    words.iter().flat_map(|word| text(word)).collect()
}

/// How many requests a DEALER has under way.
const AHEAD: usize = 50;
