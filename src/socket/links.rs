//! The life of a link: opened, shaken hands, ready, ended.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::machine::{LinkId, Output};
use crate::zmtp::{Metadata, Received, TTL_MAX};

use super::core::{Core, Timer};
use super::event::{DownReason, Event};
use super::io::Io;
use super::link::{Link, Stage};
use super::liveness::{TIME_MIN, Verdict, later};
use super::names::{Origin, Outlet};
use super::pattern::Pattern;
use super::queue::Queue;

impl Core {
    pub(super) fn opened(&mut self, id: LinkId, io: &mut Io) {
        if let Some(listener) = self.accepts.remove(&id) {
            self.accepted(id, listener, io);
        } else if !self.links.contains_key(&id) {
            // Given up meanwhile.
            io.push(Output::Close { link: id });
        }
        let opening = self.links.get_mut(&id).filter(|link| link.stage == Stage::Opening);
        if let Some(link) = opening {
            link.stage = Stage::Handshake;
            link.liveness.heard(io.now());
            link.read(io, self.config.limits.read_size);
            self.mark_dirty(id);
        }
    }

    pub(super) fn received(&mut self, id: LinkId, data: Bytes, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.end_read() {
            return;
        }
        link.liveness.heard(io.now());
        link.engine.receive(data);
        if link.is_ready() {
            self.has_input(id, io);
        } else {
            self.shake_hands(id, io);
        }
    }

