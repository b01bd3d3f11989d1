//! [`Server`]: Mongrel2's two sockets, its handlers and its browsers as one machine.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::client::Action;
use crate::endpoint::Endpoint;
use crate::machine::{Input, LinkId, Machine, Output};
use crate::mongrel2::{ConnId, parse_response};
use crate::socket::io::Io;
use crate::zmtp::Message;

use super::clients::{Clients, Said};
use super::command::{ClientId, Command, Refused};
use super::config::{Config, Notices};
use super::event::Event;
use super::failure::{Cause, Failure, Step};
use super::handlers::{Handlers, Report};
use super::openings::Openings;
use super::sockets::{FREE_SCOPE, News, Sockets};
use super::terms::{Bound, Terms};

/// A stand-in Mongrel2 as a machine: see the [module](super).
#[derive(Debug)]
pub struct Server {
    io: Io,
    sockets: Sockets,
    terms: Terms,
    handlers: Handlers,
    clients: Clients,
    openings: Openings,
    notices: Notices,
    events: VecDeque<Event>,
    events_max: usize,
    phase: Phase,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    /// It takes itself off its handlers.
    Parting,
    /// Its sockets end.
    Ending,
}

impl Server {
    /// A server that binds both of its sockets with the first operations.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let mut io = Io::new(now, config.seed);
        let sockets = Sockets::new(&config, &mut io);
        let origin = config.origin();
        let limits = config.limits;
        let terms = Terms {
            sender: config.sender,
            patience: config.patience,
            advertise: config.advertise,
            bound: Bound::NotYet,
        };
        Self {
            io,
            sockets,
            terms,
            handlers: Handlers::new(config.handlers, limits.handlers_max, FREE_SCOPE),
            clients: Clients::new(limits.clients_max, origin, limits.client, config.seed),
            openings: Openings::default(),
            notices: config.notices,
            events: VecDeque::new(),
            events_max: limits.events_max.max(1),
            phase: Phase::Running,
        }
    }

    /// Does all that can be done now.
    fn work(&mut self) {
        self.refill();
        let reports = self.handlers.advance(&self.terms, &mut self.io);
        self.report(reports);
        while let Some(event) = self.clients.pop_due(self.io.now()) {
            self.events.push_back(event);
        }
        self.open_clients();
        if self.phase == Phase::Parting && self.handlers.are_idle() {
            self.end();
        }
        self.refill();
    }

    /// Takes what the sockets have, as far as there is room for it and for what comes of it.
    fn refill(&mut self) {
        loop {
            if let Some(news) = self.sockets.pump(&mut self.io) {
                self.on_news(news);
            }
            if self.events.len() >= self.events_max {
                return;
            }
            let Some(news) = self.sockets.next(&mut self.io) else { return };
            self.on_news(news);
        }
    }

    fn on_news(&mut self, news: News) {
        match news {
            News::Listening { send_spec, recv_spec } => {
                let bound =
                    Bound::At { send_spec: send_spec.clone(), recv_spec: recv_spec.clone() };
                self.terms.bound = bound;
                self.events.push_back(Event::Listening { send_spec, recv_spec });
            }
            News::ListenFailed { endpoint, cause } => {
                self.terms.bound = Bound::Failed { endpoint: endpoint.clone(), cause };
                self.events.push_back(Event::ListenFailed { endpoint, cause });
            }
            News::RequestLinkUp(link) => {
                self.handlers.request_link_up(link);
                self.tell_links();
            }
            News::RequestLinkDown(link, lost) => {
                self.handlers.request_link_down(link);
                self.tell_links();
                self.tell_lost(lost);
            }
            News::ReplyLinkUp => {
                self.handlers.reply_link_up();
                self.tell_links();
            }
            News::ReplyLinkDown(link) => {
                self.handlers.reply_link_down(link);
                self.tell_links();
            }
            News::Message(link, message) => self.on_message(link, &message),
            News::HandlersHaveRoom => {}
            News::Room => self.events.push_back(Event::Room),
            News::Stopped => self.events.push_back(Event::Stopped),
        }
    }

    fn on_message(&mut self, link: LinkId, message: &Message) {
        // Mongrel2 takes the parts of a message one by one.
        for frame in message.frames() {
            let raw = frame.bytes();
            match self.terms.text_of(&raw) {
                Some(text) if self.handlers.have_asked() => self.handlers.heard(&text, link),
                _ => self.on_reply(&raw),
            }
        }
    }

    fn on_reply(&mut self, raw: &Bytes) {
        match parse_response(raw) {
            Ok(reply) => {
                for conn_id in reply.targets {
                    self.route(conn_id, &reply.body, reply.extended);
                }
            }
            Err(error) => self.events.push_back(Event::Malformed { error }),
        }
    }

    /// One reply to one connection.
    fn route(&mut self, conn_id: ConnId, body: &Bytes, extended: bool) {
        if let Some(said) = self.clients.reply(conn_id, body, extended) {
            self.on_said(said);
            return;
        }
        let answers = match self.notices {
            Notices::WithClients => self.clients.were_opened(),
            Notices::Always => true,
            Notices::Never => false,
        };
        if answers {
            let notice = self.clients.notice(conn_id, body, extended);
            notice.into_iter().for_each(|notice| self.sockets.enqueue(notice));
        }
        self.events.push_back(Event::Reply { conn_id, body: body.clone(), extended });
    }

    fn on_said(&mut self, said: Said) {
        said.messages.into_iter().for_each(|message| self.sockets.enqueue(message));
        self.events.extend(said.event);
    }

    /// Of several changes that nobody took, the last.
    fn tell_links(&mut self) {
        let (requests, replies) = self.sockets.links();
        let event = Event::Handlers { requests, replies };
        match self.events.back_mut() {
            Some(last @ Event::Handlers { .. }) => *last = event,
            _ => self.events.push_back(event),
        }
    }

    fn tell_lost(&mut self, requests: usize) {
        if requests > 0 {
            self.events.push_back(Event::Lost { requests });
        }
    }

    fn report(&mut self, reports: Vec<Report>) {
        for report in reports {
            match report {
                Report::Connected(control) => {
                    self.openings.connected(&control);
                    self.events.push_back(Event::Connected { control });
                }
                Report::ConnectFailed(control, failure) => {
                    let clients = self.openings.failed(&control);
                    let event = Event::ConnectFailed { control, failure: failure.clone() };
                    self.events.push_back(event);
                    self.fail_to_open(clients, &failure);
                }
                Report::Disconnected(control) => {
                    self.events.push_back(Event::Disconnected { control });
                }
                Report::DisconnectFailed(control, failure) => {
                    self.events.push_back(Event::DisconnectFailed { control, failure });
                }
            }
        }
    }

    /// Clients that wait for nothing any more are ready, once the sockets are bound.
    fn open_clients(&mut self) {
        match &self.terms.bound {
            Bound::NotYet => {}
            Bound::At { .. } => {
                for client in self.openings.take_ready() {
                    if let Some(conn_id) = self.clients.ready(client) {
                        self.events.push_back(Event::Ready { client, conn_id });
                    }
                }
            }
            Bound::Failed { endpoint, cause } => {
                let (endpoint, cause) = (endpoint.clone(), *cause);
                let cause = Cause::ListenFailed { endpoint, cause };
                let failure = Failure { control: None, step: Step::Bind, cause };
                let clients = self.openings.take_ready();
                self.fail_to_open(clients, &failure);
            }
        }
    }

    fn fail_to_open(&mut self, clients: Vec<ClientId>, failure: &Failure) {
        for client in clients {
            // It was never ready, so it has said nothing.
            let _ = self.clients.forget(client);
            self.events.push_back(Event::NotReady { client, failure: failure.clone() });
        }
    }

    fn open(&mut self, client: ClientId, protocol: crate::client::Protocol) -> Result<(), Refused> {
        self.check_room()?;
        self.clients.open(client, protocol)?;
        let handlers = self.handlers.connect_wanted(&self.terms, &mut self.io);
        self.openings.push(client, handlers);
        Ok(())
    }

    fn act(&mut self, client: ClientId, action: Action) -> Result<(), Refused> {
        self.check_running()?;
        if matches!(&action, Action::Garbage(raw) if self.sockets.is_too_large(raw)) {
            return Err(Refused::TooLarge);
        }
        self.sockets.check_room()?;
        let said = self.clients.act(client, action)?;
        self.on_said(said);
        Ok(())
    }

    fn forget(&mut self, client: ClientId) -> Result<(), Refused> {
        let said = self.clients.forget(client)?;
        if self.phase == Phase::Running {
            self.openings.remove(client);
            self.on_said(said);
        }
        Ok(())
    }

    fn disconnect(&mut self, control: &Endpoint) -> Result<(), Refused> {
        self.check_room()?;
        let begins = self.handlers.disconnect(control, &self.terms, &mut self.io)?;
        if !begins {
            self.events.push_back(Event::Disconnected { control: control.clone() });
        }
        Ok(())
    }

    fn shutdown(&mut self) {
        if self.phase != Phase::Running {
            return;
        }
        self.phase = Phase::Parting;
        let reports = self.handlers.shutdown(&self.terms, &mut self.io);
        self.report(reports);
        let failure = Failure { control: None, step: Step::Bind, cause: Cause::ShuttingDown };
        let clients = self.openings.take_all();
        self.fail_to_open(clients, &failure);
        self.events.extend(self.clients.shutdown());
    }

    fn end(&mut self) {
        self.phase = Phase::Ending;
        let lost = self.sockets.shutdown(&mut self.io);
        self.tell_lost(lost);
    }

    /// Whether something that ends in an event may begin.
    fn check_room(&self) -> Result<(), Refused> {
        self.check_running()?;
        let is_neglected = self.events.len() / 2 >= self.events_max;
        if is_neglected { Err(Refused::Neglected) } else { Ok(()) }
    }

    fn check_running(&self) -> Result<(), Refused> {
        if self.phase != Phase::Running {
            return Err(Refused::ShuttingDown);
        }
        match &self.terms.bound {
            Bound::Failed { .. } => Err(Refused::NotListening),
            Bound::NotYet | Bound::At { .. } => Ok(()),
        }
    }

    fn carry_out(&mut self, command: Command) -> Result<(), Refused> {
        match command {
            Command::Deliver(_) if self.phase != Phase::Running => Err(Refused::ShuttingDown),
            Command::Deliver(raw) => self.sockets.deliver(raw, &mut self.io),
            Command::Connect { handler } => {
                self.check_room()?;
                self.handlers.connect(handler, &self.terms, &mut self.io)
            }
            Command::Disconnect { control } => self.disconnect(&control),
            Command::Open { client, protocol } => self.open(client, protocol),
            Command::Act { client, action } => self.act(client, action),
            Command::Receive { client, within } => {
                self.check_room()?;
                let event = self.clients.receive(client, within, self.io.now())?;
                self.events.extend(event);
                Ok(())
            }
            Command::Cancel { client } => self.clients.cancel(client),
            Command::Forget { client } => self.forget(client),
            Command::Shutdown => {
                self.shutdown();
                Ok(())
            }
        }
    }
}

impl Machine for Server {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        match input.scope() {
            Some(scope) if scope >= FREE_SCOPE => {
                let opened = if let Input::Opened { link } = &input { Some(*link) } else { None };
                let is_known = self.handlers.handle(input, &mut self.io);
                // A stream that was given up meanwhile, with all that it was for.
                if let Some(link) = opened.filter(|_| !is_known) {
                    self.io.push(Output::Close { link });
                }
                self.sockets.handle(Input::Timeout, &mut self.io);
            }
            _ => self.sockets.handle(input, &mut self.io),
        }
        self.work();
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let result = self.carry_out(command);
        self.sockets.handle(Input::Timeout, &mut self.io);
        self.work();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.io.pop() {
            return Some(output);
        }
        self.sockets.flush(&mut self.io);
        self.handlers.flush(&mut self.io);
        self.io.pop()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if self.events.len() <= self.events_max / 2 {
            self.work();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.sockets.next_deadline(),
            self.handlers.next_deadline(),
            self.clients.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }
}
