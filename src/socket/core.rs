//! The part of a socket that is the same for every pattern: inputs find their link, deadlines fire.
//!
//! A `Core` is a socket without operations and events of its own: they go into the [`Io`] and the
//! queue of whoever owns it. [`Socket`](super::Socket) owns one, a transceiver owns many.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::machine::{Input, LinkId, ListenerId};
use crate::zmtp::Engine;

use super::config::Config;
use super::dial::{Dial, Listener};
use super::event::{DownReason, Event};
use super::io::Io;
use super::link::{Link, Stage};
use super::liveness::{Liveness, TIME_MIN, later};
use super::names::{DialId, Origin};
use super::outlets::Outlets;
use super::pattern::Pattern;
use super::queue::Queue;
use super::timers::Timers;

#[derive(Debug)]
pub(crate) struct Core {
    pub(super) config: Config,
    pub(super) scope: u32,
    pub(super) pattern: Pattern,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) dials: BTreeMap<DialId, Dial>,
    pub(super) dial_serial: u32,
    pub(super) listeners: BTreeMap<ListenerId, Listener>,
    /// Streams asked of listeners, not there yet.
    pub(super) accepts: BTreeMap<LinkId, ListenerId>,
    /// How many links were accepted and have not ended.
    pub(super) accepted: usize,
    /// Accepted links whose handshake is not finished; ids grow, so the first is the oldest.
    pub(super) handshakes: BTreeSet<LinkId>,
    pub(super) timers: Timers<Timer>,
    /// Links that may hold a message, in turn.
    pub(super) inbox: VecDeque<LinkId>,
    /// Links that may have something to write, in turn.
    pub(super) dirty: VecDeque<LinkId>,
    /// PUSH and REQ: who may take a message.
    pub(super) outlets: Outlets,
    /// Whether a message was refused for want of room, and nobody was told of room since.
    pub(super) wants_room: bool,
    /// What happened, apart from messages.
    pub(super) notices: VecDeque<Event>,
    /// Messages written whole since somebody asked.
    pub(super) sent: usize,
    /// Whether something was not asked for because too many notices wait.
    is_holding: bool,
    pub(super) is_paused: bool,
    pub(super) is_stopping: bool,
    pub(super) is_stopped: bool,
    pub(super) undelivered: usize,
}

/// The deadlines of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// The next attempt to connect.
    Dial(DialId),
    /// The next attempt to accept.
    Accept(ListenerId),
    /// The end of a handshake, or the next look at a peer's signs of life.
    Link(LinkId),
    /// The end of a link that is to be flushed and closed.
    Linger(LinkId),
    /// The end of a PING that is to prove who the peer is.
    Probe(LinkId),
    /// The end of the wait for a reply.
    Request,
    /// The end of the shutdown.
    Shutdown,
}

impl Core {
    pub(crate) fn new(mut config: Config, scope: u32) -> Self {
        config.handshake_timeout = config.handshake_timeout.max(TIME_MIN);
        config.request_timeout = config.request_timeout.map(|timeout| timeout.max(TIME_MIN));
        Self {
            pattern: Pattern::new(config.socket_type),
            config,
            scope,
            links: BTreeMap::new(),
            dials: BTreeMap::new(),
            dial_serial: 0,
            listeners: BTreeMap::new(),
            accepts: BTreeMap::new(),
            accepted: 0,
            handshakes: BTreeSet::new(),
            timers: Timers::new(),
            inbox: VecDeque::new(),
            dirty: VecDeque::new(),
            outlets: Outlets::default(),
            wants_room: false,
            notices: VecDeque::new(),
            sent: 0,
            is_holding: false,
            is_paused: false,
            is_stopping: false,
            is_stopped: false,
            undelivered: 0,
        }
    }

