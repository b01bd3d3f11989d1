//! One process of a server with its browsers, some of whom mean no good.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{Control, Dialect, Extended, parse_extended};
use mongrel2_transceiver::server;
use mongrel2_transceiver::websocket::{Decoded, Message};

use super::browser::{Browser, Nature, QUEUE_MAX};
use super::codec::Codec;
use super::compressed::Compressed;
use super::log::{Log, elapsed};
use super::mix::Mix;
use super::oracle::{Oracle, Peer, Token, padded_text_of, text_of, token_in, tokens_in};
use super::peer;
use super::support::{Dice, NodeId, World};
use super::wording::{self, ACCEPT_KEY, conn_id_of};

/// A process of a server, from its start to its end.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number among all processes of the run.
    pub(crate) number: usize,
    pub(crate) node: NodeId<peer::Peer>,
    dialect: Dialect,
    browsers: BTreeMap<i64, Browser>,
    last_conn: i64,
    /// What browsers said and no handler was there to take; and whether only a fault excuses its loss.
    waiting: VecDeque<(Bytes, Option<(Token, bool)>)>,
    /// Notices that come once more, and when.
    late: Vec<(Duration, i64)>,
    /// How to read what comes for those who have gone.
    gone: BTreeMap<i64, Codec>,
    /// Whether its ports were free. If not it is of no use.
    pub(crate) is_bound: bool,
    /// Whether the application says much at once.
    pub(crate) is_hurried: bool,
}

impl Process {
    pub(crate) fn new(number: usize, node: NodeId<peer::Peer>, dice: &mut Dice) -> Self {
        Self {
            number,
            node,
            dialect: dice.pick(&[Dialect::Json, Dialect::Tnetstring]),
            browsers: BTreeMap::new(),
            last_conn: 0,
            waiting: VecDeque::new(),
            late: Vec::new(),
            gone: BTreeMap::new(),
            is_bound: true,
            is_hurried: false,
        }
    }

    /// Some browser does something.
    pub(crate) fn act(&mut self, dice: &mut Dice, mix: &mut Mix, oracle: &mut Oracle) {
        if self.browsers.is_empty() || dice.one_in(5) {
            self.arrive(dice, mix, oracle);
            return;
        }
        let at = dice.below(self.browsers.len());
        let (&conn_id, browser) = self.browsers.iter().nth(at).unwrap();
        if dice.one_in(20) {
            self.leave(conn_id);
            return;
        }
        match browser.nature {
            Nature::Plain => {
                self.ask(conn_id, oracle);
            }
            Nature::Lively | Nature::Slow if browser.can_chat() => {
                self.chat(conn_id, dice, oracle);
            }
            Nature::Lively | Nature::Slow | Nature::Silent => {}
            Nature::Rude => self.be_rude(conn_id, dice),
        }
    }

    /// Those read who read only now and then; and notices come that are late.
    pub(crate) fn linger(&mut self, now: Duration, mix: &mut Mix, is_silent: bool) {
        let slow = self.browsers.iter().filter(|(_, browser)| browser.nature == Nature::Slow);
        for conn_id in slow.map(|(conn_id, _)| *conn_id).collect::<Vec<_>>() {
            let most = match mix.dice.below(40) {
                _ if is_silent => usize::MAX,
                0 => usize::MAX,
                1..4 => 1 + mix.dice.below(4),
                _ => 0,
            };
            self.read(conn_id, most);
        }
        if mix.has_late_notices {
            let (due, later) = self.late.iter().partition(|(at, _)| *at <= now);
            self.late = later;
            let due: Vec<(Duration, i64)> = due;
            due.into_iter().for_each(|(_, conn_id)| self.notice(conn_id));
            let leaver = self.browsers.keys().next().copied();
            if let Some(conn_id) = leaver.filter(|_| !is_silent && mix.dice.one_in(20)) {
                self.leave(conn_id);
                let again = now + mix.dice.up_to(Duration::from_secs(20));
                self.late.extend([(now, conn_id), (again, conn_id)]);
            }
        }
    }

