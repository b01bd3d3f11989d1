//! The API of a second tier, with servers before it and Nodes behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::mongrel2::{ConnId, Request};
use mongrel2_transceiver::tier::Api;
use mongrel2_transceiver::tier::api::{
    Command, Config, Event, Forward, Limits, NodeId, Refused, Spread,
};
use mongrel2_transceiver::transceiver::{self, Target};
use mongrel2_transceiver::zmtp::{Message, Properties, Received, SocketType};
use mongrel2_transceiver::{Endpoint, LinkId, Machine};

use super::drive::{Driver, Scene};
use super::notes::{self, ANNOUNCEMENTS, OURS, RECEIPTS, WORK};
use super::peer::message;
use super::transceiver::{Hall, SENDERS, add_server};
use crate::base;
use crate::choices::Choices;

/// Any sequence of inputs and commands for the API of a second tier.
pub fn api_inputs(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let is_honest = choices.octet() < 0xC0;
    let config = config(&mut choices);
    let scene = Office::new(&config, is_honest);
    let mut api = Api::new(base(), config);
    if choices.below(8) != 7 {
        api.submit(base(), add_server(0).into()).expect("there is room for one server");
    }
    Driver::new(api, scene, is_honest).play(choices);
}

fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::default();
    config.handler = super::transceiver::config(choices);
    config.forward = choices.pick(&[Forward::All, Forward::Nothing]);
    config.spread = choices.pick(&[Spread::RoundRobin, Spread::StickyByClient]);
    config.patience = choices.pick(&[Duration::from_secs(1), Duration::ZERO]);
    config.answer_lost = choices.flag();
    let limits = &mut config.limits;
    limits.waiting_max = choices.pick(&[100, 3, 0]);
    limits.waiting_bytes_max = choices.pick(&[100_000, 300, 0]);
    limits.window_max = choices.pick(&[16, 1, 0]);
    limits.window_bytes_max = choices.pick(&[10_000, 1]);
    limits.ledger_max = choices.pick(&[100, 2, 0]);
    limits.nodes_max = choices.pick(&[4, 1]);
    limits.events_max = choices.pick(&[100, 3, 0]);
    config
}

/// What the outside knows of an API.
#[derive(Debug)]
struct Office {
    hall: Hall,
    limits: Limits,
    is_honest: bool,
    /// What Nodes of ours were told, by their links for work.
    ours: BTreeMap<LinkId, Told>,
    /// What links for work are called, and which lives were spoken of.
    names: Vec<u64>,
    lives: Vec<(Bytes, u64, u64)>,
    /// What servers said and the application forwarded, and was not given to a Node so far.
    said: BTreeMap<Bytes, usize>,
    said_ever: usize,
    /// How many requests were reported as lost in any way.
    reported: usize,
    /// What the application may forward.
    told: Vec<(Target, Bytes)>,
    announced: Vec<Bytes>,
    up: BTreeSet<NodeId>,
    /// Nodes whose links have ended, and what they had not finished by then.
    down: BTreeMap<NodeId, usize>,
    /// The command that was submitted last.
    asked: Option<Command>,
    is_stopped: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    is_welcome: bool,
    has_life: bool,
}

impl Office {
    fn new(config: &Config, is_honest: bool) -> Self {
        Self {
            hall: Hall::new(&config.handler),
            limits: config.limits.clone(),
            is_honest,
            ours: BTreeMap::new(),
            names: Vec::new(),
            lives: Vec::new(),
            said: BTreeMap::new(),
            said_ever: 0,
            reported: 0,
            told: Vec::new(),
            announced: Vec::new(),
            up: BTreeSet::new(),
            down: BTreeMap::new(),
            asked: None,
            is_stopped: false,
        }
    }

    fn was_said(&mut self, raw: Bytes) {
        *self.said.entry(raw).or_default() += 1;
        self.said_ever += 1;
    }

