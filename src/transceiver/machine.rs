//! [`Transceiver`]: inputs go down to the servers' links, events and operations come up.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::introduction::{Answer, Order};
use crate::machine::{Input, Machine, Output};
use crate::mongrel2::Sender;
use crate::socket::io::Io;
use crate::socket::timers::Timers;
use crate::websocket::{Close, Message};

use super::broadcast::{Sent, broadcast};
use super::command::{Audience, Command, Refused};
use super::config::Config;
use super::context::Context;
use super::control::{self, Control, Heard};
use super::event::{Event, Initiator};
use super::events::Events;
use super::life::Side;
use super::membership;
use super::report::Report;
use super::server::Server;
use super::target::{ServerId, Target};

/// The handler side of Mongrel2 as a machine: see the [module](super).
#[derive(Debug)]
pub struct Transceiver {
    config: Config,
    io: Io,
    servers: BTreeMap<ServerId, Server>,
    control: Option<Control>,
    events: Events,
    /// Servers that may have something to tell, in turn.
    active: VecDeque<ServerId>,
    /// Servers that may have something to write, in turn.
    dirty: VecDeque<ServerId>,
    /// The next deadline of each server.
    timers: Timers<ServerId>,
    last_server: u32,
    stage: Stage,
    undelivered: usize,
    /// Of the servers that were there when the shutdown began.
    reports: Vec<Report>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Running,
    Stopping,
    Stopped,
}

