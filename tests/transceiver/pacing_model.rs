//! Random sayings, readings, ends and cuts of links over a model of Mongrel2's queues: never a 17th
//! reply, nothing twice, nothing out of order, nothing lost in silence, and all of it read in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use mongrel2_transceiver::transceiver::{Command, Config, Event, Refused, Slow, Target};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message};
use mongrel2_transceiver_memory::Dice;

use crate::browser::{frame, handshake, handshake_with, notice, post, text};
use crate::pair::{Pair, small};
use crate::readers::Readers;

/// What became of one connection's messages.
#[derive(Default)]
struct Tally {
    /// The next number to be said.
    next: usize,
    accepted: usize,
    undelivered: usize,
    is_session: bool,
    /// Whether no more is said to it.
    is_over: bool,
}

struct Model {
    pair: Pair,
    dice: Dice,
    readers: Readers,
    tallies: BTreeMap<i64, Tally>,
    last_id: i64,
    refused: BTreeMap<i64, usize>,
    room: BTreeMap<i64, usize>,
    /// A cut has taken the server's life: there is nothing more to learn.
    is_down: bool,
    /// Whether the server counts octets for some of its browsers (none does it for some alone, but so
    /// they meet).
    counts_octets: bool,
    /// How many the handler has counted as undelivered when it stopped.
    stopped: Option<usize>,
}

impl Model {
    fn new(seed: u64, cuts: bool) -> Self {
        let mut dice = Dice::new(seed);
        let tight = dice.one_in(2);
        let change = |config: &mut Config| {
            if tight {
                config.limits.target_messages_max = 1 + dice.below(40);
                config.limits.target_bytes_max = 4 << 10 << dice.below(6);
                config.limits.write_size = 1 << (8 + dice.below(9));
            }
            config.slow = match seed % 3 {
                0 => Slow::DropOldest,
                1 => Slow::Close(Close::new(CloseCode::POLICY, "slow").unwrap()),
                _ => Slow::Wait,
            };
            config.ping_interval = Some(Duration::from_secs(dice.pick(&[2, 30])));
        };
        let pair = Pair::up(seed, small(change));
        let readers = Readers { cuts, ..Readers::default() };
        let tallies = BTreeMap::new();
        let (refused, room) = (BTreeMap::new(), BTreeMap::new());
        Self {
            pair,
            dice,
            readers,
            tallies,
            last_id: 0,
            refused,
            room,
            is_down: false,
            // What was written is not known any more when a link is lost, and then it is guessed.
            counts_octets: seed % 2 == 1 && !cuts,
            stopped: None,
        }
    }

    fn target(&self, conn_id: i64) -> Target {
        self.pair.target(conn_id)
    }

    fn some_id(&mut self) -> Option<i64> {
        let ids: Vec<i64> =
            self.tallies.iter().filter(|(_, tally)| !tally.is_over).map(|(id, _)| *id).collect();
        (!ids.is_empty()).then(|| self.dice.pick(&ids))
    }

    fn connect(&mut self) {
        self.last_id += 1;
        let (id, is_session) = (self.last_id, !self.dice.one_in(4));
        self.tallies.insert(id, Tally { is_session, ..Tally::default() });
        let raw = match (is_session, self.counts_octets && self.dice.one_in(2)) {
            (true, true) => {
                self.readers.of.entry(id).or_default().credits = Some(CREDITS);
                handshake_with(id, &[("DOWNLOAD_CREDITS", &CREDITS.to_string())])
            }
            (true, false) => handshake(id, "13"),
            (false, _) => post(id, b""),
        };
        self.pair.deliver_if_any(raw);
        self.pair.run_ms(3);
        let is_known = self.pair.world.seen(self.pair.handler).iter().any(|event| match event {
            Event::SessionOpened { target, .. } | Event::Request { target, .. } => {
                target.conn_id.0 == id
            }
            _ => false,
        });
        if !is_known {
            self.tallies.remove(&id);
        }
        self.pass(0);
    }

    /// Says so many messages to one, each with the next number.
    fn say(&mut self, conn_id: i64, count: usize) {
        let size = self.dice.pick(&[0, 10, 500, 6 << 10, 40 << 10]);
        for _ in 0..count {
            let target = self.target(conn_id);
            let Some(tally) = self.tallies.get_mut(&conn_id) else { return };
            let text = format!("{},{}", tally.next, "x".repeat(size));
            let command = if tally.is_session {
                Command::Send { target, message: Message::Text(text.into()) }
            } else {
                // Without what would look like another message.
                let body = format!("{},", tally.next);
                Command::Reply { target, body: body.into(), close: false }
            };
            match self.pair.world.submit(self.pair.handler, command) {
                Ok(()) => (tally.next, tally.accepted) = (tally.next + 1, tally.accepted + 1),
                Err(Refused::Slow) => {
                    *self.refused.entry(conn_id).or_default() += 1;
                    return;
                }
                Err(Refused::Full) => return,
                Err(Refused::UnknownSession) => {
                    tally.is_over = true;
                    return;
                }
                Err(Refused::ServerGone) => {
                    self.is_down = true;
                    return;
                }
                Err(refused) => panic!("{refused}"),
            }
        }
    }

