//! A handler by itself, with as little of servers and browsers as answers what it says. What the handler
//! takes is counted, and nothing else.

#![allow(dead_code, reason = "each of the programs that share it has its own part")]

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request, parse_response};
use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};
use mongrel2_transceiver::zmtp::{Engine, Limits, Received, SocketType};
use mongrel2_transceiver::{Input, LinkId, Machine, Output};

/// What the calls of one phase took.
#[derive(Default)]
pub(crate) struct Cost {
    pub(crate) total: Duration,
    pub(crate) longest: Duration,
    /// The longest slice: from the word that its time has come until all of it is written.
    pub(crate) longest_slice: Duration,
    pub(crate) replies: usize,
}

/// The handler, and what stands for the rest of the world.
pub(crate) struct Stage {
    pub(crate) handler: Transceiver,
    now: Instant,
    servers: Vec<Server>,
    /// Whether nobody listens any more to what is said.
    pub(crate) is_deaf: bool,
    /// What every request over HTTP is answered, if anything.
    pub(crate) answer: Option<Bytes>,
    cost: Cost,
    /// What the handler said last, to whom, and by which server.
    pub(crate) said: Vec<Said>,
    pub(crate) is_stopped: bool,
}

/// One server, as the handler sees it.
struct Server {
    /// PUSH and SUB, with the handler's names for the streams.
    links: [Option<(LinkId, Engine)>; 2],
    /// What it is about to say, as far as the handler has not read it.
    unread: VecDeque<Bytes>,
    is_reading: bool,
}

/// One reply.
pub(crate) struct Said {
    pub(crate) server: usize,
    pub(crate) to: Vec<ConnId>,
    pub(crate) body: Bytes,
}

impl Stage {
    /// A handler for so many sessions, with so many servers up.
    pub(crate) fn new(sessions: usize, servers: usize) -> Self {
        let mut config = Config::default();
        config.control = None;
        config.heartbeat = None;
        config.limits.sessions_max = sessions;
        let now = Instant::now();
        let mut stage = Self {
            handler: Transceiver::new(now, config),
            now,
            servers: Vec::new(),
            is_deaf: false,
            answer: None,
            cost: Cost::default(),
            said: Vec::new(),
            is_stopped: false,
        };
        for number in 0..servers {
            let links = [None, None];
            stage.servers.push(Server { links, unread: VecDeque::new(), is_reading: false });
            stage.submit(Command::AddServer {
                sender: sender(number).into(),
                send_spec: endpoint(2 * number).parse().unwrap(),
                recv_spec: endpoint(2 * number + 1).parse().unwrap(),
            });
        }
        stage.take_cost();
        stage
    }

    /// Does one thing with the handler, and counts what it takes.
    pub(crate) fn timed<T>(
        &mut self,
        call: impl FnOnce(&mut Transceiver, Instant) -> T,
    ) -> (T, Duration) {
        let begin = Instant::now();
        let result = call(&mut self.handler, self.now);
        let took = begin.elapsed();
        self.cost.total += took;
        self.cost.longest = self.cost.longest.max(took);
        (result, took)
    }

    pub(crate) fn submit(&mut self, command: Command) {
        self.timed(|handler, now| handler.submit(now, command)).0.unwrap();
        self.settle();
    }

    fn tell(&mut self, input: Input) {
        self.timed(|handler, now| handler.handle(now, input));
    }

    /// Performs all operations, takes all events, lets the servers say what they have to say.
    pub(crate) fn settle(&mut self) {
        loop {
            if let (Some(event), _) = self.timed(|handler, _| handler.poll_event()) {
                self.hear_of(event);
            } else if let (Some(output), _) = self.timed(|handler, _| handler.poll_output()) {
                self.perform(output);
            } else if !self.say() {
                return;
            }
        }
    }

    fn hear_of(&mut self, event: Event) {
        match event {
            Event::Stopped { .. } => self.is_stopped = true,
            Event::Undelivered { reason, .. } => panic!("something was lost: {reason}"),
            Event::Request { target, .. } => {
                if let Some(body) = self.answer.clone() {
                    let reply = Command::Reply { target, body, close: false };
                    self.timed(|handler, now| handler.submit(now, reply)).0.unwrap();
                }
            }
            _ => {}
        }
    }