impl Transceiver {
    /// A transceiver that serves nobody until it is told to ([`Command::AddServer`]).
    ///
    /// Its control socket, if [`Config::control`] has one, is bound with the first operations.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let mut io = Io::new(now, config.seed);
        let control = config.control.clone();
        let control = control
            .map(|endpoint| Control::bind(endpoint, config.for_control(), control::SCOPE, &mut io));
        let events = Events::new(config.limits.events_max, config.limits.event_bytes_max);
        Self {
            config,
            io,
            servers: BTreeMap::new(),
            control,
            events,
            active: VecDeque::new(),
            dirty: VecDeque::new(),
            timers: Timers::new(),
            last_server: 0,
            stage: Stage::Running,
            undelivered: 0,
            reports: Vec::new(),
        }
    }

    /// What it holds right now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let servers = self.servers.values();
        Stats {
            servers: servers.len(),
            servers_up: servers.clone().filter(|server| server.is_up()).count(),
            sessions: servers.clone().map(|server| server.sessions.live_len()).sum(),
            remembered: servers.clone().map(|server| server.sessions.gone_len()).sum(),
            links: servers.map(|s| s.requests.link_count() + s.replies.link_count()).sum(),
            control_links: self.control.as_ref().map_or(0, Control::link_count),
            events: self.events.len(),
        }
    }

    /// How many sessions are in a group.
    #[must_use]
    pub fn group_len(&self, group: &[u8]) -> usize {
        self.servers.values().map(|server| server.groups.member_count(group)).sum()
    }

    /// The names of the groups that there are, and how many sessions are in each.
    #[must_use]
    pub fn groups(&self) -> BTreeMap<Bytes, usize> {
        membership::counts(&self.servers)
    }

    /// The names of the groups that a session is in: none where it is not open any more.
    #[must_use]
    pub fn groups_of(&self, target: Target) -> Vec<Bytes> {
        let is_there = |server: &&Server| server.check(target).is_ok();
        let server = self.servers.get(&target.server).filter(is_there);
        server.map_or_else(Vec::new, |server| server.groups.of(target.conn_id).cloned().collect())
    }

    /// The name of a server, where it gives requests and where it takes replies.
    pub(crate) fn server(&self, id: ServerId) -> Option<(&Sender, &Endpoint, &Endpoint)> {
        let server = self.servers.get(&id)?;
        let send_spec = server.requests.connected().next()?;
        Some((&server.sender, send_spec, server.replies.connected().next()?))
    }

    /// Whether this life of a server goes on, as far as is known: events may wait that tell otherwise.
    pub(crate) fn is_current(&self, id: ServerId, life: u32) -> bool {
        self.servers.get(&id).is_some_and(|server| server.life.is_current(life))
    }

    /// The number of the next proof that a server runs.
    pub(crate) fn next_proof(&self, id: ServerId) -> u64 {
        self.servers.get(&id).map_or(0, |server| server.proof.next())
    }

    /// Whether this life of a server goes on, proven by a PING sent since [`Self::next_proof`] gave this
    /// number: if not yet, one is sent.
    pub(crate) fn vouch(&mut self, now: Instant, id: ServerId, life: u32, proof: u64) -> bool {
        self.io.advance(now);
        let io = &mut self.io;
        let has = self.servers.get_mut(&id).is_some_and(|server| server.vouch(life, proof, io));
        self.touch(id);
        has
    }

    /// Somebody else answers a request of this connection: an orderly end does not wait for that.
    pub(crate) fn is_passed_on(&mut self, target: Target) {
        let server = self.servers.get_mut(&target.server);
        if let Some(server) = server.filter(|server| server.life.is_current(target.life)) {
            server.outbox.is_passed_on(target.conn_id);
        }
    }

    /// Whether somebody else works on what came of the servers and may ask about their lives: an orderly
    /// end waits for that within its time.
    pub(crate) fn is_needed(&mut self, by_others: bool) {
        self.servers.values_mut().for_each(|server| server.parting.set_needed(by_others));
    }

    fn add_server(
        &mut self,
        sender: Bytes,
        send_spec: Endpoint,
        recv_spec: Endpoint,
        by: Initiator,
    ) -> Result<(), Refused> {
        if self.stage != Stage::Running {
            return Err(Refused::ShuttingDown);
        }
        let sender = Sender::new(sender).map_err(Refused::BadSender)?;
        if self.servers.values().any(|server| server.sender == sender) {
            return Err(Refused::SenderInUse);
        }
        if send_spec.is_wildcard() || recv_spec.is_wildcard() {
            return Err(Refused::Wildcard);
        }
        let limits = &self.config.limits;
        let scopes = scopes(self.last_server + 1).ok_or(Refused::TooManyServers)?;
        if self.servers.len() >= limits.servers_max.max(1) {
            return Err(Refused::TooManyServers);
        }
        self.last_server += 1;
        let id = ServerId(self.last_server);
        let name = Bytes::copy_from_slice(sender.as_bytes());
        tracing::debug!(server = ?id, %sender, %send_spec, %recv_spec, %by, "server added");
        let mut server = Server::new(id, sender, scopes, &self.config);
        // Neither endpoint is a wildcard, and fresh sockets refuse nothing else.
        let connected = server.connect(send_spec, recv_spec, &mut self.io);
        debug_assert!(connected.is_ok(), "{connected:?}");
        self.servers.insert(id, server);
        self.events.push(Event::ServerAdded { server: id, sender: name, by });
        self.touch(id);
        Ok(())
    }

    fn remove_server(&mut self, id: ServerId, by: Initiator) -> Result<(), Refused> {
        let server = self.servers.get_mut(&id).ok_or(Refused::UnknownServer)?;
        if !server.parting.is_none() {
            return Err(Refused::ShuttingDown);
        }
        server.parting.begin(self.io.now(), self.config.linger);
        server.removed_by = by;
        self.touch(id);
        Ok(())
    }

    /// Does what the control socket was asked for; what to answer.
    fn obey_order(&mut self, order: Order) -> Answer {
        let result = self.config.admit.ask(&order).and_then(|()| {
            let found = order.sender().and_then(|sender| self.find(sender));
            match order {
                Order::Alive => Ok(Answer::Pong),
                Order::Add { sender, send_spec, recv_spec } => {
                    self.introduce(sender, send_spec, recv_spec, found)
                }
                Order::Remove { .. } => {
                    let id = found.ok_or(UNKNOWN)?;
                    let removed = self.remove_server(id, Initiator::Control);
                    removed.map(|()| Answer::Received).map_err(|_| PARTING.to_owned())
                }
                Order::Ping { text, .. } => {
                    let id = found.ok_or(UNKNOWN)?;
                    self.prove(id, text).then_some(Answer::Received).ok_or(PARTING.to_owned())
                }
                Order::DisconnectPing { text, .. } => {
                    self.prove_if_up(found, text);
                    Ok(Answer::Received)
                }
            }
        });
        result.unwrap_or_else(|reason| {
            tracing::debug!(reason, "order refused");
            Answer::error(reason)
        })
    }

    fn find(&self, sender: &Sender) -> Option<ServerId> {
        self.servers.iter().find(|(_, server)| server.sender == *sender).map(|(id, _)| *id)
    }

    fn introduce(
        &mut self,
        sender: Sender,
        send_spec: Endpoint,
        recv_spec: Endpoint,
        found: Option<ServerId>,
    ) -> Result<Answer, String> {
        if let Some(server) = found.and_then(|id| self.servers.get(&id)) {
            let is_parting = !server.parting.is_none();
            return Err(if is_parting { PARTING } else { IN_USE }.to_owned());
        }
        let name = Bytes::copy_from_slice(sender.as_bytes());
        self.add_server(name, send_spec, recv_spec, Initiator::Control)
            .map(|()| Answer::Received)
            .map_err(|refused| refused.to_string())
    }

    /// Publishes a text to a server as soon as it is subscribed. Whether it is still served.
    fn prove(&mut self, id: ServerId, text: Bytes) -> bool {
        let Some(server) = self.servers.get_mut(&id).filter(|s| s.parting.is_none()) else {
            return false;
        };
        server.prove(text);
        self.touch(id);
        true
    }

    /// Publishes a text to a server if it would hear it now, even where we are parting from it.
    fn prove_if_up(&mut self, found: Option<ServerId>, text: Bytes) {
        let Some(id) = found else { return };
        let is_served = |server: &&mut Server| server.is_up() && !server.parting.is_flushing();
        if let Some(server) = self.servers.get_mut(&id).filter(is_served) {
            server.prove(text);
            self.touch(id);
        }
    }

    fn shutdown(&mut self, time: Duration) {
        if self.stage == Stage::Running {
            self.stage = Stage::Stopping;
            if let Some(control) = &mut self.control {
                control.shutdown(&mut self.io);
            }
        }
        for id in self.servers.keys().copied().collect::<Vec<_>>() {
            if let Some(server) = self.servers.get_mut(&id) {
                server.parting.begin(self.io.now(), time);
                server.parting.hasten(self.io.now(), time);
            }
            self.touch(id);
        }
    }

    /// Does something with the server of a target.
    fn with_server(
        &mut self,
        target: Target,
        act: impl FnOnce(&mut Server, &mut Context<'_>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let server = self.servers.get_mut(&target.server).ok_or(Refused::UnknownServer)?;
        let cx = &mut Context { config: &self.config, io: &mut self.io, events: &mut self.events };
        let acted = act(server, cx);
        server.refused += u64::from(acted.is_err());
        self.touch(target.server);
        acted
    }

    fn broadcast(
        &mut self,
        to: Audience,
        except: Option<Target>,
        message: &Message,
    ) -> Result<(), Refused> {
        if self.stage == Stage::Stopped {
            // Nothing happens after that, not even a report.
            return Err(Refused::ShuttingDown);
        }
        let cx = &mut Context { config: &self.config, io: &mut self.io, events: &mut self.events };
        let Sent { by, undelivered } = broadcast(&mut self.servers, to, except, message, cx)?;
        by.into_iter().for_each(|id| self.touch(id));
        self.undelivered += undelivered;
        Ok(())
    }

    /// A server may have changed: it gets its turn to tell and to write, and its deadline.
    fn touch(&mut self, id: ServerId) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        self.timers.set_or_clear(id, server.next_deadline());
        if !std::mem::replace(&mut server.is_active, true) {
            self.active.push_back(id);
        }
        if !std::mem::replace(&mut server.is_dirty, true) {
            self.dirty.push_back(id);
        }
    }

    /// Does what is due by now: whether there was anything.
    fn fire_timers(&mut self) -> bool {
        let mut is_any = false;
        if let Some(control) = &mut self.control {
            if control.next_deadline().is_some_and(|at| at <= self.io.now()) {
                control.handle(Input::Timeout, &mut self.io);
                is_any = true;
            }
        }
        while let Some((_, id)) = self.timers.pop_due(self.io.now()) {
            if let Some(server) = self.servers.get_mut(&id) {
                let cx = &mut Context {
                    config: &self.config,
                    io: &mut self.io,
                    events: &mut self.events,
                };
                server.do_what_is_due(cx);
            }
            self.touch(id);
            is_any = true;
        }
        is_any
    }

    /// Takes what the servers have to tell, one thing of each in turn, as far as there is room.
    fn refill(&mut self) {
        self.listen_to_control();
        while !self.events.is_full() {
            let Some(id) = self.active.pop_front() else { break };
            let Some(server) = self.servers.get_mut(&id) else { continue };
            let cx =
                &mut Context { config: &self.config, io: &mut self.io, events: &mut self.events };
            let has_told = server.tell(cx);
            if !std::mem::replace(&mut server.is_dirty, true) {
                self.dirty.push_back(id);
            }
            if has_told {
                self.active.push_back(id);
                continue;
            }
            server.is_active = false;
            if server.is_over() {
                self.forget(id);
            } else {
                self.timers.set_or_clear(id, server.next_deadline());
            }
        }
        self.check_stopped();
    }

    /// Obeys what comes in by the control socket. Its peers need no room for events: they add no more
    /// than one for each server that there may be, for a server is forgotten only where there is room.
    fn listen_to_control(&mut self) {
        while let Some(heard) = self.control.as_mut().and_then(|c| c.next(&mut self.io)) {
            match heard {
                Heard::Event(event) => self.events.push(event),
                Heard::Order(order) => {
                    let answer = self.obey_order(order);
                    if let Some(control) = &mut self.control {
                        control.answer(&answer, &mut self.io);
                    }
                }
            }
        }
    }

    fn forget(&mut self, id: ServerId) {
        let Some(server) = self.servers.remove(&id) else { return };
        self.timers.clear(id);
        self.undelivered += server.undelivered_count;
        let tally = server.tally();
        tracing::debug!(server = ?id, "server removed");
        let sender = Bytes::copy_from_slice(server.sender.as_bytes());
        if self.stage == Stage::Stopping {
            self.reports.push(Report { server: id, sender: sender.clone(), tally });
        }
        self.events.push(Event::ServerRemoved { server: id, sender, by: server.removed_by, tally });
    }

    fn check_stopped(&mut self) {
        let control_is_over = self.control.as_ref().is_none_or(Control::is_stopped);
        if self.stage == Stage::Stopping && self.servers.is_empty() && control_is_over {
            self.stage = Stage::Stopped;
            let reports = std::mem::take(&mut self.reports);
            self.events.push(Event::Stopped { undelivered: self.undelivered, reports });
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::AddServer { sender, send_spec, recv_spec } => {
                self.add_server(sender, send_spec, recv_spec, Initiator::Application)
            }
            Command::RemoveServer { server } => self.remove_server(server, Initiator::Application),
            Command::Reply { target, body, close } => {
                self.with_server(target, |server, cx| server.reply(target, body, close, cx.config))
            }
            Command::HangUp { target } => {
                self.with_server(target, |server, cx| server.hang_up(target, cx))
            }
            Command::Hold { target, time } => {
                self.with_server(target, |server, cx| server.hold(target, time, cx))
            }
            Command::Grant { target, octets } => {
                self.with_server(target, |server, _| server.grant(target, octets))
            }
            Command::Extended { target, key, value } => self
                .with_server(target, |server, cx| server.extended(target, &key, &value, cx.config)),
            Command::Cancel { target } => {
                self.with_server(target, |server, cx| server.cancel(target, cx))
            }
            Command::Send { target, message } => {
                self.with_server(target, |server, cx| server.send(target, &message, cx))
            }
            Command::Broadcast { to, except, message } => self.broadcast(to, except, &message),
            Command::Join { target, group } => {
                let held = membership::held(&self.servers);
                self.with_server(target, |server, cx| server.join(target, &group, held, cx.config))
            }
            Command::Leave { target, group } => {
                self.with_server(target, |server, _| server.leave(target, &group))
            }
            Command::Close { target, code, reason } => {
                let close = Close::new(code, reason).map_err(Refused::BadClose)?;
                self.with_server(target, |server, cx| server.close(target, &close, cx))
            }
            Command::Shutdown => {
                self.shutdown(self.config.linger);
                Ok(())
            }
            Command::ShutdownWithin { time } => {
                self.shutdown(time);
                Ok(())
            }
        }
    }
}

