//! One Mongrel2 server as a Node knows it: the link to it, what waits for it, its lives.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::LinkId;
use crate::mongrel2::{ConnId, Request, Sender};
use crate::socket::io::Io;
use crate::socket::{self, Core, DownReason};
use crate::transceiver::lanes::Bounds;
use crate::transceiver::outbox::Outbox;
use crate::transceiver::sessions::Sessions;
use crate::transceiver::{Loss, ServerId, Target};

use super::config::Limits;
use super::event::Event;
use super::held::ApiLife;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) id: ServerId,
    pub(super) sender: Sender,
    pub(super) recv_spec: Endpoint,
    /// How every reply starts: what a subscription has to cover.
    reply_start: Bytes,
    /// PUB, to its SUB.
    pub(super) core: Core,
    link: Option<LinkId>,
    is_subscribed: bool,
    /// Counted from 1; 0 before the first.
    life: u32,
    pub(super) outbox: Outbox,
    /// None: sessions are the API's.
    sessions: Sessions,
    /// Requests that the application works on.
    pub(super) open: usize,
    /// The last life that is over, as the API counts.
    over: Option<ApiLife>,
    /// The lives, as APIs count, that are this one: the API has said so since the link is up.
    confirmed: BTreeSet<ApiLife>,
    parting: Parting,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parting {
    None,
    /// What is taken may be answered until then.
    Grace(Instant),
    Flush,
    Over,
}

/// What has come of the messages to a server.
#[derive(Debug, Default)]
pub(super) struct Settled {
    pub(super) events: Vec<Event>,
    /// Requests whose answers are written, or lost.
    pub(super) finished: Vec<u64>,
    /// Whether requests of it may be told now that could not be before.
    pub(super) is_newly_up: bool,
    pub(super) has_written: bool,
    pub(super) undelivered: usize,
    /// A life is over: nobody waits for the answers to its requests any more.
    pub(super) has_lost_life: bool,
}

impl Server {
    pub(super) fn new(
        id: ServerId,
        sender: Sender,
        recv_spec: Endpoint,
        core: Core,
        limits: &Limits,
    ) -> Self {
        let mut reply_start = sender.as_bytes().to_vec();
        reply_start.push(b' ');
        let per_target = Bounds {
            messages_max: limits.target_messages_max,
            octets_max: limits.target_bytes_max,
        };
        Self {
            id,
            sender,
            recv_spec,
            reply_start: reply_start.into(),
            core,
            link: None,
            is_subscribed: false,
            life: 0,
            outbox: Outbox::new(limits.send_messages_max, limits.send_bytes_max, per_target),
            sessions: Sessions::default(),
            open: 0,
            over: None,
            confirmed: BTreeSet::new(),
            parting: Parting::None,
        }
    }

    /// Whether it hears us now.
    pub(super) const fn is_up(&self) -> bool {
        self.link.is_some() && self.is_subscribed && !matches!(self.parting, Parting::Over)
    }

    /// Whether requests of it may be told.
    pub(super) const fn takes_requests(&self) -> bool {
        self.is_up() && !self.is_parting()
    }

    pub(super) const fn is_parting(&self) -> bool {
        !matches!(self.parting, Parting::None)
    }

    pub(super) const fn is_flushing(&self) -> bool {
        matches!(self.parting, Parting::Flush | Parting::Over)
    }

    pub(super) fn is_current(&self, life: u32) -> bool {
        self.is_up() && self.life == life
    }

    pub(super) const fn life(&self) -> u32 {
        self.life
    }

    /// Whether a request of this life, as the API counts, belongs to a process that is gone.
    pub(super) fn is_over(&self, life: Option<ApiLife>) -> bool {
        matches!((life, self.over), (Some((a, life)), Some((b, over))) if a == b && life <= over)
    }

    /// Whether requests of this life, as the API counts, are of the process that we are connected to.
    pub(super) fn is_confirmed(&self, life: ApiLife) -> bool {
        self.confirmed.contains(&life)
    }

    pub(super) fn confirm(&mut self, life: ApiLife) {
        if self.confirmed.len() >= CONFIRMED_MAX {
            // Whatever is forgotten is asked again.
            self.confirmed.clear();
        }
        self.confirmed.insert(life);
    }

    /// The API says that this life is over.
    pub(super) fn set_over(&mut self, (epoch, life): ApiLife) {
        match &mut self.over {
            Some((known, over)) if *known == epoch => *over = life.max(*over),
            other => *other = Some((epoch, life)),
        }
    }

    /// A connection asks something.
    pub(super) fn heard(&mut self, request: &Request, now: Instant) {
        self.outbox.heard(request.conn_id(), request.kind(), now);
    }

    /// After anything that may have changed its link.
    pub(super) fn settle(&mut self, may_come_up: bool, io: &mut Io) -> Settled {
        let mut settled = Settled::default();
        let sent = self.core.take_sent();
        self.outbox.sent(sent);
        settled.has_written = sent > 0;
        while let Some(notice) = self.core.pop_notice(io) {
            self.notice(notice, may_come_up, &mut settled);
        }
        if may_come_up && self.waits_to_come_up() {
            self.look_at_subscription(None, true, &mut settled);
        }
        let lost = self.outbox.do_what_is_due(&self.sessions, io.now());
        self.report(lost, Loss::NotOpen, &mut settled);
        if self.outbox.reopened() {
            settled.events.push(Event::Room { server: self.id });
        }
        while let Some(conn_id) = self.outbox.next_reopened() {
            let target = Target { server: self.id, life: self.life, conn_id };
            settled.events.push(Event::TargetRoom { target });
        }
        settled.finished = self.outbox.take_answered();
        settled
    }