    /// So many browsers that a broadcast to them takes several messages.
    pub(crate) fn crowd_in(&mut self, oracle: &mut Oracle) {
        for _ in 0..CROWD {
            self.open(Browser::new(Nature::Lively, None), "13", oracle);
        }
    }

    /// A browser connects.
    fn arrive(&mut self, dice: &mut Dice, mix: &mut Mix, oracle: &mut Oracle) {
        let natures = [Nature::Plain, Nature::Lively, Nature::Lively, Nature::Silent, Nature::Rude];
        let mut nature = dice.pick(&natures);
        if nature == Nature::Lively && mix.has_slow && mix.dice.one_in(2) {
            nature = Nature::Slow;
        }
        let is_session = nature != Nature::Plain;
        let offers = is_session && mix.has_deflate;
        let offer = if offers { Compressed::offer(&mut mix.dice) } else { None };
        let is_old = nature == Nature::Rude && dice.one_in(2);
        let version = if is_old { "8" } else { "13" };
        self.open(Browser::new(nature, offer), version, oracle);
    }

    fn open(&mut self, browser: Browser, version: &str, oracle: &mut Oracle) {
        self.last_conn += 1;
        let (conn_id, nature) = (self.last_conn, browser.nature);
        self.browsers.insert(conn_id, browser);
        oracle.arrived((self.number, conn_id), nature.is_lawful());
        if nature == Nature::Plain {
            self.ask(conn_id, oracle);
        } else {
            let more = [("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", version)];
            let raw = self.message(conn_id, &more, ACCEPT_KEY);
            self.waiting.push_back((raw, None));
        }
    }

    fn leave(&mut self, conn_id: i64) {
        self.forget(conn_id);
        self.notice(conn_id);
    }

    fn forget(&mut self, conn_id: i64) {
        if let Some(browser) = self.browsers.remove(&conn_id) {
            self.gone.insert(conn_id, browser.codec);
        }
    }

