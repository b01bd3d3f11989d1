//! What the adapters for async runtimes promise of their futures. They include this next to the
//! suite; `wait` of their module `adapter` awaits what it is given the driver for.

use std::pin::pin;
use std::time::Duration;

use futures_lite::StreamExt;
use futures_lite::future::{poll_once, yield_now};

use crate::adapter::{Driver, wait};
use crate::suite::bench::Bench;
use crate::suite::probe::{Ask, Event, Probe, octets};

/// Polls a future so many times, then drops it.
async fn poll_some<T>(future: impl Future<Output = T>, times: usize) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Some(output) = poll_once(future.as_mut()).await {
            return Some(output);
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
        let times = round % 4;
        let event =
            wait(bench.driver(), async |driver| poll_some(driver.next_event(), times).await);
        match event {
            Some(Event::Sent(link)) => sent |= link == one,
            Some(Event::Received(_, piece)) => {
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
    let mut driver = Driver::new(Probe::default()).unwrap();
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    driver.submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    let events = wait(&mut driver, async |driver| driver.take(2).collect::<Vec<_>>().await);
    assert_eq!(events.len(), 2);
}

#[test]
fn a_driver_and_its_futures_may_move_to_another_thread() {
    fn movable<T: Send>(value: T) -> T {
        value
    }
    let mut driver = movable(Driver::new(Probe::default()).unwrap());
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    let thread = std::thread::spawn(move || {
        wait(&mut driver, async |driver| movable(driver.next_event()).await)
    });
    thread.join().unwrap();
}
