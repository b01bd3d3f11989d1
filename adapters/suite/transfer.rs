//! Octets: all of them, in order, once; and how streams end.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use bytes::Bytes;
use mongrel2_transceiver::{LinkId, Output};

use super::bench::{Bench, endpoints};
use super::probe::{Dice, Event, octets, pieces};

/// One direction of a transfer in random pieces.
struct Transfer {
    from: LinkId,
    to: LinkId,
    unsent: Bytes,
    all: Bytes,
    received: Vec<u8>,
}

impl Transfer {
    fn new(seed: u64, from: LinkId, to: LinkId) -> Self {
        let all = octets(seed, 10_000_000);
        Self { from, to, unsent: all.clone(), all, received: Vec::new() }
    }

    fn write(&mut self, bench: &mut Bench, dice: &mut Dice) {
        let size = (1 + dice.below(1_000_000)).min(self.unsent.len());
        if size > 0 {
            let size_max = [10_000, 100_000, 1_000_000][dice.below(3)];
            let data = pieces(dice, self.unsent.split_to(size), size_max);
            bench.perform(Output::Write { link: self.from, data });
        }
    }

    fn read(&self, bench: &mut Bench, dice: &mut Dice) {
        if self.received.len() < self.all.len() {
            let max = [1, 100, 2000, 300_000][dice.below(4)];
            bench.read(self.to, 1 + dice.below(max));
        }
    }
}

#[test]
fn ten_megabytes_each_way_arrive_unharmed() {
    for (seed, endpoint) in (1..).zip(endpoints()) {
        let (mut bench, mut dice) = (Bench::new(), Dice(seed));
        let (_, one, other) = bench.pair(&endpoint);
        let mut both = [Transfer::new(seed, one, other), Transfer::new(!seed, other, one)];
        for transfer in &mut both {
            transfer.write(&mut bench, &mut dice);
            transfer.read(&mut bench, &mut dice);
        }
        while both.iter().any(|transfer| transfer.received.len() < transfer.all.len()) {
            match bench.next() {
                Event::Sent(link) => {
                    let transfer = both.iter_mut().find(|transfer| transfer.from == link).unwrap();
                    transfer.write(&mut bench, &mut dice);
                }
                Event::Received(link, data) => {
                    let transfer = both.iter_mut().find(|transfer| transfer.to == link).unwrap();
                    transfer.received.extend_from_slice(&data);
                    transfer.read(&mut bench, &mut dice);
                }
                event => panic!("{event:?}"),
            }
        }
        assert!(both.iter().all(|transfer| transfer.received == transfer.all), "{endpoint}");
    }
}

#[test]
fn a_write_waits_for_a_peer_that_does_not_read() {
    for endpoint in endpoints() {
        let mut bench = Bench::new();
        let (_, one, other) = bench.pair(&endpoint);
        let data = octets(5, 20_000_000);
        bench.write(one, [data.slice(..7), data.slice(7..)]);
        assert_eq!(bench.settle(), [], "{endpoint}");
        let (mut received, mut sent) = (Vec::new(), 0);
        bench.read(other, usize::MAX);
        while received.len() < data.len() || sent == 0 {
            match bench.next() {
                Event::Sent(_) => sent += 1,
                Event::Received(_, piece) => {
                    received.extend_from_slice(&piece);
                    if received.len() < data.len() {
                        bench.read(other, usize::MAX);
                    }
                }
                event => panic!("{event:?}"),
            }
        }
        assert_eq!(sent, 1);
        assert!(received == data);
    }
}

#[test]
fn no_more_is_read_than_was_asked_for() {
    let mut bench = Bench::new();
    let (_, one, other) = bench.pair("tcp://127.0.0.1:0");
    bench.write(one, [octets(3, 3)]);
    bench.wait(&Event::Sent(one));
    for n in 0..3 {
        bench.read(other, 1);
        bench.wait(&Event::Received(other, octets(3, 3).slice(n..=n)));
    }
    bench.read(other, 1);
    assert_eq!(bench.settle(), []);
}

#[test]
fn an_orderly_end_has_no_cause() {
    for endpoint in endpoints() {
        let mut bench = Bench::new();
        let (_, one, other) = bench.pair(&endpoint);
        bench.read(one, 10);
        assert_eq!(bench.settle(), []);
        bench.close(other);
        assert_eq!(bench.next(), Event::Closed(one, None));
    }
}

/// A peer of the standard library.
fn stranger(bench: &mut Bench) -> (LinkId, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = bench.connect(&format!("tcp://{}", listener.local_addr().unwrap()));
    bench.wait(&Event::Opened(link));
    (link, listener.accept().unwrap().0)
}

/// The end is told once; a read that stops short of it must not miss it.
#[test]
fn an_end_right_behind_octets_is_seen() {
    for asked_first in [true, false] {
        let mut bench = Bench::new();
        let (link, mut peer) = stranger(&mut bench);
        if asked_first {
            bench.read(link, 100);
            assert_eq!(bench.settle(), []);
        }
        peer.write_all(b"last words").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        if !asked_first {
            assert_eq!(bench.settle(), []); // readiness comes while nothing is asked
            bench.read(link, 100);
        }
        bench.wait(&Event::Received(link, Bytes::from_static(b"last words")));
        assert_eq!(bench.settle(), []);
        bench.read(link, 100);
        assert_eq!(bench.next(), Event::Closed(link, None));
    }
}

/// The read and the write under way are answered each.
#[test]
fn a_reset_has_a_cause() {
    let mut bench = Bench::new();
    let (link, mut peer) = stranger(&mut bench);
    bench.write(link, [octets(1, 50_000_000)]);
    bench.read(link, 100);
    assert_eq!(bench.settle(), []);
    peer.read_exact(&mut [0]).unwrap();
    drop(peer); // with octets unread, so that it resets
    for _ in 0..2 {
        let event = bench.next();
        assert!(
            matches!(
                event,
                Event::Closed(found, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
                    if found == link
            ),
            "{event:?}"
        );
    }
    bench.read(link, 100);
    bench.close(link);
    assert_eq!(bench.settle(), []);
}

/// A reset destroys what is on its way; octets of the peer that nobody read would cause one.
#[test]
fn what_was_written_before_a_close_arrives() {
    let mut bench = Bench::new();
    let (link, mut peer) = stranger(&mut bench);
    peer.write_all(&octets(1, 50_000)).unwrap();
    bench.write(link, [octets(2, 50_000)]);
    bench.wait(&Event::Sent(link));
    bench.close(link);
    bench.settle();
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received == octets(2, 50_000));
}

#[test]
fn what_was_written_before_the_driver_ended_arrives() {
    let mut bench = Bench::new();
    let (link, mut peer) = stranger(&mut bench);
    peer.write_all(b"never read").unwrap();
    bench.write(link, [octets(2, 50_000)]);
    bench.wait(&Event::Sent(link));
    drop(bench);
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received == octets(2, 50_000));
}
