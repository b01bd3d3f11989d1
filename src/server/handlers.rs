//! The handlers of a server: which it is introduced to, and whose introduction or parting is under way.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::connector::Asker;
use crate::endpoint::Endpoint;
use crate::machine::{Input, LinkId};
use crate::socket::io::Io;

use super::claims::Claims;
use super::command::Refused;
use super::config::Handler;
use super::entry::{Entry, State};
use super::failure::{Cause, Step};
use super::introducing::Introduction;
use super::parting::Parting;
use super::report::Report;
use super::terms::Terms;
use super::uuid;

/// The table of handlers, by their control sockets.
#[derive(Debug)]
pub(super) struct Handlers {
    pub(super) entries: BTreeMap<Endpoint, Entry>,
    pub(super) entries_max: usize,
    pub(super) claims: Claims,
    /// Introductions and partings under way.
    pub(super) active: usize,
    /// The scope of the next socket to a control socket.
    pub(super) scope: u32,
    /// Whether a handler was ever asked to publish a text.
    pub(super) has_asked: bool,
}

impl Handlers {
    /// `scope` and all that follow are free.
    pub(super) fn new(configured: Vec<Handler>, entries_max: usize, scope: u32) -> Self {
        let wanted = configured.into_iter().map(|handler| {
            let entry = Entry::new(handler, true);
            (entry.handler.control.clone(), entry)
        });
        let entries: BTreeMap<_, _> = wanted.collect();
        let entries_max = entries_max.max(1).max(entries.len());
        let claims = Claims::default();
        Self { entries, entries_max, claims, active: 0, scope, has_asked: false }
    }

    /// Begins an introduction.
    pub(super) fn connect(
        &mut self,
        handler: Handler,
        terms: &Terms,
        io: &mut Io,
    ) -> Result<(), Refused> {
        if handler.control.is_wildcard() {
            return Err(Refused::Wildcard);
        }
        let control = handler.control.clone();
        if let Some(entry) = self.entries.get_mut(&control) {
            entry.check_connect()?;
            entry.handler = handler;
        } else if self.entries.len() >= self.entries_max {
            return Err(Refused::TooManyHandlers);
        } else {
            self.entries.insert(control.clone(), Entry::new(handler, false));
        }
        self.introduce(&control, terms, io);
        Ok(())
    }

    /// Begins a parting. Whether there is anything to do at all.
    pub(super) fn disconnect(
        &mut self,
        control: &Endpoint,
        terms: &Terms,
        io: &mut Io,
    ) -> Result<bool, Refused> {
        let entry = self.entries.get_mut(control).ok_or(Refused::UnknownHandler)?;
        match entry.state {
            State::Introducing(..) | State::Parting(..) => return Err(Refused::Busy),
            State::Apart if !entry.is_known => {
                self.entries.remove(control);
                return Ok(false);
            }
            State::Apart | State::Joined => {}
        }
        entry.is_wanted = false;
        self.part(control, false, terms, io);
        Ok(true)
    }

    /// Begins all introductions that a client needs; the handlers to wait for.
    pub(super) fn connect_wanted(&mut self, terms: &Terms, io: &mut Io) -> Vec<Endpoint> {
        let lacking = self.entries.iter().filter(|(_, entry)| entry.is_lacking());
        let lacking: Vec<Endpoint> = lacking.map(|(control, _)| control.clone()).collect();
        for control in &lacking {
            self.introduce(control, terms, io);
        }
        lacking
    }

    /// Takes the server off every handler. What failed by that is reported.
    pub(super) fn shutdown(&mut self, terms: &Terms, io: &mut Io) -> Vec<Report> {
        let mut reports = Vec::new();
        let controls: Vec<Endpoint> = self.entries.keys().cloned().collect();
        for control in controls {
            let Some(entry) = self.entries.get_mut(&control) else { continue };
            if std::mem::take(&mut entry.is_next) {
                reports.push(Report::connect_failed(&control, (Step::Bind, Cause::ShuttingDown)));
            }
            if let State::Introducing(_, introduction) = &mut entry.state {
                let may_be_served = introduction.end(io);
                let reason = (introduction.step(), Cause::ShuttingDown);
                reports.push(Report::connect_failed(&control, reason));
                (entry.state, entry.is_known) = (State::Apart, may_be_served);
                self.active -= 1;
            }
            match entry.state {
                State::Joined => self.part(&control, false, terms, io),
                State::Apart if entry.is_known => self.part(&control, true, terms, io),
                State::Apart | State::Introducing(..) | State::Parting(..) => {}
            }
        }
        reports
    }

