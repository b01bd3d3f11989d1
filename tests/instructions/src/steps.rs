//! The steps: what a handler does again and again.

use std::hint::black_box;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Request};
use mongrel2_transceiver::transceiver::{Audience, Command};
use mongrel2_transceiver::websocket::{self, Message, Opcode};
use mongrel2_transceiver::zmtp::SocketType;

use crate::sockets::Pair;
use crate::stage::{Stage, frame_of, get, handshake};

/// One step, and how often it is taken in each of the two runs.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// How many of the unit that is counted there are in one.
    pub(crate) units: u32,
    pub(crate) few: u32,
    pub(crate) many: u32,
    run: fn(times: u32),
}

/// How many sessions there are where sessions matter.
const SESSIONS: u32 = 10_000;

/// How many messages of a server are received together.
const TOGETHER: u32 = 100;

pub(crate) const ALL: &[Step] = &[
    Step { name: "read-request", units: 1, few: 1000, many: 5000, run: read_request },
    Step { name: "read-all-headers", units: 1, few: 1000, many: 5000, run: read_all_headers },
    Step { name: "encode-frame", units: 1, few: 1000, many: 9000, run: encode_frame },
    Step { name: "answer-request", units: TOGETHER, few: 10, many: 40, run: answer_requests },
    Step { name: "take-frame", units: TOGETHER, few: 10, many: 40, run: take_frames },
    Step { name: "ping-session", units: SESSIONS, few: 0, many: 1, run: ping },
    Step { name: "broadcast-to-one", units: SESSIONS, few: 1, many: 4, run: broadcast },
    Step { name: "push-message", units: TOGETHER, few: 10, many: 40, run: push },
    Step { name: "pull-message", units: TOGETHER, few: 10, many: 40, run: pull },
];

pub(crate) fn run(name: &str, times: u32) -> Result<(), String> {
    let step = ALL.iter().find(|step| step.name == name);
    let step = step.ok_or_else(|| format!("there is no step {name:?}"))?;
    (step.run)(times);
    Ok(())
}

/// What Mongrel2 1.12.2 said of a request of a browser.
const REQUEST: &[u8] = include_bytes!("../../../benches/browser-request.bin");

/// Sender, id, path, method and body.
fn read_request(times: u32) {
    let raw = Bytes::from_static(REQUEST);
    for _ in 0..times {
        let request = Request::parse(black_box(&raw).clone()).unwrap();
        black_box((request.sender(), request.conn_id(), request.path(), request.method()));
        black_box((request.kind(), request.body()));
    }
}

fn read_all_headers(times: u32) {
    let raw = Bytes::from_static(REQUEST);
    for _ in 0..times {
        let request = Request::parse(black_box(&raw).clone()).unwrap();
        black_box(request.headers().map(|(name, value)| name.len() + value.len()).sum::<usize>());
    }
}

fn encode_frame(times: u32) {
    let (text, mut out) = ([b'x'; 64], BytesMut::with_capacity(128));
    for _ in 0..times {
        out.clear();
        websocket::encode(Opcode::Text, black_box(&text), &mut out);
        black_box(&out);
    }
}

/// A request over HTTP, through the whole handler, and the answer to it.
fn answer_requests(times: u32) {
    let mut stage = Stage::new(usize::MAX, 1);
    stage.answer = Some(Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
    stage.is_deaf = true;
    let requests: Vec<_> = ids(TOGETHER).map(|id| get(0, id)).collect();
    for _ in 0..times {
        stage.deliver(0, requests.iter().cloned());
        stage.pass(Duration::from_millis(2), |_| None);
    }
}

/// A text of a WebSocket, which is a sign of life, through the whole handler.
fn take_frames(times: u32) {
    let mut stage = open();
    let text = Bytes::from_static(b"\x81hello");
    let frames: Vec<_> = ids(TOGETHER).map(|id| frame_of(0, id, &text)).collect();
    for _ in 0..times {
        stage.deliver(0, frames.iter().cloned());
    }
}

/// A round of pings to all sessions, `times` being one or none.
fn ping(times: u32) {
    let mut stage = open();
    let round = Duration::from_secs(30);
    // All were heard of in this round.
    stage.pass(round, |_| None);
    if times > 0 {
        stage.pass(round, |_| None);
    }
}

fn broadcast(times: u32) {
    let mut stage = open();
    for _ in 0..times {
        let message = Message::from("news for everybody");
        stage.submit(Command::Broadcast { to: Audience::All, except: None, message });
    }
}

/// A message of 64 octets, from the application to the octets that are written.
fn push(times: u32) {
    let mut pair = Pair::new(SocketType::Push, SocketType::Pull);
    let body = Bytes::from(vec![b'x'; 64]);
    for _ in 0..times {
        assert_eq!(pair.send(&body, TOGETHER), TOGETHER as usize * 66);
    }
}

/// The same, from the octets that are read to the application.
fn pull(times: u32) {
    let mut pair = Pair::new(SocketType::Pull, SocketType::Push);
    let one: Vec<u8> = [&[0, 64][..], &[b'x'; 64]].concat();
    let octets = Bytes::from(one.repeat(TOGETHER as usize));
    for _ in 0..times {
        // A read has a buffer of its own.
        let read = Bytes::copy_from_slice(black_box(&octets));
        assert_eq!(pair.take(read), TOGETHER as usize * 64);
    }
}

/// A handler with open sessions, nobody listening to what it says from now on.
fn open() -> Stage {
    let mut stage = Stage::new(usize::MAX, 1);
    stage.deliver(0, ids(SESSIONS).map(|id| handshake(0, id)));
    stage.is_deaf = true;
    stage
}

fn ids(count: u32) -> impl Iterator<Item = ConnId> {
    (1..=i64::from(count)).map(ConnId)
}
