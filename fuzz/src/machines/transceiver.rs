//! A transceiver with its servers, their browsers, and a control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::introduction::{Answer, Order, Proof};
use mongrel2_transceiver::mongrel2::{
    ConnId, Extended, Sender, TARGETS_MAX, parse_extended, parse_response,
};
use mongrel2_transceiver::socket::Heartbeat;
use mongrel2_transceiver::transceiver::{
    Command, Config, Deflate, Event, Limits, Refused, ServerId, Stats, Target, Uploads,
};
use mongrel2_transceiver::websocket::{CloseCode, Message, Utf8Bytes};
use mongrel2_transceiver::zmtp::{self, Frame, Received, SocketType};
use mongrel2_transceiver::{Endpoint, LinkId, Machine, Transceiver};

use super::drive::{Driver, Scene};
use super::peer::message;
use super::requests::{Browsers, UPLOADS};
use super::rooms::{Rooms, without_mark};
use crate::base;
use crate::choices::Choices;

/// Any sequence of inputs and commands for a transceiver.
pub fn transceiver_inputs(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let is_honest = choices.octet() < 0xC0;
    let config = config(&mut choices);
    let scene = Hall::new(&config);
    let mut transceiver = Transceiver::new(base(), config);
    if choices.below(8) != 7 {
        // So that the shortest inputs have something to play with.
        transceiver.submit(base(), add_server(0)).expect("there is room for one server");
    }
    Driver::new(transceiver, scene, is_honest).play(choices);
}

pub(super) fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::default();
    let heartbeat = Heartbeat { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) };
    let control = "tcp://127.0.0.1:3000".parse().expect("an endpoint");
    config.seed = choices.octet().into();
    let octet = choices.octet();
    config.control = (octet % 4 == 3).then_some(control);
    config.deflate = deflate(octet >> 2);
    config.ping_interval = choices.pick(&[Some(Duration::from_secs(1)), None]);
    config.close_timeout = choices.pick(&[Duration::from_millis(500), Duration::ZERO]);
    config.heartbeat = choices.pick(&[Some(heartbeat), None]);
    config.uploads = Uploads::new(UPLOADS, 10).ok();
    config.keep_alive_interval = Duration::from_secs(1);
    config.linger = choices.pick(&[Duration::from_secs(1), Duration::ZERO]);
    limits(choices, &mut config.limits);
    config
}

/// Compression, where it is on: not for the numbers that old inputs have.
fn deflate(number: u8) -> Option<Deflate> {
    let mut deflate = Deflate::default();
    deflate.contexts_max = match number % 8 {
        1 => 0,
        3 => 1,
        5 | 6 => 100,
        _ => return None,
    };
    deflate.threshold = if number & 8 == 0 { 0 } else { 10 };
    deflate.level = number >> 4;
    Some(deflate)
}

fn limits(choices: &mut Choices<'_>, limits: &mut Limits) {
    limits.message_size_max = choices.pick(&[1 << 20, 400]);
    limits.websocket_size_max = choices.pick(&[1 << 20, 10]);
    limits.servers_max = choices.pick(&[2, 1]);
    limits.sessions_max = choices.pick(&[100, 3]);
    (limits.holds_max, limits.uploads_max) = (3, 2);
    limits.events_max = choices.pick(&[100, 3, 1]);
    limits.send_messages_max = choices.pick(&[100, 3, 0]);
    limits.send_bytes_max = choices.pick(&[10_000, 100, 0]);
    limits.read_size = choices.pick(&[1 << 16, 100, 1]);
    limits.write_size = choices.pick(&[1 << 16, 100, 0]);
    // Not drawn, so that old inputs keep their meaning.
    limits.group_name_max = 3;
    limits.groups_max = 3;
    limits.memberships_max = 6;
}

