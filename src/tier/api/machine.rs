//! [`Api`]: a transceiver whose requests go to Nodes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::machine::{Input, Machine, Output};
use crate::mongrel2::{Kind, Request};
use crate::socket::io::Io;
use crate::socket::{self, Core, later};
use crate::transceiver::{self, Loss, SCOPES_ABOVE, ServerId, Target, Transceiver};

use super::super::wire;
use super::command::{Command, Refused};
use super::config::{Config, Forward};
use super::event::Event;
use super::news::News;
use super::nodes::Nodes;
use super::spread::{Waiting, Work};
use super::vouching::Vouching;

/// The side of the second tier that talks to Mongrel2, as a machine: see the [module](super).
#[derive(Debug)]
pub struct Api {
    pub(super) config: Config,
    pub(super) io: Io,
    pub(super) transceiver: Transceiver,
    pub(super) work: Core,
    pub(super) news: News,
    pub(super) receipts: Core,
    pub(super) nodes: Nodes,
    pub(super) waiting: Waiting,
    pub(super) vouching: Vouching,
    pub(super) events: VecDeque<Event>,
    /// Whether Nodes may be given something.
    is_dirty: bool,
    pub(super) stage: Stage,
    /// When all has to be over, once the application has said that it is to end.
    ends_by: Option<Instant>,
    /// What the transceiver could not deliver.
    undelivered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// The transceiver parts from its servers.
    Parting,
    /// What waits is given to the Nodes until then.
    Emptying(Instant),
    /// The sockets flush and end: so many are left.
    Ending(u8),
    Stopped,
}

impl Api {
    /// An API that binds its sockets for the Nodes with the first operations, and serves nobody until
    /// it is told to.
    #[must_use]
    pub fn new(now: Instant, mut config: Config) -> Self {
        // Parting from the servers, emptying the queue and flushing come one after the other.
        config.handler.linger /= 2;
        let mut io = Io::new(now, config.handler.seed);
        let epoch = io.rng.next_u64();
        let mut work = Core::new(config.for_work(), WORK);
        let mut announcements = Core::new(config.for_announcements(), ANNOUNCEMENTS);
        let mut receipts = Core::new(config.for_receipts(), RECEIPTS);
        // Fresh sockets use no endpoints and are not stopping: they refuse none.
        let _ = work.bind(config.work.clone(), &mut io);
        let _ = announcements.bind(config.announcements.clone(), &mut io);
        let _ = receipts.bind(config.receipts.clone(), &mut io);
        let limits = &config.limits;
        let waiting = Waiting::new(config.spread, limits.waiting_max, limits.waiting_bytes_max);
        Self {
            transceiver: Transceiver::new(now, config.handler.clone()),
            config,
            io,
            work,
            news: News::new(announcements, epoch),
            receipts,
            nodes: Nodes::default(),
            waiting,
            vouching: Vouching::default(),
            events: VecDeque::new(),
            is_dirty: true,
            stage: Stage::Running,
            ends_by: None,
            undelivered: 0,
        }
    }

