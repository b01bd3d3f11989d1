//! What the browser says, and what Mongrel2 makes of it.

use bytes::{Bytes, BytesMut};

use super::super::ask::Ask;
use super::super::check;
use super::super::error::{ActError, Part};
use super::super::frames::Fate;
use super::super::handshake::Handshake;
use super::super::http::Asked;
use super::super::origin::Content;
use super::super::protocol::Protocol;
use super::super::received::Received;
use super::super::request::{Headers, Request, limit};
use super::{Client, Stage};
use crate::websocket::handshake::client_key;
use crate::websocket::{CONTROL_PAYLOAD_LEN_MAX, Close, Flags, Opcode};

impl Client {
    /// Whatever takes a connection begins here.
    pub(super) fn connected(&mut self) -> Result<&mut Self, ActError> {
        if self.stage == Stage::Gone {
            return Err(ActError::Gone);
        }
        self.judge_room()?;
        Ok(self)
    }

    pub(super) fn request(&mut self, mut ask: Ask) -> Result<(), ActError> {
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

    pub(super) fn shake_hands(&mut self, mut ask: Ask) -> Result<(), ActError> {
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

    pub(super) fn say(&mut self, opcode: Opcode, payload: Bytes) -> Result<(), ActError> {
        self.judge_open()?;
        self.frame(Flags::from(opcode).into(), payload)
    }

    pub(super) fn say_control(&mut self, opcode: Opcode, payload: Bytes) -> Result<(), ActError> {
        limit(Part::Control, payload.len(), CONTROL_PAYLOAD_LEN_MAX)?;
        self.say(opcode, payload)
    }

    pub(super) fn close(&mut self, close: &Close) -> Result<(), ActError> {
        self.judge_open()?;
        // Else it would not be sent as it is.
        match close.code {
            Some(code) => drop(Close::new(code, close.reason.clone()).map_err(ActError::Close)?),
            None if close.reason.is_empty() => {}
            None => return Err(ActError::Empty { part: Part::CloseCode }),
        }
        self.say_close(close);
        Ok(())
    }

    pub(super) fn say_close(&mut self, close: &Close) {
        let mut payload = BytesMut::new();
        close.encode_payload(&mut payload);
        self.close_sent = true;
        self.deliver_frame(Opcode::Close.into(), &payload);
    }

    pub(super) fn frame(&mut self, first: u8, payload: Bytes) -> Result<(), ActError> {
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

    pub(super) fn json(&mut self, path: &Bytes, body: &[u8]) -> Result<(), ActError> {
        self.judge_socket(path.len() + 1 + body.len() + 1)?;
        check::json_path(path)?;
        check::json_body(path, body)?;
        self.deliver_socket(path, b"JSON", body);
        Ok(())
    }

    pub(super) fn xml(&mut self, body: &Bytes) -> Result<(), ActError> {
        self.judge_socket(body.len() + 1)?;
        let path = check::xml_body(body)?;
        self.deliver_socket(&path, b"XML", body);
        Ok(())
    }

    pub(super) fn speak_mongrel2(
        &mut self,
        path: &[u8],
        mut headers: Vec<(Bytes, Bytes)>,
        body: &[u8],
    ) -> Result<(), ActError> {
        if self.protocol != Protocol::Mongrel2 {
            return Err(ActError::Protocol);
        }
        check::word(path)?;
        let size = headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        limit(Part::Body, size + body.len(), self.limits.request_body_size_max)?;
        if !headers.iter().any(|(name, _)| name == METHOD) {
            let method = (Bytes::from_static(METHOD), Bytes::from_static(b"MONGREL2"));
            headers.insert(0, method);
        }
        let headers = Headers::verbatim(headers);
        let raw = self.origin.encode_plain(self.conn_id, path, &headers, body);
        self.deliver(raw);
        Ok(())
    }

    pub(super) fn judge_room(&self) -> Result<(), ActError> {
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

    pub(super) fn deliver(&mut self, raw: Bytes) {
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

    pub(super) fn deliver_frame(&mut self, flags: Flags, payload: &[u8]) {
        let Some(handshake) = self.handshake.take() else { return };
        let flags = flags.to_string();
        self.deliver_request(&handshake.request, b"WEBSOCKET", Some(&flags), payload);
        self.handshake = Some(handshake);
    }

    /// One waiting notice more than there may be says nothing new.
    pub(super) fn deliver_notice(&mut self) {
        if self.deliveries.len() < self.limits.deliveries_max {
            self.deliveries.push_back(self.origin.notice(self.conn_id));
        }
    }
}

const METHOD: &[u8] = b"METHOD";
