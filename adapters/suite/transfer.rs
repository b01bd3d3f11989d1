//! Octets: all of them, in order, once; and how streams end.

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

/// One side has said all that it has to say, and listens on.
#[test]
fn who_finishes_can_still_be_told_something() {
    for endpoint in endpoints() {
        let mut bench = Bench::new();
        let (_, one, other) = bench.pair(&endpoint);
        let data = octets(4, 100_000);
        bench.write(one, [data.clone()]);
        bench.wait(&Event::Sent(one));
        bench.finish(one);
        let mut received = Vec::new();
        let end = loop {
            bench.read(other, usize::MAX);
            match bench.next() {
                Event::Received(link, piece) if link == other => received.extend_from_slice(&piece),
                event => break event,
            }
        };
        assert_eq!(end, Event::Closed(other, None), "{endpoint}");
        assert!(received == data, "{endpoint}");
        // Who hears of the end frees the stream, and so the other one ends, too.
        bench.read(one, 100);
        assert_eq!(bench.next(), Event::Closed(one, None), "{endpoint}");
    }
}

#[test]
fn what_is_said_to_who_has_finished_arrives() {
    for endpoint in endpoints() {
        let mut bench = Bench::new();
        let (_, one, other) = bench.pair(&endpoint);
        bench.read(one, 100);
        assert_eq!(bench.settle(), []);
        bench.finish(one);
        bench.write(other, [Bytes::from_static(b"go on")]);
        let told = Event::Received(one, Bytes::from_static(b"go on"));
        bench.wait(&Event::Sent(other));
        bench.wait(&told);
        bench.read(one, 100);
        bench.close(other);
        bench.wait(&Event::Closed(one, None));
    }
}
