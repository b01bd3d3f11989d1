//! One Mongrel2 server: its two links, its life, its sessions, what waits for it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::{Input, LinkId};
use crate::mongrel2::{ConnId, Sender};
use crate::planted::{Bug, is_planted};
use crate::socket::io::Io;
use crate::socket::{self, Core, later};

use super::closings::Closings;
use super::compression::Compression;
use super::config::Config;
use super::context::Context;
use super::endings::Endings;
use super::event::{Event, Initiator, Loss, SessionEnd};
use super::gate::Gate;
use super::groups::Groups;
use super::holds::Holds;
use super::lanes::Bounds;
use super::life::{Life, Side};
use super::outbox::Outbox;
use super::parting::Parting;
use super::proof::Proof;
use super::report::Tally;
use super::rounds::{Rounds, SLICES};
use super::sessions::{Sessions, State};
use super::target::{ServerId, Target};
use super::uploads::Started;

#[derive(Debug)]
pub(super) struct Server {
    pub(super) id: ServerId,
    pub(super) sender: Sender,
    /// How every reply starts: what a subscription has to cover.
    pub(super) reply_start: Bytes,
    /// PULL, to its PUSH.
    pub(super) requests: Core,
    /// PUB, to its SUB.
    pub(super) replies: Core,
    pub(super) life: Life,
    pub(super) proof: Proof,
    /// Whether its subscription covers our replies.
    pub(super) is_subscribed: bool,
    gate: Gate,
    /// Whether requests are read.
    pub(super) is_read: bool,
    pub(super) outbox: Outbox,
    pub(super) sessions: Sessions,
    pub(super) groups: Groups,
    pub(super) holds: Holds,
    pub(super) uploads: Started,
    pub(super) rounds: Rounds,
    pub(super) closings: Closings,
    /// What is left to tell about a life that is over.
    pub(super) endings: Option<Endings>,
    /// The life that the application was told is up.
    pub(super) reported_life: Option<u32>,
    /// Failed attempts, deafness: the last of each kind, until it is taken.
    pub(super) unreachable: Option<Event>,
    pub(super) deaf: Option<Event>,
    undelivered: VecDeque<Event>,
    pub(super) undelivered_count: usize,
    /// Commands for its browsers that were refused.
    pub(super) refused: u64,
    pub(super) parting: Parting,
    /// Who wants to part from it.
    pub(super) removed_by: Initiator,
    /// Whether it waits its turn to tell something.
    pub(super) is_active: bool,
    /// Whether it waits its turn to write something.
    pub(super) is_dirty: bool,
}

impl Server {
    pub(super) fn new(id: ServerId, sender: Sender, scopes: (u32, u32), config: &Config) -> Self {
        let mut reply_start = sender.as_bytes().to_vec();
        reply_start.push(b' ');
        let limits = &config.limits;
        let per_target = Bounds {
            messages_max: limits.target_messages_max,
            octets_max: limits.target_bytes_max,
        };
        let requests = Core::new(config.for_requests(), scopes.0);
        Self {
            id,
            sender,
            reply_start: reply_start.into(),
            requests,
            replies: Core::new(config.for_replies(), scopes.1),
            life: Life::default(),
            proof: Proof::default(),
            is_subscribed: false,
            gate: Gate::default(),
            is_read: false,
            outbox: Outbox::new(limits.send_messages_max, limits.send_bytes_max, per_target),
            sessions: Sessions::new(Compression::new(config)),
            groups: Groups::default(),
            holds: Holds::default(),
            uploads: Started::default(),
            rounds: Rounds::new(config.ping_interval, config.pong_timeout, config.idle_limit),
            closings: Closings::default(),
            endings: None,
            reported_life: None,
            unreachable: None,
            deaf: None,
            undelivered: VecDeque::new(),
            undelivered_count: 0,
            refused: 0,
            parting: Parting::default(),
            removed_by: Initiator::Application,
            is_active: false,
            is_dirty: false,
        }
    }

