//! What a server's messages mean: requests, WebSocket frames, notices.

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, Kind, Request, http};
use crate::planted::{Bug, is_planted};
use crate::socket;
use crate::websocket::{self, Close, CloseCode, Flags, FrameError, Incoming, Opcode};

use super::config::Config;
use super::context::Context;
use super::delivery::{Delivery, Origin};
use super::event::{Event, Loss, SessionEnd};
use super::life::Side;
use super::server::Server;
use super::sessions::State;
use super::target::Target;
use super::uploads::Step;

impl Server {
    /// Takes in the next message, if there is one: whether there was. The caller has room for events.
    pub(super) fn take_in(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(event) = self.requests.next_message(cx.io) else {
            self.outbox.taken_all();
            return false;
        };
        match event {
            // The leftovers of a life that the application never knew, or of a link that was lost
            // before it could be told whether it belongs to this one.
            socket::Event::Message { link, .. } | socket::Event::Oversized { link, .. }
                if !self.is_reported() || self.life.proven_link(Side::Requests) != Some(link) =>
            {
                tracing::debug!(server = ?self.id, ?link, "a message of another life");
            }
            socket::Event::Message { message, .. } => {
                self.passed(message.size());
                self.parting.is_busy();
                // Mongrel2 sends single frames alone; what else there may be has no meaning.
                self.message(cx.events.to_keep(message.first().bytes()), cx);
            }
            socket::Event::Oversized { size, head, .. } => self.too_large(size, &head, cx),
            notice @ (socket::Event::Proven { .. }
            | socket::Event::Up { .. }
            | socket::Event::Down { .. }
            | socket::Event::ConnectFailed { .. }
            | socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. }
            | socket::Event::Stopped { .. }) => {
                self.notice(Side::Requests, notice, cx.config, cx.io);
            }
        }
        self.settle(cx.config, cx.io);
        true
    }

    fn message(&mut self, raw: Bytes, cx: &mut Context<'_>) {
        let request = match Request::parse(raw.clone()) {
            Ok(request) => request,
            Err(error) => {
                let conn_id = Request::head(&raw).map(|(_, conn_id)| conn_id);
                if let Some(conn_id) = conn_id {
                    self.turn_away(conn_id, 400, cx);
                }
                let target = conn_id.map(|conn_id| self.target(conn_id));
                cx.events.push(Event::Unreadable { server: self.id, target, error });
                return;
            }
        };
        if let Some(octets) = request.download_credits() {
            if !matches!(request.kind(), Kind::Credits(_)) && request.conn_id().0 >= 0 {
                self.outbox.grant(request.conn_id(), octets);
            }
        }
        if !self.outbox.told_of(request.conn_id(), request.kind()) {
            return;
        }
        match request.kind() {
            Kind::Disconnect => self.disconnected(request.conn_id(), cx),
            Kind::WebSocketHandshake => self.shake_hands(request, cx),
            Kind::WebSocket(flags) => self.frame(request, Flags::from(flags), cx),
            Kind::Credits(octets) => {
                // Who reads lives, and is asked for no other sign of it while there is more to read.
                self.sessions.heard(request.conn_id());
                self.outbox.written(request.conn_id(), octets);
            }
            Kind::Http
            | Kind::Json
            | Kind::Xml
            | Kind::StreamFirst
            | Kind::StreamPiece { .. }
            | Kind::Control
            | Kind::Unknown => self.request(request, cx),
        }
    }

    /// A message of a browser that belongs to no WebSocket.
    fn request(&mut self, request: Request, cx: &mut Context<'_>) {
        let target = self.target(request.conn_id());
        let uploads = cx.config.uploads.as_ref();
        let most = cx.config.limits.uploads_max;
        let step = uploads.and_then(|uploads| self.uploads.take(uploads, &request, most));
        if !matches!(step, Some(Step::Done(_))) {
            // Else it is one that was heard before.
            self.outbox.heard(target.conn_id, request.kind(), cx.io.now());
        }
        if is_planted(Bug::ToldTwice) && target.conn_id.0 % 4 == 1 {
            cx.events.push(Event::Request { target, request: request.clone() });
        }
        cx.events.push(match step {
            Some(Step::Start(path)) => Event::UploadStarted { target, request, path },
            Some(Step::Done(path)) => Event::UploadDone { target, request, path },
            None => Event::Request { target, request },
        });
    }

    fn too_large(&mut self, size: u64, head: &[u8], cx: &mut Context<'_>) {
        let conn_id = Request::head(head).map(|(_, conn_id)| conn_id);
        if let Some(conn_id) = conn_id {
            self.turn_away(conn_id, 413, cx);
        }
        let target = conn_id.map(|conn_id| self.target(conn_id));
        cx.events.push(Event::TooLarge { target, size });
    }

    /// A message of this connection could not be taken: tells the browser and ends the connection.
    fn turn_away(&mut self, conn_id: ConnId, status: u16, cx: &mut Context<'_>) {
        match self.sessions.state(conn_id) {
            Some(State::Open) => {
                let code = if status == 413 { CloseCode::TOO_BIG } else { CloseCode::INTERNAL };
                self.end_session(conn_id, Some(code), SessionEnd::Refused, cx);
            }
            Some(State::Closing) => self.end_session(conn_id, None, SessionEnd::Refused, cx),
            Some(State::Ending | State::Gone | State::Free) => {}
            None => self.refuse(conn_id, status, ""),
        }
    }

    /// Answers with a status and nothing else, then ends the connection.
    pub(super) fn refuse(&mut self, conn_id: ConnId, status: u16, header: &str) {
        if conn_id.0 < 0 {
            return;
        }
        self.ends(conn_id);
        let refusal = http::refusal(status, header);
        self.outbox.push(Delivery::to_one(conn_id, refusal, Origin::Own));
        self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
    }

    /// Takes no notice of what the server still reads of a connection until it has ended it.
    pub(super) fn ignore(&mut self, conn_id: ConnId, cx: &Context<'_>) {
        self.enter(conn_id, State::Gone, cx);
    }

    /// Whether one more session is within the limit; connections that have ended do not count.
    pub(super) fn has_slot(&self, config: &Config) -> bool {
        is_planted(Bug::SessionsUnbounded)
            || self.sessions.live_len() < config.limits.sessions_max.max(1)
    }

    pub(super) fn enter(&mut self, conn_id: ConnId, state: State, cx: &Context<'_>) {
        if self.sessions.len() > cx.config.limits.sessions_max.saturating_mul(2) {
            let forgotten = self.sessions.forget_some_gone();
            self.give_up(&forgotten);
        }
        self.sessions.insert(conn_id, state);
        self.outbox.begins(conn_id);
        self.rounds.keep_going(true, cx.io.now());
    }

    /// These connections were ended and are forgotten: what still waits for them is given up.
    pub(super) fn give_up(&mut self, forgotten: &[ConnId]) {
        let lost = self.outbox.give_up(forgotten);
        self.report_undelivered(lost, Loss::Slow);
    }

    fn frame(&mut self, request: Request, flags: Flags, cx: &mut Context<'_>) {
        let conn_id = request.conn_id();
        let payload = request.body();
        match self.sessions.state(conn_id) {
            Some(State::Open) => {}
            Some(State::Closing) => {
                self.sessions.heard(conn_id);
                match flags.opcode() {
                    Some(Opcode::Close) => {
                        let end = self.our_end(true);
                        self.end_session(conn_id, None, end, cx);
                    }
                    // Our close frame may wait behind what is not proven to be read.
                    Some(Opcode::Pong) => self.pong(conn_id, &payload),
                    _ => {}
                }
                return;
            }
            Some(State::Ending | State::Gone | State::Free) => {
                // What was said before its end may wait for this.
                if flags.opcode() == Some(Opcode::Pong) {
                    self.pong(conn_id, &payload);
                }
                return;
            }
            None if conn_id.0 < 0 => return,
            None if !self.parting.is_none() => {
                self.send_elsewhere(conn_id, CloseCode::GOING_AWAY, cx);
                return;
            }
            None if !cx.config.adopt => {
                self.send_elsewhere(conn_id, CloseCode::SERVICE_RESTART, cx);
                return;
            }
            None if !self.has_slot(cx.config) => {
                self.send_elsewhere(conn_id, CloseCode::TRY_AGAIN_LATER, cx);
                return;
            }
            // Somebody else took its handshake: another handler, or this one before a restart.
            None => self.open(conn_id, request.clone(), true, cx),
        }
        self.sessions.heard(conn_id);
        let size_max = cx.config.limits.websocket_size_max.max(1);
        match self.read(&request, flags, size_max) {
            Ok((Incoming::Message(message), raw)) => {
                self.sessions.said(conn_id);
                let target = self.target(conn_id);
                cx.events.push(Event::SessionMessage { target, message, raw });
            }
            Ok((Incoming::Ping(payload), _)) if !is_planted(Bug::PingUnanswered) => {
                self.outbox.push(Delivery::pong(conn_id, &payload));
            }
            Ok((Incoming::Ping(_), _)) => {}
            Ok((Incoming::Pong(payload), _)) => self.pong(conn_id, &payload),
            Ok((Incoming::Close(close), _)) => {
                self.begin_ending(conn_id, SessionEnd::ByClient(close), cx);
            }
            Err(error) => self.begin_ending(conn_id, SessionEnd::Violation(error), cx),
        }
    }

    /// What a frame says, and the octets that it came in; of a compressed message those that it would have
    /// come in as it is, so that the one is a part of the others.
    fn read(
        &mut self,
        request: &Request,
        flags: Flags,
        size_max: usize,
    ) -> Result<(Incoming, Bytes), FrameError> {
        let inflated = self.sessions.compression.inflate(request, flags, size_max)?;
        let (flags, body, raw) = match inflated {
            None => (flags, request.body(), request.raw().clone()),
            Some((flags, body)) => {
                let (raw, body) = request.rewritten(flags.into(), &body);
                (flags, body, raw)
            }
        };
        websocket::read(flags, body, size_max).map(|incoming| (incoming, raw))
    }

    /// A pong may prove that the client has read what went before its ping.
    fn pong(&mut self, conn_id: ConnId, payload: &[u8]) {
        if self.sessions.window_mut(conn_id).is_some_and(|window| window.answered(payload)) {
            self.outbox.proven(conn_id);
        }
    }

    /// A WebSocket that we do not know, and have no place for.
    fn send_elsewhere(&mut self, conn_id: ConnId, code: CloseCode, cx: &Context<'_>) {
        self.push_close(conn_id, &Close { code: Some(code), ..Close::default() });
        self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
        self.ignore(conn_id, cx);
    }

    /// Nothing more is taken from this session. What came before may still wait for the application,
    /// which can answer it until it gets to this event: then [`conclude`](Self::conclude).
    fn begin_ending(&mut self, conn_id: ConnId, end: SessionEnd, cx: &mut Context<'_>) {
        self.no_longer_open(conn_id, State::Ending);
        let target = self.target(conn_id);
        cx.events.push(Event::SessionClosed { target, end });
    }

    /// The application has got to the end of a session. The client's close frame is answered with the
    /// same, a violation with its code; then the connection ends (RFC 6455 5.5.1, 7.1.7).
    pub(super) fn conclude(&mut self, target: Target, end: &SessionEnd) {
        let conn_id = target.conn_id;
        let is_ending = self.sessions.state(conn_id) == Some(State::Ending);
        if !is_ending || !self.life.is_current(target.life) {
            return;
        }
        match end {
            SessionEnd::ByClient(_) if is_planted(Bug::CloseUnanswered) => {}
            SessionEnd::ByClient(close) => self.push_close(conn_id, close),
            SessionEnd::Violation(error) => {
                let code = Some(error.answer());
                self.push_close(conn_id, &Close { code, ..Close::default() });
            }
            SessionEnd::ByHandler { .. }
            | SessionEnd::ServerRemoved { .. }
            | SessionEnd::Disconnected
            | SessionEnd::Silent
            | SessionEnd::Idle
            | SessionEnd::Refused
            | SessionEnd::Slow
            | SessionEnd::Broken
            | SessionEnd::ServerLost => {}
        }
        if !is_planted(Bug::HangUpForgotten) {
            self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
        }
        self.sessions.set_state(conn_id, State::Gone);
    }

    /// Ends a session and its connection; with a close frame before that, where a code is given.
    pub(super) fn end_session(
        &mut self,
        conn_id: ConnId,
        code: Option<CloseCode>,
        end: SessionEnd,
        cx: &mut Context<'_>,
    ) {
        if code.is_some() {
            self.push_close(conn_id, &Close { code, ..Close::default() });
        }
        self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
        self.end_told(conn_id, end, cx);
    }

    /// A session has ended, and its connection is about to.
    pub(super) fn end_told(&mut self, conn_id: ConnId, end: SessionEnd, cx: &mut Context<'_>) {
        self.no_longer_open(conn_id, State::Gone);
        let target = self.target(conn_id);
        tracing::trace!(%target, %end, "session closed");
        if is_planted(Bug::ClosedTwice) && conn_id.0 % 4 == 1 {
            cx.events.push(Event::SessionClosed { target, end: end.clone() });
        }
        cx.events.push(Event::SessionClosed { target, end });
    }

    /// A connection was sent a part of something, and cannot be sent the rest. Its end waits already.
    pub(super) fn end_broken(&mut self, conn_id: ConnId, cx: &mut Context<'_>) {
        match self.sessions.state(conn_id) {
            Some(State::Open | State::Closing) => {
                self.end_session(conn_id, None, SessionEnd::Broken, cx);
            }
            Some(State::Ending) => self.sessions.set_state(conn_id, State::Gone),
            Some(State::Gone | State::Free) | None => {}
        }
    }

    pub(super) fn push_close(&mut self, conn_id: ConnId, close: &Close) {
        let mut frame = BytesMut::new();
        close.encode(&mut frame);
        self.outbox.push(Delivery::to_one(conn_id, frame.freeze(), Origin::Own).closing());
    }

    /// The server's notice that a connection has ended. Never answered: the answer would bring the
    /// next one (Mongrel2 manual).
    pub(super) fn disconnected(&mut self, conn_id: ConnId, cx: &mut Context<'_>) {
        let target = self.target(conn_id);
        self.ends(conn_id);
        let lost = self.outbox.gone(conn_id);
        self.report_undelivered(lost, Loss::Disconnected);
        self.groups.leave_all(conn_id);
        if is_planted(Bug::ReplyToNotice) && conn_id.0 % 4 == 1 {
            self.outbox.push(Delivery::hang_up(conn_id, Origin::Own));
        }
        let end = match self.sessions.remove(conn_id) {
            Some(State::Open) if is_planted(Bug::NeverClosed) && conn_id.0 % 4 == 1 => return,
            Some(State::Open) => SessionEnd::Disconnected,
            Some(State::Closing) => self.our_end(false),
            // Its end was told already, or is about to be.
            Some(State::Ending | State::Gone | State::Free) => return,
            None => {
                cx.events.push(Event::Disconnect { target });
                return;
            }
        };
        cx.events.push(Event::SessionClosed { target, end });
    }
}