    /// One server that is read says what it has to say.
    fn say(&mut self) -> bool {
        let waiting = self.servers.iter_mut().filter(|server| server.is_reading);
        for server in waiting {
            if let (Some(data), [Some((link, _)), _]) = (server.unread.pop_front(), &server.links) {
                let link = *link;
                server.is_reading = false;
                self.tell(Input::Received { link, data });
                return true;
            }
        }
        false
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect { link, endpoint: to } => {
                let number = (0..).find(|number| endpoint(*number) == to.to_string()).unwrap();
                let (server, side) = (number / 2, number % 2);
                let socket_type = [SocketType::Push, SocketType::Sub][side];
                let engine = Engine::new(socket_type, Limits::default());
                self.servers[server].links[side] = Some((link, engine));
                self.tell(Input::Opened { link });
                self.greet(server, side);
            }
            Output::Read { link, .. } => {
                let (server, side) = self.find(link);
                if side == 0 {
                    self.servers[server].is_reading = true;
                }
            }
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

    /// Which server's link this is, and which of its two.
    fn find(&self, link: LinkId) -> (usize, usize) {
        let is_it = |of: &Option<(LinkId, Engine)>| of.as_ref().is_some_and(|(id, _)| *id == link);
        let sides = self.servers.iter().map(|server| server.links.iter().position(is_it));
        sides.enumerate().find_map(|(server, side)| Some((server, side?))).unwrap()
    }

    /// What the server's end has to say of itself.
    fn greet(&mut self, server: usize, side: usize) {
        let Some((link, engine)) = &mut self.servers[server].links[side] else { return };
        let link = *link;
        if let Some(data) = engine.take_output() {
            self.tell(Input::Received { link, data: data.into_bytes() });
        }
    }

    fn hear(&mut self, link: LinkId, data: Bytes) {
        if self.is_deaf {
            return;
        }
        let (server, side) = self.find(link);
        let Some((_, engine)) = &mut self.servers[server].links[side] else { return };
        engine.receive(data);
        while let Some(received) = engine.next().unwrap() {
            match received {
                Received::Message(message) => {
                    let reply = parse_response(&message.first().bytes()).unwrap();
                    self.cost.replies += 1;
                    self.said.push(Said { server, to: reply.targets, body: reply.body });
                }
                Received::Ready(_) if side == 1 => engine.subscribe(b""),
                Received::Ping { context, .. } => engine.pong(&context),
                _ => {}
            }
        }
        self.greet(server, side);
    }

    /// Messages of a server about its browsers, put into reads of the usual size.
    pub(crate) fn deliver(&mut self, server: usize, messages: impl Iterator<Item = Bytes>) {
        let mut data = BytesMut::new();
        for message in messages {
            data.extend_from_slice(&[2]);
            data.extend_from_slice(&(message.len() as u64).to_be_bytes());
            data.extend_from_slice(&message);
            if data.len() > READ_SIZE - 1024 {
                self.servers[server].unread.push_back(data.split().freeze());
                self.settle();
                self.said.clear();
            }
        }
        self.servers[server].unread.push_back(data.freeze());
        self.settle();
    }

    /// Lets the time pass; `answer` is what browsers say to what they got.
    pub(crate) fn pass(&mut self, time: Duration, answer: impl Fn(&[u8]) -> Option<Bytes>) -> Cost {
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
        for number in 0..self.servers.len() {
            let of_server = said.iter().filter(|said| said.server == number);
            let frames = of_server.flat_map(|said| {
                let frame = answer(&said.body);
                said.to.iter().filter_map(move |to| Some(frame_of(number, *to, frame.as_ref()?)))
            });
            let frames: Vec<_> = frames.collect();
            self.deliver(number, frames.into_iter());
        }
    }

    pub(crate) fn take_cost(&mut self) -> Cost {
        std::mem::take(&mut self.cost)
    }
}

fn sender(server: usize) -> String {
    format!("million-{server}")
}

fn endpoint(number: usize) -> String {
    format!("tcp://127.0.0.1:{}", 10_000 + number)
}

/// A message of a server about a browser.
fn message(server: usize, conn_id: ConnId, more: &[(&str, &str)], body: &[u8]) -> Bytes {
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
    let sender = sender(server);
    encode_request(sender.as_bytes(), conn_id, b"/chat", &headers, Dialect::Json, body, &mut raw);
    raw.freeze()
}

/// A request over HTTP.
pub(crate) fn get(server: usize, conn_id: ConnId) -> Bytes {
    message(server, conn_id, &[("METHOD", "GET")], b"")
}

/// A WebSocket frame: its first octet, then its payload.
pub(crate) fn frame_of(server: usize, conn_id: ConnId, frame: &Bytes) -> Bytes {
    let flags = format!("0x{:X}", frame[0]);
    message(server, conn_id, &[("METHOD", "WEBSOCKET"), ("FLAGS", &flags)], &frame[1..])
}

pub(crate) fn handshake(server: usize, conn_id: ConnId) -> Bytes {
    let headers = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", "13")];
    message(server, conn_id, &headers, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
}

const READ_SIZE: usize = 64 << 10;