    /// Neither is to be a wildcard.
    pub(super) fn connect(
        &mut self,
        send_spec: Endpoint,
        recv_spec: Endpoint,
        io: &mut Io,
    ) -> Result<(), socket::Refused> {
        self.requests.set_paused(true, io);
        self.requests.connect(send_spec, io)?;
        self.replies.connect(recv_spec, io)
    }

    pub(super) fn target(&self, conn_id: ConnId) -> Target {
        Target { server: self.id, life: self.life.number(), conn_id }
    }

    /// Takes one input of one of its links, or the time.
    pub(super) fn handle(&mut self, side: Side, input: Input, config: &Config, io: &mut Io) {
        match side {
            Side::Requests => self.requests.handle(input, io),
            Side::Replies => self.replies.handle(input, io),
        }
        self.settle(config, io);
    }

    /// After anything that may have changed its links: takes note of it.
    pub(super) fn settle(&mut self, config: &Config, io: &mut Io) {
        let sent = self.replies.take_sent();
        self.outbox.sent(sent);
        if sent > 0 {
            self.gate.progressed();
        }
        while let Some(notice) = self.requests.pop_notice(io) {
            self.notice(Side::Requests, notice, config, io);
        }
        while let Some(notice) = self.replies.pop_notice(io) {
            self.notice(Side::Replies, notice, config, io);
        }
        self.set_gate(io);
        if let Some(link) = self.useless_link() {
            self.cut(link, config, io);
        }
    }

    pub(super) fn report_undelivered(&mut self, lost: Vec<ConnId>, reason: Loss) {
        self.report_lost(self.life.number(), lost, reason);
    }

    pub(super) fn report_lost(&mut self, life: u32, lost: Vec<ConnId>, reason: Loss) {
        if lost.is_empty() || is_planted(Bug::LossUnreported) && reason == Loss::LinkLost {
            return;
        }
        self.undelivered_count += lost.len();
        let server = self.id;
        let targets =
            lost.into_iter().map(|conn_id| Target { server, life, conn_id }).collect::<Vec<_>>();
        self.undelivered.push_back(Event::Undelivered { targets, reason });
    }

    /// Whether so many reports wait behind all events that may that no more is to be left out of what
    /// was said.
    pub(super) fn is_neglected(&self, config: &Config) -> bool {
        self.undelivered.len() >= config.limits.events_max.max(1)
    }

    /// Whether requests may be read: the application knows of this life, our replies will be heard,
    /// and there is room for them. The proof of a new reply link may stand behind requests, which are
    /// therefore read without room.
    fn set_gate(&mut self, io: &mut Io) {
        if self.is_up() && self.is_reported() {
            let awaits_proof = self.life.proven_link(Side::Replies).is_none();
            let has_room = self.outbox.is_half_empty() || awaits_proof;
            self.is_read = self.gate.is_open(has_room, io.now()) && !self.outbox.is_flooded();
        } else {
            self.gate = Gate::default();
            self.is_read = false;
        }
        self.requests.set_paused(!self.is_read, io);
    }

    /// The request link, where so much had to be answered while its proof was awaited that no more
    /// can be read: then the proof will never be seen.
    fn useless_link(&self) -> Option<LinkId> {
        let awaits_proof = self.is_up() && self.life.proven_link(Side::Replies).is_none();
        let requests = self.life.proven_link(Side::Requests);
        requests.filter(|_| awaits_proof && self.outbox.is_flooded())
    }

    /// A message of so many octets was taken in.
    pub(super) const fn passed(&mut self, octets: usize) {
        self.gate.passed(octets);
    }

    /// Whether it can be served. While the reply link is unproven, replies wait.
    pub(super) fn is_up(&self) -> bool {
        self.is_subscribed && self.life.proven_link(Side::Requests).is_some()
    }

    /// The reply link, where both links are there, and proven to belong to this life. Where the server has
    /// ended the other one because we take no more, the reply link alone, if its peer can be asked.
    fn certain_link(&self, life: u32) -> Option<LinkId> {
        let link = |side, core: &Core| self.life.proven_link(side).filter(|link| core.is_up(*link));
        let replies = link(Side::Replies, &self.replies);
        let requests = link(Side::Requests, &self.requests);
        let may_be_alone = self.parting.has_heard_out() && !self.life.is_unprovable();
        let certain = replies.filter(|_| requests.is_some() || may_be_alone);
        certain.filter(|_| life == self.life.number())
    }

