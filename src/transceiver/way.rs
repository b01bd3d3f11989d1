//! Whether a WebSocket takes one more message, and what is done where it reads too slowly for that.

use crate::mongrel2::ConnId;
use crate::websocket::Close;

use super::context::Context;
use super::event::{Loss, SessionEnd};
use super::outbox::Outbox;
use super::server::Server;
use super::sessions::State;
use super::slow::Slow;

/// Whether a session takes one more message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Free,
    Barred,
    /// It was closed because of that, and what was to be said is reported.
    Ended,
}

impl Server {
    /// Sees to it that a message of so many octets may be put in for an open session, or says what
    /// became of it. The server has room for it.
    pub(super) fn make_way(&mut self, conn_id: ConnId, octets: usize, cx: &mut Context<'_>) -> Way {
        // One that is ending already is neither closed nor worth a loss.
        let is_open = self.sessions.state(conn_id) == Some(State::Open);
        match if is_open { &cx.config.slow } else { &Slow::Wait } {
            Slow::Wait if self.outbox.admits_to(conn_id, 1, octets) => Way::Free,
            Slow::Wait => Way::Barred,
            Slow::DropOldest => self.make_way_by_dropping(conn_id, octets),
            Slow::Close(_) if self.outbox.has_room(conn_id, 1, octets) => Way::Free,
            Slow::Close(close) => {
                let close = close.clone();
                self.close_for_slowness(conn_id, &close, cx);
                Way::Ended
            }
        }
    }

    fn make_way_by_dropping(&mut self, conn_id: ConnId, octets: usize) -> Way {
        let mut lost = Vec::new();
        let has_room = |outbox: &Outbox| outbox.has_room(conn_id, 1, octets);
        while !has_room(&self.outbox) && self.outbox.drop_oldest(conn_id) {
            lost.push(conn_id);
        }
        self.report_undelivered(lost, Loss::Slow);
        // Where there is nothing to leave out, what is refused is told of room, as ever.
        let is_free = has_room(&self.outbox) || self.outbox.admits_to(conn_id, 1, octets);
        if is_free { Way::Free } else { Way::Barred }
    }

    fn close_for_slowness(&mut self, conn_id: ConnId, close: &Close, cx: &mut Context<'_>) {
        let is_begun = self.outbox.is_begun(conn_id);
        let mut lost = self.outbox.drop_all(conn_id);
        lost.push(conn_id);
        self.report_undelivered(lost, Loss::Slow);
        if !is_begun {
            self.push_close(conn_id, close);
        }
        self.end_session(conn_id, None, SessionEnd::Slow, cx);
    }
}
