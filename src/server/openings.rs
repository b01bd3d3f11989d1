//! Clients that are being opened: each waits for the introductions that it needs.

use std::collections::BTreeSet;

use crate::endpoint::Endpoint;

use super::command::ClientId;

/// All of them, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(super) struct Openings {
    waiting: Vec<(ClientId, BTreeSet<Endpoint>)>,
}

impl Openings {
    pub(super) fn push(&mut self, client: ClientId, handlers: Vec<Endpoint>) {
        self.waiting.push((client, handlers.into_iter().collect()));
    }

    /// A client is forgotten before it was ready. Whether it was being opened.
    pub(super) fn remove(&mut self, client: ClientId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(other, _)| *other != client);
        self.waiting.len() < before
    }

    /// The server is introduced to this handler.
    pub(super) fn connected(&mut self, control: &Endpoint) {
        for (_, handlers) in &mut self.waiting {
            handlers.remove(control);
        }
    }

    /// It is not; who cannot be opened by that.
    pub(super) fn failed(&mut self, control: &Endpoint) -> Vec<ClientId> {
        let (failed, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, handlers)| handlers.contains(control));
        self.waiting = waiting;
        clients(failed)
    }

    /// Those that wait for no handler any more.
    pub(super) fn take_ready(&mut self) -> Vec<ClientId> {
        if self.waiting.iter().all(|(_, handlers)| !handlers.is_empty()) {
            return Vec::new();
        }
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|(_, handlers)| handlers.is_empty());
        self.waiting = waiting;
        clients(ready)
    }

    /// All that are left.
    pub(super) fn take_all(&mut self) -> Vec<ClientId> {
        clients(std::mem::take(&mut self.waiting))
    }
}

fn clients(openings: Vec<(ClientId, BTreeSet<Endpoint>)>) -> Vec<ClientId> {
    openings.into_iter().map(|(client, _)| client).collect()
}
