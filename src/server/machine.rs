//! [`Server`]: Mongrel2's two sockets, its handlers and its browsers as one machine.

use std::collections::VecDeque;
use std::time::Instant;

use crate::machine::{Input, Machine, Output};
use crate::socket::io::Io;

use super::clients::Clients;
use super::command::{ClientId, Command, Refused};
use super::config::{Config, Notices};
use super::event::Event;
use super::failure::{Cause, Failure, Step};
use super::handlers::Handlers;
use super::openings::Openings;
use super::report::Report;
use super::sockets::{FREE_SCOPE, Sockets};
use super::terms::{Bound, Terms};

/// A stand-in Mongrel2 as a machine: see the [module](super).
#[derive(Debug)]
pub struct Server {
    pub(super) io: Io,
    pub(super) sockets: Sockets,
    pub(super) terms: Terms,
    pub(super) handlers: Handlers,
    pub(super) clients: Clients,
    pub(super) openings: Openings,
    pub(super) notices: Notices,
    pub(super) events: VecDeque<Event>,
    pub(super) events_max: usize,
    pub(super) phase: Phase,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
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
        loop {
            let has_news = self.refill();
            let reports = self.handlers.advance(&self.terms, &mut self.io);
            self.report(reports);
            while let Some(event) = self.clients.pop_due(self.io.now()) {
                self.events.push_back(event);
            }
            self.open_clients();
            let ends = self.phase == Phase::Parting && self.handlers.are_idle();
            if ends {
                self.end();
            }
            if !has_news && !ends {
                return;
            }
        }
    }

    /// Takes what the sockets have, as far as there is room for it and for what comes of it. Whether
    /// there was anything.
    fn refill(&mut self) -> bool {
        let mut has_news = false;
        loop {
            if let Some(news) = self.sockets.pump(&mut self.io) {
                self.on_news(news);
            }
            if self.events.len() >= self.events_max {
                return has_news;
            }
            let Some(news) = self.sockets.next(&mut self.io) else { return has_news };
            self.on_news(news);
            has_news = true;
        }
    }

    pub(super) fn report(&mut self, reports: Vec<Report>) {
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

    pub(super) fn fail_to_open(&mut self, clients: Vec<ClientId>, failure: &Failure) {
        for client in clients {
            // It was never ready, so it has said nothing.
            let _ = self.clients.forget(client);
            self.events.push_back(Event::NotReady { client, failure: failure.clone() });
        }
    }

    fn end(&mut self) {
        self.phase = Phase::Ending;
        let lost = self.sockets.shutdown(&mut self.io);
        self.tell_lost(lost);
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
