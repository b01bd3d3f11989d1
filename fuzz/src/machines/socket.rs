//! A socket of each type.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, Config, Event, Heartbeat, Limits, Refused, Socket};
use mongrel2_transceiver::zmtp::{Message, Oversize, Received, SocketType};
use mongrel2_transceiver::{Endpoint, LinkId};

use super::drive::{Driver, Scene};
use super::peer::message;
use crate::base;
use crate::choices::Choices;
use crate::zmtp::{ALL_TYPES, peer_of};

/// Any sequence of inputs and commands for one socket.
pub fn socket_inputs(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let is_honest = choices.octet() < 0xC0;
    let config = config(&mut choices);
    let scene = Bench::new(&config);
    Driver::new(Socket::new(base(), config), scene, is_honest).play(choices);
}

fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::new(choices.pick(&ALL_TYPES));
    let heartbeat = Heartbeat { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) };
    config.seed = choices.octet().into();
    config.heartbeat = choices.flag().then_some(heartbeat);
    config.linger = choices.pick(&[Duration::from_secs(1), Duration::ZERO]);
    config.request_timeout = choices.pick(&[Some(Duration::from_secs(2)), None]);
    config.immediate = choices.flag();
    limits(choices, &mut config.limits);
    config
}

fn limits(choices: &mut Choices<'_>, limits: &mut Limits) {
    limits.message_size_max = choices.pick(&[1 << 20, 100, 0]);
    limits.frames_max = choices.pick(&[8, 2, 0]);
    limits.oversize = choices.pick(&[Oversize::Refuse, Oversize::Skip]);
    limits.links_max = choices.pick(&[3, 1, 0]);
    limits.handshakes_max = choices.pick(&[2, 1, 0]);
    limits.events_max = choices.pick(&[100, 3, 1, 0]);
    limits.send_messages_max = choices.pick(&[100, 2, 0]);
    limits.send_bytes_max = choices.pick(&[10_000, 50, 0]);
    limits.subscriptions_max = choices.pick(&[100, 2, 0]);
    limits.read_size = choices.pick(&[1 << 16, 1 << 12, 40, 0]);
    limits.write_size = choices.pick(&[1 << 16, 40, 0]);
}

/// What the outside knows of a socket.
#[derive(Debug)]
struct Bench {
    socket_type: SocketType,
    limits: Limits,
    up: BTreeSet<LinkId>,
    connects: usize,
    binds: usize,
    /// The command that was submitted last.
    asked: Asked,
    /// REQ: requests whose end was not told; the next one may be sent before the application has
    /// heard the last reply. REP: requests to be answered, at most one.
    requests: usize,
    is_stopped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Send,
    Connect,
    Other,
}

impl Bench {
    fn new(config: &Config) -> Self {
        Self {
            socket_type: config.socket_type,
            limits: config.limits.clone(),
            up: BTreeSet::new(),
            connects: 0,
            binds: 0,
            asked: Asked::Other,
            requests: 0,
            is_stopped: false,
        }
    }

    fn request_is_over(&mut self) {
        self.requests = self.requests.checked_sub(1).expect("a reply belongs to a request");
    }

    fn judge_message(&mut self, message: &Message) {
        assert!(message.size() <= self.limits.message_size_max.max(1));
        assert!(message.frame_count() <= self.limits.frames_max.max(1));
        match self.socket_type {
            SocketType::Req => self.request_is_over(),
            SocketType::Rep => {
                self.requests += 1;
                assert!(self.requests == 1, "one request at a time");
            }
            SocketType::Pull | SocketType::Sub => {}
            SocketType::Push | SocketType::Pub => panic!("this socket hears no messages"),
        }
    }
}

impl Scene for Bench {
    type Machine = Socket;

    fn peer_type(&self, _: Option<&Endpoint>, _: LinkId) -> SocketType {
        peer_of(self.socket_type)
    }

    fn message(&mut self, _: LinkId, choices: &mut Choices<'_>) -> Message {
        message(choices)
    }

    fn heard(&mut self, _: Option<&Endpoint>, _: LinkId, received: &Received) {
        if let Received::Message(message) = received {
            assert!(message.size() <= self.limits.message_size_max + 256 * 16);
        }
    }

    fn command(&mut self, choices: &mut Choices<'_>) -> Command {
        self.asked = Asked::Other;
        match choices.octet() & 0xF {
            0 | 1 => {
                self.asked = Asked::Connect;
                Command::Connect(endpoint(choices))
            }
            // Each ends with an operation of its own: not so many that the shutdown looks endless.
            2 | 3 if self.binds < BINDS_MAX => {
                self.binds += 1;
                Command::Bind(endpoint(choices))
            }
            4 => Command::Disconnect(endpoint(choices)),
            5 => Command::Unbind(endpoint(choices)),
            6 | 7 => Command::Subscribe(Bytes::copy_from_slice(choices.few())),
            8 => Command::Cancel(Bytes::copy_from_slice(choices.few())),
            9 if choices.below(8) == 7 => Command::Shutdown,
            _ => {
                self.asked = Asked::Send;
                Command::Send(message(choices))
            }
        }
    }

    fn answered(&mut self, result: Result<(), Refused>) {
        if let Err(refused) = result {
            assert!(!refused.to_string().is_empty());
            // A REP socket whose peer has left goes on with the next request.
            if self.socket_type == SocketType::Rep && refused == Refused::NoPeer {
                self.request_is_over();
            }
            return;
        }
        match (self.asked, self.socket_type) {
            (Asked::Connect, _) => self.connects += 1,
            (Asked::Send, SocketType::Req) => self.requests += 1,
            (Asked::Send, SocketType::Rep) => self.request_is_over(),
            (Asked::Send, SocketType::Pull | SocketType::Sub) => panic!("it cannot send"),
            (Asked::Send | Asked::Other, _) => {}
        }
    }

    fn shutdown(&self) -> Command {
        Command::Shutdown
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.is_stopped, "nothing happens after the end: {event:?}");
        match event {
            Event::Up { link, .. } => assert!(self.up.insert(*link), "up twice"),
            Event::Down { link, .. } => assert!(self.up.remove(link), "down, but not up"),
            Event::Message { link, message } => {
                assert!(self.up.contains(link));
                self.judge_message(message);
            }
            Event::Oversized { link, .. } => {
                assert!(self.up.contains(link) && self.limits.oversize == Oversize::Skip);
            }
            Event::Subscribed { link, .. } | Event::Cancelled { link, .. } => {
                assert!(self.up.contains(link) && self.socket_type == SocketType::Pub);
            }
            Event::NoReply { .. } => self.request_is_over(),
            Event::Stopped { .. } => {
                assert!(self.up.is_empty(), "links are left");
                self.is_stopped = true;
            }
            _ => {}
        }
    }

    fn check(&self, socket: &Socket) {
        // Links of endpoints that it has parted from may still flush.
        assert!(socket.link_count() <= self.limits.links_max.max(1) + self.connects);
        assert!(!self.is_stopped || socket.link_count() == 0);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

fn endpoint(choices: &mut Choices<'_>) -> Endpoint {
    let text = choices.pick(&["tcp://127.0.0.1:1", "tcp://[::1]:2", "ipc://x", "tcp://*:*"]);
    text.parse().expect("an endpoint")
}

/// Of one run.
const BINDS_MAX: usize = 16;
