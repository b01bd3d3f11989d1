//! Whether memory stays where servers come and go, and is small where many are in one group: an allocator counts, in a program of its own.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

use std::alloc::System;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use cap::Cap;
use mongrel2_transceiver::introduction::{Answer, Order};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Sender, encode_request};
use mongrel2_transceiver::transceiver::{
    Audience, Command, Config, Event, ServerId, Stats, Transceiver,
};
use mongrel2_transceiver::websocket::Message as WebSocketMessage;
use mongrel2_transceiver::zmtp::{Engine, Frame, Limits, Message, Received, SocketType};
use mongrel2_transceiver::{Endpoint, Input, LinkId, Machine, Output};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// A handler whose peers answer at once.
struct Stage {
    handler: Transceiver,
    now: Instant,
    peers: BTreeMap<LinkId, Peer>,
    accept: Option<LinkId>,
    events: Vec<Event>,
    /// Whether the application takes no events, and each read comes in a block of its own.
    is_deaf: bool,
}

struct Peer {
    engine: Engine,
    socket_type: SocketType,
    is_reading: bool,
    heard: Vec<Message>,
}

impl Stage {
    fn new() -> Self {
        let now = Instant::now();
        let handler = Transceiver::new(now, Config::default());
        let (peers, events) = (BTreeMap::new(), Vec::new());
        let mut stage = Self { handler, now, peers, accept: None, events, is_deaf: false };
        stage.settle();
        stage
    }

    fn tell(&mut self, input: Input) {
        self.handler.handle(self.now, input);
    }

    fn settle(&mut self) {
        loop {
            while let Some(output) = self.handler.poll_output() {
                self.perform(output);
            }
            let event = if self.is_deaf { None } else { self.handler.poll_event() };
            if let Some(event) = event {
                self.events.push(event);
            } else if !self.say() {
                return;
            }
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect { link, endpoint } => {
                let port = |port| matches!(endpoint, Endpoint::Tcp { port: at, .. } if at == port);
                let socket_type = if port(PUSH) { SocketType::Push } else { SocketType::Sub };
                self.open(link, socket_type);
            }
            Output::Listen { listener, .. } => self.tell(Input::Listening { listener, port: 9997 }),
            Output::Accept { link, .. } => self.accept = Some(link),
            Output::Read { link, .. } => {
                self.peers.get_mut(&link).unwrap().is_reading = true;
            }
            Output::Write { link, data } => {
                let peer = self.peers.get_mut(&link).unwrap();
                peer.engine.receive(data.into_bytes());
                while let Some(received) = peer.engine.next().unwrap() {
                    match received {
                        Received::Message(message) => peer.heard.push(message),
                        Received::Ready(_) if peer.socket_type == SocketType::Sub => {
                            peer.engine.subscribe(b"");
                        }
                        Received::Ping { context, .. } => peer.engine.pong(&context),
                        _ => {}
                    }
                }
                self.tell(Input::Sent { link });
            }
            // Who reads the end ends, too.
            Output::Finish { link } => {
                if self.peers.remove(&link).is_some() {
                    self.tell(Input::Closed { link, cause: None });
                }
            }
            Output::Close { link } => drop(self.peers.remove(&link)),
            Output::Unlisten { .. } => {}
        }
    }

    fn open(&mut self, link: LinkId, socket_type: SocketType) {
        let engine = Engine::new(socket_type, Limits::default());
        let peer = Peer { engine, socket_type, is_reading: false, heard: Vec::new() };
        self.peers.insert(link, peer);
        self.tell(Input::Opened { link });
    }