/// What the outside knows of a transceiver.
#[derive(Debug)]
pub(super) struct Hall {
    limits: Limits,
    servers: BTreeMap<ServerId, Heard>,
    open: BTreeSet<Target>,
    /// The uploads that have started, and may be done.
    uploads: BTreeMap<Target, String>,
    /// Whom something was heard of, the last of them at the end.
    targets: Vec<Target>,
    rooms: Rooms,
    browsers: Browsers,
    is_stopped: bool,
}

/// What was told of a server.
#[derive(Debug, Default)]
struct Heard {
    /// The life that is up.
    life: Option<u32>,
    last_life: u32,
}

impl Hall {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            limits: config.limits.clone(),
            servers: BTreeMap::new(),
            open: BTreeSet::new(),
            uploads: BTreeMap::new(),
            targets: Vec::new(),
            rooms: Rooms::default(),
            browsers: Browsers::default(),
            is_stopped: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty() && self.open.is_empty()
    }

    /// Judges what a transceiver holds.
    pub(super) fn check_stats(&self, stats: Stats) {
        assert!(stats.servers <= self.limits.servers_max.max(1));
        assert!(stats.servers_up <= stats.servers);
        // A link that has ended may still be read from while the next one opens.
        assert!(stats.links <= 4 * stats.servers);
        let sessions_max = self.limits.sessions_max.max(1) * self.limits.servers_max;
        assert!(stats.sessions <= sessions_max, "{} sessions", stats.sessions);
        // Each session has one end to tell, whether there is room for it or not.
        let events_max = self.limits.events_max.max(1) + 16 + sessions_max;
        assert!(stats.events <= events_max, "{} events", stats.events);
    }

    fn heard_of(&mut self, target: Target) {
        assert!(self.servers.contains_key(&target.server), "{target} of no server");
        self.targets.retain(|other| *other != target);
        if self.targets.len() == 16 {
            self.targets.remove(0);
        }
        self.targets.push(target);
    }

    /// Somebody, perhaps of a former life, perhaps of none.
    fn target(&self, choices: &mut Choices<'_>) -> Option<Target> {
        let place = choices.below(self.targets.len().max(1));
        let mut target = *self.targets.iter().rev().nth(place)?;
        match choices.octet() {
            0xFF => target.conn_id = ConnId(i64::from(choices.octet()) - 2),
            0xFE => target.life = target.life.wrapping_add(choices.octet().into()),
            _ => {}
        }
        Some(target)
    }

    fn command_to(&self, target: Target, choices: &mut Choices<'_>) -> Command {
        match choices.below(6) {
            0 | 1 => Command::Send { target, message: text_or_octets(choices) },
            2 => Command::Reply {
                target,
                body: without_mark(choices.some(2500)),
                close: choices.flag(),
            },
            3 => Command::HangUp { target },
            4 => {
                // More than fit into one message, now and then.
                let mut targets = vec![target; choices.pick(&[1, 1, 1, 200])];
                targets.extend((0..choices.below(4)).filter_map(|_| self.target(choices)));
                let message = text_or_octets(choices);
                Command::Broadcast { to: targets.into(), except: None, message }
            }
            _ => {
                let number = if choices.flag() { choices.wide() } else { 1000 };
                let code = CloseCode::new(number).unwrap_or(CloseCode::NORMAL);
                let reason = String::from_utf8_lossy(choices.few()).into_owned();
                Command::Close { target, code, reason: reason.into() }
            }
        }
    }

    /// What is for the server itself, or for a module of it.
    fn steering(target: Target, choices: &mut Choices<'_>) -> Command {
        match choices.below(4) {
            0 => Command::Hold { target, time: Duration::from_secs(choices.octet().into()) },
            1 => Command::Grant { target, octets: choices.number() },
            2 => {
                let key = choices.pick(&["sendfile", "", "ctl"]).into();
                Command::Extended { target, key, value: choices.some(2500) }
            }
            _ => Command::Cancel { target },
        }
    }

    fn upload_event(&mut self, event: &Event) {
        match event {
            Event::UploadStarted { target, path, .. } => {
                self.uploads.insert(*target, path.clone());
            }
            Event::UploadDone { target, path, .. } => {
                assert_eq!(self.uploads.remove(target).as_ref(), Some(path), "{target}");
            }
            Event::Disconnect { target } => drop(self.uploads.remove(target)),
            _ => {}
        }
    }

    fn server_event(&mut self, event: &Event) {
        match event {
            Event::ServerAdded { server, sender, .. } => {
                self.rooms.added(*server, sender.clone());
                let old = self.servers.insert(*server, Heard::default());
                assert!(old.is_none(), "added twice");
            }
            Event::ServerUp { server, life } => {
                let heard = self.servers.get_mut(server).expect("of a server");
                assert_eq!(heard.life.replace(*life), None, "up twice");
                assert!(*life > heard.last_life, "lives are counted up");
                heard.last_life = *life;
            }
            Event::ServerDown { server, life, .. } => {
                let heard = self.servers.get_mut(server).expect("of a server");
                assert_eq!(heard.life.take(), Some(*life), "down, but not up");
            }
            Event::ServerRemoved { server, .. } => {
                assert!(self.servers.remove(server).is_some(), "removed, but not there");
                let has_left = self.open.iter().all(|target| target.server != *server);
                assert!(has_left, "sessions outlive their server: {:?}", self.open);
                self.targets.retain(|target| target.server != *server);
            }
            Event::ServerUnreachable { server, .. }
            | Event::ServerDeaf { server, .. }
            | Event::Room { server }
            | Event::Unreadable { server, .. } => assert!(self.servers.contains_key(server)),
            _ => {}
        }
    }

    fn session_event(&mut self, event: &Event) {
        match event {
            Event::SessionOpened { target, .. } => {
                self.rooms.opened(*target);
                assert!(self.open.insert(*target), "opened twice: {target}");
                let of_server = self.open.iter().filter(|open| open.server == target.server);
                assert!(of_server.count() <= self.limits.sessions_max);
            }
            Event::SessionMessage { target, message, .. } => {
                assert!(self.open.contains(target), "a message of no session: {target}");
                assert!(message.len() <= self.limits.websocket_size_max);
            }
            Event::SessionClosed { target, .. } => {
                self.rooms.closed(*target);
                assert!(self.open.remove(target), "closed, but not open: {target}");
            }
            Event::Disconnect { target } => {
                assert!(!self.open.contains(target), "{target} is a session");
            }
            _ => {}
        }
    }
}

