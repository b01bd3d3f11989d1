//! What the runtime of a driver may do.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

#[allow(dead_code, reason = "the suite uses all of it")]
#[path = "../../suite/probe.rs"]
mod probe;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use mongrel2_transceiver::{LinkId, Output};
use mongrel2_transceiver_tokio::Driver;
use probe::{Ask, Event, Probe, octets};
use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn outside_of_a_runtime_there_is_no_driver() {
    let error = Driver::new(Probe::default()).unwrap_err();
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[test]
#[should_panic(expected = "enable_time")]
fn a_runtime_without_a_timer_is_not_enough() {
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let _ = runtime.block_on(async { Driver::new(Probe::default()) });
}

/// A reset would destroy what is on its way to the peer.
#[test]
fn a_driver_that_outlives_its_runtime_closes_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap();
    let (runtime, link) = (runtime(), LinkId::new(7, 1));
    let mut driver = runtime.block_on(async { Driver::new(Probe::default()).unwrap() });
    driver.submit(Ask::Perform(Output::Connect { link, endpoint })).unwrap();
    assert_eq!(runtime.block_on(driver.next_event()), Event::Opened(link));
    let mut peer = listener.accept().unwrap().0;
    peer.write_all(b"never read").unwrap();
    driver.submit(Ask::Perform(Output::Write { link, data: octets(1, 50_000).into() })).unwrap();
    assert_eq!(runtime.block_on(driver.next_event()), Event::Sent(link));
    drop(runtime);
    drop(driver);
    let mut received = Vec::new();
    peer.read_to_end(&mut received).unwrap();
    assert!(received == octets(1, 50_000));
}

/// While such a clock is ahead of the machine's, every timer is over at once; that must not keep
/// other tasks away.
#[test]
fn a_paused_clock_moves_no_deadline() {
    let delay = Duration::from_millis(50);
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut driver = Driver::new(Probe::default()).unwrap();
        let start = Instant::now();
        driver.submit(Ask::Alarm(delay)).unwrap();
        tokio::time::advance(Duration::from_secs(60)).await;
        let next = async {
            tokio::select! { biased;
                _ = driver.next_event() => false,
                () = tokio::task::yield_now() => true,
            }
        };
        assert!(next.await, "did not yield");
        assert_eq!(driver.next_event().await, Event::Alarm(delay));
        assert!(start.elapsed() >= delay);
    });
}
