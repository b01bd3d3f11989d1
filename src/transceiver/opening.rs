//! The opening handshakes of WebSockets: taken, or refused.

use crate::mongrel2::{ConnId, Request};
use crate::websocket::handshake;

use super::config::Config;
use super::context::Context;
use super::delivery::{Delivery, Origin};
use super::event::Event;
use super::server::Server;
use super::sessions::State;

impl Server {
    /// Takes the handshake of a WebSocket, or refuses it (RFC 6455 4.2.2). Mongrel2 has checked that
    /// the headers are there, not what they say.
    pub(super) fn shake_hands(&mut self, request: Request, cx: &mut Context<'_>) {
        let conn_id = request.conn_id();
        if conn_id.0 < 0 {
            // No browser: there is nobody to answer.
            return;
        }
        if self.sessions.state(conn_id).is_some() {
            // Mongrel2 never uses an id twice in one life; whoever does has ended the other one.
            self.disconnected(conn_id, cx);
        }
        if let Some((status, header)) = self.objection(&request, cx.config) {
            self.refuse(conn_id, status, header);
            self.ignore(conn_id, cx);
            return;
        }
        let opening = cx.config.accept.ask(&request);
        let compression = &mut self.sessions.compression;
        let (answer, takes_it) = opening.encode(&request, || compression.agree(conn_id, &request));
        self.outbox.push(Delivery::to_one(conn_id, answer, Origin::Own));
        if takes_it {
            self.open(conn_id, request, false, cx);
        } else {
            self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
            self.ignore(conn_id, cx);
        }
    }

    /// The status, and a line of the head, that speak against a handshake.
    fn objection(&self, request: &Request, config: &Config) -> Option<(u16, &'static str)> {
        let is = |name, value: &[u8]| request.header(name).as_deref() == Some(value);
        if !is("sec-websocket-version", b"13") {
            Some((426, "sec-websocket-version: 13\r\n"))
        } else if !is("VERSION", b"HTTP/1.1") || !handshake::is_accept_key(&request.body()) {
            Some((400, ""))
        } else if !self.parting.is_none() || !self.has_slot(config) {
            Some((503, ""))
        } else {
            None
        }
    }

    pub(super) fn open(
        &mut self,
        conn_id: ConnId,
        request: Request,
        adopted: bool,
        cx: &mut Context<'_>,
    ) {
        self.enter(conn_id, State::Open, cx);
        let target = self.target(conn_id);
        cx.events.push(Event::SessionOpened { target, request, adopted });
    }
}
