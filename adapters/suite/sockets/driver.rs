//! Fairness of the loop, next to peers that do their worst.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use mongrel2_transceiver::LinkId;

use crate::suite::bench::{Bench, HUNG};
use crate::suite::probe::{Ask, Event};

/// Writes to the driver as fast as it reads, until the driver closes the stream.
fn flood(bench: &mut Bench, report: bool) -> thread::JoinHandle<()> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = bench.connect(&format!("tcp://{}", listener.local_addr().unwrap()));
    bench.wait(&Event::Opened(link));
    bench.driver().submit(Ask::Pump { link, report }).unwrap();
    let mut peer = listener.accept().unwrap().0;
    thread::spawn(move || while peer.write_all(&[0; 100_000]).is_ok() {})
}

fn quiet_peer(bench: &mut Bench) -> (LinkId, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = bench.connect(&format!("tcp://{}", listener.local_addr().unwrap()));
    bench.wait(&Event::Opened(link));
    bench.read(link, 10);
    (link, listener.accept().unwrap().0)
}

/// Reads without end cause no events in the first case, and more than anyone takes in the second.
#[test]
fn a_flood_keeps_nothing_else_away() {
    for report in [false, true] {
        let mut bench = Bench::new();
        let (link, mut peer) = quiet_peer(&mut bench);
        let handle = bench.driver().handle();
        let floods = [flood(&mut bench, report), flood(&mut bench, report)];
        for n in 0..20 {
            peer.write_all(&[n]).unwrap();
            while !matches!(bench.next(), Event::Received(found, _) if found == link) {}
            bench.read(link, 10);
            handle.submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
            while !matches!(bench.next(), Event::Alarm(_)) {}
        }
        drop(bench);
        floods.into_iter().for_each(|flood| flood.join().unwrap());
    }
}

/// Events that nobody has taken yet do not keep operations from being performed.
#[test]
fn a_heap_of_events_keeps_no_operation_away() {
    let mut bench = Bench::new();
    let (link, mut peer) = quiet_peer(&mut bench);
    peer.set_read_timeout(Some(HUNG)).unwrap();
    for _ in 0..1000 {
        bench.driver().submit(Ask::Alarm(Duration::ZERO)).unwrap();
    }
    for n in 0..7 {
        bench.write(link, [vec![n].into()]);
        // A driver takes so many at most before it performs; the answer to the write is behind them.
        (0..130).for_each(|_| assert_eq!(bench.next(), Event::Alarm(Duration::ZERO)));
        let mut octet = [0];
        peer.read_exact(&mut octet).unwrap();
        assert_eq!(octet, [n]);
    }
}
