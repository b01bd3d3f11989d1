//! The application on top of the transceiver: it echoes, broadcasts, closes, and tells the oracle.

use std::collections::{BTreeMap, VecDeque};

use mongrel2_transceiver::transceiver::{
    Audience, Command, Event, Refused, ServerId, SessionEnd, Target, Transceiver,
};
use mongrel2_transceiver::websocket::{CloseCode, FrameError, InflateError, Message};

use super::later::{Later, may_refuse_hold};
use super::log::{Log, elapsed};
use super::mix::Mix;
use super::oracle::{Oracle, Token, padded_text_of, text_of, token_in};
use super::rooms::Rooms;
use super::support::{Dice, NodeId, World};
use super::unsent;

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) node: NodeId<Transceiver>,
    /// What was refused for want of room, per server.
    waiting: BTreeMap<ServerId, VecDeque<(Token, Command)>>,
    /// The life in which each server is up.
    pub(crate) up: BTreeMap<ServerId, u32>,
    pub(crate) stopped: Option<usize>,
    rooms: Rooms,
    later: Later,
    pub(crate) way: Way,
}

/// How it goes about things.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) has_bursts: bool,
    pub(crate) has_later: bool,
    /// Whether texts are long enough to be compressed.
    pub(crate) is_padded: bool,
    pub(crate) adopts: bool,
}

impl Application {
    pub(crate) fn new(node: NodeId<Transceiver>, way: Way) -> Self {
        Self {
            node,
            waiting: BTreeMap::new(),
            up: BTreeMap::new(),
            stopped: None,
            rooms: Rooms::new(way.is_padded),
            later: Later::default(),
            way,
        }
    }

    /// Handles what it was told since the last time.
    pub(crate) fn work(
        &mut self,
        world: &mut World,
        (dice, mix): (&mut Dice, &mut Mix),
        oracle: &mut Oracle,
        log: &mut Log,
    ) {
        for octets in world.unsent(self.node) {
            unsent::note(&octets, oracle);
        }
        for event in world.events(self.node) {
            log.note(elapsed(world), format_args!("{event:?}"));
            log.met_event(&event);
            assert!(self.stopped.is_none(), "told after the end: {event:?}");
            if let Event::SessionMessage { target, .. } = event {
                self.burst(target, world, mix, oracle);
            }
            if !self.answers_later(&event, world, mix, oracle) {
                self.handle(event, world, dice, oracle);
            }
        }
        for (token, part) in self.later.due(elapsed(world), &mut mix.dice, oracle) {
            self.submit(token, part, world, oracle);
        }
        // Else it would speak to sessions that it was not told of.
        if !world.is_deaf(self.node) {
            self.rooms.work(world, self.node, dice, oracle);
        }
    }

    /// Says much to one session at once, as long as it is taken.
    fn burst(&mut self, target: Target, world: &mut World, mix: &mut Mix, oracle: &mut Oracle) {
        if !self.way.has_bursts || !mix.dice.one_in(6) {
            return;
        }
        for _ in 0..mix.dice.pick(&[3, 30, 60]) {
            let token = oracle.new_token();
            let command = Command::Send { target, message: self.text(token) };
            let before = oracle.count();
            // No room for it is no reason to keep it.
            let _dropped = self.attempt(token, command, world, oracle);
            if oracle.count() == before {
                break;
            }
        }
    }

    /// Whether a request is put off.
    fn answers_later(
        &mut self,
        event: &Event,
        world: &mut World,
        mix: &mut Mix,
        oracle: &mut Oracle,
    ) -> bool {
        let Event::Request { target, request } = event else { return false };
        let Some(token) = token_in(&request.body()) else { return false };
        if !self.way.has_later || !mix.dice.one_in(3) {
            return false;
        }
        oracle.told(token, *target);
        if let Some(hold) = self.later.answer(token, *target, elapsed(world), &mut mix.dice) {
            let result = world.submit(self.node, hold);
            assert!(result.is_ok() || result.is_err_and(may_refuse_hold), "{result:?}");
        }
        true
    }

    fn text(&self, token: Token) -> Message {
        Message::from(if self.way.is_padded { padded_text_of(token) } else { text_of(token) })
    }

    fn handle(&mut self, event: Event, world: &mut World, dice: &mut Dice, oracle: &mut Oracle) {
        match event {
            Event::ServerUp { server, life } => {
                let last = self.up.insert(server, life);
                assert!(last.is_none(), "{server} is up twice");
            }
            Event::ServerDown { server, life, .. } => {
                assert_eq!(self.up.remove(&server), Some(life));
                self.waiting.remove(&server);
            }
            Event::ServerRemoved { server, .. } => {
                self.up.remove(&server);
            }
            Event::Request { target, request } => {
                if let Some(token) = token_in(&request.body()) {
                    oracle.told(token, target);
                    let (body, close) = (request.body(), dice.one_in(8));
                    self.submit(token, Command::Reply { target, body, close }, world, oracle);
                }
            }
            Event::SessionOpened { target, request, adopted } => {
                assert!(self.way.adopts || !adopted, "{target} is not to be adopted");
                oracle.belongs(target, process_of(&request).expect("a browser's"));
                oracle.opened(target);
                self.rooms.opened(target, world, self.node, dice);
            }
            Event::SessionMessage { target, message, .. } => {
                self.message(target, &message, world, dice, oracle);
            }
            Event::SessionClosed { target, end } => {
                let is_lawful = oracle.is_lawful(target) && !oracle.may_be_garbled(target);
                assert!(!is_lawful || !blames(&end), "{target} did no wrong: {end:?}");
                oracle.closed(target);
                self.rooms.closed(target);
            }
            Event::Undelivered { targets, reason } => oracle.reported(&targets, reason),
            Event::TargetRoom { target } => oracle.has_room(target),
            Event::Room { server } => self.retry(server, world, oracle),
            Event::Stopped { undelivered, .. } => self.stopped = Some(undelivered),
            _ => {}
        }
    }