    /// Octets for a ready link: taken in when its turn comes, which is now where there is room.
    fn has_input(&mut self, id: LinkId, io: &mut Io) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.in_inbox) {
            link.in_inbox = true;
            self.inbox.push_back(id);
        }
        self.take_eagerly(io);
    }

    fn shake_hands(&mut self, id: LinkId, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match link.engine.next() {
            Ok(Some(Received::Ready(metadata))) => self.became_ready(id, &metadata, io),
            Ok(_) => {
                link.read(io, self.config.limits.read_size);
                self.mark_dirty(id);
            }
            Err(error) => self.fail(id, DownReason::Protocol(error), io),
        }
    }

    fn became_ready(&mut self, id: LinkId, metadata: &Metadata, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        tracing::debug!(?id, version = ?metadata.version(), "link is ready");
        link.stage = Stage::Ready;
        link.was_up = true;
        link.busy_at = io.now();
        if !link.can_be_pinged() {
            link.liveness.never_ask();
        }
        if let Pattern::Sub { topics } = &self.pattern {
            topics.iter().for_each(|prefix| link.engine.subscribe(prefix));
        }
        let (outlet, origin) = (link.outlet(), link.origin);
        self.handshakes.remove(&id);
        let endpoint = match origin {
            Origin::Connected(dial) => self.dials.get_mut(&dial).map(|dial| {
                dial.backoff.ready(io.now());
                dial.endpoint.clone()
            }),
            Origin::Accepted(_) => None,
        };
        self.notices.push_back(Event::Up { link: id, endpoint });
        if self.needs_link(outlet) {
            self.outlet_joins(outlet);
        }
        self.look_at(id, io);
        self.mark_dirty(id);
        self.has_input(id, io);
    }

    pub(super) fn sent(&mut self, id: LinkId, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.written(io.now()) {
            return;
        }
        if link.is_amid_output() {
            link.mark_dirty(&mut self.dirty);
            return;
        }
        if link.is_finishing() {
            link.finish(io);
        }
        self.sent += link.queue.end_under_way();
        let reopened = link.queue.reopened().then_some(link.outlet());
        if link.has_output() {
            link.mark_dirty(&mut self.dirty);
        } else if link.is_lingering && link.is_flushed() {
            self.end(id, io);
        }
        if let Some(outlet) = reopened {
            self.outlet_reopened(outlet);
        }
    }

    pub(super) fn closed(&mut self, id: LinkId, cause: Option<ErrorKind>, io: &mut Io) {
        if let Some(listener) = self.accepts.get(&id).copied() {
            self.accept_failed(id, listener, cause, io);
            return;
        }
        let reason = cause.map_or(DownReason::Closed, DownReason::Io);
        let Some(link) = self.links.get_mut(&id) else { return };
        match link.stage {
            Stage::Ready if link.in_inbox => self.drain(id, reason),
            Stage::Draining(_) => {}
            Stage::Opening | Stage::Handshake | Stage::Ready => self.finish(id, reason, io),
        }
    }

    /// The stream is gone; the whole messages that it brought are handed out before the link ends.
    fn drain(&mut self, id: LinkId, reason: DownReason) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.stage = Stage::Draining(reason);
        // Late answers change nothing any more.
        link.end_read();
        link.stop_writing();
        let outlet = link.outlet();
        if self.needs_link(outlet) {
            self.outlets.remove(outlet);
        }
        for timer in [Timer::Link(id), Timer::Linger(id), Timer::Probe(id)] {
            self.timers.clear(timer);
        }
    }

    /// Whether messages may be given to this outlet only while its link is up.
    const fn needs_link(&self, outlet: Outlet) -> bool {
        let is_kept = matches!(outlet, Outlet::Dial(_)) && !self.config.immediate;
        self.pattern.has_outlets() && !is_kept
    }

    /// Says to a peer that nothing more will be written, once what is being written is.
    pub(super) fn finish_link(&mut self, id: LinkId, io: &mut Io) {
        match self.links.get_mut(&id) {
            Some(link) if link.is_ready() => link.finish(io),
            Some(link) if matches!(link.stage, Stage::Draining(_)) => {}
            _ => self.fail(id, DownReason::Ours, io),
        }
    }

    /// Ends a link from our side.
    pub(super) fn fail(&mut self, id: LinkId, reason: DownReason, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.close(io);
        self.finish(id, reason, io);
    }

    /// Ends a link from our side, in order: the whole messages that it brought are handed out.
    fn end(&mut self, id: LinkId, io: &mut Io) {
        match self.links.get_mut(&id) {
            Some(link) if link.is_ready() && link.in_inbox && !self.is_stopping => {
                link.close(io);
                self.drain(id, DownReason::Ours);
            }
            _ => self.fail(id, DownReason::Ours, io),
        }
    }

    /// Ends a link once what waits for its peer is written, or the linger time is over.
    pub(super) fn close_when_flushed(&mut self, id: LinkId, io: &mut Io) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let has_output = match link.stage {
            Stage::Opening | Stage::Handshake => link.queue.has_waiting(),
            Stage::Ready => !link.is_flushed(),
            Stage::Draining(_) => false,
        };
        if has_output && !self.config.linger.is_zero() {
            link.is_lingering = true;
            self.timers.set(Timer::Linger(id), later(io.now(), self.config.linger));
        } else {
            self.end(id, io);
        }
    }

    /// Forgets a link whose stream is gone.
    pub(super) fn finish(&mut self, id: LinkId, reason: DownReason, io: &mut Io) {
        let Some(mut link) = self.links.remove(&id) else { return };
        for timer in [Timer::Link(id), Timer::Linger(id), Timer::Probe(id)] {
            self.timers.clear(timer);
        }
        if matches!(link.origin, Origin::Accepted(_)) {
            self.accepted -= 1;
            self.handshakes.remove(&id);
        }
        let outlet = link.outlet();
        if self.needs_link(outlet) {
            self.outlets.remove(outlet);
        }
        let mut lost = link.queue.lose_under_way();
        let parked = if self.keeps_queue(&link) {
            if link.queue.reopened() {
                self.outlet_reopened(outlet);
            }
            std::mem::replace(&mut link.queue, Queue::new(1, 1))
        } else {
            lost += link.queue.clear();
            self.new_queue()
        };
        tracing::debug!(?id, %reason, lost, "link ended");
        self.undelivered += lost;
        // What was being written may be the request before, of which the reply came before word of that.
        if !parked.has_waiting() {
            self.request_is_lost(outlet);
        }
        if link.was_up {
            self.notices.push_back(Event::Down { link: id, reason: reason.clone(), lost });
        }
        if let Origin::Connected(dial) = link.origin {
            self.redial(dial, parked, reason, link.was_up, io);
        }
        self.resume_accepts(io);
        self.check_stopped();
    }

    /// Whether what waits for this link goes to the next one to the same endpoint.
    fn keeps_queue(&self, link: &Link) -> bool {
        let has_dial = match link.origin {
            Origin::Connected(dial) => self.dials.contains_key(&dial),
            Origin::Accepted(_) => false,
        };
        has_dial && self.pattern.has_outlets() && !self.config.immediate
    }

    /// The deadline of a link: the end of its handshake, or the next look at its signs of life.
    pub(super) fn look_at(&mut self, id: LinkId, io: &mut Io) {
        let (now, ttl) = (io.now(), self.ping_ttl());
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.is_ready() {
            self.fail(id, DownReason::HandshakeTimeout, io);
            return;
        }
        let is_reading = link.is_reading();
        let mut verdict = link.liveness.judge(now, is_reading);
        if verdict == Verdict::Ping {
            link.ping(ttl);
            link.liveness.pinged(now);
            link.mark_dirty(&mut self.dirty);
            verdict = link.liveness.judge(now, is_reading);
        }
        match verdict {
            Verdict::Wait(next) => self.timers.set_or_clear(Timer::Link(id), next),
            Verdict::Lost => self.fail(id, DownReason::Silent, io),
            // Not twice at one time.
            Verdict::Ping => {}
        }
    }

    /// Asks the peer to prove that it is still there: [`Event::Proven`] follows, or the link ends.
    /// False where it speaks ZMTP 3.0 and cannot be asked.
    pub(crate) fn probe(&mut self, id: LinkId, io: &mut Io) -> bool {
        let ttl = self.ping_ttl();
        let Some(link) = self.links.get_mut(&id) else { return true };
        if !link.is_ready() {
            // It has ended, as will be told when all that it brought is taken; which may be the answer to
            // an earlier question, and proves nothing now.
            link.probe = None;
            return true;
        }
        if !link.can_be_pinged() {
            return false;
        }
        let context = io.rng.next_u64().to_be_bytes();
        link.ask_for_proof(ttl, context);
        link.mark_dirty(&mut self.dirty);
        self.set_probe_end(id, io);
        true
    }

    fn set_probe_end(&mut self, id: LinkId, io: &Io) {
        self.timers.set(Timer::Probe(id), later(io.now(), self.patience()));
    }

    /// How long a peer may take to prove that it is there.
    fn patience(&self) -> Duration {
        let patience = self.config.heartbeat.map_or(self.config.handshake_timeout, |h| h.timeout);
        patience.max(TIME_MIN)
    }

    /// The time to live that each PING of ours announces: silence of ours for two rounds. A PING without it
    /// takes back what an earlier one said. Where it could not even say one round, it says none: a peer
    /// would give up a link between two PINGs.
    fn ping_ttl(&self) -> Duration {
        let round = self.config.heartbeat.map(|h| h.interval.saturating_add(h.timeout));
        round.filter(|round| *round <= TTL_MAX).map_or(Duration::ZERO, |round| round * 2)
    }

    /// The proof is overdue. Where we do not read, the answer may lie in front of us; while octets still
    /// come, behind them: what was sent before our PING was read comes first. Where our PING itself had to
    /// wait, the time runs from then on.
    pub(super) fn probe_is_over(&mut self, id: LinkId, due: Instant, io: &mut Io) {
        let (patience, ttl) = (self.patience(), self.ping_ttl());
        let Some(link) = self.links.get_mut(&id) else { return };
        let is_over = |since| io.now() >= later(since, patience);
        let is_silent = link.is_reading() && is_over(link.liveness.heard_at());
        if is_silent && !is_over(link.liveness.silent_since()) {
            let end = later(link.liveness.silent_since(), patience);
            self.timers.set(Timer::Probe(id), end);
        } else if is_silent && !link.liveness.is_excused(due, io.now()) {
            self.fail(id, DownReason::Silent, io);
        } else {
            link.ping(ttl);
            link.mark_dirty(&mut self.dirty);
            self.set_probe_end(id, io);
        }
    }

    /// Stops or resumes the reading of messages. Handshakes go on, and links that have ended are
    /// drained.
    pub(crate) fn set_paused(&mut self, is_paused: bool, io: &mut Io) {
        let resumes = std::mem::replace(&mut self.is_paused, is_paused) && !is_paused;
        if resumes {
            self.resume_reads(io);
        }
    }

    /// Asks for octets on every link that could have been read, but was not.
    fn resume_reads(&mut self, io: &mut Io) {
        let size = self.config.limits.read_size;
        for link in self.links.values_mut().filter(|link| link.is_ready() && !link.in_inbox) {
            link.read(io, size);
        }
    }
}
