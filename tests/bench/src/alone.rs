//! The core alone, on a stage that takes and gives what the world would: the cost of the handler's own calls.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::transceiver::{Audience, Command};
use mongrel2_transceiver::websocket::Message;

use crate::handlers::HELLO;
use crate::stage::{Stage, get, handshake};
use crate::works::Figure;

/// How many sessions get a broadcast.
const REACHED: i64 = 100_000;

/// A broadcast of 1 KiB; or nothing but the names of those it is for, as they stand in the messages.
pub(crate) fn broadcast(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let took = match entry {
        "digits" => digits(scale),
        "broadcast" => to_all(scale),
        _ => return Err(format!("nobody broadcasts with {entry:?}")),
    };
    Ok(vec![Figure::new("time", took.as_secs_f64() * 1e3)])
}

/// The ids as decimal digits with a space before each.
fn digits(scale: f64) -> Duration {
    let rounds = rounds(scale, 20);
    let mut out = Vec::with_capacity(1 << 20);
    let begin = Instant::now();
    for _ in 0..rounds {
        out.clear();
        for id in 1..=black_box(REACHED) {
            let mut digits = [b' '; 20];
            let (mut at, mut rest) = (digits.len(), id);
            while rest > 0 {
                at -= 1;
                digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
                rest /= 10;
            }
            out.extend_from_slice(&digits[at - 1..]);
        }
        black_box(&out);
    }
    begin.elapsed() / rounds
}

fn to_all(scale: f64) -> Duration {
    // More of them, and pings would come between.
    const ON_EACH: u32 = 5;
    let rounds = rounds(scale, 4);
    let mut total = Duration::ZERO;
    for _ in 0..rounds {
        let mut stage = Stage::new(usize::MAX, 1);
        stage.deliver(0, (1..=REACHED).map(|id| handshake(0, ConnId(id))));
        for _ in 0..ON_EACH {
            stage.said.clear();
            stage.take_cost();
            let message = Message::from("x".repeat(1024));
            stage.submit(Command::Broadcast { to: Audience::All, except: None, message });
            total += stage.take_cost().total;
            let reached: usize = stage.said.iter().map(|said| said.to.len()).sum();
            assert_eq!(Ok(reached), usize::try_from(REACHED), "not everybody got it");
        }
    }
    total / (rounds * ON_EACH)
}

/// Requests over HTTP beside so many open WebSockets.
pub(crate) fn beside_sessions(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let sessions = match entry {
        "1-session" => 1,
        "1,000,000-sessions" => 1_000_000,
        _ => return Err(format!("there is no stage with {entry:?}")),
    };
    let mut stage = Stage::new(usize::MAX, 1);
    stage.deliver(0, (1..=sessions).map(|id| handshake(0, ConnId(id))));
    Ok(vec![requests(&mut stage, 1, scale)])
}

/// Requests over HTTP by so many servers in turn.
pub(crate) fn over_servers(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let servers = match entry {
        "1-server" => 1,
        "100-servers" => 100,
        _ => return Err(format!("there is no stage with {entry:?}")),
    };
    Ok(vec![requests(&mut Stage::new(usize::MAX, servers), servers, scale)])
}

/// How many requests are received together.
const TOGETHER: i64 = 50;

/// How many requests are answered in a second of the handler's own time.
fn requests(stage: &mut Stage, servers: usize, scale: f64) -> Figure {
    stage.answer = Some(Bytes::from_static(HELLO));
    let batches = rounds(scale, 4000);
    // Browsers that come again and again.
    let all: Vec<Vec<Bytes>> = (0..servers)
        .map(|server| (0..TOGETHER).map(|id| get(server, ConnId(2_000_000 + id))).collect())
        .collect();
    let mut total = Duration::ZERO;
    for batch in 0..batches {
        let server = batch as usize % servers;
        stage.take_cost();
        stage.deliver(server, all[server].iter().cloned());
        let cost = stage.take_cost();
        total += cost.total;
        assert_eq!(i64::try_from(cost.replies), Ok(TOGETHER), "not all are answered");
        stage.said.clear();
        // Time enough that the next requests prove that the answers were read.
        stage.pass(Duration::from_millis(2), |_| None);
    }
    let count = f64::from(batches) * TOGETHER as f64;
    Figure::new("rate", count / total.as_secs_f64())
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not near the ends of its type"
)]
fn rounds(scale: f64, usual: u32) -> u32 {
    ((f64::from(usual) * scale) as u32).max(1)
}