    /// Whether this life goes on, by the proof of this number: if not, it is under way.
    pub(super) fn vouch(&mut self, life: u32, proof: u64, io: &mut Io) -> bool {
        // The link that is always read.
        let Some(link) = self.certain_link(life) else { return false };
        if self.proof.is_due(proof) {
            if !self.replies.probe(link, io) {
                // The peer knows no PING: that the link is there is all that can be known.
                return true;
            }
            self.proof.begin(link);
        }
        self.proof.is_done(proof)
    }

    /// Whether the application knows this life.
    pub(super) fn is_reported(&self) -> bool {
        self.reported_life == Some(self.life.number())
    }

    /// What there is to tell apart from messages.
    pub(super) fn next_news(&mut self, io: &mut Io) -> Option<Event> {
        if let Some(event) = self.unreachable.take().or_else(|| self.deaf.take()) {
            return Some(event);
        }
        if let Some(event) = self.undelivered.pop_front() {
            return Some(event);
        }
        if let Some(endings) = &mut self.endings {
            match endings.next(self.id) {
                Some(event) => return Some(event),
                None => self.endings = None,
            }
        }
        if self.outbox.reopened() {
            return Some(Event::Room { server: self.id });
        }
        while let Some(conn_id) = self.outbox.next_reopened() {
            // To whom nothing can be said any more, no room is of use.
            if matches!(self.sessions.state(conn_id), None | Some(State::Open | State::Free)) {
                return Some(Event::TargetRoom { target: self.target(conn_id) });
            }
        }
        if self.is_up() && !self.is_reported() && self.parting.is_none() {
            let life = self.life.number();
            self.reported_life = Some(life);
            tracing::debug!(server = ?self.id, life, "server is up");
            self.set_gate(io);
            return Some(Event::ServerUp { server: self.id, life });
        }
        None
    }

    /// Tells the next thing, if there is one: whether there was. There is room for it.
    pub(super) fn tell(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(event) = self.next_news(cx.io) {
            cx.events.push(event);
            return true;
        }
        while let Some(conn_id) = self.outbox.next_broken() {
            self.end_broken(conn_id, cx);
        }
        if self.parting.is_farewell() {
            self.say_farewell(cx);
        }
        if self.take_in(cx) {
            return true;
        }
        // A link that has ended is gone with the last that it brought.
        if self.requests.has_notice() {
            self.settle(cx.config, cx.io);
            return self.tell(cx);
        }
        false
    }

    /// Does what the time asks for.
    pub(super) fn do_what_is_due(&mut self, cx: &mut Context<'_>) {
        self.requests.handle(Input::Timeout, cx.io);
        self.replies.handle(Input::Timeout, cx.io);
        self.gate.do_what_is_due(cx.io.now());
        let lost = self.outbox.do_what_is_due(&self.sessions, cx.io.now());
        self.report_undelivered(lost, Loss::Slow);
        self.settle(cx.config, cx.io);
        self.keep_alive(cx);
        self.end_unanswered(cx);
        if let Some(slice) = self.rounds.due(cx.io.now()) {
            self.visit_sessions(slice, SLICES, cx);
            self.rounds.keep_going(!self.sessions.is_empty(), cx.io.now());
        }
        if self.parting.farewell_is_over(cx.io.now(), self.sessions.live_len() > 0) {
            self.take_no_more(cx);
        }
        if self.parting.drain_is_over(cx.io.now(), self.is_quiet() && cx.events.is_empty()) {
            self.part(cx);
        }
    }

    /// Whether nobody has anything left to say, as far as we know.
    fn is_quiet(&self) -> bool {
        let is_anybody_left = self.sessions.live_len() > 0 || self.outbox.owes_answers();
        !is_anybody_left && self.outbox.is_empty() && !self.requests.has_backlog()
    }

