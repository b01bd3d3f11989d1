//! A million WebSocket sessions on one handler: what they take, and what a round of pings, a broadcast
//! and a farewell cost. `cargo bench --bench sessions`, or with a number of sessions behind `--`.
//!
//! The handler runs by itself: the server and the browsers are as little as answers what it says, and
//! their time is not counted. Fails where an idle session takes more than 64 octets; times are printed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for a person"
)]
#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what matters here is named")]

use std::alloc::System;
use std::collections::VecDeque;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use cap::Cap;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request, parse_response};
use mongrel2_transceiver::transceiver::{Audience, Command, Config, Event, Transceiver};
use mongrel2_transceiver::websocket::Message;
use mongrel2_transceiver::zmtp::{Engine, Limits, Received, SocketType};
use mongrel2_transceiver::{Input, LinkId, Machine, Output};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// What the calls of one phase took.
#[derive(Default)]
struct Cost {
    total: Duration,
    longest: Duration,
    /// The longest slice: from the word that its time has come until all of it is written.
    longest_slice: Duration,
    replies: usize,
}

/// The handler, and what stands for the rest of the world.
struct Stage {
    handler: Transceiver,
    now: Instant,
    /// PUSH and SUB of the server, with the handler's name for the stream.
    peers: Vec<(LinkId, Engine)>,
    /// What the server is about to say, as far as the handler has not read it.
    unread: VecDeque<Bytes>,
    is_reading: bool,
    cost: Cost,
    /// What the handler said last, to whom.
    said: Vec<(Vec<ConnId>, Bytes)>,
    is_stopped: bool,
}

impl Stage {
    fn new(sessions: usize) -> Self {
        let mut config = Config::default();
        config.control = None;
        config.heartbeat = None;
        config.limits.sessions_max = sessions;
        let now = Instant::now();
        let mut stage = Self {
            handler: Transceiver::new(now, config),
            now,
            peers: Vec::new(),
            unread: VecDeque::new(),
            is_reading: false,
            cost: Cost::default(),
            said: Vec::new(),
            is_stopped: false,
        };
        stage.submit(Command::AddServer {
            sender: SENDER.into(),
            send_spec: "tcp://127.0.0.1:9999".parse().unwrap(),
            recv_spec: "tcp://127.0.0.1:9998".parse().unwrap(),
        });
        stage
    }

    /// Does one thing with the handler, and counts what it takes.
    fn timed<T>(&mut self, call: impl FnOnce(&mut Transceiver, Instant) -> T) -> (T, Duration) {
        let begin = Instant::now();
        let result = call(&mut self.handler, self.now);
        let took = begin.elapsed();
        self.cost.total += took;
        self.cost.longest = self.cost.longest.max(took);
        (result, took)
    }

    fn submit(&mut self, command: Command) {
        self.timed(|handler, now| handler.submit(now, command)).0.unwrap();
        self.settle();
    }

    fn tell(&mut self, input: Input) {
        self.timed(|handler, now| handler.handle(now, input));
    }

    /// Performs all operations, takes all events, lets the server say what it has to say.
    fn settle(&mut self) {
        loop {
            if let (Some(output), _) = self.timed(|handler, _| handler.poll_output()) {
                self.perform(output);
            } else if let (Some(event), _) = self.timed(|handler, _| handler.poll_event()) {
                match event {
                    Event::Stopped { .. } => self.is_stopped = true,
                    Event::Undelivered { reason, .. } => panic!("something was lost: {reason}"),
                    _ => {}
                }
            } else if !self.say() {
                return;
            }
        }
    }