impl Scene for Hall {
    type Machine = Transceiver;

    fn peer_type(&self, endpoint: Option<&Endpoint>, _: LinkId) -> SocketType {
        match endpoint.map(port) {
            None => SocketType::Req,
            Some(port) if port < RECV_SPECS => SocketType::Push,
            Some(_) => SocketType::Sub,
        }
    }

    fn message(&mut self, _: LinkId, choices: &mut Choices<'_>) -> zmtp::Message {
        match choices.below(8) {
            7 => message(choices),
            6 => zmtp::Message::from_frames(vec![Frame::default(), order(choices).encode().into()])
                .expect("two frames"),
            _ => self.browsers.request("server", choices).into(),
        }
    }

    fn heard(&mut self, endpoint: Option<&Endpoint>, _: LinkId, received: &Received) {
        let Received::Message(message) = received else { return };
        let last = message.frames().last().expect("a message has a frame").bytes();
        let Some(endpoint) = endpoint else {
            let answer = Answer::parse(last);
            return assert!(!matches!(answer, Answer::Other(_)), "{answer:?}");
        };
        let sender = SENDERS[usize::from(port(endpoint) - RECV_SPECS)].as_bytes();
        if let Some(proof) = Proof::parse(&last) {
            return assert_eq!(proof.sender.as_bytes(), sender);
        }
        assert_eq!(message.frame_count(), 1, "Mongrel2 reads single frames");
        let reply = parse_response(&message.first().bytes()).expect("Mongrel2 can read it");
        assert_eq!(reply.sender, sender);
        assert!((1..=TARGETS_MAX).contains(&reply.targets.len()));
        if reply.extended {
            assert_ne!(parse_extended(&reply.body), Extended::Ignored, "it would do nothing");
        }
        assert!(reply.targets.iter().all(|target| target.0 >= 0));
        self.rooms.heard(sender, &reply.targets, &reply.body);
    }