    /// Whether no introduction or parting is under way.
    pub(super) const fn are_idle(&self) -> bool {
        self.active == 0
    }

    /// Whether a text to nobody may be the answer to a question that was asked some time.
    pub(super) const fn have_asked(&self) -> bool {
        self.has_asked
    }

    /// A text to nobody has come by this link.
    pub(super) fn heard(&mut self, text: &Bytes, link: LinkId) {
        self.entries.values_mut().for_each(|entry| entry.heard(text, link));
    }

    pub(super) const fn reply_link_up(&mut self) {
        self.claims.reply_up();
    }

    pub(super) fn reply_link_down(&mut self, link: LinkId) {
        let owner = self.entries.values_mut().find(|entry| entry.links.reply == Some(link));
        if let Some(owner) = owner {
            owner.links.reply = None;
        }
    }

    pub(super) fn request_link_up(&mut self, link: LinkId) {
        self.claims.up(link);
    }

    pub(super) fn request_link_down(&mut self, link: LinkId) {
        self.claims.remove(link);
        let owner = self.entries.iter().find(|(_, entry)| entry.links.request == Some(link));
        let owner = owner.map(|(control, entry)| (control.clone(), entry.is_parting()));
        let parting =
            self.entries.values_mut().find(|e| e.is_parting() && e.links.request.is_some());
        // Links have no names: of all that go while a handler parts, one is taken for its own.
        let given = match (&owner, parting) {
            (Some((_, true)), _) | (_, None) => None,
            (_, Some(parting)) => parting.links.request.take(),
        };
        match (owner.and_then(|(control, _)| self.entries.get_mut(&control)), given) {
            (Some(owner), given) => owner.links.request = given,
            (None, Some(given)) => self.claims.put_back(given),
            (None, None) => {}
        }
    }

    /// Takes an input for a socket to a control socket. Whether there is such a socket.
    pub(super) fn handle(&mut self, input: Input, io: &mut Io) -> bool {
        let scope = input.scope();
        let entry = self.entries.values_mut().find(|entry| entry.scope() == scope);
        entry.map(|entry| entry.handle(input, io)).is_some()
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        if self.active > 0 {
            self.entries.values_mut().for_each(|entry| entry.flush(io));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.active == 0 {
            return None;
        }
        self.entries.values().filter_map(Entry::next_deadline).min()
    }

    /// Begins an introduction, or the next when the parting is over.
    pub(super) fn introduce(&mut self, control: &Endpoint, terms: &Terms, io: &mut Io) {
        let (scope, asker) = self.new_asker(control, terms);
        let Some(entry) = self.entries.get_mut(control) else { return };
        match entry.state {
            State::Introducing(..) => return,
            State::Parting(..) => {
                entry.is_next = true;
                return;
            }
            State::Apart | State::Joined => {}
        }
        self.has_asked = true;
        entry.is_next = false;
        entry.links.reply = None;
        let text = uuid::text(&mut io.rng);
        let deadline = terms.deadline(io.now());
        let handler = entry.handler.clone();
        let introduction = Introduction::new(handler, asker, entry.is_known, text, deadline);
        entry.state = State::Introducing(scope, Box::new(introduction));
        self.active += 1;
    }

    /// Begins a parting.
    pub(super) fn part(&mut self, control: &Endpoint, is_silent: bool, terms: &Terms, io: &mut Io) {
        let (scope, asker) = self.new_asker(control, terms);
        let Some(entry) = self.entries.get_mut(control) else { return };
        let deadline = terms.deadline(io.now());
        let evidence = (&entry.links, &self.claims);
        let mut parting = Parting::new(asker, deadline, is_silent, evidence);
        parting.begin(terms, io);
        entry.state = State::Parting(scope, Box::new(parting));
        self.active += 1;
    }

    fn new_asker(&mut self, control: &Endpoint, terms: &Terms) -> (u32, Asker) {
        let scope = self.scope;
        // After so many, the first are long gone.
        self.scope = self.scope.checked_add(1).unwrap_or(FIRST_SCOPE_AGAIN);
        (scope, Asker::new(control.clone(), terms.patience, scope))
    }
}

/// Where scopes begin anew.
const FIRST_SCOPE_AGAIN: u32 = 16;