    fn message(
        &mut self,
        target: Target,
        message: &Message,
        world: &mut World,
        dice: &mut Dice,
        oracle: &mut Oracle,
    ) {
        assert!(oracle.is_open(target), "{target} speaks and is not open");
        let Some(token) = token_in(message.payload()) else { return };
        if oracle.may_be_garbled(target) && !oracle.is_plausible(token, target) {
            return;
        }
        oracle.told(token, target);
        let echo = self.text(token);
        self.submit(token, Command::Send { target, message: echo }, world, oracle);
        self.rooms.spoke(target, world, self.node, dice);
        if dice.one_in(30) {
            let code = CloseCode::NORMAL;
            // The client may have been first.
            let _refused =
                world.submit(self.node, Command::Close { target, code, reason: "".into() });
        } else if dice.one_in(10) {
            let token = oracle.new_token();
            let some = oracle.open_sessions().filter(|_| dice.one_in(2)).collect::<Vec<_>>();
            let message = self.text(token);
            let broadcast = Command::Broadcast { to: some.into(), except: None, message };
            self.submit(token, broadcast, world, oracle);
        }
    }

    /// Submits what carries a token; keeps it for later where there is no room.
    fn submit(&mut self, token: Token, command: Command, world: &mut World, oracle: &mut Oracle) {
        let targets = targets_of(&command);
        let first = targets.first().map(|target| target.server);
        if let Some(waiting) = first.and_then(|server| self.waiting.get_mut(&server)) {
            // In order, behind what waits already.
            if !waiting.is_empty() {
                waiting.push_back((token, command));
                return;
            }
        }
        if let Err(command) = self.attempt(token, command, world, oracle) {
            let server = first.expect("what goes to nobody is not refused");
            self.waiting.entry(server).or_default().push_back((token, command));
        }
    }

    /// Submits; gives the command back where there is no room for it.
    fn attempt(
        &mut self,
        token: Token,
        command: Command,
        world: &mut World,
        oracle: &mut Oracle,
    ) -> Result<(), Command> {
        let now = elapsed(world);
        match world.submit(self.node, command.clone()) {
            Ok(()) => {
                let targets = targets_of(&command);
                targets.into_iter().for_each(|target| oracle.accepted(token, target, now, true));
                Ok(())
            }
            // Its browser reads too slowly for an echo.
            Err(Refused::Slow) => {
                targets_of(&command).into_iter().for_each(|target| oracle.refused_slow(target));
                Ok(())
            }
            Err(Refused::Full) if !matches!(command, Command::Broadcast { .. }) => Err(command),
            // There is room for one event, and more wait while this one is answered.
            Err(Refused::Neglected) if matches!(command, Command::Broadcast { .. }) => Ok(()),
            Err(
                Refused::Full
                | Refused::ServerGone
                | Refused::UnknownServer
                | Refused::UnknownSession
                | Refused::IsSession
                | Refused::ShuttingDown,
            ) => Ok(()),
            Err(refused) => panic!("{refused:?}: {command:?}"),
        }
    }

    fn retry(&mut self, server: ServerId, world: &mut World, oracle: &mut Oracle) {
        let mut waiting = self.waiting.remove(&server).unwrap_or_default();
        while let Some((token, command)) = waiting.pop_front() {
            if let Err(command) = self.attempt(token, command, world, oracle) {
                waiting.push_front((token, command));
                break;
            }
        }
        self.waiting.insert(server, waiting);
    }
}

fn targets_of(command: &Command) -> Vec<Target> {
    match command {
        Command::Reply { target, .. } | Command::Send { target, .. } => vec![*target],
        Command::Broadcast { to: Audience::Targets(targets), .. } => targets.clone(),
        _ => Vec::new(),
    }
}

/// Whether a session is said to have broken a rule.
const fn blames(end: &SessionEnd) -> bool {
    // What refers to messages that were lost cannot be read, and that is nobody's fault.
    !matches!(end, SessionEnd::Violation(FrameError::Inflate(InflateError::HistoryLost)))
        && matches!(end, SessionEnd::Violation(_) | SessionEnd::Refused)
}

/// Which process a request comes from.
fn process_of(request: &mongrel2_transceiver::mongrel2::Request) -> Option<usize> {
    request.header_str("x-process")?.parse().ok()
}