    fn say(&mut self) -> bool {
        if !self.is_reading {
            return false;
        }
        let Some(data) = self.unread.pop_front() else { return false };
        self.is_reading = false;
        let (link, _) = self.peers[0];
        self.tell(Input::Received { link, data });
        true
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect { link, .. } => {
                let types = [SocketType::Push, SocketType::Sub];
                self.peers.push((link, Engine::new(types[self.peers.len()], Limits::default())));
                self.tell(Input::Opened { link });
                self.greet(link);
            }
            Output::Read { link, .. } if link == self.peers[0].0 => self.is_reading = true,
            Output::Write { link, data } => {
                self.hear(link, data.into_bytes());
                self.tell(Input::Sent { link });
            }
            Output::Finish { link } | Output::Close { link } => {
                self.tell(Input::Closed { link, cause: None });
            }
            _ => {}
        }
    }

    /// What the server's end has to say of itself.
    fn greet(&mut self, link: LinkId) {
        let (_, engine) = self.peers.iter_mut().find(|(of, _)| *of == link).unwrap();
        if let Some(data) = engine.take_output() {
            self.tell(Input::Received { link, data: data.into_bytes() });
        }
    }

    fn hear(&mut self, link: LinkId, data: Bytes) {
        let is_push = link == self.peers[0].0;
        let (_, engine) = self.peers.iter_mut().find(|(of, _)| *of == link).unwrap();
        engine.receive(data);
        while let Some(received) = engine.next().unwrap() {
            match received {
                Received::Message(message) => {
                    let reply = parse_response(&message.first().bytes()).unwrap();
                    self.cost.replies += 1;
                    self.said.push((reply.targets, reply.body));
                }
                Received::Ready(_) if !is_push => engine.subscribe(b""),
                Received::Ping { context, .. } => engine.pong(&context),
                _ => {}
            }
        }
        self.greet(link);
    }

    /// Messages of browsers, put into reads of the usual size.
    fn deliver(&mut self, messages: impl Iterator<Item = Bytes>) {
        let mut data = BytesMut::new();
        for message in messages {
            data.extend_from_slice(&[2]);
            data.extend_from_slice(&(message.len() as u64).to_be_bytes());
            data.extend_from_slice(&message);
            if data.len() > READ_SIZE - 1024 {
                self.unread.push_back(data.split().freeze());
                self.settle();
                self.said.clear();
            }
        }
        self.unread.push_back(data.freeze());
        self.settle();
    }

    /// Lets the time pass; `answer` is what browsers say to what they got.
    fn pass(&mut self, time: Duration, answer: impl Fn(&[u8]) -> Option<Bytes>) -> Cost {
        let end = self.now + time;
        let mut answers = Cost::default();
        while let Some(at) = self.handler.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            let before = self.cost.total;
            self.tell(Input::Timeout);
            self.settle();
            self.cost.longest_slice = self.cost.longest_slice.max(self.cost.total - before);
            let before = std::mem::take(&mut self.cost);
            self.answer(&answer);
            let cost = std::mem::replace(&mut self.cost, before);
            answers.total += cost.total;
            answers.longest = answers.longest.max(cost.longest);
            if self.is_stopped {
                break;
            }
        }
        self.now = end;
        answers
    }

    fn answer(&mut self, answer: impl Fn(&[u8]) -> Option<Bytes>) {
        let said = std::mem::take(&mut self.said);
        let frames = said.iter().flat_map(|(to, body)| {
            let frame = answer(body);
            to.iter().filter_map(move |to| Some(frame_of(*to, frame.as_ref()?)))
        });
        let frames: Vec<_> = frames.collect();
        self.deliver(frames.into_iter());
    }

    fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }
}

