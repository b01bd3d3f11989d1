//! Messages to many: the targets that are named, the members of a group, all open sessions.
//!
//! A broadcast is laid out in messages of up to 128 targets when it is submitted, so that what is said
//! to one of them later comes later. First it is surveyed whom it would reach, which changes nothing;
//! then it is put into the outboxes, where nothing is refused any more.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::mongrel2::{ConnId, TARGETS_MAX};
use crate::planted::{Bug, is_planted};
use crate::websocket::Message;

use super::command::{Audience, Refused};
use super::context::Context;
use super::delivery::{Delivery, Origin, Recipients, batches};
use super::event::{Event, Loss};
use super::groups::Groups;
use super::outbox::Outbox;
use super::packing::{Packing, encode};
use super::server::Server;
use super::sessions::{Sessions, State};
use super::target::{ServerId, Target};
use super::way::Way;

type Servers = BTreeMap<ServerId, Server>;

/// Whom a broadcast would reach.
#[derive(Default)]
struct Survey {
    shares: BTreeMap<ServerId, Share>,
    /// They are named, and are no open sessions.
    not_open: Vec<Target>,
}

/// Whom of one server.
struct Share {
    to: Members,
    except: Option<ConnId>,
    /// How many there is room for.
    ready: usize,
    /// For whom too much waits already, in the order in which they are found.
    slow: Vec<ConnId>,
}

/// Where the recipients are found, each time anew: a list of them may be long.
enum Members {
    /// Those who are named, without the slow.
    These(Vec<ConnId>),
    Group(Bytes),
    All,
}

/// Which servers have something to write now, and how many targets are reported of none of them.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) by: Vec<ServerId>,
    pub(super) undelivered: usize,
}

/// Sends one message to sessions of several servers: encoded once, its octets shared by all.
pub(super) fn broadcast(
    servers: &mut Servers,
    to: Audience,
    except: Option<Target>,
    message: &Message,
    cx: &mut Context<'_>,
) -> Result<Sent, Refused> {
    let survey = Survey::new(servers, to, except, message.len());
    if let Err(refused) = survey.check(servers, message.len(), cx) {
        survey.count_refused(servers);
        return Err(refused);
    }
    let plain = encode(message);
    let mut slow = Vec::new();
    let mut by = Vec::new();
    for (id, share) in survey.shares {
        if let Some(server) = servers.get_mut(&id) {
            let compression = &mut server.sessions.compression;
            let packed = (!compression.is_empty()).then(|| compression.pack(message));
            let may_repeat = matches!(share.to, Members::These(_));
            let layout = Layout::new(plain.clone(), packed, may_repeat);
            let left_out = server.deliver_share(&share, layout, message.len(), cx);
            server.undelivered_count += left_out.len();
            slow.extend(left_out);
            by.push(id);
        }
    }
    let undelivered = count_not_open(servers, &survey.not_open);
    for (targets, reason) in [(survey.not_open, Loss::NotOpen), (slow, Loss::Slow)] {
        if !targets.is_empty() {
            cx.events.push(Event::Undelivered { targets, reason });
        }
    }
    Ok(Sent { by, undelivered })
}

/// Counts what is reported where it belongs; how much belongs to no server.
fn count_not_open(servers: &mut Servers, not_open: &[Target]) -> usize {
    let mut of_none = 0;
    for target in not_open {
        match servers.get_mut(&target.server) {
            Some(server) => server.undelivered_count += 1,
            None => of_none += 1,
        }
    }
    of_none
}

impl Server {
    /// Puts a broadcast into the outbox: for whom too much waits.
    fn deliver_share(
        &mut self,
        share: &Share,
        mut layout: Layout,
        octets: usize,
        cx: &mut Context<'_>,
    ) -> Vec<Target> {
        let Self { groups, sessions, outbox, .. } = self;
        share.each_ready(groups, sessions, |conn_id| layout.put(conn_id, sessions, outbox));
        // Only now, for those who are closed for their slowness leave their groups.
        let mut barred = Vec::new();
        for conn_id in &share.slow {
            let target = self.target(*conn_id);
            // One that is named twice was closed the first time, perhaps.
            let is_open = self.check_open(target).is_ok();
            match is_open.then(|| self.make_way(*conn_id, octets, cx)) {
                Some(Way::Free) => layout.put(*conn_id, &self.sessions, &mut self.outbox),
                Some(Way::Barred) | None => barred.push(target),
                Some(Way::Ended) => {}
            }
        }
        layout.finish(&mut self.outbox);
        barred
    }
}