    /// What it holds right now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            handler: self.transceiver.stats(),
            nodes: self.nodes.len(),
            waiting: self.waiting.len(),
            unfinished: self.nodes.unfinished(),
            events: self.events.len(),
        }
    }

    /// After anything that may have changed something: takes in all that there is room for.
    fn settle(&mut self) {
        self.do_what_is_due();
        self.take_notices();
        self.refill();
        self.is_dirty = true;
    }

    fn do_what_is_due(&mut self) {
        let now = self.io.now();
        if self.transceiver.next_deadline().is_some_and(|at| at <= now) {
            self.transceiver.handle(now, Input::Timeout);
        }
        for core in [&mut self.work, &mut self.news.core, &mut self.receipts] {
            if core.next_deadline().is_some_and(|at| at <= now) {
                core.handle(Input::Timeout, &mut self.io);
            }
        }
        while let Some(node) = self.nodes.next_lost(now) {
            self.is_lost(node);
        }
        if matches!(self.stage, Stage::Emptying(until) if until <= now) {
            self.end();
        }
    }

    /// Takes what the transceiver has to tell, as far as there is room for it.
    fn refill(&mut self) {
        let is_ending = !matches!(self.stage, Stage::Running);
        while self.has_place() && (is_ending || !self.waiting.is_full()) {
            let Some(event) = self.transceiver.poll_event() else { break };
            self.route(event);
        }
        if self.waiting.reopened() {
            self.events.push_back(Event::Room);
        }
    }

    fn route(&mut self, event: transceiver::Event) {
        match event {
            transceiver::Event::Request { target, request }
                if self.forwards() && is_for_nodes(&request) =>
            {
                self.transceiver.is_passed_on(target);
                let is_http = request.kind() == Kind::Http;
                self.wait(Work { target, raw: request.raw().clone(), is_http });
                return;
            }
            transceiver::Event::SessionMessage { target, raw, .. } if self.forwards() => {
                self.wait(Work { target, raw, is_http: false });
                return;
            }
            transceiver::Event::ServerAdded { server, .. } => {
                if let Some((sender, send_spec, recv_spec)) = self.transceiver.server(server) {
                    let served = (sender.clone(), send_spec.clone(), recv_spec.clone());
                    self.news.add(server, served, &mut self.io);
                }
            }
            transceiver::Event::ServerDown { server, life, .. } => self.life_is_over(server, life),
            transceiver::Event::ServerRemoved { server, .. } => {
                self.life_is_over(server, u32::MAX);
                self.news.remove(server, &mut self.io);
            }
            transceiver::Event::Stopped { undelivered, .. } => {
                self.undelivered = undelivered;
                self.begin_emptying();
                return;
            }
            transceiver::Event::Request { .. }
            | transceiver::Event::SessionMessage { .. }
            | transceiver::Event::UploadStarted { .. }
            | transceiver::Event::UploadDone { .. }
            | transceiver::Event::ServerUnreachable { .. }
            | transceiver::Event::ServerDeaf { .. }
            | transceiver::Event::ServerUp { .. }
            | transceiver::Event::Disconnect { .. }
            | transceiver::Event::SessionOpened { .. }
            | transceiver::Event::SessionClosed { .. }
            | transceiver::Event::TooLarge { .. }
            | transceiver::Event::Unreadable { .. }
            | transceiver::Event::Undelivered { .. }
            | transceiver::Event::Room { .. }
            | transceiver::Event::TargetRoom { .. }
            | transceiver::Event::ControlListening { .. }
            | transceiver::Event::ControlFailed { .. } => {}
        }
        self.events.push_back(Event::Handler(event));
    }

    fn forwards(&self) -> bool {
        self.config.forward == Forward::All
    }

    fn wait(&mut self, work: Work) {
        if self.stage != Stage::Running && self.waiting.is_full() {
            self.dropped(vec![work.target], Loss::ShutDown);
        } else {
            self.waiting.push(work);
        }
    }

    fn life_is_over(&mut self, server: ServerId, life: u32) {
        // Of a server that is only removed the browsers still wait for what Nodes have taken.
        if life < u32::MAX {
            self.news.over(server, life, &mut self.io);
            self.nodes.forget(server, life);
        }
        let dropped = self.waiting.forget(server, life);
        self.dropped(dropped, Loss::ServerLost);
    }

    /// Requests that no Node will take.
    fn dropped(&mut self, more: Vec<Target>, why: Loss) {
        if more.is_empty() {
            return;
        }
        match self.events.back_mut() {
            Some(Event::Dropped { targets, reason }) if *reason == why => targets.extend(more),
            _ => self.events.push_back(Event::Dropped { targets: more, reason: why }),
        }
    }

    fn forward(&mut self, target: Target, raw: Bytes) -> Result<(), Refused> {
        if self.stage != Stage::Running {
            return Err(Refused::ShuttingDown);
        }
        let request = Request::parse(raw.clone()).map_err(|_| Refused::NoRequest)?;
        if request.conn_id() != target.conn_id || target.conn_id.0 < 0 {
            return Err(Refused::NoRequest);
        }
        if self.news.is_over(target.server, target.life) {
            return Err(Refused::ServerGone);
        }
        if !self.waiting.admits(raw.len()) {
            return Err(Refused::Full);
        }
        self.transceiver.is_passed_on(target);
        let is_http = request.kind() == Kind::Http;
        self.waiting.push(Work { target, raw, is_http });
        Ok(())
    }

    fn announce(&mut self, topic: Bytes, body: Bytes) -> Result<(), Refused> {
        if !wire::is_topic(&topic) {
            return Err(Refused::BadTopic);
        }
        let announced = self.news.announce(topic, body, &mut self.io);
        announced.map_err(|refused| match refused {
            socket::Refused::ShuttingDown => Refused::ShuttingDown,
            socket::Refused::TooLarge => Refused::TooLarge,
            socket::Refused::Direction
            | socket::Refused::Full
            | socket::Refused::NoPeer
            | socket::Refused::EndpointInUse
            | socket::Refused::UnknownEndpoint
            | socket::Refused::Wildcard
            | socket::Refused::Busy
            | socket::Refused::NoRequest
            | socket::Refused::TooManySubscriptions => Refused::NoNode,
        })
    }

    fn obey(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::Shutdown | Command::Handler(transceiver::Command::Shutdown) => {
                // Ours is half of what we were given.
                self.shutdown(self.config.handler.linger.saturating_mul(2))
            }
            Command::Handler(transceiver::Command::ShutdownWithin { time }) => self.shutdown(time),
            Command::Handler(command) => {
                self.transceiver.submit(self.io.now(), command).map_err(Refused::Handler)
            }
            Command::Forward { target, raw } => self.forward(target, raw),
            Command::Announce { topic, body } => self.announce(topic, body),
        }
    }

    /// All is to be over within this time, or sooner where that was said before. Half of it is for the
    /// parting, a quarter for what waits then, a quarter to flush. Sockets that flush already are not
    /// hastened.
    fn shutdown(&mut self, time: Duration) -> Result<(), Refused> {
        let now = self.io.now();
        let end = later(now, time);
        let end = self.ends_by.map_or(end, |before| before.min(end));
        self.ends_by = Some(end);
        match self.stage {
            Stage::Running | Stage::Parting => {
                self.stage = Stage::Parting;
                let parting = transceiver::Command::ShutdownWithin { time: time / 2 };
                self.transceiver.submit(now, parting).map_err(Refused::Handler)
            }
            Stage::Emptying(until) => {
                self.stage = Stage::Emptying(until.min(self.half_of(end)));
                Ok(())
            }
            Stage::Ending(_) | Stage::Stopped => Ok(()),
        }
    }

    /// When half of the time up to then has passed.
    fn half_of(&self, end: Instant) -> Instant {
        let now = self.io.now();
        later(now, end.saturating_duration_since(now) / 2)
    }

    /// A Node that is given a request asks whether the life of its server goes on, which we can say only
    /// while we have not parted from it.
    fn see_who_is_waited_for(&mut self) {
        if self.stage == Stage::Parting {
            let will_be_taken = self.waiting.len() > 0 && !self.nodes.is_empty();
            self.transceiver.is_needed(will_be_taken || self.nodes.owe_word());
        }
    }

    /// The servers are parted from: what waits for Nodes has a last chance.
    fn begin_emptying(&mut self) {
        let until = self.half_of(self.ends_by.unwrap_or(self.io.now()));
        self.stage = Stage::Emptying(until);
        if until <= self.io.now() {
            self.end();
        }
    }

    /// Ends the sockets once nothing waits, or nobody is there who could take it.
    fn end_if_empty(&mut self) {
        let is_empty = self.waiting.len() == 0 || self.nodes.is_empty();
        if matches!(self.stage, Stage::Emptying(_)) && is_empty {
            self.end();
        }
    }

    fn end(&mut self) {
        let dropped = self.waiting.clear();
        self.dropped(dropped, Loss::ShutDown);
        self.stage = Stage::Ending(3);
        while let Some(node) = self.nodes.next_missing() {
            self.is_lost(node);
        }
        for core in [&mut self.work, &mut self.news.core, &mut self.receipts] {
            if let Some(end) = self.ends_by {
                core.set_linger(end.saturating_duration_since(self.io.now()));
            }
            core.shutdown(&mut self.io);
        }
    }

    pub(super) fn socket_has_stopped(&mut self) {
        if let Stage::Ending(left) = self.stage {
            self.stage = Stage::Ending(left.saturating_sub(1));
        }
    }

    fn check_stopped(&mut self) {
        if self.stage == Stage::Ending(0) {
            self.stage = Stage::Stopped;
            self.events.push_back(Event::Stopped { undelivered: self.undelivered });
        }
    }

    /// What all calls end with.
    fn finish(&mut self) {
        self.settle();
        self.see_who_is_waited_for();
        self.end_if_empty();
        if matches!(self.stage, Stage::Ending(_)) {
            self.take_notices();
        }
        self.check_stopped();
    }
}