    /// What a Node says over the socket for receipts.
    fn receipt(&self, choices: &mut Choices<'_>) -> Message {
        let octet = choices.octet();
        let raw = match octet % 8 {
            0..=3 => {
                let link = match self.names.len() {
                    0 => choices.number(),
                    len => self.names[len - 1 - choices.below(len.min(8))],
                };
                if octet >= 0xF8 {
                    let raw = notes::taken(link, choices.number());
                    return notes::enveloped(notes::damaged(raw, choices).0);
                }
                let [done, failed] = [(); 2].map(|()| notes::some_ranges(choices));
                notes::receipt(link, [&done, &failed])
            }
            4..=6 => {
                let known = self.lives.iter().rev().nth(choices.below(4)).cloned();
                let (sender, epoch, life) = known.unwrap_or_else(|| {
                    (SENDERS[choices.below(2)].into(), choices.number(), choices.number())
                });
                let sender = String::from_utf8_lossy(&sender).into_owned();
                notes::ask(&sender, epoch, life, choices.below(3) as u64)
            }
            _ => return message(choices),
        };
        notes::enveloped(notes::damaged(raw, choices).0)
    }

    /// Judges what a Node was given.
    fn work(&mut self, link: LinkId, raw: Bytes) {
        let request = Request::parse(raw.clone()).expect("a Node can read it");
        let Some(told) = self.ours.get_mut(&link) else {
            assert!(request.conn_id().0 >= 0, "others are told nothing but requests: {raw:?}");
            return self.was_given(&raw);
        };
        if request.conn_id() != ConnId::NONE {
            assert!(told.is_welcome && told.has_life, "a request without what it belongs to");
            return self.was_given(&raw);
        }
        if request.path() == notes::WELCOME.as_bytes() {
            assert!(!std::mem::replace(&mut told.is_welcome, true), "welcome again");
            self.names.push(notes::number(&request, "LINK"));
        } else if request.path() == notes::MARK.as_bytes() {
            assert!(told.is_welcome && told.has_life, "there is nothing to be taken over");
        } else {
            assert_eq!(request.path(), notes::LIFE.as_bytes());
            told.has_life = true;
            self.life(&request);
        }
    }

    fn life(&mut self, note: &Request) {
        let sender = Bytes::copy_from_slice(note.sender());
        let [epoch, life] = ["EPOCH", "LIFE"].map(|name| notes::number(note, name));
        self.lives.push((sender, epoch, life));
    }

    /// A Node was given a request.
    fn was_given(&mut self, raw: &Bytes) {
        if self.is_honest {
            let left = self.said.get_mut(raw).expect("somebody said it");
            *left = left.checked_sub(1).expect("a request is given once");
        }
    }

    /// Judges what all Nodes are told.
    fn news(&mut self, raw: Bytes) {
        let request = Request::parse(raw.clone()).expect("a Node can read it");
        if let Ok(order) = Order::parse(raw) {
            assert!(matches!(order, Order::Add { .. } | Order::Remove { .. }), "{order:?}");
        } else if request.path() == notes::OVER.as_bytes() {
            self.life(&request);
        } else {
            let body = request.body();
            assert!(self.announced.contains(&body), "nobody announced {body:?}");
        }
    }

    fn forward(&mut self, choices: &mut Choices<'_>) -> Command {
        let place = choices.below(self.told.len().clamp(1, 16));
        let Some((target, raw)) = self.told.iter().rev().nth(place).cloned() else {
            return add_server(1).into();
        };
        Command::Forward { target, raw: notes::damaged(raw, choices).0 }
    }

    fn lost(&mut self, targets: &[Target]) {
        self.reported += targets.len();
        let is_true = !self.is_honest || self.reported <= self.said_ever;
        assert!(is_true, "{} requests are lost of {}", self.reported, self.said_ever);
    }
}

impl Scene for Office {
    type Machine = Api;

    /// All, as a rule: the servers' have the lowest scopes.
    const NEWEST: usize = 16;

    fn peer_type(&self, endpoint: Option<&Endpoint>, link: LinkId) -> SocketType {
        match link.scope() {
            WORK => SocketType::Pull,
            ANNOUNCEMENTS => SocketType::Sub,
            RECEIPTS => SocketType::Req,
            _ => self.hall.peer_type(endpoint, link),
        }
    }

    fn properties(&mut self, link: LinkId, mood: u8) -> Properties {
        if link.scope() != WORK || mood & 0x40 != 0 {
            return &[];
        }
        self.ours.insert(link, Told::default());
        OURS
    }

    fn message(&mut self, link: LinkId, choices: &mut Choices<'_>) -> Message {
        match link.scope() {
            WORK | ANNOUNCEMENTS => message(choices),
            RECEIPTS => self.receipt(choices),
            _ => {
                let message = self.hall.message(link, choices);
                self.was_said(message.first().bytes());
                message
            }
        }
    }

