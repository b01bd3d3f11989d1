//! A Node of a second tier, with its API, the servers that it answers to, and a control socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::introduction::{Answer, Order, Proof};
use mongrel2_transceiver::mongrel2::{Request, Sender, TARGETS_MAX, parse_response};
use mongrel2_transceiver::socket::Heartbeat;
use mongrel2_transceiver::tier::Node;
use mongrel2_transceiver::tier::node::{Command, Config, Event, Limits, Refused, Target};
use mongrel2_transceiver::transceiver::ServerId;
use mongrel2_transceiver::websocket;
use mongrel2_transceiver::zmtp::{Message, Received, SocketType};
use mongrel2_transceiver::{Endpoint, LinkId};

use super::answers::Answers;
use super::drive::{Driver, Scene};
use super::notes::{self, ANNOUNCEMENTS, CONTROL, RECEIPTS, WORK};
use super::peer::message;
use super::receipts::Receipts;
use super::requests::Browsers;
use super::transceiver::{SENDERS, order};
use crate::base;
use crate::choices::Choices;

/// Any sequence of inputs and commands for a Node of a second tier.
pub fn node_inputs(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let is_honest = choices.octet() < 0xC0;
    let config = config(&mut choices);
    let scene = Desk::new(&config, is_honest);
    Driver::new(Node::new(base(), config), scene, is_honest).play(choices);
}

fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::default();
    let heartbeat = Heartbeat { interval: Duration::from_secs(1), timeout: Duration::from_secs(1) };
    let control = "tcp://127.0.0.1:3000".parse().expect("an endpoint");
    config.seed = choices.octet().into();
    config.control = (choices.below(4) == 3).then_some(control);
    config.patience = choices.pick(&[Duration::from_secs(10), Duration::ZERO]);
    config.heartbeat = choices.pick(&[Some(heartbeat), None]);
    config.linger = choices.pick(&[Duration::from_secs(1), Duration::ZERO]);
    let limits = &mut config.limits;
    limits.message_size_max = choices.pick(&[1 << 20, 400]);
    limits.servers_max = choices.pick(&[3, 1, 0]);
    limits.held_max = choices.pick(&[100, 2, 0]);
    limits.open_max = choices.pick(&[100, 2, 0]);
    limits.events_max = choices.pick(&[100, 3, 0]);
    limits.event_bytes_max = choices.pick(&[100_000, 300]);
    limits.send_messages_max = choices.pick(&[100, 3, 0]);
    limits.send_bytes_max = choices.pick(&[10_000, 100, 0]);
    limits.target_messages_max = choices.pick(&[100, 2, 0]);
    limits.target_bytes_max = choices.pick(&[10_000, 100]);
    config
}

/// What the outside knows of a Node.
#[derive(Debug)]
struct Desk {
    limits: Limits,
    is_honest: bool,
    browsers: Browsers,
    receipts: Receipts,
    answers: Answers,
    servers: BTreeMap<ServerId, Served>,
    /// What was said for the Node to serve, and neither served nor given back so far.
    said: usize,
    told: BTreeSet<Target>,
    /// The last of them.
    targets: Vec<Target>,
    announced: Vec<Bytes>,
    is_stopped: bool,
}

/// What was told of a server.
#[derive(Debug)]
struct Served {
    sender: Bytes,
    /// The life that is up.
    life: Option<u32>,
    last_life: u32,
}

impl Desk {
    fn new(config: &Config, is_honest: bool) -> Self {
        Self {
            limits: config.limits.clone(),
            is_honest,
            browsers: Browsers::default(),
            receipts: Receipts::default(),
            answers: Answers::default(),
            servers: BTreeMap::new(),
            said: 0,
            told: BTreeSet::new(),
            targets: Vec::new(),
            announced: Vec::new(),
            is_stopped: false,
        }
    }

    /// What comes by a link for work.
    fn work(&mut self, link: LinkId, choices: &mut Choices<'_>) -> Message {
        let sender = SENDERS[choices.below(2)];
        let octet = choices.octet();
        let raw = match octet % 8 {
            7 if octet == 0xFF => return notes::mark().into(),
            0 => return notes::welcome(self.receipts.welcome(link)).into(),
            1 => return notes::life(sender, choices.below(2) as u64, any_life(choices)).into(),
            2 => notes::announcement("/news", choices.few()),
            3 => {
                self.said += 1;
                self.receipts.said(link);
                return message(choices);
            }
            _ => self.browsers.request(sender, choices),
        };
        self.said += 1;
        self.receipts.said(link);
        let (raw, is_another) = notes::damaged(raw, choices);
        self.is_honest &= !is_another;
        raw.into()
    }