/// A message on its way into an outbox, in the forms that its recipients want, each encoded once.
struct Layout {
    plain: Batch,
    /// Where anybody is compressed.
    packed: Option<Batch>,
}

/// Those who get the same octets, up to as many as one message may name.
struct Batch {
    what: Delivery,
    to: Vec<ConnId>,
    /// Whether somebody may be named twice, and so takes two places among what waits in Mongrel2.
    may_repeat: bool,
}

impl Layout {
    fn new(plain: Bytes, packed: Option<Bytes>, may_repeat: bool) -> Self {
        let batch = |octets| Batch::new(octets, may_repeat);
        Self { plain: batch(plain), packed: packed.map(batch) }
    }

    fn put(&mut self, conn_id: ConnId, sessions: &Sessions, outbox: &mut Outbox) {
        let Some(packed) = &mut self.packed else {
            self.plain.put(conn_id, outbox);
            return;
        };
        match sessions.compression.packing(conn_id) {
            Packing::Shared => packed.put(conn_id, outbox),
            // Compressed when it leaves, and so for one alone.
            Packing::Own => {
                outbox.push(self.plain.what.clone_to(Recipients::One(conn_id)).unpacked());
            }
            Packing::Plain => self.plain.put(conn_id, outbox),
        }
    }

    fn finish(mut self, outbox: &mut Outbox) {
        self.plain.send(outbox);
        self.packed.iter_mut().for_each(|packed| packed.send(outbox));
    }
}

impl Batch {
    fn new(octets: Bytes, may_repeat: bool) -> Self {
        let what = Delivery::to_nobody(octets, Origin::Application);
        Self { what, to: Vec::new(), may_repeat }
    }

    fn put(&mut self, conn_id: ConnId, outbox: &mut Outbox) {
        if self.may_repeat && self.to.contains(&conn_id) {
            // One delivery takes one place of each that it names.
            self.send(outbox);
        }
        self.to.push(conn_id);
        if self.to.len() == TARGETS_MAX + usize::from(is_planted(Bug::OneTargetTooMany)) {
            self.send(outbox);
        }
    }

    fn send(&mut self, outbox: &mut Outbox) {
        if !self.to.is_empty() {
            let mut to = std::mem::replace(&mut self.to, Vec::with_capacity(TARGETS_MAX));
            to.shrink_to_fit();
            outbox.push(self.what.clone_to(Recipients::Many(to)));
        }
    }
}

impl Share {
    const fn of(to: Members, except: Option<ConnId>) -> Self {
        Self { to, except, ready: 0, slow: Vec::new() }
    }

    fn len(&self) -> usize {
        self.ready + self.slow.len()
    }

    /// In how many messages those get it for whom there is room, as [`Batch`] lays them out.
    fn deliveries(&self) -> usize {
        match &self.to {
            Members::These(these) => batches(these).count(),
            Members::Group(_) | Members::All => self.ready.div_ceil(TARGETS_MAX),
        }
    }

    /// All but the one who is not to get it.
    fn each(&self, groups: &Groups, sessions: &Sessions, mut found: impl FnMut(ConnId)) {
        let found = |conn_id| {
            if Some(conn_id) != self.except || is_planted(Bug::NotExcepted) {
                found(conn_id);
            }
        };
        match &self.to {
            Members::These(these) => these.iter().copied().for_each(found),
            Members::Group(name) => groups.members(name).for_each(found),
            Members::All => sessions.all_in(State::Open).for_each(found),
        }
    }

