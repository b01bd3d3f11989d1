//! The loop itself: time, handles, fairness.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use mongrel2_transceiver::LinkId;

use super::bench::{Bench, HUNG};
use super::probe::{Ask, Event, Probe, Refused};
use crate::adapter::{Driver, SubmitError, next};

#[test]
fn deadlines_fire_in_order() {
    let mut bench = Bench::new();
    let delays = [30, 0, 10, 40, 20].map(Duration::from_millis);
    for delay in delays {
        bench.driver().submit(Ask::Alarm(delay)).unwrap();
    }
    for delay in [0, 10, 20, 30, 40].map(Duration::from_millis) {
        assert_eq!(bench.next(), Event::Alarm(delay));
    }
}

#[test]
fn eight_threads_submit_while_the_driver_waits() {
    let mut driver = Driver::new(Probe::default()).unwrap();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let handle = driver.handle();
            thread::spawn(move || {
                for _ in 0..500 {
                    handle.submit(Ask::Alarm(Duration::ZERO)).unwrap();
                    thread::yield_now();
                }
            })
        })
        .collect();
    for _ in 0..8 * 500 {
        next(&mut driver, HUNG).expect("an event for each command");
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Each command comes while the driver waits for nothing else, so a lost wake hangs.
#[test]
fn a_handle_ends_the_wait() {
    let mut driver = Driver::new(Probe::default()).unwrap();
    let (handle, (sender, receiver)) = (driver.handle(), std::sync::mpsc::channel());
    let thread = thread::spawn(move || {
        while receiver.recv().is_ok() {
            handle.submit(Ask::Alarm(Duration::ZERO)).unwrap();
        }
    });
    for _ in 0..1000 {
        sender.send(()).unwrap();
        next(&mut driver, HUNG).expect("an event");
    }
    drop(sender);
    thread.join().unwrap();
}

#[test]
fn a_handle_tells_what_the_machine_says() {
    let mut driver = Driver::new(Probe::default()).unwrap();
    let handle = driver.handle();
    let other = handle.clone();
    assert_eq!(driver.submit(Ask::Nonsense), Err(Refused));
    assert_eq!(handle.submit(Ask::Nonsense), Err(SubmitError::Refused(Refused)));
    drop(driver);
    assert_eq!(handle.submit(Ask::Alarm(Duration::ZERO)), Err(SubmitError::Gone));
    assert_eq!(other.submit(Ask::Nonsense), Err(SubmitError::Gone));
}

#[test]
fn a_panic_in_one_submit_does_not_stop_the_others() {
    let mut driver = Driver::new(Probe::default()).unwrap();
    let handle = driver.handle();
    assert!(catch_unwind(AssertUnwindSafe(|| handle.submit(Ask::Panic))).is_err());
    handle.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    assert!(next(&mut driver, HUNG).is_some());
    assert!(driver.with(|machine| format!("{machine:?}")).contains("Probe"));
}

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
