//! The application's groups, as it knows them: who joined, and was not told to have ended since.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mongrel2_transceiver::transceiver::{Audience, Command, Refused, Target, Transceiver};
use mongrel2_transceiver::websocket::Message;

use super::log::elapsed;
use super::oracle::{Oracle, padded_text_of, text_of};
use super::support::{Dice, NodeId, World};

/// Every open session is in the first, some are in others.
const NAMES: [&str; 4] = ["everybody", "north", "south", ""];

#[derive(Debug)]
pub(crate) struct Rooms {
    members: BTreeMap<&'static str, BTreeSet<Target>>,
    /// Broadcasts to be made once all is known that was told.
    due: usize,
    /// Whether texts are long enough to be compressed.
    is_padded: bool,
}

impl Rooms {
    pub(crate) const fn new(is_padded: bool) -> Self {
        Self { members: BTreeMap::new(), due: 0, is_padded }
    }

    pub(crate) fn opened(
        &mut self,
        target: Target,
        world: &mut World,
        node: NodeId<Transceiver>,
        dice: &mut Dice,
    ) {
        self.join(NAMES[0], target, world, node);
        if dice.one_in(2) {
            self.join(dice.pick(&NAMES[1..]), target, world, node);
        }
    }

    pub(crate) fn closed(&mut self, target: Target) {
        for members in self.members.values_mut() {
            members.remove(&target);
        }
    }

    /// A session has said something: it may go to another room, or tell all that are in one.
    pub(crate) fn spoke(
        &mut self,
        target: Target,
        world: &mut World,
        node: NodeId<Transceiver>,
        dice: &mut Dice,
    ) {
        self.due += usize::from(dice.one_in(5));
        if !dice.one_in(4) {
            return;
        }
        let room = dice.pick(&NAMES[1..]);
        if !self.members.entry(room).or_default().remove(&target) {
            self.join(room, target, world, node);
            return;
        }
        let left = world.submit(node, Command::Leave { target, group: Bytes::from(room) });
        assert!(left.is_ok() || left.is_err_and(is_over), "{target} does not leave {room}");
    }

    fn join(
        &mut self,
        room: &'static str,
        target: Target,
        world: &mut World,
        node: NodeId<Transceiver>,
    ) {
        match world.submit(node, Command::Join { target, group: Bytes::from(room) }) {
            Ok(()) => drop(self.members.entry(room).or_default().insert(target)),
            Err(Refused::TooManyGroups | Refused::TooManyMemberships) => {}
            Err(refused) => assert!(is_over(refused), "{target} does not join {room}: {refused}"),
        }
    }

    /// Compares with what the transceiver holds, and makes the broadcasts that are due.
    pub(crate) fn work(
        &mut self,
        world: &mut World,
        node: NodeId<Transceiver>,
        dice: &mut Dice,
        oracle: &mut Oracle,
    ) {
        for (room, members) in &self.members {
            let held = world.machine(node).group_len(room.as_bytes());
            assert!(held <= members.len(), "{held} of {} are in {room:?}", members.len());
        }
        for _ in 0..std::mem::take(&mut self.due) {
            self.broadcast(world, node, dice, oracle);
        }
    }

    fn broadcast(
        &mut self,
        world: &mut World,
        node: NodeId<Transceiver>,
        dice: &mut Dice,
        oracle: &mut Oracle,
    ) {
        let room = dice.pick(&NAMES);
        let members = self.members.entry(room).or_default();
        let is_to_all = room == NAMES[0] && dice.one_in(2);
        let known: BTreeSet<_> =
            if is_to_all { oracle.open_sessions().collect() } else { members.clone() };
        let except = known.iter().find(|_| dice.one_in(6)).copied();
        let to = if is_to_all { Audience::All } else { Audience::Group(Bytes::from(room)) };
        // Some may have ended, and that is not told yet: then it is not known who of them gets it.
        let held = world.machine(node).group_len(room.as_bytes());
        let is_certain = held == known.len();
        let (token, now) = (oracle.new_token(), elapsed(world));
        let text = if self.is_padded { padded_text_of(token) } else { text_of(token) };
        let message = Message::from(text);
        match world.submit(node, Command::Broadcast { to, except, message }) {
            Ok(()) => {
                for target in known.into_iter().filter(|target| Some(*target) != except) {
                    oracle.accepted(token, target, now, is_certain);
                }
            }
            Err(Refused::Full | Refused::ShuttingDown) => {}
            Err(refused) => panic!("{refused:?}: to {room:?}"),
        }
    }
}

/// Whether a session has ended, and that is not told yet.
const fn is_over(refused: Refused) -> bool {
    matches!(
        refused,
        Refused::ServerGone
            | Refused::UnknownServer
            | Refused::UnknownSession
            | Refused::ShuttingDown
    )
}
