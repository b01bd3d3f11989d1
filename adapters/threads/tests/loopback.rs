//! The suite for all adapters, over real sockets of this host.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

mod adapter;
#[path = "../../suite/place.rs"]
mod place;
#[path = "../../suite/sockets/mod.rs"]
mod sockets;
#[path = "../../suite/mod.rs"]
mod suite;

use std::time::Duration;

use suite::probe::{Ask, Probe};

#[test]
fn a_timeout_gives_none_and_loses_nothing() {
    let mut driver = adapter::Driver::new(Probe::default()).unwrap();
    assert!(driver.next_event(Some(Duration::ZERO)).unwrap().is_none());
    assert!(driver.next_event(Some(Duration::from_millis(2))).unwrap().is_none());
    driver.submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    while driver.next_event(Some(Duration::ZERO)).unwrap().is_none() {}
}

#[test]
fn events_come_from_the_iterator_too() {
    let mut driver = adapter::Driver::new(Probe::default()).unwrap();
    driver.submit(Ask::Alarm(Duration::ZERO)).unwrap();
    let mut events = driver.events();
    events.next().unwrap().unwrap();
    events.driver().submit(Ask::Alarm(Duration::from_millis(1))).unwrap();
    events.next().unwrap().unwrap();
}