    /// Whatever peers have to say is read.
    fn say(&mut self) -> bool {
        let mut said = Vec::new();
        for (link, peer) in &mut self.peers {
            if peer.is_reading && peer.engine.output_len() > 0 {
                peer.is_reading = false;
                said.extend(peer.engine.take_output().map(|data| (*link, data.into_bytes())));
            }
        }
        let has_said = !said.is_empty();
        for (link, mut data) in said {
            if self.is_deaf {
                let mut block = data.to_vec();
                block.resize(READ_SIZE, 0);
                data = Bytes::from(block).slice(..data.len());
            }
            self.tell(Input::Received { link, data });
        }
        has_said
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.handler.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            self.tell(Input::Timeout);
            self.settle();
        }
        self.now = end;
    }

    /// Somebody comes to the control socket, gives an order, and leaves.
    fn order(&mut self, order: &Order) {
        let link = self.accept.take().unwrap();
        self.open(link, SocketType::Req);
        self.settle();
        let frames = vec![Frame::default(), Frame::from(order.encode())];
        let message = Message::from_frames(frames).unwrap();
        self.peers.get_mut(&link).unwrap().engine.send(&message);
        self.settle();
        let peer = self.peers.remove(&link).unwrap();
        let answer = peer.heard.last().unwrap().frames().last().unwrap().bytes();
        assert_eq!(Answer::parse(answer), Answer::Received, "{order:?}");
        self.tell(Input::Closed { link, cause: None });
        self.settle();
    }

    fn submit(&mut self, command: Command) {
        self.handler.submit(self.now, command).unwrap();
        self.settle();
    }

    /// Something comes from the server.
    fn deliver(&mut self, conn_id: i64, method: &str, more: &[(&str, &str)], body: &[u8]) {
        let own = [
            ("PATH", "/"),
            ("VERSION", "HTTP/1.1"),
            ("URI", "/"),
            ("PATTERN", "/"),
            ("URL_SCHEME", "http"),
            ("REMOTE_ADDR", "127.0.0.1"),
            ("METHOD", method),
        ];
        let all: Vec<_> = own.iter().chain(more).collect();
        let values: Vec<[&[u8]; 1]> = all.iter().map(|(_, value)| [value.as_bytes()]).collect();
        let headers: Vec<(&[u8], &[&[u8]])> = all
            .iter()
            .zip(&values)
            .map(|((name, _), value)| (name.as_bytes(), &value[..]))
            .collect();
        let mut raw = BytesMut::new();
        encode_request(SENDER, ConnId(conn_id), b"/", &headers, Dialect::Json, body, &mut raw);
        let requests = *self.peers.keys().next().unwrap();
        self.peers.get_mut(&requests).unwrap().engine.send(&Message::from(raw.freeze()));
        self.settle();
    }

    /// A server is added, is served, and is removed; by orders, or by commands.
    fn round(&mut self, by_order: bool) {
        let sender = Sender::new(SENDER).unwrap();
        let at = |port: u16| -> Endpoint { format!("tcp://127.0.0.1:{port}").parse().unwrap() };
        let (send_spec, recv_spec) = (at(PUSH), at(PUSH - 1));
        if by_order {
            self.order(&Order::Add { sender: sender.clone(), send_spec, recv_spec });
            let text = Bytes::from_static(b"there and back");
            self.order(&Order::Ping { sender: sender.clone(), text });
        } else {
            let sender = Bytes::from_static(SENDER);
            self.submit(Command::AddServer { sender, send_spec, recv_spec });
        }
        let server = self.up();
        let accept = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        for conn_id in 1..=20 {
            let version = [("sec-websocket-version", "13")];
            self.deliver(conn_id, "WEBSOCKET_HANDSHAKE", &version, accept);
            self.deliver(conn_id, "WEBSOCKET", &[("FLAGS", "0x81")], b"hello");
            self.deliver(100 + conn_id, "GET", &[], b"");
        }
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::SessionMessage { target, message, .. } => {
                    self.submit(Command::Send { target, message });
                }
                Event::Request { target, .. } => {
                    let body = Bytes::from_static(b"x");
                    self.submit(Command::Reply { target, body, close: false });
                }
                _ => {}
            }
        }
        if by_order {
            self.order(&Order::Remove { sender });
        } else {
            self.submit(Command::RemoveServer { server });
        }
        self.pass(Duration::from_secs(5));
        let removed = self.events.iter().any(|event| matches!(event, Event::ServerRemoved { .. }));
        assert!(removed, "{:?}", self.events);
        self.events.clear();
        let Stats { servers, links, control_links, sessions, remembered, events, .. } =
            self.handler.stats();
        assert_eq!([servers, links, control_links, sessions, remembered, events], [0; 6]);
        assert!(self.peers.is_empty() && self.handler.next_deadline().is_none());
    }

    fn up(&mut self) -> ServerId {
        let up = self.events.iter().find_map(|event| match event {
            Event::ServerUp { server, .. } => Some(*server),
            _ => None,
        });
        up.unwrap_or_else(|| panic!("it is not up: {:?}", self.events))
    }
}

/// One allocator counts for all tests, so they go one by one.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn a_thousand_servers_added_and_removed_leave_no_memory_behind() {
    let _turn = TURN.lock();
    let mut stage = Stage::new();
    // Queues keep the room that they once needed.
    for round in 0..100 {
        stage.round(round % 2 == 0);
    }
    let before = ALLOCATOR.allocated();
    for round in 0..1000 {
        stage.round(round % 2 == 0);
    }
    let after = ALLOCATOR.allocated();
    // Not an octet a round.
    assert!(after < before + 1000, "{before} octets have become {after}");
}