    /// Takes one input; the time is in `io`.
    pub(crate) fn handle(&mut self, input: Input, io: &mut Io) {
        match input {
            Input::Timeout => {}
            Input::Opened { link } => self.opened(link, io),
            Input::Sent { link } => self.sent(link, io),
            Input::Received { link, data } => self.received(link, data, io),
            Input::Closed { link, cause } => self.closed(link, cause, io),
            Input::Listening { listener, port } => self.listening(listener, port, io),
            Input::ListenFailed { listener, cause } => self.listen_failed(listener, cause),
        }
        self.fire_timers(io);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether there may be something to take: a notice, a message, or word of some that were dropped.
    pub(crate) fn has_news(&self) -> bool {
        !self.notices.is_empty() || !self.inbox.is_empty() || self.pattern.has_dropped()
    }

    /// Whether there is a notice.
    pub(crate) fn has_notice(&self) -> bool {
        !self.notices.is_empty()
    }

    pub(crate) fn pop_notice(&mut self, io: &mut Io) -> Option<Event> {
        let notice = self.notices.pop_front()?;
        if self.notices.is_empty() && std::mem::take(&mut self.is_holding) {
            self.resume(io);
        }
        Some(notice)
    }

    /// The next notice or message; the caller has room for either.
    pub(crate) fn next_event(&mut self, io: &mut Io) -> Option<Event> {
        self.pop_notice(io)
            .or_else(|| self.next_message(io))
            // A link that has nothing more to give may end by that.
            .or_else(|| self.pop_notice(io))
    }

    /// Messages written whole since the last call.
    pub(crate) fn take_sent(&mut self) -> usize {
        std::mem::take(&mut self.sent)
    }

    /// What the peer's READY said under this name.
    pub(crate) fn peer_property(&self, link: LinkId, name: &str) -> Option<&[u8]> {
        self.links.get(&link)?.engine.peer()?.get(name)
    }

    /// Where it connects to.
    pub(crate) fn connected(&self) -> impl Iterator<Item = &Endpoint> {
        self.dials.values().map(|dial| &dial.endpoint)
    }

    /// Whether a shutdown has come to its end.
    pub(crate) const fn is_over(&self) -> bool {
        self.is_stopped
    }

    pub(crate) fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Whether so many notices wait that nothing that makes more of them is asked for. Whoever asks
    /// and is told so is resumed when the last notice is taken.
    pub(super) fn holds_back(&mut self) -> bool {
        let is_congested = self.notices.len() >= self.config.limits.events_max.max(1);
        self.is_holding |= is_congested;
        is_congested
    }

    pub(super) fn new_queue(&self) -> Queue {
        let limits = &self.config.limits;
        Queue::new(limits.send_messages_max, limits.send_bytes_max)
    }

    pub(super) fn new_link(
        &self,
        id: LinkId,
        origin: Origin,
        stage: Stage,
        queue: Queue,
        io: &Io,
    ) -> Link {
        let engine = Engine::new(
            self.config.socket_type,
            self.config.limits.for_engine(self.config.socket_type),
        )
        .with_properties(self.config.properties);
        let liveness = Liveness::new(io.now(), self.config.heartbeat);
        Link::new(id, origin, stage, engine, queue, liveness)
    }

    pub(super) fn mark_dirty(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.mark_dirty(&mut self.dirty);
        }
    }

    /// Ends everything: what waits is sent within the linger time.
    pub(crate) fn shutdown(&mut self, io: &mut Io) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        self.end_listeners(io);
        self.end_idle_dials();
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.close_when_flushed(id, io);
        }
        let end = later(io.now(), self.config.linger);
        if self.is_stopped {
            // With the last link: nothing is waited for.
        } else if end > io.now() {
            self.timers.set(Timer::Shutdown, end);
        } else {
            self.shutdown_is_over(io);
        }
        self.check_stopped();
    }

    /// How long a shutdown that begins from now on may take.
    pub(crate) const fn set_linger(&mut self, time: Duration) {
        self.config.linger = time;
    }

    /// Says to all peers that nothing more will be written. What they have said, and say until they
    /// know, goes on to be handed out, for so long at the most; then everything has ended as after a
    /// shutdown.
    pub(crate) fn hear_out(&mut self, time: Duration, io: &mut Io) {
        if std::mem::replace(&mut self.is_stopping, true) {
            return;
        }
        self.end_listeners(io);
        self.end_idle_dials();
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.finish_link(id, io);
        }
        if !self.is_stopped {
            self.timers.set(Timer::Shutdown, later(io.now(), time.max(TIME_MIN)));
            self.check_stopped();
        }
    }

    /// Ends everything now.
    pub(crate) fn end_now(&mut self, io: &mut Io) {
        self.is_stopping = true;
        self.end_listeners(io);
        self.shutdown_is_over(io);
    }

    /// Whether the last link and the last endpoint are gone.
    pub(super) fn check_stopped(&mut self) {
        if self.is_stopping && !self.is_stopped && self.links.is_empty() && self.dials.is_empty() {
            self.is_stopped = true;
            self.timers.clear_all();
            let dropped = self.take_dropped();
            self.notices.extend(dropped);
            self.notices.push_back(Event::Stopped { undelivered: self.undelivered });
        }
    }

    fn shutdown_is_over(&mut self, io: &mut Io) {
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.fail(id, DownReason::Ours, io);
        }
        self.end_all_dials();
        self.check_stopped();
    }

    fn fire_timers(&mut self, io: &mut Io) {
        while let Some((due, timer)) = self.timers.pop_due(io.now()) {
            match timer {
                Timer::Dial(dial) => self.dial(dial, io),
                Timer::Accept(listener) => self.accept(listener, io),
                Timer::Link(link) => self.look_at(link, io),
                Timer::Linger(link) => self.fail(link, DownReason::Ours, io),
                Timer::Probe(link) => self.probe_is_over(link, due, io),
                Timer::Request => self.request_timed_out(io),
                Timer::Shutdown => self.shutdown_is_over(io),
            }
        }
    }
}