impl Machine for Api {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        match input.scope() {
            Some(WORK) => self.work.handle(input, &mut self.io),
            Some(ANNOUNCEMENTS) => self.news.core.handle(input, &mut self.io),
            Some(RECEIPTS) => self.receipts.handle(input, &mut self.io),
            Some(_) | None => self.transceiver.handle(self.io.now(), input),
        }
        self.finish();
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let result = self.obey(command);
        self.finish();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.io.pop().or_else(|| self.transceiver.poll_output()) {
                return Some(output);
            }
            // Late, so that all that came in one round goes out in one write.
            if std::mem::take(&mut self.is_dirty) && self.hand_over() {
                self.finish();
            }
            self.work.flush(&mut self.io);
            self.news.core.flush(&mut self.io);
            self.receipts.flush(&mut self.io);
            let output = self.io.pop();
            if output.is_some() || !self.is_dirty {
                return output.or_else(|| self.transceiver.poll_output());
            }
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if self.events.len() <= self.config.limits.events_max / 2 {
            self.finish();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let emptying = match self.stage {
            Stage::Emptying(until) => Some(until),
            Stage::Running | Stage::Parting | Stage::Ending(_) | Stage::Stopped => None,
        };
        [
            self.transceiver.next_deadline(),
            self.work.next_deadline(),
            self.news.core.next_deadline(),
            self.receipts.next_deadline(),
            self.nodes.next_deadline(),
            emptying,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// What an API holds at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What the transceiver inside holds.
    pub handler: transceiver::Stats,
    /// Nodes that take work.
    pub nodes: usize,
    /// Requests that no Node has taken.
    pub waiting: usize,
    /// Requests that Nodes have taken and not finished.
    pub unfinished: usize,
    /// Events that wait for the application, apart from the transceiver's.
    pub events: usize,
}

/// Whether a Node can do anything about a request by itself. The pieces of an upload would have to go
/// to one Node, whatever happens to it meanwhile.
fn is_for_nodes(request: &Request) -> bool {
    request.conn_id().0 >= 0 && matches!(request.kind(), Kind::Http | Kind::Json | Kind::Xml)
}

/// The scopes of the sockets for the Nodes; the others are the transceiver's.
const WORK: u32 = SCOPES_ABOVE + 1;
const ANNOUNCEMENTS: u32 = SCOPES_ABOVE + 2;
const RECEIPTS: u32 = SCOPES_ABOVE + 3;
