//! Who is who: links by their names, and links and listeners by their tokens.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use mio::Token;
use mongrel2_transceiver::{LinkId, ListenerId};

use crate::connect::Connecting;
use crate::link::Open;
use crate::wakeup::WAKEUP;

/// All links of a driver, and all tokens. A token is not used twice, so that late readiness finds
/// nobody.
#[derive(Debug)]
pub(crate) struct Table {
    links: HashMap<LinkId, (Token, State)>,
    names: HashMap<Token, Name>,
    last_token: Token,
}

/// What a link is at.
#[derive(Debug)]
pub(crate) enum State {
    Connecting(Connecting),
    Accepting(ListenerId),
    Open(Open),
}

/// Who has a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name {
    Link(LinkId),
    Listener(ListenerId),
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { links: HashMap::new(), names: HashMap::new(), last_token: WAKEUP }
    }

    /// Makes a token.
    pub(crate) fn name(&mut self, name: Name) -> Token {
        self.last_token.0 += 1;
        self.names.insert(self.last_token, name);
        self.last_token
    }

    /// Who has this token, if anybody still does.
    pub(crate) fn find(&self, token: Token) -> Option<Name> {
        self.names.get(&token).copied()
    }

    pub(crate) fn forget(&mut self, token: Token) {
        self.names.remove(&token);
    }

    /// Adds a link. One that was there stays: a machine does not use a name twice.
    pub(crate) fn insert(&mut self, link: LinkId, state: State) {
        let token = self.name(Name::Link(link));
        match self.links.entry(link) {
            Entry::Vacant(vacant) => {
                vacant.insert((token, state));
            }
            Entry::Occupied(_) => {
                self.forget(token);
                tracing::debug!(?link, "the machine used this name before");
            }
        }
    }

    pub(crate) fn get(&mut self, link: LinkId) -> Option<(Token, &mut State)> {
        self.links.get_mut(&link).map(|(token, state)| (*token, state))
    }

    /// A link that is open.
    pub(crate) fn open(&mut self, link: LinkId) -> Option<&mut Open> {
        match self.get(link) {
            Some((_, State::Open(open))) => Some(open),
            _ => None,
        }
    }

    pub(crate) fn remove(&mut self, link: LinkId) -> Option<State> {
        let (token, state) = self.links.remove(&link)?;
        self.forget(token);
        Some(state)
    }

    /// Removes all links.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = State> + '_ {
        self.links.drain().map(|(_, (_, state))| state)
    }
}
