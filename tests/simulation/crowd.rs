//! One process of a server with its browsers, some of whom mean no good.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::websocket::{Decoded, Decoder, Message, Role};

use crate::log::elapsed;
use crate::oracle::{Oracle, Peer, Token, text_of, token_in, tokens_in};
use crate::support::{Dice, NodeId, World};

/// A process of a server, from its start to its end.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number among all processes of the run.
    pub(crate) number: usize,
    pub(crate) node: NodeId<Server>,
    dialect: Dialect,
    browsers: BTreeMap<i64, Browser>,
    last_conn: i64,
    /// What browsers said and no handler was there to take.
    waiting: VecDeque<(Bytes, Option<Token>)>,
}

#[derive(Debug)]
struct Browser {
    nature: Nature,
    is_open: bool,
    has_closed: bool,
    frames: Decoder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// HTTP requests.
    Plain,
    /// A WebSocket that keeps the rules.
    Lively,
    /// A WebSocket that never says anything again.
    Silent,
    /// A WebSocket, or what claims to be one, that sends anything.
    Rude,
}

impl Process {
    pub(crate) fn new(number: usize, node: NodeId<Server>, dice: &mut Dice) -> Self {
        Self {
            number,
            node,
            dialect: dice.pick(&[Dialect::Json, Dialect::Tnetstring]),
            browsers: BTreeMap::new(),
            last_conn: 0,
            waiting: VecDeque::new(),
        }
    }

    /// Some browser does something.
    pub(crate) fn act(&mut self, dice: &mut Dice, oracle: &mut Oracle) {
        if self.browsers.is_empty() || dice.one_in(5) {
            self.arrive(dice, oracle);
            return;
        }
        let at = dice.below(self.browsers.len());
        let (&conn_id, browser) = self.browsers.iter().nth(at).unwrap();
        if dice.one_in(20) {
            self.browsers.remove(&conn_id);
            self.notice(conn_id);
            return;
        }
        match browser.nature {
            Nature::Plain => {
                self.ask(conn_id, oracle);
            }
            Nature::Lively if browser.is_open && !browser.has_closed => {
                self.chat(conn_id, dice, oracle);
            }
            Nature::Lively | Nature::Silent => {}
            Nature::Rude => self.be_rude(conn_id, dice),
        }
    }

