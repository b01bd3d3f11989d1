//! Binding and connecting: the endpoints of a socket, and when it tries again.

use std::io::ErrorKind;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::machine::{LinkId, ListenerId, Output};
use crate::planted::{Bug, is_planted};

use super::backoff::Backoff;
use super::core::{Core, Timer};
use super::dial::{Dial, Listener};
use super::event::{DownReason, Event, Refused};
use super::io::Io;
use super::link::{Link, Stage};
use super::liveness::{TIME_MIN, later};
use super::names::{DialId, Origin, Outlet};
use super::pattern::Pattern;
use super::queue::Queue;

impl Core {
    pub(crate) fn bind(&mut self, endpoint: Endpoint, io: &mut Io) -> Result<(), Refused> {
        self.check_new(&endpoint)?;
        let id = io.new_listener(self.scope);
        io.push(Output::Listen { listener: id, endpoint: endpoint.clone() });
        let backoff = Backoff::new(self.config.reconnect);
        let listener = Listener { endpoint, is_bound: false, accepting: None, backoff };
        self.listeners.insert(id, listener);
        Ok(())
    }

    pub(crate) fn unbind(&mut self, endpoint: &Endpoint, io: &mut Io) -> Result<(), Refused> {
        let found = self.listeners.iter().find(|(_, listener)| listener.endpoint == *endpoint);
        let id = *found.ok_or(Refused::UnknownEndpoint)?.0;
        self.end_listener(id);
        io.push(Output::Unlisten { listener: id });
        Ok(())
    }

    pub(crate) fn connect(&mut self, endpoint: Endpoint, io: &mut Io) -> Result<(), Refused> {
        self.check_new(&endpoint)?;
        if endpoint.is_wildcard() {
            return Err(Refused::Wildcard);
        }
        self.dial_serial += 1;
        let id = DialId(self.dial_serial);
        let parked = self.new_queue();
        let backoff = Backoff::new(self.config.reconnect);
        let dial = Dial { endpoint, link: None, parked, backoff, is_held: false };
        self.dials.insert(id, dial);
        if self.pattern.has_outlets() && !self.config.immediate {
            self.outlet_joins(Outlet::Dial(id));
        }
        self.dial(id, io);
        Ok(())
    }

    pub(crate) fn disconnect(&mut self, endpoint: &Endpoint, io: &mut Io) -> Result<(), Refused> {
        let found = self.dials.iter().find(|(_, dial)| dial.endpoint == *endpoint);
        let (&id, dial) = found.ok_or(Refused::UnknownEndpoint)?;
        if dial.link.is_none() && dial.parked.has_waiting() && !self.config.linger.is_zero() {
            // What waits between two attempts gets a last one.
            self.attempt(id, io);
        }
        if let Some(link) = self.end_dial(id) {
            self.close_when_flushed(link, io);
        }
        Ok(())
    }

    /// Ends the link to an endpoint at once; it is connected anew after the usual wait.
    pub(crate) fn reset(&mut self, link: LinkId, io: &mut Io) {
        self.fail(link, DownReason::Ours, io);
    }

    fn check_new(&self, endpoint: &Endpoint) -> Result<(), Refused> {
        if self.is_stopping {
            return Err(Refused::ShuttingDown);
        }
        let bound = self.listeners.values().map(|listener| &listener.endpoint);
        let connected = self.dials.values().map(|dial| &dial.endpoint);
        // Two wildcard ports are two ports.
        let is_any_port = matches!(endpoint, Endpoint::Tcp { port: 0, .. });
        if !is_any_port && bound.chain(connected).any(|other| other == endpoint) {
            return Err(Refused::EndpointInUse);
        }
        Ok(())
    }

    /// Attempts to connect, unless too many notices wait.
    pub(super) fn dial(&mut self, id: DialId, io: &mut Io) {
        let is_congested = self.holds_back();
        let Some(dial) = self.dials.get_mut(&id).filter(|dial| dial.link.is_none()) else { return };
        dial.is_held = is_congested;
        if !is_congested {
            self.attempt(id, io);
        }
    }

