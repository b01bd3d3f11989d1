//! What is left to tell about a life that is over, in portions as the application takes them.

use super::event::{Event, SessionEnd};
use super::sessions::{Sessions, State};
use super::target::{ServerId, Target};

/// The sessions of a life that is over. A million of them must not become a million events at once.
#[derive(Debug)]
pub(super) struct Endings {
    life: u32,
    /// That the server is down, if the application was told that it was up.
    down: Option<Event>,
    sessions: Sessions,
    /// How those ended that nobody was closing.
    end: SessionEnd,
    /// How those ended that we were closing.
    closing_end: SessionEnd,
    cursor: usize,
}

impl Endings {
    pub(super) const fn new(
        life: u32,
        down: Option<Event>,
        sessions: Sessions,
        end: SessionEnd,
        closing_end: SessionEnd,
    ) -> Self {
        Self { life, down, sessions, end, closing_end, cursor: 0 }
    }

    /// The next event, until all is told.
    pub(super) fn next(&mut self, server: ServerId) -> Option<Event> {
        if let Some(down) = self.down.take() {
            return Some(down);
        }
        let (conn_id, state) = self.sessions.next_session(&mut self.cursor)?;
        let end = match state {
            State::Closing => self.closing_end.clone(),
            State::Open | State::Ending | State::Gone | State::Free => self.end.clone(),
        };
        Some(Event::SessionClosed { target: Target { server, life: self.life, conn_id }, end })
    }
}