    /// A browser connects.
    fn arrive(&mut self, dice: &mut Dice, oracle: &mut Oracle) {
        let natures = [Nature::Plain, Nature::Lively, Nature::Lively, Nature::Silent, Nature::Rude];
        let nature = dice.pick(&natures);
        self.last_conn += 1;
        let conn_id = self.last_conn;
        let frames = Decoder::new(Role::Server, 1 << 20);
        let browser = Browser { nature, is_open: false, has_closed: false, frames };
        self.browsers.insert(conn_id, browser);
        if nature == Nature::Plain {
            self.ask(conn_id, oracle);
        } else {
            let version = if nature == Nature::Rude && dice.one_in(2) { "8" } else { "13" };
            let more = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", version)];
            let raw = self.message(conn_id, &more, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
            self.waiting.push_back((raw, None));
        }
    }

    /// An HTTP request, which has to arrive and to be answered.
    pub(crate) fn ask(&mut self, conn_id: i64, oracle: &mut Oracle) -> Token {
        let token = oracle.new_token();
        let raw = self.message(conn_id, &[("METHOD", "POST")], text_of(token).as_bytes());
        self.waiting.push_back((raw, Some(token)));
        token
    }

    /// A new browser that asks once: whether all is well again.
    pub(crate) fn probe(&mut self, oracle: &mut Oracle) -> (Token, Peer) {
        self.last_conn += 1;
        (self.ask(self.last_conn, oracle), (self.number, self.last_conn))
    }

    fn chat(&mut self, conn_id: i64, dice: &mut Dice, oracle: &mut Oracle) {
        if dice.one_in(20) {
            self.close(conn_id, b"\x03\xe8bye");
        } else if dice.one_in(8) {
            self.frame(conn_id, 0x89, b"are you there?", None);
        } else {
            let token = oracle.new_token();
            let text = text_of(token);
            self.frame(conn_id, dice.pick(&[0x81, 0x82]), text.as_bytes(), Some(token));
        }
    }

    fn be_rude(&mut self, conn_id: i64, dice: &mut Dice) {
        let payload = dice.octets(dice.clone().below(140));
        if dice.one_in(3) {
            let mut raw = self.message(conn_id, &[("METHOD", "GET")], &payload).to_vec();
            // Octets behind the number of the connection, so that it is not another's.
            let start = raw.iter().position(|octet| *octet == b'/').unwrap();
            let at = start + dice.below(raw.len() - start);
            raw[at] ^= dice.octets(1)[0];
            self.waiting.push_back((raw.into(), None));
        } else {
            self.frame(conn_id, dice.octets(1)[0], &payload, None);
        }
    }

    fn close(&mut self, conn_id: i64, payload: &[u8]) {
        self.frame(conn_id, 0x88, payload, None);
        if let Some(browser) = self.browsers.get_mut(&conn_id) {
            browser.has_closed = true;
        }
    }

    fn frame(&mut self, conn_id: i64, first: u8, payload: &[u8], token: Option<Token>) {
        let flags = format!("0x{first:X}");
        let raw = self.message(conn_id, &[("METHOD", "WEBSOCKET"), ("FLAGS", &flags)], payload);
        self.waiting.push_back((raw, token));
    }

    /// Says that a connection has ended, as Mongrel2 does.
    fn notice(&mut self, conn_id: i64) {
        let body = br#"{"type":"disconnect"}"#;
        let raw = encoded(self.dialect, conn_id, "@*", &[("METHOD", "JSON")], body);
        self.waiting.push_back((raw, None));
    }

    /// A message with the number of the process among its headers, and those of every request.
    fn message(&self, conn_id: i64, more: &[(&str, &str)], body: &[u8]) -> Bytes {
        let number = self.number.to_string();
        let headers = [&OF_THE_SERVER[..], &[("x-process", &number)], more].concat();
        encoded(self.dialect, conn_id, "/", &headers, body)
    }

    /// Gives what waits to a handler, as far as one takes it.
    pub(crate) fn deliver(&mut self, world: &mut World, oracle: &mut Oracle) {
        while let Some((raw, token)) = self.waiting.pop_front() {
            if world.submit(self.node, server::Command::Deliver(raw.clone())).is_err() {
                self.waiting.push_front((raw, token));
                return;
            }
            if let Some(token) = token {
                let conn_id = conn_id_of(&raw);
                let browser = self.browsers.get(&conn_id);
                let is_plain = browser.is_none_or(|browser| browser.nature == Nature::Plain);
                let at = elapsed(world);
                oracle.requested(token, (self.number, conn_id), at, is_plain);
            }
        }
    }

    /// Takes what the handlers replied.
    pub(crate) fn take_replies(&mut self, world: &mut World, oracle: &mut Oracle) {
        for event in world.events(self.node) {
            match event {
                server::Event::Reply { conn_id, body, extended } => {
                    assert!(!extended);
                    self.reply(conn_id.0, &body, oracle);
                }
                server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
                _ => {}
            }
        }
    }

    fn reply(&mut self, conn_id: i64, body: &Bytes, oracle: &mut Oracle) {
        // Replies that had to wait come together.
        for token in tokens_in(body) {
            oracle.received(token, (self.number, conn_id));
        }
        let number = self.number;
        let Some(browser) = self.browsers.get_mut(&conn_id) else {
            // Mongrel2 answers what goes to nobody with a notice. Octets of a token count as
            // received: they came to where the browser was.
            let mut frames = Decoder::new(Role::Server, 1 << 20);
            frames.receive(body.clone());
            while let Ok(Some(decoded)) = frames.next() {
                note_token(&decoded, (number, conn_id), oracle);
            }
            self.notice(conn_id);
            return;
        };
        if body.is_empty() {
            self.browsers.remove(&conn_id);
            return;
        }
        if browser.nature == Nature::Plain {
            return;
        }
        if body.starts_with(b"HTTP/1.1 ") {
            browser.is_open |= body.starts_with(b"HTTP/1.1 101 ");
            return;
        }
        browser.frames.receive(body.clone());
        while let Some(decoded) = self.next_frame(conn_id) {
            note_token(&decoded, (number, conn_id), oracle);
            self.answer(conn_id, &decoded);
        }
    }

    fn next_frame(&mut self, conn_id: i64) -> Option<Decoded> {
        self.browsers.get_mut(&conn_id)?.frames.next().expect("the handler keeps RFC 6455")
    }

    /// What a lively browser answers by itself.
    fn answer(&mut self, conn_id: i64, decoded: &Decoded) {
        let browser = &self.browsers[&conn_id];
        if browser.nature != Nature::Lively || browser.has_closed {
            return;
        }
        match decoded {
            Decoded::Ping(payload) => self.frame(conn_id, 0x8A, payload, None),
            Decoded::Close(_) => self.close(conn_id, b"\x03\xe8"),
            Decoded::Message(_) | Decoded::Pong(_) => {}
        }
    }
}

fn note_token(decoded: &Decoded, peer: Peer, oracle: &mut Oracle) {
    if let Decoded::Message(message) = decoded {
        let Message::Text(text) = message else { panic!("the application sends text") };
        oracle.received(token_in(text.as_bytes()).expect("a token"), peer);
    }
}

const SENDER: &[u8] = b"simulated";

const OF_THE_SERVER: [(&str, &str); 6] = [
    ("PATH", "/"),
    ("VERSION", "HTTP/1.1"),
    ("URI", "/"),
    ("PATTERN", "/"),
    ("URL_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
];

fn encoded(
    dialect: Dialect,
    conn_id: i64,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let names = headers.iter().map(|(name, _)| name.as_bytes());
    let headers: Vec<_> = names.zip(values.iter().map(|value| &value[..])).collect();
    let mut raw = BytesMut::new();
    encode_request(SENDER, ConnId(conn_id), path.as_bytes(), &headers, dialect, body, &mut raw);
    raw.freeze()
}

fn conn_id_of(raw: &[u8]) -> i64 {
    let second = raw.split(|octet| *octet == b' ').nth(1).unwrap();
    std::str::from_utf8(second).unwrap().parse().unwrap()
}