    fn attempt(&mut self, id: DialId, io: &mut Io) {
        let Some(dial) = self.dials.get_mut(&id) else { return };
        let link_id = io.new_link(self.scope);
        dial.link = Some(link_id);
        let empty = Queue::new(1, 1);
        let queue = std::mem::replace(&mut dial.parked, empty);
        io.push(Output::Connect { link: link_id, endpoint: dial.endpoint.clone() });
        let mut link = self.new_link(link_id, Origin::Connected(id), Stage::Opening, queue, io);
        link.is_lingering = self.is_stopping;
        self.links.insert(link_id, link);
        if !is_planted(Bug::MissedDeadline) {
            self.timers.set(Timer::Link(link_id), later(io.now(), self.config.handshake_timeout));
        }
    }

    /// A link of this endpoint has ended, with what still waits; plans the next attempt.
    pub(super) fn redial(
        &mut self,
        id: DialId,
        parked: Queue,
        reason: DownReason,
        was_up: bool,
        io: &mut Io,
    ) {
        let Some(dial) = self.dials.get_mut(&id) else { return };
        dial.link = None;
        dial.parked = parked;
        // Never in the same call, whatever the configuration says: no spinning.
        let delay = dial.backoff.failed(io.now(), &mut io.rng).max(TIME_MIN);
        if !was_up && !self.is_stopping {
            let endpoint = dial.endpoint.clone();
            tracing::debug!(%endpoint, %reason, ?delay, "connect failed");
            self.notices.push_back(Event::ConnectFailed { endpoint, reason, retry_in: delay });
        }
        if self.is_stopping && !dial.parked.has_waiting() {
            self.end_dial(id);
        } else if !(is_planted(Bug::GivenUp) && delay > Duration::from_secs(2)) {
            self.timers.set(Timer::Dial(id), later(io.now(), delay));
        }
    }

    /// Forgets an endpoint. Its link, if any, stays.
    fn end_dial(&mut self, id: DialId) -> Option<LinkId> {
        self.timers.clear(Timer::Dial(id));
        self.outlets.remove(Outlet::Dial(id));
        let mut dial = self.dials.remove(&id)?;
        self.undelivered += dial.parked.clear();
        if dial.link.is_none() {
            self.request_is_lost(Outlet::Dial(id));
        }
        dial.link
    }

    pub(super) fn end_idle_dials(&mut self) {
        let is_idle = |dial: &Dial| dial.link.is_none() && !dial.parked.has_waiting();
        let idle = self.dials.iter().filter(|(_, dial)| is_idle(dial)).map(|(id, _)| *id);
        for id in idle.collect::<Vec<_>>() {
            self.end_dial(id);
        }
    }

    pub(super) fn end_all_dials(&mut self) {
        for id in self.dials.keys().copied().collect::<Vec<_>>() {
            self.end_dial(id);
        }
    }

    pub(super) fn listening(&mut self, id: ListenerId, port: u16, io: &mut Io) {
        let Some(listener) = self.listeners.get_mut(&id).filter(|l| !l.is_bound) else { return };
        listener.is_bound = true;
        let endpoint = listener.endpoint.clone();
        let bound = endpoint.clone().with_port(port);
        tracing::debug!(%bound, "listening");
        self.notices.push_back(Event::Listening { endpoint, bound });
        self.accept(id, io);
    }

    pub(super) fn listen_failed(&mut self, id: ListenerId, cause: ErrorKind) {
        let Some(endpoint) = self.listeners.get(&id).map(|l| l.endpoint.clone()) else { return };
        self.end_listener(id);
        tracing::debug!(%endpoint, %cause, "cannot listen");
        self.notices.push_back(Event::ListenFailed { endpoint, cause });
    }

    /// Asks a listener for the next stream, where there is room for it.
    pub(super) fn accept(&mut self, id: ListenerId, io: &mut Io) {
        // One more than the limit where another can make room for it.
        let has_spare = !self.handshakes.is_empty() || self.pattern.is_rep();
        let spare = usize::from(has_spare);
        let max = self.config.limits.links_max.max(1).saturating_add(spare);
        if self.accepted + self.accepts.len() >= max || self.holds_back() {
            return;
        }
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        if listener.is_bound && listener.accepting.is_none() {
            let link = io.new_link(self.scope);
            listener.accepting = Some(link);
            self.accepts.insert(link, id);
            io.push(Output::Accept { listener: id, link });
        }
    }