#[test]
fn a_group_takes_some_octets_for_each_member_and_a_broadcast_fewer() {
    let _turn = TURN.lock();
    let mut stage = Stage::new();
    let (sender, at) = (Bytes::from_static(SENDER), |port: u16| {
        format!("tcp://127.0.0.1:{port}").parse::<Endpoint>().unwrap()
    });
    stage.submit(Command::AddServer { sender, send_spec: at(PUSH), recv_spec: at(PUSH - 1) });
    stage.up();
    for conn_id in 1..=MEMBERS {
        let version = [("sec-websocket-version", "13")];
        stage.deliver(conn_id, "WEBSOCKET_HANDSHAKE", &version, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
    let opened: Vec<_> = stage
        .events
        .drain(..)
        .filter_map(|event| match event {
            Event::SessionOpened { target, .. } => Some(target),
            _ => None,
        })
        .collect();
    let (before, group) = (ALLOCATOR.allocated(), Bytes::from_static(b"all of them"));
    for target in opened {
        stage.submit(Command::Join { target, group: group.clone() });
    }
    let per_member = ALLOCATOR.allocated().saturating_sub(before) as f64 / MEMBERS as f64;
    assert!(per_member < 50.0, "{per_member} octets for each member");
    let before = ALLOCATOR.allocated();
    for to in [Audience::Group(group), Audience::All] {
        let message = WebSocketMessage::from("x".repeat(100));
        let broadcast = Command::Broadcast { to, except: None, message };
        stage.handler.submit(stage.now, broadcast).unwrap();
    }
    let per_recipient = ALLOCATOR.allocated().saturating_sub(before) as f64 / MEMBERS as f64;
    // The list of 128, and what is kept of each message, in a queue that has grown to twice its size.
    assert!(per_recipient < 2.0 * 12.0, "{per_recipient} octets for each recipient of two");
    stage.settle();
}

/// An application that is slow leaves small messages where they are, each of which came in a large read.
#[test]
fn messages_that_wait_for_the_application_keep_no_large_blocks() {
    let _turn = TURN.lock();
    let mut stage = Stage::new();
    let sender = Bytes::from_static(SENDER);
    let at = |port: u16| -> Endpoint { format!("tcp://127.0.0.1:{port}").parse().unwrap() };
    let (send_spec, recv_spec) = (at(PUSH), at(PUSH - 1));
    stage.submit(Command::AddServer { sender, send_spec, recv_spec });
    stage.up();
    stage.events.clear();
    stage.is_deaf = true;
    let before = ALLOCATOR.allocated();
    (1..=1000).for_each(|conn_id| stage.deliver(conn_id, "GET", &[], b""));
    assert_eq!(stage.handler.stats().events, 1000);
    let kept = ALLOCATOR.allocated() - before;
    assert!(kept < 70 * READ_SIZE + 1000 * 2000, "{kept} octets for 1000 requests");
    stage.is_deaf = false;
    stage.settle();
    assert_eq!(stage.events.len(), 1000);
}

/// A peer says a message frame by frame, each behind commands that fill a whole read.
#[test]
fn frames_that_wait_for_the_rest_of_their_message_keep_nothing_but_themselves() {
    let _turn = TURN.lock();
    let mut pull = Engine::new(SocketType::Pull, Limits::default());
    let mut push = Engine::new(SocketType::Push, Limits::default());
    for _ in 0..2 {
        push.receive(pull.take_output().unwrap().into_bytes());
        pull.receive(push.take_output().unwrap().into_bytes());
        while pull.next().unwrap().is_some() || push.next().unwrap().is_some() {}
    }
    let before = ALLOCATOR.allocated();
    let unknown = b"\x04\xff\x05XYZZY";
    let mut chunk = unknown.to_vec();
    chunk.resize(257, b'x');
    let chunk = [chunk.repeat(READ_SIZE / 257), b"\x01\x01x".to_vec()].concat();
    for _ in 0..1000 {
        pull.receive(Bytes::from(chunk.clone()));
        assert_eq!(pull.next().unwrap(), None);
    }
    assert_eq!(pull.held(), 1000);
    drop(chunk);
    let kept = ALLOCATOR.allocated() - before;
    assert!(kept < 1000 * 200, "{kept} octets for 1000 frames of one");
}

const READ_SIZE: usize = 64 << 10;
const MEMBERS: i64 = 20_000;
const SENDER: &[u8] = b"5a0c2e6e-test";
const PUSH: u16 = 9999;
