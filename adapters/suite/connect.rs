//! Connecting, and giving up.

use std::io::ErrorKind;

use mongrel2_transceiver::{ListenerId, Output};

use super::bench::{Bench, endpoints, parse};
use super::probe::Event;

#[test]
fn every_kind_of_endpoint_connects() {
    let mut bench = Bench::new();
    for endpoint in endpoints() {
        let (_, one, other) = bench.pair(&endpoint);
        bench.say(one, other, b"ping");
        bench.say(other, one, b"pong");
    }
}

#[test]
fn two_hundred_links_at_once() {
    for endpoint in endpoints() {
        let mut bench = Bench::new();
        let (listener, endpoint) = bench.listening(&endpoint);
        let links: Vec<_> =
            (0..200).map(|_| [bench.accept(listener), bench.connect(&endpoint)]).collect();
        for &link in links.iter().flatten() {
            bench.wait(&Event::Opened(link));
        }
        for &link in links.iter().flatten() {
            bench.read(link, 1);
            bench.write(link, [super::probe::octets(1, 1)]);
        }
        for &link in links.iter().flatten() {
            bench.wait(&Event::Received(link, super::probe::octets(1, 1)));
        }
    }
}

#[test]
fn nobody_there_is_refused() {
    let mut bench = Bench::new();
    for endpoint in ["tcp://127.0.0.1:1", "tcp://localhost:1"] {
        let link = bench.connect(endpoint);
        bench.wait(&Event::Closed(link, Some(ErrorKind::ConnectionRefused)));
    }
}

#[test]
fn a_wildcard_cannot_be_connected_to() {
    let mut bench = Bench::new();
    let link = bench.connect("tcp://*:0");
    assert!(matches!(bench.next(), Event::Closed(found, Some(_)) if found == link));
}

/// A name may have several addresses, with a listener on only one of them.
#[test]
fn every_address_of_a_name_is_tried() {
    let mut bench = Bench::new();
    let (listener, endpoint) = bench.listening("tcp://127.0.0.1:0");
    let endpoint = endpoint.replace("127.0.0.1", "localhost");
    bench.connected(listener, &endpoint);
}

#[test]
fn after_close_there_are_no_answers() {
    let mut bench = Bench::new();
    let (listener, endpoint) = bench.listening("tcp://127.0.0.1:0");
    let (one, other) = bench.connected(listener, &endpoint);
    let accepting = bench.accept(listener);
    bench.read(one, 100);
    bench.write(one, [super::probe::octets(1, 50_000_000)]);
    assert_eq!(bench.settle(), []);
    let connecting = bench.connect(&endpoint.replace("127.0.0.1", "localhost"));
    for link in [connecting, accepting, one] {
        bench.close(link);
        bench.close(link);
    }
    bench.close(other);
    assert_eq!(bench.settle(), []);
    // The accept that was given up does not take the place of the next one.
    bench.connected(listener, &endpoint);
}

#[test]
fn operations_for_strangers_are_not_answered() {
    let mut bench = Bench::new();
    let (link, listener) = (bench.new_link(), ListenerId::new(1, 1_000_000));
    bench.read(link, 0);
    bench.write(link, []);
    bench.close(link);
    bench.unlisten(listener);
    bench.perform(Output::Accept { listener, link });
    assert_eq!(bench.settle(), []);
}

/// None of this is allowed to a machine; it only must not do harm.
#[test]
fn names_used_twice_do_no_harm() {
    let mut bench = Bench::new();
    let (listener, one, other) = bench.pair("tcp://127.0.0.1:0");
    bench.perform(Output::Connect { link: one, endpoint: parse("tcp://127.0.0.1:1") });
    bench.perform(Output::Accept { listener, link: one });
    bench.read(one, 0);
    bench.read(one, usize::MAX);
    bench.write(other, []);
    bench.settle();
    bench.write(other, [super::probe::octets(1, 10)]);
    bench.wait(&Event::Received(one, super::probe::octets(1, 10)));
}
