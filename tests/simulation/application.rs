//! The application on top of the transceiver: it echoes, broadcasts, closes, and tells the oracle.

use std::collections::{BTreeMap, VecDeque};

use mongrel2_transceiver::transceiver::{
    Audience, Command, Event, Refused, ServerId, Target, Transceiver,
};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::log::{Log, elapsed};
use crate::oracle::{Oracle, Token, text_of, token_in};
use crate::rooms::Rooms;
use crate::support::{Dice, NodeId, World};

#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) node: NodeId<Transceiver>,
    /// What was refused for want of room, per server.
    waiting: BTreeMap<ServerId, VecDeque<(Token, Command)>>,
    /// The life in which each server is up.
    pub(crate) up: BTreeMap<ServerId, u32>,
    pub(crate) stopped: Option<usize>,
    rooms: Rooms,
}

impl Application {
    pub(crate) fn new(node: NodeId<Transceiver>) -> Self {
        Self {
            node,
            waiting: BTreeMap::new(),
            up: BTreeMap::new(),
            stopped: None,
            rooms: Rooms::default(),
        }
    }

    /// Handles what it was told since the last time.
    pub(crate) fn work(
        &mut self,
        world: &mut World,
        dice: &mut Dice,
        oracle: &mut Oracle,
        log: &mut Log,
    ) {
        for event in world.events(self.node) {
            log.note(elapsed(world), format_args!("{event:?}"));
            assert!(self.stopped.is_none(), "told after the end: {event:?}");
            self.handle(event, world, dice, oracle);
        }
        self.rooms.work(world, self.node, dice, oracle);
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
            Event::SessionOpened { target, request, .. } => {
                oracle.belongs(target, process_of(&request).expect("a browser's"));
                oracle.opened(target);
                self.rooms.opened(target, world, self.node, dice);
            }
            Event::SessionMessage { target, message, .. } => {
                self.message(target, &message, world, dice, oracle);
            }
            Event::SessionClosed { target, .. } => {
                oracle.closed(target);
                self.rooms.closed(target);
            }
            Event::Undelivered { targets, .. } => oracle.reported(&targets),
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
        oracle.told(token, target);
        let echo = Message::from(text_of(token));
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
            let message = Message::from(text_of(token));
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
            Err(Refused::Full) if !matches!(command, Command::Broadcast { .. }) => Err(command),
            Err(
                Refused::Full
                | Refused::ServerGone
                | Refused::UnknownServer
                | Refused::UnknownSession
                | Refused::IsSession
                // Its browser reads too slowly for an echo.
                | Refused::Slow
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

/// Which process a request comes from.
fn process_of(request: &mongrel2_transceiver::mongrel2::Request) -> Option<usize> {
    request.header_str("x-process")?.parse().ok()
}
