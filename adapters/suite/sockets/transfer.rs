//! Octets and ends of streams, next to a peer of the standard library.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use bytes::Bytes;
use mongrel2_transceiver::LinkId;

use crate::suite::bench::Bench;
use crate::suite::probe::{Event, octets};

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