    /// What the API says to all its Nodes.
    fn news(&mut self, choices: &mut Choices<'_>) -> Message {
        let sender = SENDERS[choices.below(2)];
        let raw = match choices.below(8) {
            0 | 1 => order(choices).encode(),
            2 => notes::over(sender, choices.below(2) as u64, any_life(choices)),
            3 | 4 => {
                let body = choices.some(2500);
                self.announced.push(body.clone());
                notes::announcement(choices.pick(&["/news", "x"]), &body)
            }
            5 => notes::welcome(choices.number()),
            6 => return message(choices),
            _ => add(choices.below(2)).encode(),
        };
        let (raw, is_another) = notes::damaged(raw, choices);
        self.is_honest &= !is_another;
        raw.into()
    }

    fn target(&self, choices: &mut Choices<'_>) -> Option<Target> {
        let place = choices.below(self.targets.len().clamp(1, 16));
        let mut target = *self.targets.iter().rev().nth(place)?;
        match choices.octet() {
            0xFF => target.conn_id.0 = i64::from(choices.octet()) - 2,
            0xFE => target.life = target.life.wrapping_add(choices.octet().into()),
            _ => {}
        }
        Some(target)
    }

    /// Whether nobody could tell which of two gets a message: one is of a life that was made up, which
    /// may come to be.
    fn is_ambiguous(&self, one: Target, other: Target) -> bool {
        let is_same = (one.server, one.conn_id) == (other.server, other.conn_id);
        let are_told = [one, other].iter().all(|target| {
            self.servers.get(&target.server).is_some_and(|served| target.life <= served.last_life)
        });
        is_same && one.life != other.life && !are_told
    }

    fn command_to(&mut self, target: Target, choices: &mut Choices<'_>) -> Command {
        match choices.below(8) {
            0 | 1 => {
                let body = self.answers.new_body(&[target], choices);
                Command::Reply { target, body, close: choices.flag() }
            }
            2 => Command::HangUp { target },
            3 => Command::Done { target },
            4 => Command::Decline { target },
            5 => {
                // More than fit into one message, now and then.
                let mut targets = vec![target; choices.pick(&[1, 1, 1, 200])];
                for _ in 0..choices.below(4) {
                    let more = self.target(choices);
                    let is_clear = |more: &Target| {
                        !targets.iter().any(|target| self.is_ambiguous(*more, *target))
                    };
                    targets.extend(more.filter(is_clear));
                }
                let body = self.answers.new_body(&targets, choices);
                Command::Broadcast { targets, message: websocket::Message::Binary(body) }
            }
            _ => {
                let body = self.answers.new_body(&[target], choices);
                Command::Send { target, message: websocket::Message::Binary(body) }
            }
        }
    }

    /// Judges what a server was given for its browsers.
    fn reply(&mut self, link: LinkId, raw: &Bytes) {
        if let Some(proof) = Proof::parse(raw) {
            let mut senders = SENDERS.iter().map(|sender| sender.as_bytes());
            return assert!(senders.any(|sender| sender == proof.sender.as_bytes()));
        }
        let reply = parse_response(raw).expect("Mongrel2 can read it");
        assert!((1..=TARGETS_MAX).contains(&reply.targets.len()) && !reply.extended);
        // A server's socket has its number, whoever has its name by now.
        let is_of = |server: ServerId| server.to_string() == link.scope().to_string();
        let mut served = self.servers.iter().filter(|(server, _)| is_of(**server));
        assert!(served.all(|(_, served)| served.sender == reply.sender), "under another's name");
        self.answers.heard(link, &reply.targets, &reply.body, is_of);
    }

    fn server_event(&mut self, event: &Event) {
        match event {
            Event::ServerAdded { server, sender } => {
                let served = Served { sender: sender.clone(), life: None, last_life: 0 };
                assert!(self.servers.insert(*server, served).is_none(), "added twice");
            }
            Event::ServerUp { server, life } => {
                let served = self.servers.get_mut(server).expect("of a server");
                assert_eq!(served.life.replace(*life), None, "up twice");
                assert!(*life > served.last_life, "lives are counted up");
                served.last_life = *life;
            }
            Event::ServerDown { server, life, .. } => {
                let served = self.servers.get_mut(server).expect("of a server");
                assert_eq!(served.life.take(), Some(*life), "down, but not up");
            }
            Event::ServerRemoved { server } => {
                assert!(self.servers.remove(server).is_some(), "removed, but not there");
            }
            Event::ServerDeaf { server, .. } | Event::Room { server } => {
                assert!(self.servers.contains_key(server));
            }
            _ => {}
        }
    }

    /// A request is the application's, or given back.
    fn served(&mut self) {
        let left = self.said.checked_sub(1);
        assert!(left.is_some() || !self.is_honest, "more is served than was said");
        self.said = left.unwrap_or_default();
    }

    fn request(&mut self, target: Target, request: &Request) {
        let served = self.servers.get(&target.server).expect("of a server");
        assert_eq!(served.sender, request.sender());
        assert_eq!(served.life, Some(target.life), "{target} is told while its life is up");
        assert_eq!(target.conn_id, request.conn_id());
        assert!(self.told.insert(target), "{target} is told twice");
        self.targets.push(target);
        self.served();
    }
}