    fn broadcast(&mut self) {
        let ids = self.tallies.iter().filter(|(_, tally)| !tally.is_over && tally.is_session);
        let ids: Vec<i64> = ids.map(|(id, _)| *id).collect();
        // One number for all: the next that none of them has had.
        let number = ids.iter().map(|id| self.tallies[id].next).max().unwrap_or(0);
        let targets: Vec<_> = ids.iter().map(|id| self.target(*id)).collect();
        let message = Message::Text(format!("{number},").into());
        let command = Command::Broadcast { to: targets.into(), except: None, message };
        if self.pair.world.submit(self.pair.handler, command).is_ok() {
            for id in ids {
                let tally = self.tallies.get_mut(&id).unwrap();
                (tally.next, tally.accepted) = (number + 1, tally.accepted + 1);
            }
        }
    }

    fn end(&mut self, conn_id: i64) {
        let target = self.target(conn_id);
        let tally = self.tallies.get_mut(&conn_id).unwrap();
        match self.dice.below(4) {
            0 => {
                self.readers.of.entry(conn_id).or_default().has_left = true;
                self.pair.deliver_if_any(notice(conn_id));
            }
            1 if tally.is_session => self.pair.deliver_if_any(frame(conn_id, "0x88", b"")),
            2 if tally.is_session => {
                let close = Command::Close { target, code: CloseCode::NORMAL, reason: "".into() };
                let _is_over = self.pair.world.submit(self.pair.handler, close);
            }
            _ => {
                let hang_up = Command::HangUp { target };
                let _is_over = self.pair.world.submit(self.pair.handler, hang_up);
            }
        }
        tally.is_over = true;
    }

    /// Takes what both sides have to tell.
    fn look(&mut self) {
        self.readers.take(&mut self.pair);
        for event in self.pair.events() {
            match event {
                Event::Undelivered { targets, .. } => {
                    for target in targets {
                        self.tallies.get_mut(&target.conn_id.0).unwrap().undelivered += 1;
                    }
                }
                Event::Stopped { undelivered, .. } => self.stopped = Some(undelivered),
                Event::ServerDown { .. } => self.is_down = true,
                Event::TargetRoom { target } => {
                    *self.room.entry(target.conn_id.0).or_default() += 1
                }
                Event::SessionClosed { target, .. } => {
                    if let Some(tally) = self.tallies.get_mut(&target.conn_id.0) {
                        tally.is_over = true;
                    }
                }
                _ => {}
            }
        }
    }

    fn step(&mut self, cuts: bool) {
        match self.dice.below(if cuts { 64 } else { 62 }) {
            0..4 => self.connect(),
            4..6 => {
                if let Some(id) = self.some_id().filter(|_| self.dice.one_in(3)) {
                    self.end(id);
                }
            }
            6..10 => self.broadcast(),
            10..14 => {
                if let Some(id) = self.some_id() {
                    let raw = match (self.tallies[&id].is_session, self.dice.one_in(2)) {
                        (true, true) => frame(id, "0x89", b"?"),
                        (true, false) => text(id, "hello"),
                        (false, _) => {
                            // Who asks again has read what was there, and gets no more meanwhile.
                            self.pass(20);
                            self.pair.deliver_if_any(post(id, b""));
                            return self.pass(5);
                        }
                    };
                    self.pair.deliver_if_any(raw);
                }
            }
            14..34 => {
                if let Some(id) = self.some_id() {
                    let count = self.dice.pick(&[1, 1, 3, 10, 20, 100]);
                    self.say(id, count);
                }
            }
            34..50 => {
                self.look();
                if let Some(id) = self.some_id() {
                    let most = self.dice.pick(&[1, 2, 16]);
                    self.readers.read(&mut self.pair, id, most);
                }
            }
            50..62 => {
                let time = self.dice.pick(&[0, 1, 1, 2, 10, 40, 700]);
                self.pass(time);
            }
            _ => {
                self.look();
                let streams = self.pair.world.streams(self.pair.handler);
                if streams.len() == 2 {
                    let stream = self.dice.pick(&streams);
                    self.pair.world.network.cut(stream);
                    // As if it were heard of at once that it is back: no life ends here.
                    self.pass(2500);
                }
            }
        }
    }

