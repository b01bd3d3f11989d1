//! What the browser hears, and what it makes of it.

use bytes::Bytes;

use super::super::inbox::Full;
use super::super::protocol::Protocol;
use super::super::received::{Received, Response};
use super::super::violation::Violation;
use super::{Client, Stage};
use crate::mongrel2::{Control, Extended, parse_extended};
use crate::websocket::{Close, CloseCode, Incoming, Opcode};

impl Client {
    pub(super) fn reply_extended(&mut self, body: &Bytes) {
        let is_gone = self.stage == Stage::Gone;
        let extended = parse_extended(body);
        if let Extended::Controls(controls) = &extended {
            if !is_gone && self.protocol == Protocol::Mongrel2 && !controls.is_empty() {
                if let Err(violation) = self.receive_controls(controls.clone()) {
                    return self.fail(violation);
                }
            }
        }
        match extended {
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

    fn receive_controls(&mut self, controls: Vec<Control>) -> Result<(), Violation> {
        let received = Received::Controls(controls);
        if self.inbox.ends_with(&received) { Ok(()) } else { self.receive(received) }
    }

    pub(super) fn read_http(&mut self, mut data: Bytes) -> Result<(), Violation> {
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

    pub(super) fn read_frames(&mut self, data: Bytes) -> Result<(), Violation> {
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
                    let code = close.code;
                    self.receive(Received::Close(close))?;
                    if self.answers_closes && !self.close_sent {
                        self.answer_close(code)?;
                    }
                }
            }
        }
        if self.decoder.has_discarded() { Err(Violation::BehindClose) } else { Ok(()) }
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

    pub(super) fn receive(&mut self, received: Received) -> Result<(), Violation> {
        self.inbox.push(received).map_err(|Full| Violation::Overflow)
    }

    /// The server's side has ended the connection.
    pub(super) fn end(&mut self) {
        self.stage = Stage::Gone;
        let last = match self.read_end() {
            Ok(()) => Received::Ended,
            Err(violation) => Received::Violation(violation),
        };
        self.inbox.push_last(last);
    }

    fn read_end(&mut self) -> Result<(), Violation> {
        if let Some(response) = self.reader.end()? {
            self.receive(Received::Response(response))?;
        }
        if self.decoder.is_idle() { Ok(()) } else { Err(Violation::Cut) }
    }

    /// The handler went wrong, so the browser goes (RFC 6455 7.1.7).
    pub(super) fn fail(&mut self, violation: Violation) {
        if let Violation::Frame(error) = violation {
            if self.answers_closes && !self.close_sent && self.judge_room().is_ok() {
                self.say_close(&Close { code: Some(error.answer()), ..Close::default() });
            }
        }
        self.leave();
        self.inbox.push_last(Received::Violation(violation));
    }

    pub(super) fn leave(&mut self) {
        self.stage = Stage::Gone;
        if self.is_known {
            self.deliveries.push_back(self.origin.notice(self.conn_id));
        }
    }
}
