//! What browsers do, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mongrel2_transceiver::websocket::{CloseCode, Message};
use mongrel2_transceiver_memory::Dice;
use mongrel2_transceiver_threads::testing::{Ask, Client, Error};

use crate::servers::{Servers, Visit};

/// Counted by all browsers.
#[derive(Default)]
pub(crate) struct Counts {
    requests: AtomicU64,
    messages: AtomicU64,
    cut_off: AtomicU64,
    lost: AtomicU64,
}

/// The same at one time.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    pub(crate) requests: u64,
    pub(crate) messages: u64,
    pub(crate) cut_off: u64,
    pub(crate) lost: u64,
}

impl Counts {
    pub(crate) fn read(&self) -> Read {
        Read {
            requests: self.requests.load(Ordering::Relaxed),
            messages: self.messages.load(Ordering::Relaxed),
            cut_off: self.cut_off.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn lost(&self, count: usize, what: &str) {
        if count > 0 {
            eprintln!("soak: lost {count}: {what}");
            self.lost.fetch_add(count as u64, Ordering::Relaxed);
        }
    }
}

/// One visit of a browser, which ends in one way or another.
pub(crate) fn work(servers: &Servers, counts: &Counts, dice: &mut Dice) {
    let protocol = if dice.below(2) == 0 { "http" } else { "websocket" };
    let Some(mut visit) = servers.visit(protocol, dice) else {
        // Another server is about to take the place.
        std::thread::sleep(std::time::Duration::from_millis(5));
        return;
    };
    let result = if protocol == "http" {
        ask(&mut visit.client, counts, dice)
    } else {
        talk(&mut visit.client, counts, dice)
    };
    if let Err(wrong) = result {
        note(&visit, counts, &wrong);
    }
}

fn note(visit: &Visit<'_>, counts: &Counts, wrong: &str) {
    if visit.is_over() {
        counts.cut_off.fetch_add(1, Ordering::Relaxed);
    } else {
        counts.lost(1, wrong);
    }
}

fn ask(client: &mut Client, counts: &Counts, dice: &mut Dice) -> Result<(), String> {
    for _ in 0..=dice.below(20) {
        let size = some_size(dice);
        let body = text(dice, size);
        let asked = client.request(Ask::post("/soak", Bytes::from(body.clone()))).wait();
        let response = asked.map_err(said)?;
        if response.body[..] != *body.as_bytes() {
            return Err(format!("{size} octets came back as {}", response.body.len()));
        }
        counts.requests.fetch_add(1, Ordering::Relaxed);
    }
    leave(client, dice)
}

fn talk(client: &mut Client, counts: &Counts, dice: &mut Dice) -> Result<(), String> {
    client.open("/soak").wait().map_err(said)?;
    for _ in 0..=dice.below(50) {
        // Some go together, and come back in order.
        let messages: Vec<_> = (0..=dice.below(10))
            .map(|_| {
                let size = some_size(dice);
                Message::from(text(dice, size))
            })
            .collect();
        for message in &messages {
            client.send(message.clone()).map_err(said)?;
        }
        for message in &messages {
            let received = client.receive().wait().map_err(said)?;
            if received != *message {
                return Err(format!("{} octets came back otherwise", message.len()));
            }
            counts.messages.fetch_add(1, Ordering::Relaxed);
        }
    }
    if dice.below(2) == 0 {
        client.close(CloseCode::NORMAL, "bye").wait().map_err(said)?;
        return Ok(());
    }
    leave(client, dice)
}

/// With a notice, or by being dropped.
fn leave(client: &mut Client, dice: &mut Dice) -> Result<(), String> {
    if dice.below(2) == 0 { client.vanish().map_err(said) } else { Ok(()) }
}

/// So many digits.
fn text(dice: &mut Dice, count: usize) -> String {
    let start = dice.next();
    format!("{start:020}").chars().cycle().take(count).collect()
}

fn some_size(dice: &mut Dice) -> usize {
    let most = [10, 100, 1_000, 30_000][dice.below(4)];
    1 + dice.below(most)
}

fn said(error: Error) -> String {
    error.to_string()
}
