//! What the application says to browsers: checked, counted, put into the outbox.

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, TARGETS_MAX};
use crate::planted::{Bug, is_planted};
use crate::websocket::{Close, CloseCode, Message};

use super::command::Refused;
use super::config::Config;
use super::context::Context;
use super::delivery::{Delivery, Origin, Recipients};
use super::event::SessionEnd;
use super::packing::{Packing, encode};
use super::server::Server;
use super::sessions::State;
use super::target::Target;
use super::way::Way;
use super::window::Window;

impl Server {
    /// Whether something can still be said to this target at all.
    pub(super) fn check(&self, target: Target) -> Result<(), Refused> {
        let is_current = self.life.is_current(target.life) || is_planted(Bug::FormerLife);
        let is_current = is_current && target.conn_id.0 >= 0;
        if self.parting.is_flushing() {
            Err(Refused::ShuttingDown)
        } else if is_current {
            Ok(())
        } else {
            Err(Refused::ServerGone)
        }
    }

    pub(super) fn reply(
        &mut self,
        target: Target,
        body: Bytes,
        close: bool,
        config: &Config,
    ) -> Result<(), Refused> {
        self.check(target)?;
        match self.sessions.state(target.conn_id) {
            None => {}
            Some(State::Open | State::Closing | State::Ending) => return Err(Refused::IsSession),
            Some(State::Gone | State::Free) => return Err(Refused::UnknownSession),
        }
        if body.is_empty() {
            return Err(Refused::Empty);
        }
        self.make_room(target, 1 + usize::from(close), body.len(), config)?;
        self.outbox.push(Delivery::to_one(target.conn_id, body, Origin::Application));
        if close {
            self.ends(target.conn_id);
            self.outbox.push(Delivery::hang_up(target.conn_id, Origin::Application));
        }
        self.parting.is_busy();
        Ok(())
    }

    pub(super) fn hang_up(&mut self, target: Target, cx: &mut Context<'_>) -> Result<(), Refused> {
        self.check(target)?;
        match self.sessions.state(target.conn_id) {
            None => {
                // However slow the browser is: an end makes room.
                if !self.outbox.admits(1, 0) {
                    return Err(Refused::Full);
                }
                self.ends(target.conn_id);
                self.outbox.push(Delivery::hang_up(target.conn_id, Origin::Application));
                self.parting.is_busy();
            }
            Some(State::Open | State::Closing) => {
                let end = SessionEnd::ByHandler { answered: false };
                self.end_session(target.conn_id, None, end, cx);
            }
            // Its end is told already.
            Some(State::Ending) => {
                self.outbox.push(Delivery::hang_up(target.conn_id, Origin::Own));
                self.sessions.set_state(target.conn_id, State::Gone);
            }
            Some(State::Gone | State::Free) => return Err(Refused::UnknownSession),
        }
        Ok(())
    }

    pub(super) fn send(
        &mut self,
        target: Target,
        message: &Message,
        cx: &mut Context<'_>,
    ) -> Result<(), Refused> {
        self.check_open(target)?;
        if message.len() > cx.config.limits.message_size_max.max(1) {
            return Err(Refused::TooLarge);
        }
        if self.is_neglected(cx.config) {
            return Err(Refused::Neglected);
        }
        if !self.outbox.admits(1, message.len()) {
            return Err(Refused::Full);
        }
        match self.make_way(target.conn_id, message.len(), cx) {
            Way::Barred => return Err(Refused::Slow),
            Way::Ended => {}
            Way::Free => {
                let compression = &mut self.sessions.compression;
                let packing = compression.packing(target.conn_id);
                let body = match packing {
                    Packing::Shared => compression.pack(message),
                    Packing::Plain | Packing::Own => encode(message),
                };
                let is_wrong = is_planted(Bug::WrongTarget) && target.conn_id.0 % 4 == 1;
                let to = ConnId(target.conn_id.0 + i64::from(is_wrong));
                let delivery = Delivery::to_one(to, body, Origin::Application);
                let is_unpacked = packing == Packing::Own;
                self.outbox.push(if is_unpacked { delivery.unpacked() } else { delivery });
            }
        }
        Ok(())
    }

    pub(super) fn check_open(&self, target: Target) -> Result<(), Refused> {
        self.check(target)?;
        match self.sessions.state(target.conn_id) {
            Some(State::Open | State::Ending) => Ok(()),
            None | Some(State::Closing | State::Gone | State::Free) => Err(Refused::UnknownSession),
        }
    }

    pub(super) fn close(
        &mut self,
        target: Target,
        close: &Close,
        cx: &mut Context<'_>,
    ) -> Result<(), Refused> {
        self.check_open(target)?;
        if self.sessions.state(target.conn_id) == Some(State::Ending) {
            // The client was first: its close frame is answered soon.
            return Err(Refused::UnknownSession);
        }
        self.begin_close(target.conn_id, close, cx);
        Ok(())
    }

    /// Sends a close frame and waits for the client's. Never refused for want of room: a close makes
    /// room.
    fn begin_close(&mut self, conn_id: ConnId, close: &Close, cx: &mut Context<'_>) {
        self.push_close(conn_id, close);
        self.no_longer_open(conn_id, State::Closing);
        self.expect_close(conn_id, cx.config, cx.io);
    }