    /// Lets some time pass, in which those read who are no WebSockets: they prove nothing, and are
    /// believed to.
    fn pass(&mut self, milliseconds: u64) {
        let others = self.tallies.iter().filter(|(_, tally)| !tally.is_session);
        let others: Vec<i64> = others.map(|(id, _)| *id).collect();
        for step in 0..=milliseconds / 10 {
            self.pair.run_ms((milliseconds - step * 10).min(10));
            self.readers.take(&mut self.pair);
            for id in &others {
                self.readers.read(&mut self.pair, *id, usize::MAX);
            }
        }
        self.look();
    }

    /// Everybody reads, and all is quiet.
    fn finish(&mut self, cuts: bool) {
        // Where octets are counted, a large message takes many turns.
        for _ in 0..if self.counts_octets { 1500 } else { 300 } {
            self.readers.read_all(&mut self.pair);
            self.pair.run_ms(20);
            self.look();
        }
        // Who was lost sight of, with one link after the other, is found in the rounds of pings.
        for _ in 0..if cuts { 150 } else { 0 } {
            self.readers.read_all(&mut self.pair);
            self.pair.run_ms(500);
            self.look();
        }
        // Whoever is still there hears a last word: no lane is stuck.
        let there: Vec<i64> =
            self.tallies.iter().filter(|(_, tally)| !tally.is_over).map(|(id, _)| *id).collect();
        for id in &there {
            let before = self.tallies[id].accepted;
            self.say(*id, 1);
            let tally = &self.tallies[id];
            assert!(tally.accepted > before || tally.is_over, "{id} is stuck");
        }
        for _ in 0..50 {
            self.pair.run_ms(20);
            self.readers.read_all(&mut self.pair);
            self.look();
        }
        for id in there.iter().filter(|id| !self.tallies[id].is_over) {
            let last = (self.tallies[id].next - 1).to_string();
            assert_eq!(self.readers.texts(*id).last(), Some(&last), "{id} is stuck");
        }
        self.check(cuts);
        for (id, tally) in &self.tallies {
            if tally.is_session && !tally.is_over && self.refused.contains_key(id) {
                assert!(self.room.contains_key(id), "{id} was never told of room");
            }
        }
    }

    /// The handler ends while all of it goes on; some read.
    fn shut_down(&mut self) {
        self.pair.submit(Command::Shutdown);
        for _ in 0..300 {
            self.pass(10);
            for id in self.readers.of.keys().copied().collect::<Vec<_>>() {
                let most = if id % 3 == 0 { 0 } else { self.dice.below(4) };
                self.readers.read(&mut self.pair, id, most);
            }
        }
        let sum = self.tallies.values().map(|tally| tally.undelivered).sum();
        assert_eq!(self.stopped, Some(sum));
        self.readers.read_all(&mut self.pair);
        self.check(false);
    }

    /// Everything accepted was read in order and once, or is reported.
    fn check(&self, cuts: bool) {
        for (id, tally) in &self.tallies {
            let read = self.readers.texts(*id);
            let numbers: Vec<usize> = read.iter().map(|text| text.parse().unwrap()).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "{id}: {numbers:?}");
            let (has_left, ended) =
                self.readers.of.get(id).map_or((true, false), |of| (of.has_left, of.is_ended));
            if !cuts && !has_left {
                let known = numbers.len() + tally.undelivered;
                assert_eq!(known, tally.accepted, "{id} ({ended}): {} read", numbers.len());
            }
        }
    }

    fn run(seed: u64, cuts: bool, shuts_down: bool) {
        let mut model = Self::new(seed, cuts);
        let steps = 40 + model.dice.below(160);
        for _ in 0..steps {
            model.step(cuts);
            if model.is_down {
                return;
            }
        }
        if shuts_down {
            model.shut_down();
        } else {
            model.finish(cuts);
        }
    }
}

#[test]
fn nobody_is_dropped_and_nothing_is_lost() {
    (0..100).for_each(|seed| named(seed, false, false));
}

#[test]
fn an_end_in_the_middle_accounts_for_everything() {
    (2000..2100).for_each(|seed| named(seed, false, true));
}

#[test]
fn links_come_and_go_and_nobody_is_dropped() {
    (1000..1100).for_each(|seed| named(seed, true, false));
}

/// Octets that may wait for a browser, of a server that counts them.
const CREDITS: usize = 20_000;

fn named(seed: u64, cuts: bool, shuts_down: bool) {
    let run = || Model::run(seed, cuts, shuts_down);
    assert!(std::panic::catch_unwind(run).is_ok(), "it was seed {seed}");
}