impl Scene for Desk {
    type Machine = Node;

    /// All, as a rule: the servers' have the lowest scopes.
    const NEWEST: usize = 16;

    fn peer_type(&self, endpoint: Option<&Endpoint>, link: LinkId) -> SocketType {
        match (endpoint, link.scope()) {
            (None, _) => SocketType::Req,
            (_, WORK) => SocketType::Push,
            (_, ANNOUNCEMENTS) => SocketType::Pub,
            (_, RECEIPTS) => SocketType::Rep,
            _ => SocketType::Sub,
        }
    }

    fn message(&mut self, link: LinkId, choices: &mut Choices<'_>) -> Message {
        match link.scope() {
            WORK => self.work(link, choices),
            ANNOUNCEMENTS => self.news(choices),
            RECEIPTS if choices.below(8) < 7 => {
                let answers = ["RECEIVED", "RECEIVED", "WAIT", "WAIT", "ERROR x", ""];
                notes::enveloped(choices.pick(&answers).into())
            }
            CONTROL => notes::enveloped(notes::damaged(order(choices).encode(), choices).0),
            _ => message(choices),
        }
    }

    fn babbled(&mut self) {
        // It may have said anything.
        self.is_honest = false;
    }

    fn heard(&mut self, _: Option<&Endpoint>, link: LinkId, received: &Received) {
        let Received::Message(message) = received else { return };
        let last = message.frames().last().expect("a message has a frame").bytes();
        match link.scope() {
            RECEIPTS => self.receipts.heard(last, self.is_honest),
            CONTROL => {
                let answer = Answer::parse(last);
                assert!(!matches!(answer, Answer::Other(_)), "{answer:?}");
            }
            _ => {
                assert_eq!(message.frame_count(), 1, "Mongrel2 reads single frames");
                self.reply(link, &last);
            }
        }
    }

    fn command(&mut self, choices: &mut Choices<'_>) -> Command {
        self.answers.ask_for_nothing();
        match choices.octet() & 0xF {
            0 => add_server(choices.below(SENDERS.len())),
            1 if choices.flag() => {
                let place = choices.below(self.servers.len().max(1));
                let server = self.servers.keys().nth(place);
                server.map_or_else(
                    || add_server(0),
                    |server| Command::RemoveServer { server: *server },
                )
            }
            2 if choices.below(8) == 7 => Command::Shutdown,
            _ => match self.target(choices) {
                Some(target) => self.command_to(target, choices),
                None => add_server(1),
            },
        }
    }

    fn answered(&mut self, result: Result<(), Refused>) {
        if let Err(refused) = result {
            assert!(!refused.to_string().is_empty());
        }
        self.answers.answered(result.is_ok());
    }

    fn shutdown(&self) -> Command {
        Command::Shutdown
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.is_stopped, "nothing happens after the end: {event:?}");
        self.server_event(event);
        match event {
            Event::Request { target, request } | Event::Message { target, request, .. } => {
                self.request(*target, request);
            }
            Event::Unserved { .. } => self.served(),
            Event::Announcement { body, .. } => {
                let is_known = !self.is_honest || self.announced.contains(body);
                assert!(is_known, "nobody announced {body:?}");
            }
            Event::Undelivered { targets, .. } => self.answers.lost(targets),
            Event::Stopped { undelivered } => {
                assert!(self.servers.is_empty(), "something is left");
                self.answers.judge(*undelivered);
                self.is_stopped = true;
            }
            _ => {}
        }
    }

    fn check(&self, node: &Node) {
        let stats = node.stats();
        assert!(stats.servers <= self.limits.servers_max.max(1), "{stats:?}");
        assert!(stats.servers_up <= stats.servers);
        assert!(stats.held <= self.limits.held_max.max(1), "{stats:?}");
        assert!(stats.open <= self.limits.open_max.max(1), "{stats:?}");
        let events_max = 2 * self.limits.events_max.max(1) + 32;
        assert!(stats.events <= events_max + self.answers.unheard_of(), "{stats:?}");
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn scope(&self, octet: u8) -> u32 {
        match octet % 8 {
            4 => WORK,
            5 => ANNOUNCEMENTS,
            6 => RECEIPTS,
            7 => CONTROL,
            other => other.into(),
        }
    }
}

/// Lives are numbers of 32 bits; one that is larger makes a note of a life another message.
fn any_life(choices: &mut Choices<'_>) -> u64 {
    choices.number() & u64::from(u32::MAX)
}

fn add_server(number: usize) -> Command {
    Command::AddServer { sender: SENDERS[number].into(), recv_spec: at(2000 + number) }
}

fn add(number: usize) -> Order {
    let sender = Sender::new(SENDERS[number]).expect("a good name");
    Order::Add { sender, send_spec: at(1000 + number), recv_spec: at(2000 + number) }
}

fn at(port: usize) -> Endpoint {
    format!("tcp://127.0.0.1:{port}").parse().expect("an endpoint")
}