    fn command(&mut self, choices: &mut Choices<'_>) -> Command {
        let what = choices.octet();
        match what & 0xF {
            0 => add_server(choices.below(SENDERS.len())),
            1 => {
                let place = choices.below(self.servers.len().max(1));
                let server = self.servers.keys().nth(place);
                server.map_or_else(
                    || add_server(0),
                    |server| Command::RemoveServer { server: *server },
                )
            }
            2 if choices.below(8) == 7 => Command::Shutdown,
            0xE | 0xF => {
                let target = self.target(choices);
                self.rooms.command(target, choices)
            }
            _ => match self.target(choices) {
                Some(target) if what >= 0xC0 => Self::steering(target, choices),
                Some(target) => self.command_to(target, choices),
                None => add_server(1),
            },
        }
    }

    fn answered(&mut self, result: Result<(), Refused>) {
        self.rooms.answered(result.is_ok());
        if let Err(refused) = result {
            assert!(!refused.to_string().is_empty());
        }
    }

    fn shutdown(&self) -> Command {
        Command::Shutdown
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.is_stopped, "nothing happens after the end: {event:?}");
        self.server_event(event);
        self.session_event(event);
        self.upload_event(event);
        match event {
            Event::Request { target, .. }
            | Event::UploadStarted { target, .. }
            | Event::UploadDone { target, .. }
            | Event::Disconnect { target }
            | Event::SessionOpened { target, .. } => self.heard_of(*target),
            Event::Stopped { .. } => {
                assert!(self.is_empty(), "something is left");
                self.is_stopped = true;
            }
            _ => {}
        }
    }

    fn check(&self, transceiver: &Transceiver) {
        self.check_stats(transceiver.stats());
        self.rooms.check(transceiver, &self.limits);
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

fn text_or_octets(choices: &mut Choices<'_>) -> Message {
    let is_text = choices.flag();
    let octets = without_mark(choices.some(2500));
    if is_text {
        Message::Text(Utf8Bytes::from(String::from_utf8_lossy(&octets).into_owned()))
    } else {
        Message::Binary(octets)
    }
}

fn at(first: u16, number: usize) -> Endpoint {
    let port = usize::from(first) + number;
    format!("tcp://127.0.0.1:{port}").parse().expect("an endpoint")
}

pub(super) fn add_server(number: usize) -> Command {
    Command::AddServer {
        sender: Bytes::from_static(SENDERS[number].as_bytes()),
        send_spec: at(SEND_SPECS, number),
        recv_spec: at(RECV_SPECS, number),
    }
}

/// What somebody asks of the control socket.
pub(super) fn order(choices: &mut Choices<'_>) -> Order {
    let number = choices.below(2);
    let sender = Sender::new(SENDERS[number].as_bytes()).expect("a good name");
    let text = Bytes::from_static(b"proof");
    match choices.below(5) {
        0 => Order::Alive,
        1 => Order::Remove { sender },
        2 => Order::Ping { sender, text },
        3 => Order::DisconnectPing { sender, text },
        _ => Order::Add {
            sender,
            send_spec: at(SEND_SPECS, number),
            recv_spec: at(RECV_SPECS, number),
        },
    }
}

fn port(endpoint: &Endpoint) -> u16 {
    match endpoint {
        Endpoint::Tcp { port, .. } => *port,
        Endpoint::Ipc { .. } => unreachable!("all endpoints here are of TCP"),
    }
}

/// The third is none that a server may have.
pub(super) const SENDERS: [&str; 4] = ["a", "b-2", "c_3", "a"];
/// The ports of servers, counted up from these.
const SEND_SPECS: u16 = 1000;
const RECV_SPECS: u16 = 2000;
