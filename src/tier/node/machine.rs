//! [`Node`]: inputs go down to the links, events and operations come up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::{Input, Machine, Output};
use crate::mongrel2::Sender;
use crate::socket::io::Io;
use crate::socket::timers::Timers;
use crate::socket::{self, Core, later};
use crate::transceiver::control::Control;
use crate::transceiver::events::Events;
use crate::transceiver::gate::Gate;
use crate::transceiver::{SCOPES_ABOVE, ServerId};

use super::command::{Command, Refused};
use super::config::Config;
use super::event::{Event, Unserved};
use super::held::Held;
use super::receipts::Receipts;
use super::server::{Server, Settled};
use super::work::Work;

/// The side of the second tier that does the work, as a machine: see the [module](super).
#[derive(Debug)]
pub struct Node {
    pub(super) config: Config,
    pub(super) io: Io,
    pub(super) pull: Core,
    pub(super) news: Core,
    pub(super) receipts: Receipts,
    pub(super) control: Option<Control>,
    pub(super) work: Work,
    pub(super) held: Held,
    pub(super) gate: Gate,
    pub(super) servers: BTreeMap<ServerId, Server>,
    pub(super) by_sender: BTreeMap<Bytes, ServerId>,
    last_server: u32,
    /// Servers that may have something to write.
    dirty: BTreeSet<ServerId>,
    timers: Timers<ServerId>,
    pub(super) events: Events<Event>,
    pub(super) stage: Stage,
    undelivered: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Running,
    /// Servers are parted from, receipts are sent until then.
    Stopping(Instant),
    /// The last socket flushes and ends.
    Ending,
    Stopped,
}

