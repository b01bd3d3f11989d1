//! Binding, and what becomes of ports.

use std::io::ErrorKind;

use super::bench::{Bench, endpoints};
use super::probe::Event;

#[test]
fn what_is_taken_cannot_be_bound() {
    let mut bench = Bench::new();
    for endpoint in endpoints() {
        let (listener, taken) = bench.listening(&endpoint);
        assert_eq!(bench.listen_failed(&taken), ErrorKind::AddrInUse, "{taken}");
        // The one that has it is none the worse.
        bench.connected(listener, &taken);
    }
}

#[test]
fn what_was_given_up_can_be_bound_again() {
    let mut bench = Bench::new();
    for endpoint in endpoints() {
        let (listener, bound) = bench.listening(&endpoint);
        let (one, other) = bench.connected(listener, &bound);
        bench.unlisten(listener);
        let (again, _) = bench.listening(&bound);
        bench.connected(again, &bound);
        // Streams outlive their listener.
        bench.say(one, other, b"still here");
    }
}

#[test]
fn any_interface_is_reached_by_this_one() {
    let mut bench = Bench::new();
    let (listener, endpoint) = bench.listening("tcp://*:*");
    bench.connected(listener, &endpoint.replace('*', "127.0.0.1"));
}

#[test]
fn accepts_end_with_their_listener() {
    let mut bench = Bench::new();
    for endpoint in endpoints() {
        let (listener, _) = bench.listening(&endpoint);
        let accepting = bench.accept(listener);
        bench.unlisten(listener);
        bench.unlisten(listener);
        bench.close(accepting);
        assert_eq!(bench.settle(), []);
    }
}

/// Binding by name takes a while; an accept may come first, or the end.
#[test]
fn a_listener_that_is_being_bound_takes_accepts() {
    let mut bench = Bench::new();
    let listener = bench.listen("tcp://localhost:0");
    let other = bench.accept(listener);
    let port = bench.wait_for(|event| match event {
        Event::Listening(_, port) => Some(*port),
        _ => None,
    });
    let one = bench.connect(&format!("tcp://localhost:{port}"));
    bench.wait(&Event::Opened(one));
    bench.wait(&Event::Opened(other));

    let given_up = bench.listen("tcp://localhost:0");
    bench.unlisten(given_up);
    let events = bench.settle(); // the answer may have been quicker
    assert!(matches!(events[..], [] | [Event::Listening(..)]), "{events:?}");
}

/// One accept, one stream; who is not accepted waits in the kernel.
#[test]
fn streams_are_accepted_in_turn() {
    let mut bench = Bench::new();
    let (listener, endpoint) = bench.listening("tcp://127.0.0.1:0");
    for _ in 0..3 {
        let link = bench.connect(&endpoint);
        bench.wait(&Event::Opened(link));
    }
    assert_eq!(bench.settle(), []);
    for _ in 0..3 {
        let link = bench.accept(listener);
        assert_eq!(bench.next(), Event::Opened(link));
    }
    let nobody = bench.accept(listener);
    assert_eq!(bench.settle(), []);
    bench.connect(&endpoint);
    bench.wait(&Event::Opened(nobody));
}
