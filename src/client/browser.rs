//! The browser itself.

use std::collections::VecDeque;

use bytes::Bytes;

use super::action::Action;
use super::error::ActError;
use super::frames::Fragments;
use super::handshake::Handshake;
use super::http::Reader;
use super::inbox::Inbox;
use super::limits::Limits;
use super::origin::Origin;
use super::protocol::Protocol;
use super::received::Received;
use crate::mongrel2::ConnId;
use crate::rng::Rng;
use crate::websocket::{Decoder, Opcode, Role};

mod hearing;
mod saying;

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
    /// Whether a close frame went out.
    close_sent: bool,
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
            deliveries: VecDeque::new(),
            inbox: Inbox::new(&limits),
        }
    }

    /// The same with another seed, which gives other keys.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
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
    /// An empty one ends the connection. An `extended` one
    /// ([`parse_extended`](crate::mongrel2::parse_extended)) is for Mongrel2 itself, and a browser
    /// sees of it no more than the end; a client that speaks [`Protocol::Mongrel2`] gets
    /// [`Received::Controls`]. A reply after the end is answered by a notice (seen on
    /// Mongrel2 1.12.2).
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
}

#[cfg(test)]
mod tests;
