//! How introductions and partings go on, and what follows from their ends.

use crate::endpoint::Endpoint;
use crate::socket::io::Io;

use super::entry::State;
use super::handlers::Handlers;
use super::introducing;
use super::report::Report;
use super::terms::{Reason, Terms};

impl Handlers {
    /// All go as far as they can; what came of them.
    pub(super) fn advance(&mut self, terms: &Terms, io: &mut Io) -> Vec<Report> {
        let mut reports = Vec::new();
        if self.active == 0 {
            return reports;
        }
        let controls: Vec<Endpoint> = self.entries.keys().cloned().collect();
        for control in controls {
            // An introduction may be followed by a silent parting, and that by an introduction.
            for _ in 0..STATES_MAX {
                if !self.advance_one(&control, terms, io, &mut reports) {
                    break;
                }
            }
        }
        reports
    }

    /// Whether the state of this handler has changed.
    fn advance_one(
        &mut self,
        control: &Endpoint,
        terms: &Terms,
        io: &mut Io,
        reports: &mut Vec<Report>,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(control) else { return false };
        match &mut entry.state {
            State::Introducing(_, introduction) => {
                let evidence = (&mut entry.links, &mut self.claims);
                let Some(outcome) = introduction.advance(terms, evidence, io) else { return false };
                introduction.end(io);
                self.active -= 1;
                reports.push(self.introduced(control, outcome, terms, io));
            }
            State::Parting(_, parting) => {
                let evidence = (&entry.links, &self.claims);
                let Some(outcome) = parting.advance(terms, evidence, io) else { return false };
                parting.end(io);
                let is_silent = parting.is_silent();
                self.active -= 1;
                let report = self.parted(control, &outcome.result, outcome.is_removed, terms, io);
                reports.extend(report.filter(|_| !is_silent));
            }
            State::Apart | State::Joined => return false,
        }
        true
    }

    fn introduced(
        &mut self,
        control: &Endpoint,
        outcome: introducing::Outcome,
        terms: &Terms,
        io: &mut Io,
    ) -> Report {
        let control = control.clone();
        let Some(entry) = self.entries.get_mut(&control) else { return Report::Connected(control) };
        match outcome {
            introducing::Outcome::Joined => {
                (entry.state, entry.is_known, entry.is_wanted) = (State::Joined, true, true);
                Report::Connected(control)
            }
            introducing::Outcome::Failed { reason, may_be_served } => {
                entry.state = State::Apart;
                entry.is_known |= may_be_served;
                if may_be_served {
                    self.part(&control, true, terms, io);
                } else {
                    self.forget_unwanted(&control);
                }
                Report::connect_failed(&control, reason)
            }
        }
    }

    fn parted(
        &mut self,
        control: &Endpoint,
        result: &Result<(), Reason>,
        is_removed: bool,
        terms: &Terms,
        io: &mut Io,
    ) -> Option<Report> {
        let entry = self.entries.get_mut(control)?;
        entry.is_known &= !is_removed;
        let is_linked = result.is_err() && entry.links.reply.is_some();
        entry.state = if is_linked { State::Joined } else { State::Apart };
        if std::mem::take(&mut entry.is_next) {
            entry.state = State::Apart;
            self.introduce(control, terms, io);
        } else {
            self.forget_unwanted(control);
        }
        Some(match result {
            Ok(()) => Report::Disconnected(control.clone()),
            Err(reason) => Report::disconnect_failed(control, reason.clone()),
        })
    }

    /// A handler that nobody wants, and that does not know the server, leaves nothing behind.
    fn forget_unwanted(&mut self, control: &Endpoint) {
        let is_over = self.entries.get(control).is_some_and(|entry| {
            matches!(entry.state, State::Apart) && !entry.is_wanted && !entry.is_known
        });
        if let Some(entry) = is_over.then(|| self.entries.remove(control)).flatten() {
            if let Some(link) = entry.links.request {
                self.claims.put_back(link);
            }
        }
    }
}

/// An introduction, its taking back, and the next introduction.
const STATES_MAX: usize = 3;
