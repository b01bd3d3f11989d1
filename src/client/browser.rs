//! The browser itself.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::action::Action;
use super::ask::Ask;
use super::check;
use super::error::{ActError, Part};
use super::frames::{Fate, Fragments};
use super::handshake::Handshake;
use super::http::{Asked, Reader};
use super::inbox::{Full, Inbox};
use super::limits::Limits;
use super::origin::{Content, Origin};
use super::protocol::Protocol;
use super::received::{Received, Response};
use super::request::{Headers, Request, limit};
use super::violation::Violation;
use crate::mongrel2::{ConnId, Control, Extended, parse_extended};
use crate::rng::Rng;
use crate::websocket::handshake::client_key;
use crate::websocket::{
    CONTROL_PAYLOAD_LEN_MAX, Close, CloseCode, Decoder, Flags, Incoming, Opcode, Role,
};

/// One connection of a browser to Mongrel2, and Mongrel2's part in it: pure, with no I/O and no
/// time.
///
/// [`act`](Self::act) says what the browser does, [`poll_delivery`](Self::poll_delivery) gives the
/// messages that the handler gets of it. [`reply`](Self::reply) takes what the handler answers,
/// [`poll_received`](Self::poll_received) gives what the browser makes of it.
#[derive(Clone, Debug)]
pub struct Client {
    protocol: Protocol,
    conn_id: ConnId,
    origin: Origin,
    limits: Limits,
    rng: Rng,
    stage: Stage,
    /// Whether the handler knows of the connection.
    is_known: bool,
    answers_pings: bool,
    answers_closes: bool,
    reader: Reader,
    handshake: Option<Handshake>,
    fragments: Fragments,
    decoder: Decoder,
    /// Whether close frames went out and came in.
    close_sent: bool,
    close_received: bool,
    deliveries: VecDeque<Bytes>,
    inbox: Inbox,
}

/// How far the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was asked yet.
    New,
    /// It speaks HTTP, jssocket or XML.
    Http,
    /// The handshake was made, and is not answered or was refused.
    Handshake,
    /// The WebSocket is open.
    Open,
    /// It has ended.
    Gone,
}

impl Client {
    /// A browser that has connected and said nothing.
    ///
    /// Mongrel2 counts ids from 1. The id is the seed of the keys of its handshakes too, unless
    /// [`with_seed`](Self::with_seed) gives another.
    #[must_use]
    pub fn new(protocol: Protocol, conn_id: ConnId, origin: Origin, limits: Limits) -> Self {
        Self {
            protocol,
            conn_id,
            origin,
            limits,
            rng: Rng::new(conn_id.0.unsigned_abs()),
            stage: Stage::New,
            is_known: false,
            answers_pings: true,
            answers_closes: true,
            reader: Reader::new(limits),
            handshake: None,
            fragments: Fragments::default(),
            decoder: Decoder::new(Role::Server, limits.message_size_max),
            close_sent: false,
            close_received: false,
            deliveries: VecDeque::new(),
            inbox: Inbox::new(&limits),
        }
    }

