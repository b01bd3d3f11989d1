//! The groups that one server's sessions are in: found by name, and by session when it ends.
//!
//! A membership takes two entries in trees, some 40 to 60 octets: a million sessions may be in one group.
//! Nothing here takes longer than a search in a tree, however many the members are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::mongrel2::ConnId;

/// The groups of one life of a server.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: BTreeMap<Bytes, Group>,
    names: BTreeMap<u32, Bytes>,
    /// Which groups each session is in, by their numbers.
    memberships: BTreeSet<(ConnId, u32)>,
    last_number: u32,
}

/// One group; it has members.
#[derive(Debug)]
struct Group {
    number: u32,
    members: BTreeSet<ConnId>,
}

impl Groups {
    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// How many memberships there are in all.
    pub(super) fn memberships(&self) -> usize {
        self.memberships.len()
    }

    /// How many members a group has.
    pub(super) fn member_count(&self, name: &[u8]) -> usize {
        self.groups.get(name).map_or(0, |group| group.members.len())
    }

    /// The names of the groups, in their order, and how many members each has.
    pub(super) fn counts(&self) -> impl Iterator<Item = (&Bytes, usize)> {
        self.groups.iter().map(|(name, group)| (name, group.members.len()))
    }

    /// The members of a group, in the order of their numbers.
    pub(super) fn members(&self, name: &[u8]) -> impl Iterator<Item = ConnId> {
        self.groups.get(name).into_iter().flat_map(|group| group.members.iter().copied())
    }

    /// The names of the groups that a session is in.
    pub(super) fn of(&self, conn_id: ConnId) -> impl Iterator<Item = &Bytes> {
        let of_session = self.memberships.range((conn_id, 0)..=(conn_id, u32::MAX));
        of_session.filter_map(|(_, number)| self.names.get(number))
    }

    pub(super) fn has(&self, name: &[u8]) -> bool {
        self.groups.contains_key(name)
    }

    pub(super) fn is_member(&self, conn_id: ConnId, name: &[u8]) -> bool {
        self.groups.get(name).is_some_and(|group| group.members.contains(&conn_id))
    }

    /// Puts a session into a group, which is made where there is none of this name.
    pub(super) fn join(&mut self, conn_id: ConnId, name: &[u8]) {
        if !self.has(name) {
            self.found(name);
        }
        if let Some(group) = self.groups.get_mut(name) {
            group.members.insert(conn_id);
            self.memberships.insert((conn_id, group.number));
        }
    }

    fn found(&mut self, name: &[u8]) {
        // The name may be a part of a large message, which is not to be kept for it.
        let name = Bytes::copy_from_slice(name);
        // Numbers start over some day, and old groups may live until then.
        while self.names.contains_key(&self.last_number) {
            self.last_number = self.last_number.wrapping_add(1);
        }
        let number = self.last_number;
        self.names.insert(number, name.clone());
        self.groups.insert(name, Group { number, members: BTreeSet::new() });
        self.last_number = number.wrapping_add(1);
    }

    /// Takes a session out of a group, which is gone when it is empty.
    pub(super) fn leave(&mut self, conn_id: ConnId, name: &[u8]) {
        let Some(group) = self.groups.get_mut(name) else { return };
        group.members.remove(&conn_id);
        let number = group.number;
        self.memberships.remove(&(conn_id, number));
        if group.members.is_empty() {
            self.groups.remove(name);
            self.names.remove(&number);
        }
    }

    /// Takes a session out of all its groups.
    pub(super) fn leave_all(&mut self, conn_id: ConnId) {
        let of_session = (conn_id, 0)..=(conn_id, u32::MAX);
        while let Some((_, number)) = self.memberships.range(of_session.clone()).next().copied() {
            match self.names.get(&number).cloned() {
                Some(name) => self.leave(conn_id, &name),
                None => {
                    debug_assert!(false, "a membership in no group");
                    self.memberships.remove(&(conn_id, number));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    const NAMES: [&[u8]; 5] = [b"", b"a", b"b", b"ab", b"\xff"];

    fn some_id(rng: &mut Rng) -> ConnId {
        ConnId(i64::try_from(rng.below(40)).unwrap())
    }

    #[test]
    fn random_use_agrees_with_a_set_of_pairs() {
        let mut rng = Rng::new(7);
        let mut groups = Groups::default();
        let mut model = BTreeSet::<(&[u8], ConnId)>::new();
        for _ in 0..20_000 {
            let conn_id = some_id(&mut rng);
            let name = NAMES[usize::try_from(rng.below(5)).unwrap()];
            match rng.below(7) {
                0..3 => {
                    groups.join(conn_id, name);
                    model.insert((name, conn_id));
                }
                3..6 => {
                    groups.leave(conn_id, name);
                    model.remove(&(name, conn_id));
                }
                _ => {
                    groups.leave_all(conn_id);
                    model.retain(|(_, member)| *member != conn_id);
                }
            }
            agree(&groups, &model);
        }
    }

    fn agree(groups: &Groups, model: &BTreeSet<(&[u8], ConnId)>) {
        assert_eq!(groups.memberships(), model.len());
        let mut group_count = 0;
        for name in NAMES {
            let of_group = model.iter().filter(|(of, _)| *of == name).map(|(_, member)| *member);
            let members: Vec<_> = of_group.collect();
            assert_eq!(groups.members(name).collect::<Vec<_>>(), members);
            assert_eq!(groups.member_count(name), members.len());
            assert_eq!(groups.has(name), !members.is_empty());
            assert!(members.iter().all(|member| groups.is_member(*member, name)));
            group_count += usize::from(!members.is_empty());
        }
        assert_eq!((groups.len(), groups.names.len()), (group_count, group_count));
        assert_eq!(groups.counts().map(|(_, count)| count).sum::<usize>(), model.len());
    }

    #[test]
    fn a_number_is_not_given_twice_when_they_start_over() {
        let mut groups = Groups::default();
        groups.join(ConnId(1), b"old");
        groups.last_number = u32::MAX;
        groups.join(ConnId(1), b"last");
        groups.join(ConnId(1), b"new");
        groups.leave(ConnId(1), b"new");
        assert!(groups.is_member(ConnId(1), b"old") && groups.is_member(ConnId(1), b"last"));
        groups.leave_all(ConnId(1));
        assert_eq!((groups.len(), groups.memberships(), groups.names.len()), (0, 0, 0));
    }

    #[test]
    fn a_name_keeps_no_more_than_its_own_octets() {
        let mut groups = Groups::default();
        let large = Bytes::from(vec![b'x'; 1 << 20]);
        groups.join(ConnId(1), &large.slice(..3));
        assert!(large.is_unique());
    }
}