    /// A listener has handed out the stream that it was asked for.
    pub(super) fn accepted(&mut self, link_id: LinkId, id: ListenerId, io: &mut Io) {
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        listener.accepting = None;
        listener.backoff.ready(io.now());
        let queue = self.new_queue();
        let link = self.new_link(link_id, Origin::Accepted(id), Stage::Opening, queue, io);
        self.links.insert(link_id, link);
        self.accepted += 1;
        self.handshakes.insert(link_id);
        self.timers.set(Timer::Link(link_id), later(io.now(), self.config.handshake_timeout));
        let limits = &self.config.limits;
        let has_too_many = self.handshakes.len() > limits.handshakes_max.max(1);
        if has_too_many || self.accepted > limits.links_max.max(1) {
            // Rather not this one: of two listeners, the one asked later may answer first.
            let evicted = self.dispensable(link_id).unwrap_or(link_id);
            self.fail(evicted, DownReason::Evicted, io);
        }
        self.accept(id, io);
    }

    /// Who is to make room for this one: the oldest unfinished handshake, or who is idle for longest.
    fn dispensable(&self, link_id: LinkId) -> Option<LinkId> {
        let oldest = self.handshakes.iter().find(|other| **other != link_id).copied();
        oldest.or_else(|| self.longest_idle())
    }

    /// REP: the peer that has asked nothing for longest, save one that waits for a reply. Its next
    /// request makes it connect anew.
    fn longest_idle(&self) -> Option<LinkId> {
        let Pattern::Rep(replier) = &self.pattern else { return None };
        let asking = replier.owed.as_ref().map(|(id, _)| *id);
        let is_idle = |link: &&Link| {
            link.is_ready() && matches!(link.origin, Origin::Accepted(_)) && asking != Some(link.id)
        };
        let idle = self.links.values().filter(is_idle);
        idle.min_by_key(|link| (link.busy_at, link.id)).map(|link| link.id)
    }

    /// A listener could not hand out a stream: waits before it asks again. Where that is for want of
    /// descriptors, those go who would have to make room at the limit of links, so that idle peers cannot
    /// keep others out.
    pub(super) fn accept_failed(
        &mut self,
        link: LinkId,
        id: ListenerId,
        cause: Option<ErrorKind>,
        io: &mut Io,
    ) {
        self.accepts.remove(&link);
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        listener.accepting = None;
        let delay = listener.backoff.failed(io.now(), &mut io.rng);
        self.timers.set(Timer::Accept(id), later(io.now(), delay.max(TIME_MIN)));
        let is_the_peers_doing = matches!(
            cause,
            Some(
                ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
            )
        );
        if is_the_peers_doing {
            return;
        }
        if let Some(evicted) = self.dispensable(link) {
            self.fail(evicted, DownReason::Evicted, io);
        }
    }

    /// The notices are taken: whatever was held because of them goes on.
    pub(super) fn resume(&mut self, io: &mut Io) {
        self.resume_accepts(io);
        let held = self.dials.iter().filter(|(_, dial)| dial.is_held).map(|(id, _)| *id);
        for id in held.collect::<Vec<_>>() {
            self.dial(id, io);
        }
        self.take_eagerly(io);
    }

    /// An accepted link has gone, and its place may be taken.
    pub(super) fn resume_accepts(&mut self, io: &mut Io) {
        let idle = self.listeners.iter().filter(|(_, listener)| listener.accepting.is_none());
        for id in idle.map(|(id, _)| *id).collect::<Vec<_>>() {
            if !self.timers.is_set(Timer::Accept(id)) {
                self.accept(id, io);
            }
        }
    }

    pub(super) fn end_listeners(&mut self, io: &mut Io) {
        for id in self.listeners.keys().copied().collect::<Vec<_>>() {
            self.end_listener(id);
            io.push(Output::Unlisten { listener: id });
        }
    }

    fn end_listener(&mut self, id: ListenerId) {
        let Some(listener) = self.listeners.remove(&id) else { return };
        self.timers.clear(Timer::Accept(id));
        if let Some(link) = listener.accepting {
            self.accepts.remove(&link);
        }
    }
}
