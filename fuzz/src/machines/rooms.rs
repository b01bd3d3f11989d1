//! Groups of a transceiver's sessions, as the application knows them, and who hears what they are told.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::transceiver::{Audience, Command, Limits, ServerId, Target, Transceiver};
use mongrel2_transceiver::websocket::Message;

use crate::choices::Choices;

/// Who is in which group, or has left it and the application was not told.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    senders: BTreeMap<ServerId, Bytes>,
    members: BTreeSet<(Bytes, Target)>,
    /// Who was told to be closed. A server that uses a connection's number twice may have opened it again
    /// before, and that one has joined.
    closed: BTreeSet<(Bytes, Target)>,
    /// Of each broadcast to a group who may hear it.
    told: Vec<BTreeSet<(Bytes, ConnId)>>,
    /// What was submitted, until it is answered.
    pending: Option<Command>,
}

impl Rooms {
    pub(super) fn added(&mut self, server: ServerId, sender: Bytes) {
        self.senders.insert(server, sender);
    }

    pub(super) fn closed(&mut self, target: Target) {
        let of_target = self.members.iter().filter(|(_, member)| *member == target);
        self.closed.extend(of_target.cloned());
        self.members.retain(|(_, member)| *member != target);
    }

    pub(super) fn opened(&mut self, target: Target) {
        let of_target = self.closed.iter().filter(|(_, member)| *member == target);
        self.members.extend(of_target.cloned());
        self.closed.retain(|(_, member)| *member != target);
    }

    pub(super) fn command(&mut self, target: Option<Target>, choices: &mut Choices<'_>) -> Command {
        let group = Bytes::from_static(choices.pick(&NAMES));
        let except = target.filter(|_| choices.flag());
        let command = match (choices.below(8), target) {
            (0..=3, Some(target)) => Command::Join { target, group },
            (4, Some(target)) => Command::Leave { target, group },
            (5, _) => Command::Broadcast { to: Audience::All, except, message: "to all".into() },
            _ => {
                let members = self.members.union(&self.closed).filter(|(name, _)| *name == group);
                let members = members.map(|(_, member)| *member);
                let hear = members.filter(|member| Some(*member) != except);
                let hear = hear.map(|member| (self.sender(member), member.conn_id)).collect();
                self.told.push(hear);
                let message = [MARK, &[u8::try_from(self.told.len() - 1).unwrap_or(u8::MAX)]];
                let message = Message::Binary(message.concat().into());
                Command::Broadcast { to: Audience::Group(group), except, message }
            }
        };
        self.pending = Some(command.clone());
        command
    }

    fn sender(&self, target: Target) -> Bytes {
        self.senders.get(&target.server).cloned().expect("of a server")
    }

    pub(super) fn answered(&mut self, is_taken: bool) {
        match self.pending.take().filter(|_| is_taken) {
            Some(Command::Join { target, group }) => {
                self.members.insert((group, target));
            }
            Some(Command::Leave { target, group }) => {
                self.members.remove(&(group.clone(), target));
                self.closed.remove(&(group, target));
            }
            _ => {}
        }
    }

    /// Judges what a server was given for its browsers.
    pub(super) fn heard(&self, sender: &[u8], targets: &[ConnId], body: &[u8]) {
        let marks = body.windows(MARK.len() + 1).filter(|window| window.starts_with(MARK));
        for number in marks.map(|window| window[MARK.len()]).filter(|number| *number < u8::MAX) {
            let told = &self.told[usize::from(number)];
            for target in targets {
                let is_member = told.iter().any(|(of, member)| of == sender && member == target);
                assert!(is_member, "{target} hears what a group was told that it is not in");
            }
        }
    }

    pub(super) fn check(&self, transceiver: &Transceiver, limits: &Limits) {
        let groups = transceiver.groups();
        assert!(groups.len() <= limits.groups_max);
        assert!(groups.values().sum::<usize>() <= limits.memberships_max);
        let all_is_told = transceiver.stats().events == 0;
        for (name, count) in groups {
            assert!(count > 0 && count == transceiver.group_len(&name));
            let known = self.members.iter().filter(|(of, _)| *of == name).count();
            assert!(!all_is_told || count <= known, "{count} of {known} are in {name:?}");
        }
    }
}

/// Octets that look like nothing that is told to a group.
pub(super) fn without_mark(octets: Bytes) -> Bytes {
    let has_mark = octets.windows(MARK.len()).any(|window| window == MARK);
    if has_mark { Bytes::from_static(b"x") } else { octets }
}

/// The last is longer than the limit.
const NAMES: [&[u8]; 4] = [b"", b"a", b"b", b"long"];

/// What a broadcast to a group starts with; its number is behind it.
const MARK: &[u8] = b"\xFFtold to a group ";