    /// Whether its subscription covers our replies and nobody was told so.
    pub(super) fn waits_to_come_up(&self) -> bool {
        !self.is_subscribed && self.is_covered() && !self.is_flushing()
    }

    fn is_covered(&self) -> bool {
        self.link.is_some_and(|link| self.core.is_subscribed(link, &self.reply_start))
    }

    fn notice(&mut self, notice: socket::Event, may_come_up: bool, settled: &mut Settled) {
        match notice {
            socket::Event::Up { link, .. } => {
                self.link = Some(link);
                self.look_at_subscription(None, may_come_up, settled);
            }
            socket::Event::Down { reason, .. } => {
                self.link = None;
                self.lose(reason, settled);
            }
            socket::Event::Subscribed { prefix, .. } | socket::Event::Cancelled { prefix, .. } => {
                self.look_at_subscription(Some(prefix), may_come_up, settled);
            }
            socket::Event::ConnectFailed { endpoint, reason, retry_in } => {
                let server = Some(self.id);
                settled.events.push(Event::Unreachable { server, endpoint, reason, retry_in });
            }
            socket::Event::Stopped { .. } => self.parting = Parting::Over,
            socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::Message { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. } => {}
        }
    }

    fn look_at_subscription(
        &mut self,
        changed: Option<Bytes>,
        may_come_up: bool,
        settled: &mut Settled,
    ) {
        match (self.is_subscribed, self.is_covered()) {
            (false, true) if may_come_up => {
                self.is_subscribed = true;
                self.life = self.life.wrapping_add(1);
                self.confirmed.clear();
                tracing::debug!(server = ?self.id, life = self.life, "server is up");
                settled.events.push(Event::ServerUp { server: self.id, life: self.life });
                settled.is_newly_up = true;
            }
            (true, false) => self.lose(DownReason::Closed, settled),
            (false, false) => settled.events.extend(
                changed.map(|subscribed| Event::ServerDeaf { server: self.id, subscribed }),
            ),
            (true, true) | (false, true) => {}
        }
    }

    /// This life is over, as far as can be known here.
    fn lose(&mut self, reason: DownReason, settled: &mut Settled) {
        let was_up = std::mem::take(&mut self.is_subscribed);
        self.confirmed.clear();
        let lost = self.outbox.lose_all(&mut self.sessions);
        let why = if self.is_flushing() { Loss::ShutDown } else { Loss::ServerLost };
        self.report(lost, why, settled);
        if was_up && !self.is_flushing() {
            settled.has_lost_life = true;
            let (server, life) = (self.id, self.life);
            settled.events.push(Event::ServerDown { server, life, reason });
        }
    }

    fn report(&self, lost: Vec<ConnId>, reason: Loss, settled: &mut Settled) {
        if lost.is_empty() {
            return;
        }
        settled.undelivered += lost.len();
        let (server, life) = (self.id, self.life);
        let targets = lost.into_iter().map(|conn_id| Target { server, life, conn_id });
        settled.events.push(Event::Undelivered { targets: targets.collect(), reason });
    }

    /// Begins to part: what is taken may be answered until then.
    pub(super) const fn part(&mut self, until: Instant) {
        if matches!(self.parting, Parting::None) {
            self.parting = Parting::Grace(until);
        }
    }

    /// Goes on parting, where nothing is left to be waited for.
    pub(super) fn go_on_parting(&mut self, settled: &mut Settled, io: &mut Io) {
        let Parting::Grace(until) = self.parting else { return };
        if until <= io.now() || (self.open == 0 && self.outbox.is_empty()) {
            // What slow clients do not read in time they do not get.
            let slow = self.outbox.lose_lanes();
            self.report(slow, Loss::ShutDown, settled);
            self.hand_over(usize::MAX, io);
            self.parting = Parting::Flush;
            self.core.shutdown(io);
        }
    }

    /// The end of what could not be flushed. What has no link is lost.
    pub(super) fn end(&mut self) -> Settled {
        let mut settled = Settled::default();
        let lost = self.outbox.lose_all(&mut self.sessions);
        self.report(lost, Loss::ShutDown, &mut settled);
        settled.finished = self.outbox.take_answered();
        settled
    }

    pub(super) const fn is_over_and_out(&self) -> bool {
        matches!(self.parting, Parting::Over)
    }

    /// Hands deliveries to the link once those before are written, as many as go into one write.
    pub(super) fn hand_over(&mut self, octets_max: usize, io: &mut Io) {
        let Some(link) = self.link.filter(|_| self.is_subscribed) else { return };
        if octets_max < usize::MAX && self.core.queued(link).0 > 0 {
            return;
        }
        while self.core.queued(link).1 < octets_max {
            let message = self.outbox.start_one(&self.sender, &mut self.sessions, io.now());
            let Some(message) = message else { break };
            if let Err(refused) = self.core.send(message, io) {
                debug_assert!(false, "a subscribed link refused a message: {refused}");
                break;
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let grace = match self.parting {
            Parting::Grace(until) => Some(until),
            Parting::None | Parting::Flush | Parting::Over => None,
        };
        [grace, self.core.next_deadline(), self.outbox.next_due()].into_iter().flatten().min()
    }
}

/// How many lives of APIs are remembered.
const CONFIRMED_MAX: usize = 16;