impl Machine for Transceiver {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        match (input.scope(), &mut self.control) {
            (Some(control::SCOPE), Some(control)) => control.handle(input, &mut self.io),
            (Some(scope), _) => {
                let (id, side) = owner(scope);
                if let Some(server) = self.servers.get_mut(&id) {
                    server.handle(side, input, &self.config, &mut self.io);
                    self.touch(id);
                } else if let Input::Opened { link } = input {
                    self.io.push(Output::Close { link });
                }
            }
            (None, _) => {}
        }
        // What has arrived comes before the time, which may blame somebody for its absence, or us for
        // what lies unread.
        self.refill();
        if self.fire_timers() {
            self.refill();
        }
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let result = self.obey(command);
        self.fire_timers();
        self.refill();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.io.pop() {
                return Some(output);
            }
            if let Some(control) = &mut self.control {
                control.flush(&mut self.io);
            }
            if let Some(id) = self.dirty.pop_front() {
                if let Some(server) = self.servers.get_mut(&id) {
                    server.is_dirty = false;
                    server.flush(&self.config, &mut self.io);
                    self.timers.set_or_clear(id, server.next_deadline());
                }
            } else {
                return self.io.pop();
            }
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop()?;
        if let Event::SessionClosed { target, end } = &event {
            if let Some(server) = self.servers.get_mut(&target.server) {
                server.conclude(*target, end);
                self.touch(target.server);
            }
        }
        if self.events.is_half_empty() {
            self.refill();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let control = self.control.as_ref().and_then(Control::next_deadline);
        [self.timers.next(), control].into_iter().flatten().min()
    }
}