impl Node {
    /// A Node that connects to its API with the first operations.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let mut io = Io::new(now, config.seed);
        let mut pull = Core::new(config.for_work(), WORK);
        let mut news = Core::new(config.for_announcements(), ANNOUNCEMENTS);
        // Fresh sockets refuse wildcards alone, as they would be refused by whoever connects.
        let _ = pull.connect(config.work.clone(), &mut io);
        let _ = news.subscribe(Bytes::new(), &mut io);
        let _ = news.connect(config.announcements.clone(), &mut io);
        let limits = &config.limits;
        let (to, open_max) = (config.receipts.clone(), limits.open_max);
        let receipts = Receipts::connect(config.for_receipts(), RECEIPTS, to, open_max, &mut io);
        let control = config.control.clone();
        let control = control.map(|at| Control::bind(at, config.for_control(), CONTROL, &mut io));
        Self {
            held: Held::new(limits.held_max),
            events: Events::new(limits.events_max, limits.event_bytes_max),
            config,
            io,
            pull,
            news,
            receipts,
            control,
            work: Work::default(),
            gate: Gate::default(),
            servers: BTreeMap::new(),
            by_sender: BTreeMap::new(),
            last_server: 0,
            dirty: BTreeSet::new(),
            timers: Timers::new(),
            stage: Stage::Running,
            undelivered: 0,
        }
    }

    /// What it holds right now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let servers = self.servers.values();
        Stats {
            servers: servers.len(),
            servers_up: servers.clone().filter(|server| server.is_up()).count(),
            open: self.receipts.open_len(),
            held: self.held.len(),
            events: self.events.len(),
        }
    }

    pub(super) fn find(&self, sender: &Sender) -> Option<ServerId> {
        self.by_sender.get(sender.as_bytes()).copied()
    }

    pub(super) fn add_server(
        &mut self,
        sender: Sender,
        recv_spec: Endpoint,
    ) -> Result<(), Refused> {
        if self.stage != Stage::Running {
            return Err(Refused::ShuttingDown);
        }
        if self.find(&sender).is_some() {
            return Err(Refused::SenderInUse);
        }
        if recv_spec.is_wildcard() {
            return Err(Refused::Wildcard);
        }
        let limits = &self.config.limits;
        if self.servers.len() >= limits.servers_max.max(1) || self.last_server >= SCOPES_ABOVE {
            return Err(Refused::TooManyServers);
        }
        self.last_server += 1;
        let id = ServerId(self.last_server);
        let name = Bytes::copy_from_slice(sender.as_bytes());
        tracing::debug!(server = ?id, %sender, %recv_spec, "server added");
        let mut core = Core::new(self.config.for_replies(), self.last_server);
        let connected = core.connect(recv_spec.clone(), &mut self.io);
        debug_assert!(connected.is_ok(), "{connected:?}");
        self.servers.insert(id, Server::new(id, sender, recv_spec, core, limits));
        self.by_sender.insert(name.clone(), id);
        self.events.push(Event::ServerAdded { server: id, sender: name });
        self.touch(id);
        Ok(())
    }

    pub(super) fn remove_server(&mut self, id: ServerId) -> Result<(), Refused> {
        let server = self.servers.get_mut(&id).ok_or(Refused::UnknownServer)?;
        if server.is_parting() {
            return Err(Refused::ShuttingDown);
        }
        server.part(later(self.io.now(), self.config.linger / 2));
        let sender = Bytes::copy_from_slice(server.sender.as_bytes());
        // Its name may be used again at once.
        self.by_sender.remove(&sender);
        for item in self.held.take(&sender) {
            self.unserved(&item.request, item.place, Unserved::NoServer);
        }
        self.touch(id);
        Ok(())
    }

    /// A server may have changed: takes note of it, and it gets its turn to write.
    pub(super) fn touch(&mut self, id: ServerId) {
        // While the application takes no events, servers do not come up: each would be another.
        let may_come_up = !self.events.is_full();
        let Some(server) = self.servers.get_mut(&id) else { return };
        let settled = server.settle(may_come_up, &mut self.io);
        self.settled(id, settled);
        let Some(server) = self.servers.get_mut(&id) else { return };
        let mut parted = Settled::default();
        server.go_on_parting(&mut parted, &mut self.io);
        let more = server.settle(may_come_up, &mut self.io);
        let is_over = server.is_over_and_out();
        self.timers.set_or_clear(id, server.next_deadline());
        self.dirty.insert(id);
        self.settled(id, parted);
        self.settled(id, more);
        if is_over {
            self.forget(id);
        }
    }

    fn settled(&mut self, id: ServerId, settled: Settled) {
        if settled.has_written {
            self.gate.progressed();
        }
        self.undelivered += settled.undelivered;
        settled.events.into_iter().for_each(|event| self.events.push(event));
        for request in settled.finished {
            self.finish(request, false);
        }
        if settled.has_lost_life {
            self.receipts.finish_all(id, false);
            if let Some(server) = self.servers.get_mut(&id) {
                server.open = 0;
            }
        }
        if settled.is_newly_up {
            if let Some(server) = self.servers.get(&id) {
                self.held.is_ready(Bytes::copy_from_slice(server.sender.as_bytes()));
            }
        }
    }

    /// A request is finished, if it was not before.
    pub(super) fn finish(&mut self, request: u64, has_failed: bool) -> bool {
        let Some(id) = self.receipts.finish(request, has_failed) else { return false };
        if let Some(server) = self.servers.get_mut(&id) {
            server.open = server.open.saturating_sub(1);
        }
        true
    }

    fn forget(&mut self, id: ServerId) {
        let Some(mut server) = self.servers.remove(&id) else { return };
        let settled = server.end();
        self.settled(id, settled);
        self.receipts.finish_all(id, true);
        self.timers.clear(id);
        self.dirty.remove(&id);
        if self.by_sender.get(server.sender.as_bytes()) == Some(&id) {
            self.by_sender.remove(server.sender.as_bytes());
        }
        tracing::debug!(server = ?id, "server removed");
        self.events.push(Event::ServerRemoved { server: id });
    }

    fn shutdown(&mut self) {
        if self.stage != Stage::Running {
            return;
        }
        // What has come this far is given back; what is on its way is lost with the link.
        while let Some(event) = self.pull.next_message(&mut self.io) {
            self.give_back(event);
        }
        for item in self.held.take_all() {
            self.unserved(&item.request, item.place, Unserved::ShuttingDown);
        }
        self.pull.shutdown(&mut self.io);
        self.news.shutdown(&mut self.io);
        if let Some(control) = &mut self.control {
            control.shutdown(&mut self.io);
        }
        // Nothing more is to pass it.
        self.gate = Gate::default();
        let until = later(self.io.now(), self.config.linger / 2);
        self.stage = Stage::Stopping(later(self.io.now(), self.config.linger / 4 * 3));
        for id in self.servers.keys().copied().collect::<Vec<_>>() {
            if let Some(server) = self.servers.get_mut(&id) {
                server.part(until);
            }
            self.touch(id);
        }
    }

    /// Ends the socket for receipts when nothing else is left, or its time is over.
    fn go_on_stopping(&mut self) {
        if let Stage::Stopping(until) = self.stage {
            let is_quiet = self.servers.is_empty() && self.receipts.is_quiet();
            if is_quiet || until <= self.io.now() {
                self.receipts.core.shutdown(&mut self.io);
                self.stage = Stage::Ending;
            }
        }
        let are_over = self.servers.is_empty()
            && self.pull.is_over()
            && self.news.is_over()
            && self.receipts.core.is_over()
            && self.control.as_ref().is_none_or(Control::is_stopped);
        if self.stage == Stage::Ending && are_over {
            self.stage = Stage::Stopped;
            self.events.push(Event::Stopped { undelivered: self.undelivered });
        }
    }

    fn do_what_is_due(&mut self) {
        let now = self.io.now();
        self.gate.do_what_is_due(now);
        for core in [&mut self.pull, &mut self.news, &mut self.receipts.core] {
            if core.next_deadline().is_some_and(|at| at <= now) {
                core.handle(Input::Timeout, &mut self.io);
            }
        }
        if let Some(control) = &mut self.control {
            if control.next_deadline().is_some_and(|at| at <= now) {
                control.handle(Input::Timeout, &mut self.io);
            }
        }
        while let Some((_, id)) = self.timers.pop_due(now) {
            if let Some(server) = self.servers.get_mut(&id) {
                server.core.handle(Input::Timeout, &mut self.io);
            }
            self.touch(id);
        }
    }

    /// Gives up what was held for too long. What waits for the application alone is not. Whether there was
    /// any.
    fn give_up_held(&mut self) -> bool {
        let mut is_any = false;
        while !self.events.is_full() {
            let Some(item) = self.held.next_due(self.io.now()) else { break };
            self.unserved(&item.request, item.place, Unserved::NoServer);
            is_any = true;
        }
        is_any
    }

    /// What all calls end with.
    fn finish_call(&mut self) {
        self.do_what_is_due();
        self.take_notices();
        self.take_in();
        self.listen_to_control();
        self.talk_to_api();
        if self.give_up_held() {
            // Which the API is to know.
            self.talk_to_api();
        }
        self.go_on_stopping();
    }

    /// Says what there is to say over the socket for receipts, and hears the answers.
    fn talk_to_api(&mut self) {
        loop {
            if let Some(up_to) = self.work.take_mark(&self.held) {
                self.receipts.are_taken(up_to);
            }
            let heard = self.receipts.work(&mut self.io);
            heard.notices.into_iter().for_each(|notice| self.api_notice(notice, false));
            if heard.answers.is_empty() {
                return;
            }
            for (asked, goes_on) in heard.answers {
                self.confirmed(asked, goes_on);
            }
            self.take_in();
        }
    }

    /// Servers that came up while the application took no events come up now.
    fn look_again(&mut self) {
        let waiting = self.servers.iter().filter(|(_, server)| server.waits_to_come_up());
        for id in waiting.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.touch(id);
        }
    }

    fn take_notices(&mut self) {
        // Those of a socket that ends are few, and come before the end of all.
        while self.stage != Stage::Running || !self.events.has_twice_as_many() {
            let Some(notice) = self.pull.pop_notice(&mut self.io) else { break };
            self.api_notice(notice, true);
        }
        while let Some(notice) = self.news.pop_notice(&mut self.io) {
            self.api_notice(notice, false);
        }
    }

    fn api_notice(&mut self, notice: socket::Event, is_work: bool) {
        match notice {
            socket::Event::Up { .. } if is_work => self.events.push(Event::ApiUp),
            socket::Event::Down { reason, .. } if is_work => {
                self.events.push(Event::ApiDown { reason });
            }
            socket::Event::ConnectFailed { endpoint, reason, retry_in } => {
                self.events.push(Event::Unreachable { server: None, endpoint, reason, retry_in });
            }
            socket::Event::Up { .. }
            | socket::Event::Down { .. }
            | socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::Message { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. }
            | socket::Event::Stopped { .. } => {}
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::Reply { target, body, close } => self.reply(target, body, close),
            Command::HangUp { target } => self.hang_up(target),
            Command::Send { target, message } => self.send(target, &message),
            Command::Broadcast { targets, message } => self.broadcast(targets, &message),
            Command::Done { target } => self.close_request(target, false),
            Command::Decline { target } => self.close_request(target, true),
            Command::AddServer { sender, recv_spec } => {
                self.add_server(Sender::new(sender).map_err(Refused::BadSender)?, recv_spec)
            }
            Command::RemoveServer { server } => self.remove_server(server),
            Command::Shutdown => {
                self.shutdown();
                Ok(())
            }
        }
    }

    pub(super) const fn lost(&mut self, messages: usize) {
        self.undelivered += messages;
    }
}