    /// The farewell is over: the server is to give what comes next to others. What it has put on the
    /// wire before it knows that is ours still.
    fn take_no_more(&mut self, cx: &mut Context<'_>) {
        let time = self.parting.drain(cx.io.now());
        self.requests.hear_out(time, cx.io);
        self.settle(cx.config, cx.io);
    }

    /// Whoever is left is cut off, and the links flush and end.
    fn part(&mut self, cx: &mut Context<'_>) {
        let lost = self.outbox.lose_lanes();
        self.report_undelivered(lost, Loss::ShutDown);
        self.hang_up_on_all();
        self.all_end();
        self.closings.clear();
        self.rounds.restart();
        let time = self.parting.flush(cx.io.now());
        // That it is down goes without saying when it is removed.
        self.reported_life = None;
        // The rest of the outbox goes to the link whole; what has no link is lost.
        self.hand_over(usize::MAX, cx.io);
        self.groups = Groups::default();
        let sessions = self.sessions.take();
        let end = self.our_end(false);
        let endings = Endings::new(self.life.number(), None, sessions, end.clone(), end);
        self.endings.get_or_insert(endings);
        let lost = self.outbox.lose_waiting();
        self.report_undelivered(lost, Loss::ShutDown);
        self.requests.end_now(cx.io);
        self.replies.set_linger(time);
        self.replies.shutdown(cx.io);
        self.settle(cx.config, cx.io);
    }

    /// How a session ends that we were closing.
    pub(super) const fn our_end(&self, answered: bool) -> SessionEnd {
        if self.parting.is_none() {
            SessionEnd::ByHandler { answered }
        } else {
            SessionEnd::ServerRemoved { answered }
        }
    }

    /// What became of what the application said to its browsers.
    pub(super) const fn tally(&self) -> Tally {
        let (delivered, refused) = (self.outbox.delivered(), self.refused);
        Tally { delivered, refused, undelivered: self.undelivered_count as u64 }
    }

    /// Takes a text that is to prove the way to it; published as soon as it is subscribed. It takes the
    /// place of one that still waits.
    pub(super) fn prove(&mut self, text: Bytes) {
        self.outbox.prove(text);
    }

    /// Whether it is parted from and all is told.
    pub(super) fn is_over(&self) -> bool {
        self.parting.is_over() && self.endings.is_none() && self.undelivered.is_empty()
    }

    /// Hands deliveries to the reply link, as many as go into one write, and writes.
    pub(super) fn flush(&mut self, config: &Config, io: &mut Io) {
        self.hand_over(config.limits.write_size.max(1), io);
        if self.outbox.is_half_empty() {
            self.gate.has_room(io.now());
        }
        self.replies.flush(io);
        self.requests.flush(io);
    }

    /// Hands deliveries over once those before are written: so all that the link holds is in one
    /// write, and what a lost link takes with it is no more than that.
    fn hand_over(&mut self, octets_max: usize, io: &mut Io) {
        let link = self.life.proven_link(Side::Replies).filter(|_| self.is_subscribed);
        let Some(link) = link else { return };
        if octets_max < usize::MAX && self.replies.queued(link).0 > 0 {
            return;
        }
        while self.replies.queued(link).1 < octets_max {
            let message = self.outbox.start_one(&self.sender, &mut self.sessions, io.now());
            let Some(message) = message else { break };
            if let Err(refused) = self.replies.send(message, io) {
                debug_assert!(false, "a subscribed link refused a message: {refused}");
                break;
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let own = [
            self.rounds.next(),
            self.holds.next(),
            self.closings.next(),
            self.parting.next_deadline(),
            self.gate.next_deadline(),
            self.outbox.next_due(),
        ];
        let links = [self.requests.next_deadline(), self.replies.next_deadline()];
        own.into_iter().chain(links).flatten().min()
    }

    /// Remembers to end a session whose client does not answer our close frame.
    pub(super) fn expect_close(&mut self, conn_id: ConnId, config: &Config, io: &Io) {
        let patience = config.close_timeout.max(Duration::from_millis(1));
        let (at, sessions) = (later(io.now(), patience), &self.sessions);
        let is_closing = |id| sessions.state(id) == Some(State::Closing);
        self.closings.push(at, conn_id, sessions.len(), is_closing);
    }
}