    /// The same with another seed, which gives other keys.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.rng = Rng::new(seed);
        self
    }

    /// Its number at the server, which replies name.
    #[must_use]
    pub const fn conn_id(&self) -> ConnId {
        self.conn_id
    }

    /// What it speaks.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether neither side has ended the connection. What was received before may still wait.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.stage != Stage::Gone
    }

    /// Whether the WebSocket is open; closing handshakes under way do not count.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// Lets the browser do something.
    ///
    /// # Errors
    /// An [`ActError`] where it cannot, or where Mongrel2 would not hand it over. Then nothing has
    /// changed.
    pub fn act(&mut self, action: Action) -> Result<(), ActError> {
        match action {
            Action::Request(ask) => self.connected()?.request(ask),
            Action::Handshake(ask) => self.connected()?.shake_hands(ask),
            Action::Send(message) => {
                self.connected()?.say(message.opcode(), message.payload().clone())
            }
            Action::Ping(payload) => self.connected()?.say_control(Opcode::Ping, payload),
            Action::Pong(payload) => self.connected()?.say_control(Opcode::Pong, payload),
            Action::Close(close) => self.connected()?.close(&close),
            Action::Frame { first, payload } => self.connected()?.frame(first, payload),
            Action::Json { path, body } => self.connected()?.json(&path, &body),
            Action::Xml { body } => self.connected()?.xml(&body),
            Action::Mongrel2 { path, headers, body } => {
                self.connected()?.speak_mongrel2(&path, headers, &body)
            }
            Action::Garbage(raw) => {
                self.judge_room()?;
                self.deliver(raw);
                Ok(())
            }
            Action::Vanish => {
                self.connected()?.leave();
                Ok(())
            }
            Action::AnswerPings(answers) => {
                self.answers_pings = answers;
                Ok(())
            }
            Action::AnswerCloses(answers) => {
                self.answers_closes = answers;
                Ok(())
            }
        }
    }

    /// Hands a reply of the handler to the browser, as Mongrel2 would.
    ///
    /// An empty one ends the connection. An `extended` one ([`parse_extended`]) is for Mongrel2
    /// itself, and a browser sees of it no more than the end. A reply after the end is answered by
    /// a notice (seen on Mongrel2 1.12.2).
    pub fn reply(&mut self, body: Bytes, extended: bool) {
        if extended {
            return self.reply_extended(&body);
        }
        if self.stage == Stage::Gone {
            return self.deliver_notice();
        }
        if body.is_empty() {
            return self.end();
        }
        let read = match self.protocol {
            Protocol::Mongrel2 => self.receive(Received::Raw(body)),
            Protocol::Http => self.read_http(body),
            Protocol::WebSocket if self.stage == Stage::Open => self.read_frames(body),
            Protocol::WebSocket => self.read_http(body),
        };
        if let Err(violation) = read {
            self.fail(violation);
        }
    }

    /// The next message for the handler.
    pub fn poll_delivery(&mut self) -> Option<Bytes> {
        self.deliveries.pop_front()
    }

    /// The next that the browser has received.
    pub fn poll_received(&mut self) -> Option<Received> {
        self.inbox.pop()
    }

    /// Whatever takes a connection begins here.
    fn connected(&mut self) -> Result<&mut Self, ActError> {
        if self.stage == Stage::Gone {
            return Err(ActError::Gone);
        }
        self.judge_room()?;
        Ok(self)
    }

    fn request(&mut self, mut ask: Ask) -> Result<(), ActError> {
        ask.complete();
        let request = Request::new(ask, &self.limits)?;
        if request.is_handshake() {
            return self.start_websocket(request);
        }
        if self.protocol == Protocol::WebSocket {
            return Err(ActError::Protocol);
        }
        self.judge_no_websocket()?;
        let asked = match &request.method[..] {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Plain,
        };
        if self.protocol == Protocol::Http {
            if self.reader.expected() >= self.limits.requests_max {
                return Err(ActError::TooManyRequests);
            }
            self.reader.expect(asked);
        }
        self.stage = Stage::Http;
        self.deliver_request(&request, &request.method, None, &request.body);
        Ok(())
    }

    fn shake_hands(&mut self, mut ask: Ask) -> Result<(), ActError> {
        ask.complete();
        let nonce = (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64());
        ask.complete_handshake(&client_key(nonce.to_be_bytes()));
        let request = Request::new(ask, &self.limits)?;
        if !request.is_handshake() {
            return Err(ActError::NoHandshake);
        }
        self.start_websocket(request)
    }

    fn start_websocket(&mut self, request: Request) -> Result<(), ActError> {
        if self.protocol == Protocol::Http {
            return Err(ActError::Handshake);
        }
        if self.stage != Stage::New {
            return Err(ActError::NotFirst);
        }
        let handshake = Handshake::new(request);
        let method = b"WEBSOCKET_HANDSHAKE";
        self.deliver_request(&handshake.request, method, None, &handshake.accept);
        self.handshake = Some(handshake);
        self.reader.expect(Asked::Handshake);
        // Nobody reads the answer to a client that takes replies as they are.
        let is_raw = self.protocol == Protocol::Mongrel2;
        self.stage = if is_raw { Stage::Open } else { Stage::Handshake };
        Ok(())
    }

    fn say(&mut self, opcode: Opcode, payload: Bytes) -> Result<(), ActError> {
        self.judge_open()?;
        self.frame(Flags::from(opcode).into(), payload)
    }

    fn say_control(&mut self, opcode: Opcode, payload: Bytes) -> Result<(), ActError> {
        limit(Part::Control, payload.len(), CONTROL_PAYLOAD_LEN_MAX)?;
        self.say(opcode, payload)
    }

    fn close(&mut self, close: &Close) -> Result<(), ActError> {
        self.judge_open()?;
        self.say_close(close);
        Ok(())
    }

    fn say_close(&mut self, close: &Close) {
        let mut payload = BytesMut::new();
        close.encode_payload(&mut payload);
        self.close_sent = true;
        self.deliver_frame(Opcode::Close.into(), &payload);
    }

    fn frame(&mut self, first: u8, payload: Bytes) -> Result<(), ActError> {
        if self.handshake.is_none() {
            return Err(ActError::NotOpen);
        }
        let size_max = self.limits.request_body_size_max;
        match self.fragments.push(first, payload, size_max)? {
            Fate::Deliver(flags, payload) => {
                self.close_sent |= flags.opcode() == Some(Opcode::Close);
                self.deliver_frame(flags, &payload);
            }
            Fate::Keep => {}
            Fate::End => {
                self.leave();
                self.inbox.push_last(Received::Ended);
            }
        }
        Ok(())
    }

    fn json(&mut self, path: &Bytes, body: &[u8]) -> Result<(), ActError> {
        self.judge_socket(path.len() + 1 + body.len() + 1)?;
        check::json_path(path)?;
        check::json_body(path, body)?;
        self.deliver_socket(path, b"JSON", body);
        Ok(())
    }

    fn xml(&mut self, body: &Bytes) -> Result<(), ActError> {
        self.judge_socket(body.len() + 1)?;
        let path = check::xml_body(body)?;
        self.deliver_socket(&path, b"XML", body);
        Ok(())
    }

    fn speak_mongrel2(
        &mut self,
        path: &[u8],
        mut headers: Vec<(Bytes, Bytes)>,
        body: &[u8],
    ) -> Result<(), ActError> {
        if self.protocol != Protocol::Mongrel2 {
            return Err(ActError::Protocol);
        }
        check::word(path)?;
        limit(Part::Body, body.len(), self.limits.request_body_size_max)?;
        if !headers.iter().any(|(name, _)| name == METHOD) {
            let method = (Bytes::from_static(METHOD), Bytes::from_static(b"MONGREL2"));
            headers.insert(0, method);
        }
        let headers = Headers::verbatim(headers);
        let raw = self.origin.encode_plain(self.conn_id, path, &headers, body);
        self.deliver(raw);
        Ok(())
    }

    fn judge_room(&self) -> Result<(), ActError> {
        if self.deliveries.len() < self.limits.deliveries_max {
            Ok(())
        } else {
            Err(ActError::Full)
        }
    }

    const fn judge_no_websocket(&self) -> Result<(), ActError> {
        if self.handshake.is_some() { Err(ActError::WebSocket) } else { Ok(()) }
    }

    fn judge_open(&self) -> Result<(), ActError> {
        if self.stage != Stage::Open {
            return Err(ActError::NotOpen);
        }
        if self.close_sent { Err(ActError::Closing) } else { Ok(()) }
    }

    fn judge_socket(&self, size: usize) -> Result<(), ActError> {
        if self.protocol != Protocol::Mongrel2 {
            return Err(ActError::Protocol);
        }
        self.judge_no_websocket()?;
        limit(Part::Head, size, self.limits.request_head_size_max)
    }

    fn deliver(&mut self, raw: Bytes) {
        self.is_known = true;
        self.deliveries.push_back(raw);
    }

    fn deliver_request(
        &mut self,
        request: &Request,
        method: &[u8],
        flags: Option<&str>,
        body: &[u8],
    ) {
        let path = &request.target.path;
        let content = Content { path, method, request: Some(request), flags, body };
        let raw = self.origin.encode(self.conn_id, &content);
        self.deliver(raw);
    }

    fn deliver_socket(&mut self, path: &Bytes, method: &[u8], body: &[u8]) {
        let content = Content { path, method, request: None, flags: None, body };
        let raw = self.origin.encode(self.conn_id, &content);
        self.stage = Stage::Http;
        self.deliver(raw);
    }

    fn deliver_frame(&mut self, flags: Flags, payload: &[u8]) {
        let Some(handshake) = self.handshake.take() else { return };
        let flags = flags.to_string();
        self.deliver_request(&handshake.request, b"WEBSOCKET", Some(&flags), payload);
        self.handshake = Some(handshake);
    }

    /// One waiting notice more than there may be says nothing new.
    fn deliver_notice(&mut self) {
        if self.deliveries.len() < self.limits.deliveries_max {
            self.deliveries.push_back(self.origin.notice(self.conn_id));
        }
    }

    fn reply_extended(&mut self, body: &Bytes) {
        let is_gone = self.stage == Stage::Gone;
        match parse_extended(body) {
            Extended::Controls(controls) if controls.contains(&Control::Cancel) => {
                if !is_gone {
                    self.end();
                }
            }
            Extended::Close if !is_gone => self.end(),
            Extended::Close | Extended::Controls(_) | Extended::Ignored if is_gone => {
                self.deliver_notice();
            }
            // Nothing that a browser would see.
            Extended::Close | Extended::Controls(_) | Extended::Ignored => {}
        }
    }

    fn read_http(&mut self, mut data: Bytes) -> Result<(), Violation> {
        while let Some(response) = self.reader.next(&mut data)? {
            let is_switch = response.status == 101;
            self.check_handshake(&response)?;
            self.receive(Received::Response(response))?;
            if is_switch {
                self.stage = Stage::Open;
                return self.read_frames(data);
            }
        }
        Ok(())
    }

    fn check_handshake(&self, response: &Response) -> Result<(), Violation> {
        match &self.handshake {
            Some(handshake) if response.status == 101 => {
                handshake.check(response).map_err(Violation::Handshake)
            }
            _ => Ok(()),
        }
    }

    fn read_frames(&mut self, data: Bytes) -> Result<(), Violation> {
        if self.close_received && !data.is_empty() {
            return Err(Violation::BehindClose);
        }
        self.decoder.receive(data);
        while let Some(incoming) = self.decoder.next().map_err(Violation::Frame)? {
            match incoming {
                Incoming::Message(message) => self.receive(Received::Message(message))?,
                Incoming::Pong(payload) => self.receive(Received::Pong(payload))?,
                Incoming::Ping(payload) => {
                    self.receive(Received::Ping(payload.clone()))?;
                    if self.answers_pings && !self.close_sent {
                        self.answer(Opcode::Pong, &payload)?;
                    }
                }
                Incoming::Close(close) => {
                    self.close_received = true;
                    let code = close.code;
                    self.receive(Received::Close(close))?;
                    if self.answers_closes && !self.close_sent {
                        self.answer_close(code)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, opcode: Opcode, payload: &[u8]) -> Result<(), Violation> {
        self.judge_room().map_err(|_| Violation::Overflow)?;
        self.deliver_frame(opcode.into(), payload);
        Ok(())
    }

    /// As a rule with the code received (RFC 6455 5.5.1).
    fn answer_close(&mut self, code: Option<CloseCode>) -> Result<(), Violation> {
        self.judge_room().map_err(|_| Violation::Overflow)?;
        self.say_close(&Close { code, ..Close::default() });
        Ok(())
    }

    fn receive(&mut self, received: Received) -> Result<(), Violation> {
        self.inbox.push(received).map_err(|Full| Violation::Overflow)
    }

    /// The server's side has ended the connection.
    fn end(&mut self) {
        self.stage = Stage::Gone;
        let last = match self.reader.end() {
            Ok(None) => Ok(()),
            Ok(Some(response)) => self.receive(Received::Response(response)),
            Err(violation) => Err(violation),
        };
        match last {
            Ok(()) => self.inbox.push_last(Received::Ended),
            Err(violation) => self.inbox.push_last(Received::Violation(violation)),
        }
    }

    /// The handler went wrong, so the browser goes (RFC 6455 7.1.7).
    fn fail(&mut self, violation: Violation) {
        if let Violation::Frame(error) = violation {
            if self.answers_closes && !self.close_sent && self.judge_room().is_ok() {
                self.say_close(&Close { code: Some(error.answer()), ..Close::default() });
            }
        }
        self.leave();
        self.inbox.push_last(Received::Violation(violation));
    }

    fn leave(&mut self) {
        self.stage = Stage::Gone;
        if self.is_known {
            self.deliveries.push_back(self.origin.notice(self.conn_id));
        }
    }
}

const METHOD: &[u8] = b"METHOD";

#[cfg(test)]
mod tests;
