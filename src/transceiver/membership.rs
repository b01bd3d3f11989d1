//! Who joins a group and leaves it, by the application's wish or because it is no longer open.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::mongrel2::ConnId;
use crate::planted::{Bug, is_planted};

use super::command::Refused;
use super::config::Config;
use super::server::Server;
use super::sessions::State;
use super::target::{ServerId, Target};

/// What the groups of all servers hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    groups: usize,
    memberships: usize,
}

pub(super) fn held(servers: &BTreeMap<ServerId, Server>) -> Held {
    let each = servers.values().map(|server| &server.groups);
    Held {
        groups: each.clone().map(|groups| groups.len()).sum(),
        memberships: each.map(|groups| groups.memberships()).sum(),
    }
}

/// The groups of all servers by name, and how many members each has.
pub(super) fn counts(servers: &BTreeMap<ServerId, Server>) -> BTreeMap<Bytes, usize> {
    let mut counts = BTreeMap::new();
    for (name, count) in servers.values().flat_map(|server| server.groups.counts()) {
        *counts.entry(name.clone()).or_default() += count;
    }
    counts
}

impl Server {
    pub(super) fn join(
        &mut self,
        target: Target,
        group: &[u8],
        held: Held,
        config: &Config,
    ) -> Result<(), Refused> {
        self.check_member(target)?;
        let limits = &config.limits;
        if group.len() > limits.group_name_max.max(1) {
            return Err(Refused::GroupNameTooLong);
        }
        if self.groups.is_member(target.conn_id, group) {
            return Ok(());
        }
        if held.memberships >= limits.memberships_max.max(1) {
            return Err(Refused::TooManyMemberships);
        }
        if !self.groups.has(group) && held.groups >= limits.groups_max.max(1) {
            return Err(Refused::TooManyGroups);
        }
        self.groups.join(target.conn_id, group);
        Ok(())
    }

    pub(super) fn leave(&mut self, target: Target, group: &[u8]) -> Result<(), Refused> {
        self.check_member(target)?;
        self.groups.leave(target.conn_id, group);
        Ok(())
    }

    /// Whether a session may be in groups: only while it is open.
    fn check_member(&self, target: Target) -> Result<(), Refused> {
        self.check(target)?;
        match self.sessions.state(target.conn_id) {
            Some(State::Open) => Ok(()),
            None | Some(State::Closing | State::Ending | State::Gone | State::Free) => {
                Err(Refused::UnknownSession)
            }
        }
    }

    /// A session is not open any more, and in no group.
    pub(super) fn no_longer_open(&mut self, conn_id: ConnId, state: State) {
        self.sessions.set_state(conn_id, state);
        if !is_planted(Bug::GhostInGroup) {
            self.groups.leave_all(conn_id);
        }
    }
}
