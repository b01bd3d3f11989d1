//! The handler on this library, with its defaults, on each adapter.

use std::time::Instant;

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};

use super::{HELLO, Handler};

pub(super) fn threads(handler: &Handler) {
    let mut driver = mongrel2_transceiver_threads::Driver::new(transceiver()).unwrap();
    driver.submit(add(handler)).unwrap();
    loop {
        let event = driver.next_event(None).unwrap().expect("it waits without end");
        if let Some(command) = answer(event) {
            // A browser that is gone gets no answer.
            let _gone = driver.submit(command);
        }
    }
}

pub(super) fn smol(handler: &Handler) {
    let mut driver = mongrel2_transceiver_smol::Driver::new(transceiver()).unwrap();
    driver.submit(add(handler)).unwrap();
    smol::block_on(async {
        loop {
            if let Some(command) = answer(driver.next_event().await) {
                let _gone = driver.submit(command);
            }
        }
    })
}

pub(super) fn tokio(handler: &Handler) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut driver = mongrel2_transceiver_tokio::Driver::new(transceiver()).unwrap();
        driver.submit(add(handler)).unwrap();
        loop {
            if let Some(command) = answer(driver.next_event().await) {
                let _gone = driver.submit(command);
            }
        }
    })
}

fn transceiver() -> Transceiver {
    let mut config = Config::default();
    config.control = None;
    Transceiver::new(Instant::now(), config)
}

fn add(handler: &Handler) -> Command {
    Command::AddServer {
        sender: Bytes::from_static(crate::behind::SENDER.as_bytes()),
        send_spec: handler.send_spec.parse().unwrap(),
        recv_spec: handler.recv_spec.parse().unwrap(),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "nothing else wants an answer")]
fn answer(event: Event) -> Option<Command> {
    match event {
        Event::Request { target, .. } => {
            Some(Command::Reply { target, body: Bytes::from_static(HELLO), close: false })
        }
        Event::SessionMessage { target, message, .. } => Some(Command::Send { target, message }),
        _ => None,
    }
}