    /// An HTTP request, which has to arrive and to be answered.
    pub(crate) fn ask(&mut self, conn_id: i64, oracle: &mut Oracle) -> Token {
        let token = oracle.new_token();
        let raw = self.message(conn_id, &[("METHOD", "POST")], text_of(token).as_bytes());
        self.waiting.push_back((raw, Some((token, true))));
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
            self.browsers.get_mut(&conn_id).unwrap().awaits_pong = true;
        } else {
            let token = oracle.new_token();
            let codec = &mut self.browsers.get_mut(&conn_id).unwrap().codec;
            let is_long = codec.is_compressed();
            let text = if is_long { padded_text_of(token) } else { text_of(token) };
            let (first, payload) = codec.encode(dice.pick(&[0x81, 0x82]), text.as_bytes());
            self.frame(conn_id, first, &payload, Some(token));
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

    /// Nobody has said anything for long: whoever was asked has answered (RFC 6455 5.5.2), and connections
    /// have ended behind their closing handshakes (7.1.1).
    pub(crate) fn judge_manners(&self, oracle: &Oracle) {
        if oracle.was_disturbed(self.number) {
            return;
        }
        let mut owed = self.browsers.iter().filter(|(_, browser)| {
            browser.nature == Nature::Lively && browser.can_chat() && browser.awaits_pong
        });
        let one = owed.next();
        assert!(one.is_none(), "a ping to {} was not answered: {one:?}", self.number);
        let mut left = self.browsers.iter().filter(|(_, browser)| {
            browser.nature.is_lawful() && browser.is_open && browser.has_closed
        });
        let one = left.next();
        assert!(one.is_none(), "a connection of {} was not ended: {one:?}", self.number);
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
        self.waiting.push_back((raw, token.map(|token| (token, false))));
    }

    fn notice(&mut self, conn_id: i64) {
        self.waiting.push_back((wording::notice(self.dialect, conn_id), None));
    }

    /// A message with the headers of the handshake, which Mongrel2 repeats.
    fn message(&self, conn_id: i64, more: &[(&str, &str)], body: &[u8]) -> Bytes {
        let offer = self.browsers.get(&conn_id).and_then(|browser| browser.offer);
        let offer = offer.map(|offer| ("sec-websocket-extensions", offer));
        let headers: Vec<_> = more.iter().copied().chain(offer).collect();
        wording::message((self.dialect, self.number), conn_id, &headers, body)
    }

    /// Gives what waits to a handler, as far as one takes it.
    pub(crate) fn deliver(&mut self, world: &mut World, oracle: &mut Oracle) {
        while let Some((raw, token)) = self.waiting.pop_front() {
            if world.submit(self.node, server::Command::Deliver(raw.clone())).is_err() {
                self.waiting.push_front((raw, token));
                return;
            }
            if let Some((token, must_arrive)) = token {
                let peer = (self.number, conn_id_of(&raw));
                oracle.requested(token, peer, elapsed(world), must_arrive);
            }
        }
    }

    /// Takes what the handlers replied.
    pub(crate) fn take_replies(&mut self, world: &mut World, oracle: &mut Oracle, log: &mut Log) {
        for event in world.events(self.node) {
            match event {
                server::Event::Reply { body, extended: true, .. } => {
                    let kept = Extended::Controls(vec![Control::KeepAlive]);
                    assert_eq!(parse_extended(&body), kept, "nothing else was asked for");
                    log.met("answer: kept alive");
                }
                server::Event::Reply { conn_id, body, .. } => {
                    self.reply(conn_id.0, &body, oracle, log);
                }
                server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
                server::Event::ListenFailed { .. } => self.is_bound = false,
                _ => {}
            }
        }
    }

    fn reply(&mut self, conn_id: i64, body: &Bytes, oracle: &mut Oracle, log: &mut Log) {
        // Replies that had to wait come together.
        let (tokens, peer) = (tokens_in(body), (self.number, conn_id));
        for token in &tokens {
            if !oracle.received(*token, peer) {
                log.met("known gap: a stranger's reply, over ZMTP 3.0");
                return;
            }
        }
        let Some(browser) = self.browsers.get_mut(&conn_id) else {
            // Mongrel2 answers what goes to nobody with a notice.
            if tokens.is_empty() {
                self.note_late(conn_id, body, oracle);
            }
            self.notice(conn_id);
            return;
        };
        if browser.queue.len() == QUEUE_MAX {
            // The one who knew what it had read is gone, or whoever lost sight of it parts from it.
            let is_end = body.is_empty() && oracle.was_disturbed(self.number);
            let is_excused = oracle.lives_of(self.number) > 1 || is_end;
            assert!(is_excused, "Mongrel2 would have dropped {peer:?} for {body:?}: {browser:?}");
            log.met("browser: dropped with all that waited");
            self.forget(conn_id);
            self.note_late(conn_id, body, oracle);
            return;
        }
        if body.is_empty() {
            // RFC 6455 5.5.1: but for one that leaves in the midst of a burst, and proves nothing any more.
            let has_manners = browser.nature == Nature::Lively && !self.is_hurried;
            let is_due = has_manners && browser.has_closed && !browser.was_closed;
            assert!(!is_due || oracle.was_disturbed(self.number), "{peer:?} gets no close frame");
            self.forget(conn_id);
            return;
        }
        if browser.nature == Nature::Plain {
            return;
        }
        let is_head = body.starts_with(b"HTTP/1.1 ");
        if !is_head && !browser.is_open {
            self.wonder(conn_id, body, oracle, log);
            return;
        }
        if is_head {
            browser.is_open |= body.starts_with(b"HTTP/1.1 101 ");
            browser.codec.agree(body);
            if browser.codec.is_compressed() {
                log.met("session: compressed");
            }
            if browser.codec.refers() {
                oracle.refers(peer);
            }
            browser.queue.push_back(Vec::new());
        } else {
            let is_garbled = may_be_garbled(&browser.codec, peer, oracle);
            let decoded = browser.codec.decode(body.clone());
            let decoded = match decoded {
                Ok(decoded) => decoded,
                Err(error) => {
                    assert!(is_garbled, "the handler does not keep RFC 6455: {error}: {body:?}");
                    log.met("browser: could not inflate what refers to what was lost");
                    self.leave(conn_id);
                    return;
                }
            };
            decoded.iter().for_each(|frame| browser.hears(frame));
            browser.queue.push_back(decoded.clone());
            decoded.iter().for_each(|frame| note_token(frame, peer, is_garbled, oracle));
        }
        let Some(browser) = self.browsers.get(&conn_id) else { return };
        if browser.nature.reads_at_once() {
            self.read(conn_id, usize::MAX);
        }
    }

    /// Frames came without an answer to the handshake, of which a browser can make nothing.
    fn wonder(&mut self, conn_id: i64, body: &Bytes, oracle: &mut Oracle, log: &mut Log) {
        let browser = self.browsers.get_mut(&conn_id).unwrap();
        if browser.nature == Nature::Rude {
            // It was refused, perhaps, and went on; another life of the handler took it for a session.
            browser.codec.assume();
            let decoded = browser.codec.decode_late(body.clone());
            let peer = (self.number, conn_id);
            decoded.iter().for_each(|frame| note_token(frame, peer, false, oracle));
            return;
        }
        let is_excused = oracle.was_disturbed(self.number) || oracle.speaks_old(self.number);
        assert!(is_excused, "{conn_id} has no answer to its handshake");
        log.met("browser: frames without a handshake");
        self.leave(conn_id);
    }

    /// Octets of a token count as received: they came to where the browser was.
    fn note_late(&mut self, conn_id: i64, body: &Bytes, oracle: &mut Oracle) {
        let codec = self.gone.entry(conn_id).or_insert_with(Codec::new);
        if body.starts_with(b"HTTP/1.1 101 ") {
            codec.agree(body);
        }
        let peer = (self.number, conn_id);
        let is_garbled = may_be_garbled(codec, peer, oracle);
        let decoded = codec.decode_late(body.clone());
        decoded.iter().for_each(|frame| note_token(frame, peer, is_garbled, oracle));
    }

    /// A browser reads so many deliveries.
    fn read(&mut self, conn_id: i64, most: usize) {
        let Some(browser) = self.browsers.get_mut(&conn_id) else { return };
        let most = most.min(browser.queue.len());
        let frames: Vec<Decoded> = browser.queue.drain(..most).flatten().collect();
        frames.iter().for_each(|frame| self.answer(conn_id, frame));
    }

    /// What a lively browser answers by itself.
    fn answer(&mut self, conn_id: i64, decoded: &Decoded) {
        let browser = &self.browsers[&conn_id];
        if !browser.nature.is_lawful() || browser.has_closed {
            return;
        }
        match decoded {
            Decoded::Ping(payload) => self.frame(conn_id, 0x8A, payload, None),
            Decoded::Close(_) => self.close(conn_id, b"\x03\xe8"),
            Decoded::Message(_) | Decoded::Pong(_) => {}
        }
    }
}

/// Whether what a handler says may make no sense to a browser, because what it refers to was lost, or comes
/// later: what lies in the network when a link is given up.
fn may_be_garbled(codec: &Codec, peer: Peer, oracle: &Oracle) -> bool {
    codec.is_referred_to() && oracle.was_disturbed(peer.0)
}

/// More than one message may name.
const CROWD: usize = 150;

fn note_token(decoded: &Decoded, peer: Peer, is_garbled: bool, oracle: &mut Oracle) {
    let Decoded::Message(message) = decoded else { return };
    let Message::Text(text) = message else { panic!("the application sends text") };
    let token = token_in(text.as_bytes());
    if is_garbled && !token.is_some_and(|token| oracle.is_expected(token, peer)) {
        return;
    }
    oracle.received(token.expect("a token"), peer);
}