    fn babbled(&mut self) {
        // It may have said a request.
        self.is_honest = false;
    }

    fn heard(&mut self, endpoint: Option<&Endpoint>, link: LinkId, received: &Received) {
        let Received::Message(message) = received else { return };
        match link.scope() {
            WORK | ANNOUNCEMENTS => {
                assert_eq!(message.frame_count(), 1, "one frame, as Mongrel2 has it");
                let raw = message.first().bytes();
                if link.scope() == WORK { self.work(link, raw) } else { self.news(raw) }
            }
            RECEIPTS => {
                let last = message.frames().last().expect("a message has a frame").bytes();
                let starts = [&b"RECEIVED"[..], b"WAIT", b"ERROR "];
                assert!(starts.iter().any(|start| last.starts_with(start)), "{last:?}");
            }
            _ => self.hall.heard(endpoint, link, received),
        }
    }

    fn command(&mut self, choices: &mut Choices<'_>) -> Command {
        let command = match choices.octet() & 0xF {
            0xC => {
                let topic = choices.pick(&["/news", "x", "", "/__life__", "a b"]);
                Command::Announce { topic: topic.into(), body: choices.some(2500) }
            }
            0xD | 0xE => self.forward(choices),
            0xF if choices.below(8) == 7 => Command::Shutdown,
            _ => self.hall.command(choices).into(),
        };
        if let Command::Announce { body, .. } = &command {
            self.announced.push(body.clone());
        }
        self.asked = Some(command.clone());
        command
    }

    fn answered(&mut self, result: Result<(), Refused>) {
        if let Err(refused) = &result {
            assert!(!refused.to_string().is_empty());
        }
        match (self.asked.take(), result) {
            (Some(Command::Forward { raw, .. }), Ok(())) => self.was_said(raw),
            (Some(Command::Handler(_)), Ok(())) => self.hall.answered(Ok(())),
            (Some(Command::Handler(_)), Err(Refused::Handler(refused))) => {
                self.hall.answered(Err(refused));
            }
            _ => {}
        }
    }

    fn shutdown(&self) -> Command {
        Command::Shutdown
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.is_stopped, "nothing happens after the end: {event:?}");
        match event {
            Event::Handler(event) => {
                if let transceiver::Event::Request { target, request } = event {
                    self.told.push((*target, request.raw().clone()));
                }
                if let transceiver::Event::SessionMessage { target, raw, .. } = event {
                    self.told.push((*target, raw.clone()));
                }
                self.hall.told(event);
            }
            Event::NodeUp { node, .. } => assert!(self.up.insert(*node), "up twice"),
            Event::NodeDown { node, unfinished, .. } => {
                assert!(self.up.remove(node), "down, but not up");
                self.down.insert(*node, *unfinished);
            }
            Event::NodeLost { node, unfinished, .. } => {
                let before = self.down.remove(node).expect("lost behind its link, and once");
                assert!(unfinished.len() <= before);
                self.lost(unfinished);
            }
            Event::Unserved { targets, .. }
            | Event::Unwatched { targets, .. }
            | Event::Dropped { targets, .. } => self.lost(targets),
            Event::Stopped { .. } => {
                assert!(self.hall.is_empty(), "something is left");
                assert!(self.up.is_empty() && self.down.is_empty(), "Nodes are left");
                self.is_stopped = true;
            }
            _ => {}
        }
    }

    fn check(&self, api: &Api) {
        let stats = api.stats();
        self.hall.check_stats(stats.handler);
        assert!(stats.waiting <= self.limits.waiting_max.max(1), "{stats:?}");
        assert!(stats.nodes <= self.limits.nodes_max.max(1), "{stats:?}");
        // Each Node that was there may leave two, and each upper bound is one of a queue of its own.
        let events_max = 2 * self.limits.events_max.max(1) + 2 * self.limits.nodes_max + 16;
        assert!(stats.events <= events_max, "{stats:?}");
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    fn scope(&self, octet: u8) -> u32 {
        match octet % 8 {
            5 => WORK,
            6 => ANNOUNCEMENTS,
            7 => RECEIPTS,
            other => other.into(),
        }
    }
}