    pub(super) fn make_room(
        &mut self,
        target: Target,
        deliveries: usize,
        octets: usize,
        config: &Config,
    ) -> Result<(), Refused> {
        if octets > config.limits.message_size_max.max(1) {
            return Err(Refused::TooLarge);
        }
        if !self.outbox.admits_to(target.conn_id, deliveries, octets) {
            return Err(Refused::Slow);
        }
        if !self.outbox.admits(deliveries, octets) {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Pings the silent, ends the silent for whom a ping did nothing, forgets the long gone.
    pub(super) fn visit_sessions(&mut self, slice: usize, slices: usize, cx: &mut Context<'_>) {
        let listens = self.is_read && !self.requests.has_backlog();
        let has_listened = self.rounds.has_listened(cx.io.now(), listens);
        let patience = self.rounds.patience();
        let mut visit = self.sessions.visit((slice, slices), patience, has_listened);
        self.give_up(&visit.forgotten);
        self.outbox.ask(visit.to_ask);
        if !self.rounds.pings() {
            // Nobody is asked for a sign of life; but to whom nothing more can be said, and who does not
            // answer when asked whether it reads, is gone.
            let is_stuck = |to: &ConnId| self.sessions.window(*to).is_some_and(Window::is_full);
            visit.to_end.retain(is_stuck);
            visit.to_ping.clear();
        }
        for conn_id in visit.to_close {
            let reason = Close::new(CloseCode::GOING_AWAY, "idle").unwrap_or_default();
            self.push_close(conn_id, &reason);
            self.end_session(conn_id, None, SessionEnd::Idle, cx);
        }
        if !is_planted(Bug::SilentForEver) {
            self.end_the_silent(&visit.to_end, cx);
        }
        // Those who read too slowly were sent a ping that they have not answered.
        visit.to_ping.retain(|conn_id| !self.outbox.holds(*conn_id));
        if !visit.to_ping.is_empty() {
            let mut ping = BytesMut::with_capacity(8);
            let payload = self.rounds.payload();
            crate::websocket::encode(crate::websocket::Opcode::Ping, &payload, &mut ping);
            let ping = Delivery::to_nobody(ping.freeze(), Origin::Own);
            self.deliver_to_many(&visit.to_ping, &ping);
        }
    }

    /// There are many of them where a network is gone: they are told together.
    fn end_the_silent(&mut self, silent: &[ConnId], cx: &mut Context<'_>) {
        self.deliver_to_many(silent, &farewell(CloseCode::INTERNAL));
        self.deliver_to_many(silent, &hang_up());
        for conn_id in silent {
            self.end_told(*conn_id, SessionEnd::Silent, cx);
        }
    }

    /// Ends the connections of all sessions.
    pub(super) fn hang_up_on_all(&mut self) {
        for state in [State::Open, State::Closing, State::Ending] {
            let mut cursor = 0;
            loop {
                let some = self.sessions.next_in(state, &mut cursor, TARGETS_MAX);
                if some.is_empty() {
                    break;
                }
                if state == State::Open {
                    // The farewells did not get so far.
                    self.deliver_to_many(&some, &farewell(CloseCode::GOING_AWAY));
                }
                self.deliver_to_many(&some, &hang_up());
            }
        }
    }

    /// Shares one body over as many messages as its recipients take.
    pub(super) fn deliver_to_many(&mut self, to: &[ConnId], what: &Delivery) {
        for some in to.chunks(TARGETS_MAX) {
            self.outbox.push(what.clone_to(Recipients::Many(some.to_vec())));
        }
    }

    /// Ends the connections whose clients did not answer our close frame in time.
    pub(super) fn end_unanswered(&mut self, cx: &mut Context<'_>) {
        let sessions = &self.sessions;
        let is_closing = |id| sessions.state(id) == Some(State::Closing);
        let mut unanswered = self.closings.due(cx.io.now(), is_closing);
        // A number that was used again, and closed again, is among them twice.
        unanswered.retain(|conn_id| {
            let is_closing = self.sessions.state(*conn_id) == Some(State::Closing);
            if is_closing {
                self.end_told(*conn_id, self.our_end(false), cx);
            }
            is_closing
        });
        self.deliver_to_many(&unanswered, &hang_up());
    }

    /// Sends farewells to sessions, as long as there is room for more and not too many are unanswered.
    pub(super) fn say_farewell(&mut self, cx: &mut Context<'_>) {
        let farewell = farewell(CloseCode::GOING_AWAY);
        while self.outbox.is_half_empty() && self.sessions.closing_len() < CLOSING_MAX {
            let Some(cursor) = self.parting.cursor() else { return };
            let some = self.sessions.next_in(State::Open, cursor, TARGETS_MAX);
            if some.is_empty() {
                return;
            }
            self.deliver_to_many(&some, &farewell);
            for conn_id in some {
                self.no_longer_open(conn_id, State::Closing);
                self.expect_close(conn_id, cx.config, cx.io);
            }
        }
    }
}

fn farewell(code: CloseCode) -> Delivery {
    let mut frame = BytesMut::new();
    Close { code: Some(code), ..Close::default() }.encode(&mut frame);
    Delivery::to_nobody(frame.freeze(), Origin::Own).closing()
}

fn hang_up() -> Delivery {
    Delivery::to_nobody(Bytes::new(), Origin::Own)
}

/// How many sessions are closed at a time when we part from a server: their answers come in one by one.
const CLOSING_MAX: usize = 8192;