/// A message of the server about a browser.
fn message(conn_id: ConnId, more: &[(&str, &str)], body: &[u8]) -> Bytes {
    let own = [
        ("PATH", "/chat"),
        ("VERSION", "HTTP/1.1"),
        ("URI", "/chat"),
        ("PATTERN", "/"),
        ("URL_SCHEME", "http"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("host", "localhost"),
        ("origin", "https://example.com"),
    ];
    let all: Vec<_> = own.iter().chain(more).collect();
    let values: Vec<[&[u8]; 1]> = all.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let names = all.iter().map(|(name, _)| name.as_bytes());
    let headers: Vec<(&[u8], &[&[u8]])> =
        names.zip(&values).map(|(name, value)| (name, &value[..])).collect();
    let mut raw = BytesMut::new();
    let sender = SENDER.as_bytes();
    encode_request(sender, conn_id, b"/chat", &headers, Dialect::Json, body, &mut raw);
    raw.freeze()
}

/// A WebSocket frame: its first octet, then its payload.
fn frame_of(conn_id: ConnId, frame: &Bytes) -> Bytes {
    let flags = format!("0x{:X}", frame[0]);
    message(conn_id, &[("METHOD", "WEBSOCKET"), ("FLAGS", &flags)], &frame[1..])
}

fn handshake(conn_id: ConnId) -> Bytes {
    let headers = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", "13")];
    message(conn_id, &headers, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
}

/// What a browser says to what it got: pongs to pings, closes to closes.
fn browser(frame: &[u8]) -> Option<Bytes> {
    let (first, rest) = frame.split_first_chunk::<2>()?;
    match first[0] {
        0x89 => Some([&[0x8A], rest].concat().into()),
        0x88 => Some([&[0x88], rest].concat().into()),
        _ => None,
    }
}

fn main() -> ExitCode {
    let number = std::env::args().find_map(|argument| argument.parse().ok());
    let sessions: usize = number.unwrap_or(1_000_000);
    let last = i64::try_from(sessions).unwrap();
    let mut stage = Stage::new(sessions);
    stage.take_cost();
    let before = ALLOCATOR.allocated();
    stage.deliver((1..=last).map(|id| handshake(ConnId(id))));
    stage.said = Vec::new();
    assert_eq!(stage.handler.stats().sessions, sessions, "not all are open");
    let octets = (ALLOCATOR.allocated() - before) as f64 / sessions as f64;
    let open = stage.take_cost();
    println!("{sessions} sessions: {octets:.1} octets each while they are idle");
    tell("opened", &open);

    let round = Duration::from_secs(30);
    // All were heard of in this round, and so nobody is pinged; in the next one everybody is.
    stage.pass(round, |_| None);
    stage.said.clear();
    stage.take_cost();
    let answers = stage.pass(round + Duration::from_secs(1), browser);
    let pings = stage.take_cost();
    tell("a round of pings", &pings);
    println!("    its longest slice took {:?}: {}", pings.longest_slice, verdict(&pings));
    tell("its pongs", &answers);
    assert_eq!(stage.handler.stats().sessions, sessions, "some were ended though they answered");

    let message = Message::from("news for everybody");
    let broadcast = Command::Broadcast { to: Audience::All, except: None, message };
    let (submitted, took) = stage.timed(|handler, now| handler.submit(now, broadcast));
    submitted.unwrap();
    println!("a broadcast to all was laid out in {took:?}");
    stage.settle();
    let reached: usize = stage.said.iter().map(|(to, _)| to.len()).sum();
    assert_eq!(reached, sessions, "not everybody got it");
    stage.said.clear();
    tell("the broadcast", &stage.take_cost());

    stage.submit(Command::ShutdownWithin { time: Duration::from_secs(600) });
    let answers = stage.pass(Duration::from_secs(600), browser);
    assert!(stage.is_stopped, "it does not end");
    tell("farewells", &stage.take_cost());
    tell("their answers", &answers);
    if octets <= OCTETS_MAX { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(what: &str, Cost { total, longest, replies, .. }: &Cost) {
    println!("{what}: {total:?} in all, {longest:?} in one call, {replies} messages written");
}

fn verdict(cost: &Cost) -> &'static str {
    if cost.longest_slice < Duration::from_millis(1) { "below a millisecond" } else { "TOO LONG" }
}

const SENDER: &str = "million";
const READ_SIZE: usize = 64 << 10;
const OCTETS_MAX: f64 = 64.0;
