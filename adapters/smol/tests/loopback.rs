//! The suite for all adapters, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

mod adapter {
    use std::time::Duration;

    use futures_lite::future::or;
    use mongrel2_transceiver::Machine;
    pub(crate) use mongrel2_transceiver_smol::{Driver, SubmitError};

    pub(crate) fn next<M: Machine>(driver: &mut Driver<M>, timeout: Duration) -> Option<M::Event> {
        async_io::block_on(or(async { Some(driver.next_event().await) }, async {
            async_io::Timer::after(timeout).await;
            None
        }))
    }
}

#[path = "../../suite/mod.rs"]
mod suite;

use std::time::Duration;

use futures_lite::StreamExt;
use futures_lite::future::{block_on, poll_once, yield_now};
use suite::bench::Bench;
use suite::probe::{Ask, Probe, octets};

/// Polls `next_event` so many times, then drops the future.
async fn poll_some(
    driver: &mut adapter::Driver<Probe>,
    times: usize,
) -> Option<suite::probe::Event> {
    let mut next = std::pin::pin!(driver.next_event());
    for _ in 0..times {
        if let Some(event) = poll_once(next.as_mut()).await {
            return Some(event);
        }
        yield_now().await;
    }
    None
}

/// A megabyte goes through while each future is dropped after 0 to 3 polls.
#[test]
fn dropping_the_future_anywhere_loses_nothing() {
    let mut bench = Bench::new();
    let (_, one, other) = bench.pair("tcp://127.0.0.1:0");
    let (data, mut received, mut sent) = (octets(1, 1_000_000), Vec::new(), false);
    bench.write(one, [data.clone()]);
    bench.read(other, 3000);
    let mut round = 0;
    while !sent || received.len() < data.len() {
        round += 1;
        match block_on(poll_some(bench.driver(), round % 4)) {
            Some(suite::probe::Event::Sent(link)) => sent |= link == one,
            Some(suite::probe::Event::Received(_, piece)) => {
                received.extend_from_slice(&piece);
                bench.read(other, 3000);
            }
            Some(event) => panic!("{event:?}"),
            None => {}
        }
    }
    assert!(received == data);
}

#[test]
fn events_come_from_the_stream_too() {
    let mut driver = adapter::Driver::new(Probe::default()).unwrap();
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    driver.submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    // This `block_on` knows nothing of async-io.
    let events = block_on(StreamExt::take(&mut driver, 2).collect::<Vec<_>>());
    assert_eq!(events.len(), 2);
}

#[test]
fn a_driver_and_its_futures_may_move_to_another_thread() {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let mut driver = movable(adapter::Driver::new(Probe::default()).unwrap());
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    let thread = std::thread::spawn(move || block_on(movable(driver.next_event())));
    thread.join().unwrap();
}
