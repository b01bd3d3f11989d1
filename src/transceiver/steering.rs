//! What the application says to Mongrel2 itself, and to its modules, about connections.

use std::time::Duration;

use bytes::Bytes;

use crate::mongrel2::{CREDITS_MAX, CTL, ConnId, Control};
use crate::socket::later;

use super::command::Refused;
use super::config::Config;
use super::context::Context;
use super::delivery::{Delivery, Origin, Recipients};
use super::event::{Loss, SessionEnd};
use super::server::Server;
use super::sessions::State;
use super::target::Target;

impl Server {
    /// Nothing more is to be expected of this connection, which is no WebSocket.
    pub(super) fn ends(&mut self, conn_id: ConnId) {
        self.holds.release(conn_id);
        self.uploads.forget(conn_id);
    }

    /// All connections are gone.
    pub(super) fn all_end(&mut self) {
        self.holds.clear();
        self.uploads.clear();
    }

    /// Whether something can be said about this connection, which is no WebSocket.
    fn check_plain(&self, target: Target) -> Result<(), Refused> {
        self.check(target)?;
        match self.sessions.state(target.conn_id) {
            None => Ok(()),
            Some(State::Open | State::Closing | State::Ending) => Err(Refused::IsSession),
            Some(State::Gone | State::Free) => Err(Refused::UnknownSession),
        }
    }

    pub(super) fn hold(
        &mut self,
        target: Target,
        time: Duration,
        cx: &Context<'_>,
    ) -> Result<(), Refused> {
        self.check_plain(target)?;
        let conn_id = target.conn_id;
        if time.is_zero() {
            self.holds.release(conn_id);
            return Ok(());
        }
        let is_held = self.holds.has(conn_id);
        if !is_held && self.holds.len() >= cx.config.limits.holds_max.max(1) {
            return Err(Refused::TooManyHolds);
        }
        let now = cx.io.now();
        self.holds.hold(conn_id, later(now, time), now, cx.config.keep_alive_interval);
        if !is_held {
            // Nobody knows for how long it was silent before.
            self.outbox.keep_alive([conn_id]);
        }
        Ok(())
    }

    /// Keeps those alive who are held, where it is time for that.
    pub(super) fn keep_alive(&mut self, cx: &Context<'_>) {
        let due = self.holds.due(cx.io.now(), cx.config.keep_alive_interval);
        self.outbox.keep_alive(due);
    }

    pub(super) fn grant(&mut self, target: Target, octets: u64) -> Result<(), Refused> {
        self.check_plain(target)?;
        if octets > CREDITS_MAX {
            return Err(Refused::TooLarge);
        }
        if octets == 0 {
            return Ok(());
        }
        let to = Recipients::One(target.conn_id);
        let credits = Delivery::control(to, Control::Credits(octets), Origin::Application);
        // However slow the browser is: what is for Mongrel2 passes by what waits for that.
        if !self.outbox.admits(1, credits.body.len()) {
            return Err(Refused::Full);
        }
        self.outbox.push(credits);
        self.parting.is_busy();
        Ok(())
    }

    pub(super) fn extended(
        &mut self,
        target: Target,
        key: &Bytes,
        value: &Bytes,
        config: &Config,
    ) -> Result<(), Refused> {
        self.check_plain(target)?;
        if key == CTL {
            return Err(Refused::Reserved);
        }
        let octets = key.len().saturating_add(value.len());
        self.make_room(target, 1, octets, config)?;
        self.outbox.push(Delivery::extended(target.conn_id, key, value));
        self.parting.is_busy();
        Ok(())
    }

    pub(super) fn cancel(&mut self, target: Target, cx: &mut Context<'_>) -> Result<(), Refused> {
        self.check(target)?;
        if cx.events.is_full() {
            // What is dropped is to be told of.
            return Err(Refused::Neglected);
        }
        let conn_id = target.conn_id;
        let state = self.sessions.state(conn_id);
        let origin = match state {
            None if !self.outbox.admits(1, 0) => return Err(Refused::Full),
            None => Origin::Application,
            Some(State::Open | State::Closing | State::Ending) => Origin::Own,
            Some(State::Gone | State::Free) => return Err(Refused::UnknownSession),
        };
        self.ends(conn_id);
        let lost = self.outbox.cancel(conn_id, origin);
        self.report_undelivered(lost, Loss::Cancelled);
        match state {
            Some(State::Open | State::Closing) => {
                self.end_told(conn_id, SessionEnd::ByHandler { answered: false }, cx);
            }
            // Its end is told already.
            Some(State::Ending) => self.sessions.set_state(conn_id, State::Gone),
            None | Some(State::Gone | State::Free) => self.parting.is_busy(),
        }
        Ok(())
    }
}