    /// Those there is room for, as long as nothing has changed since the survey.
    fn each_ready(&self, groups: &Groups, sessions: &Sessions, mut found: impl FnMut(ConnId)) {
        let mut slow = self.slow.iter().copied().peekable();
        self.each(groups, sessions, |conn_id| {
            if slow.next_if_eq(&conn_id).is_none() {
                found(conn_id);
            }
        });
    }

    /// Looks for whom too much waits.
    fn survey(&mut self, server: &Server, octets: usize) {
        let mut ready = 0;
        let mut slow = Vec::new();
        self.each(&server.groups, &server.sessions, |conn_id| {
            if server.outbox.has_room(conn_id, 1, octets) {
                ready += 1;
            } else {
                slow.push(conn_id);
            }
        });
        (self.ready, self.slow) = (ready, slow);
    }
}

impl Survey {
    fn new(servers: &Servers, to: Audience, except: Option<Target>, octets: usize) -> Self {
        match to {
            Audience::Targets(targets) => Self::of_targets(servers, targets, except, octets),
            Audience::Group(name) => {
                let group = || Members::Group(name.clone());
                let has = |server: &Server| server.groups.has(&name);
                Self::of_members(servers.iter().filter(|(_, s)| has(s)), group, except, octets)
            }
            Audience::All => Self::of_members(servers.iter(), || Members::All, except, octets),
        }
    }

    fn of_targets(
        servers: &Servers,
        targets: Vec<Target>,
        except: Option<Target>,
        octets: usize,
    ) -> Self {
        let mut not_open = Vec::new();
        let mut reached: BTreeMap<ServerId, (Vec<ConnId>, Vec<ConnId>)> = BTreeMap::new();
        for target in targets.into_iter().filter(|target| Some(*target) != except) {
            let server = servers.get(&target.server);
            let Some(server) = server.filter(|server| server.check_open(target).is_ok()) else {
                not_open.push(target);
                continue;
            };
            let (ready, slow) = reached.entry(target.server).or_default();
            let has_room = server.outbox.has_room(target.conn_id, 1, octets);
            (if has_room { ready } else { slow }).push(target.conn_id);
        }
        let shares = reached.into_iter().map(|(id, (these, slow))| {
            let ready = these.len();
            (id, Share { to: Members::These(these), except: None, ready, slow })
        });
        Self { shares: shares.collect(), not_open }
    }

    fn of_members<'a>(
        servers: impl Iterator<Item = (&'a ServerId, &'a Server)>,
        members: impl Fn() -> Members,
        except: Option<Target>,
        octets: usize,
    ) -> Self {
        let mut shares = BTreeMap::new();
        for (id, server) in servers {
            let except = except.filter(|except| server.target(except.conn_id) == *except);
            let mut share = Share::of(members(), except.map(|except| except.conn_id));
            share.survey(server, octets);
            if share.len() > 0 {
                shares.insert(*id, share);
            }
        }
        Self { shares, not_open: Vec::new() }
    }

    /// Whether it may be sent.
    fn check(&self, servers: &mut Servers, octets: usize, cx: &Context<'_>) -> Result<(), Refused> {
        let reached = || self.shares.keys().filter_map(|id| servers.get(id));
        if cx.events.is_neglected() || reached().any(|server| server.is_neglected(cx.config)) {
            return Err(Refused::Neglected);
        }
        if octets > cx.config.limits.message_size_max.max(1) {
            return Err(Refused::TooLarge);
        }
        for (id, share) in self.shares.iter().filter(|(_, share)| share.ready > 0) {
            let deliveries = share.deliveries();
            let octets = octets.saturating_mul(deliveries);
            let is_full = |server: &mut Server| !server.outbox.admits(deliveries, octets);
            if servers.get_mut(id).is_some_and(is_full) {
                return Err(Refused::Full);
            }
        }
        Ok(())
    }

    /// Counts what was refused: once for each who would have got it.
    fn count_refused(&self, servers: &mut Servers) {
        let named = self.not_open.iter().map(|target| (target.server, 1));
        let reached = self.shares.iter().map(|(id, share)| (*id, share.len()));
        for (id, count) in named.chain(reached) {
            if let Some(server) = servers.get_mut(&id) {
                server.refused += count as u64;
            }
        }
    }
}