/// What a transceiver holds at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Servers that were added and not removed.
    pub servers: usize,
    /// Those of them that can be served now.
    pub servers_up: usize,
    /// Sessions that have not ended.
    pub sessions: usize,
    /// Connections that have, and are remembered while the server may hand over frames of them.
    pub remembered: usize,
    /// Streams to servers, in whatever stage.
    pub links: usize,
    /// Streams of those who came to the control socket, in whatever stage.
    pub control_links: usize,
    /// Events that wait for the application.
    pub events: usize,
}

/// What is answered to orders that nothing can be done about.
const UNKNOWN: &str = "no server of this sender id is served: add it first";
const IN_USE: &str = "a server of this sender id is served already: remove it first";
const PARTING: &str = "this server is being removed: ask again in a moment";

/// From here on scopes are not a transceiver's own.
pub(crate) const SCOPES_ABOVE: u32 = u32::MAX - 15;

/// The scopes of a server's two sockets; `None` after two thousand million servers. The last ones
/// belong to whoever has a transceiver inside.
fn scopes(server: u32) -> Option<(u32, u32)> {
    let replies = server.checked_mul(2).filter(|scope| *scope < SCOPES_ABOVE)?;
    Some((replies - 1, replies))
}

/// The server and the socket of a scope.
const fn owner(scope: u32) -> (ServerId, Side) {
    let side = if scope % 2 == 1 { Side::Requests } else { Side::Replies };
    (ServerId(scope.div_ceil(2)), side)
}