impl Machine for Node {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        match (input.scope(), &mut self.control) {
            (None, _) => {}
            (Some(WORK), _) => self.pull.handle(input, &mut self.io),
            (Some(ANNOUNCEMENTS), _) => self.news.handle(input, &mut self.io),
            (Some(RECEIPTS), _) => self.receipts.core.handle(input, &mut self.io),
            (Some(CONTROL), Some(control)) => control.handle(input, &mut self.io),
            (Some(scope), _) => {
                let id = ServerId(scope);
                if let Some(server) = self.servers.get_mut(&id) {
                    server.core.handle(input, &mut self.io);
                    self.touch(id);
                } else if let Input::Opened { link } = input {
                    self.io.push(Output::Close { link });
                }
            }
        }
        self.finish_call();
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let result = self.obey(command);
        self.finish_call();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.io.pop() {
                return Some(output);
            }
            self.pull.flush(&mut self.io);
            self.news.flush(&mut self.io);
            self.receipts.core.flush(&mut self.io);
            if let Some(control) = &mut self.control {
                control.flush(&mut self.io);
            }
            let Some(id) = self.dirty.pop_first() else { return self.io.pop() };
            if let Some(server) = self.servers.get_mut(&id) {
                server.hand_over(WRITE_SIZE, &mut self.io);
                server.core.flush(&mut self.io);
                self.timers.set_or_clear(id, server.next_deadline());
            }
        }
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop()?;
        if self.events.is_half_empty() {
            self.look_again();
            self.finish_call();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let stopping = match self.stage {
            Stage::Stopping(until) => Some(until),
            Stage::Running | Stage::Ending | Stage::Stopped => None,
        };
        [
            self.pull.next_deadline(),
            self.news.next_deadline(),
            self.receipts.next_deadline(),
            self.control.as_ref().and_then(Control::next_deadline),
            self.timers.next(),
            self.held.next_deadline().filter(|_| !self.events.is_full()),
            self.gate.next_deadline(),
            stopping,
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// What a Node holds at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Servers that it knows.
    pub servers: usize,
    /// Those of them that hear it.
    pub servers_up: usize,
    /// Requests that the application was given and has not finished.
    pub open: usize,
    /// Requests whose server is not there.
    pub held: usize,
    /// Events that wait for the application.
    pub events: usize,
}

/// The scopes of the sockets but those to servers, which have the numbers of their servers.
const WORK: u32 = SCOPES_ABOVE + 1;
const ANNOUNCEMENTS: u32 = SCOPES_ABOVE + 2;
const RECEIPTS: u32 = SCOPES_ABOVE + 3;
const CONTROL: u32 = SCOPES_ABOVE + 4;

/// Octets joined into one write to a server.
const WRITE_SIZE: usize = 64 << 10;
