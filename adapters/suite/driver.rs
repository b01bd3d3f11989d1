//! The loop itself: time and handles.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

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
