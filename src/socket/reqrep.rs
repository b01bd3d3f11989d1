//! REQ and REP (RFC 28): one request, then one reply.

use crate::machine::LinkId;
use crate::zmtp::{Frame, Message};

use super::core::{Core, Timer};
use super::event::{DownReason, Event, Refused};
use super::io::Io;
use super::link::Link;
use super::link::Origin;
use super::liveness::later;
use super::outgoing::Outlet;
use super::pattern::Pattern;

/// What a REQ socket waits for.
#[derive(Debug, Default)]
pub(super) struct Requester {
    /// Who was given the request that has no reply yet.
    asked: Option<Outlet>,
}

/// What a REP socket owes.
#[derive(Debug, Default)]
pub(super) struct Replier {
    /// Who asked last, and the frames that stand before the reply to it.
    owed: Option<(LinkId, Vec<Frame>)>,
}

impl Replier {
    pub(super) const fn is_idle(&self) -> bool {
        self.owed.is_none()
    }

    /// Splits a request from its envelope: all frames up to and including the first empty one. What
    /// has no empty frame, or nothing behind it, is dropped.
    pub(super) fn take(&mut self, link: LinkId, message: Message) -> Option<Event> {
        let mut envelope: Vec<Frame> = message.into_frames().collect();
        let delimiter = envelope.iter().position(Frame::is_empty)?;
        let request = Message::from_frames(envelope.split_off(delimiter + 1))?;
        self.owed = Some((link, envelope));
        Some(Event::Message { link, message: request })
    }
}

impl Core {
    pub(super) fn request(&mut self, message: Message, io: &mut Io) -> Result<(), Refused> {
        if let Pattern::Req(Requester { asked: Some(_) }) = &self.pattern {
            return Err(Refused::Busy);
        }
        let mut frames = vec![Frame::default()];
        frames.extend(message.into_frames());
        let Some(request) = Message::from_frames(frames) else { return Err(Refused::TooLarge) };
        let outlet = self.push(request)?;
        if let Pattern::Req(requester) = &mut self.pattern {
            requester.asked = Some(outlet);
        }
        if let Some(timeout) = self.config.request_timeout {
            self.timers.set(Timer::Request, later(io.now(), timeout));
        }
        Ok(())
    }

    /// A message for a REQ socket: the reply, if it comes from the peer that was asked and begins
    /// with an empty frame; else it is dropped.
    pub(super) fn reply_arrived(&mut self, id: LinkId, message: Message) -> Option<Event> {
        let Pattern::Req(Requester { asked: Some(outlet) }) = &self.pattern else { return None };
        if self.outlet_link(*outlet) != Some(id) && !self.is_draining_for(*outlet, id) {
            return None;
        }
        let mut frames = message.into_frames();
        let _delimiter = frames.next().filter(Frame::is_empty)?;
        let message = Message::from_frames(frames.collect())?;
        self.request_is_over();
        Some(Event::Message { link: id, message })
    }

    fn is_draining_for(&self, outlet: Outlet, id: LinkId) -> bool {
        let origin = self.links.get(&id).map(|link| link.origin);
        matches!((outlet, origin), (Outlet::Dial(a), Some(Origin::Connected(b))) if a == b)
    }

    fn request_is_over(&mut self) {
        if let Pattern::Req(requester) = &mut self.pattern {
            requester.asked = None;
        }
        self.timers.clear(Timer::Request);
    }

    /// The reply is overdue. The peer that owes it is cut off, so that it can never come later and be
    /// taken for the reply to another request.
    pub(super) fn request_timed_out(&mut self, io: &mut Io) {
        let Pattern::Req(Requester { asked: Some(outlet) }) = self.pattern else { return };
        self.request_is_over();
        self.notices.push_back(Event::NoReply { timed_out: true });
        if let Some(queue) = self.outlet_queue(outlet) {
            queue.clear();
        }
        if let Some(link) = self.outlet_link(outlet) {
            self.fail(link, DownReason::RequestTimeout, io);
        }
    }

    /// A link has ended: REQ may wait for a reply in vain, REP owe one to nobody.
    pub(super) fn link_lost(&mut self, link: &Link, had_the_request: bool) {
        match &mut self.pattern {
            Pattern::Req(Requester { asked: Some(outlet) }) => {
                let was_asked = match link.origin {
                    Origin::Connected(dial) => *outlet == Outlet::Dial(dial),
                    Origin::Accepted(_) => *outlet == Outlet::Accepted(link.id),
                };
                if was_asked && had_the_request {
                    self.request_is_over();
                    self.notices.push_back(Event::NoReply { timed_out: false });
                }
            }
            Pattern::Rep(replier) => {
                if replier.owed.as_ref().is_some_and(|(owed, _)| *owed == link.id) {
                    // The application still works on it; its reply will be refused.
                    tracing::debug!(id = ?link.id, "the peer left before its reply");
                }
            }
            Pattern::Req(_)
            | Pattern::Push
            | Pattern::Pull
            | Pattern::Pub { .. }
            | Pattern::Sub { .. } => {}
        }
    }

    /// Replies to the peer that asked last. If it is gone the reply is refused and the socket goes
    /// on with the next request.
    pub(super) fn reply(&mut self, message: Message) -> Result<(), Refused> {
        let Pattern::Rep(replier) = &mut self.pattern else { return Err(Refused::Direction) };
        let Some((id, mut frames)) = replier.owed.take() else { return Err(Refused::NoRequest) };
        frames.extend(message.into_frames());
        let link = self.links.get_mut(&id).filter(|link| link.is_ready() && !link.is_lingering);
        let (Some(link), Some(reply)) = (link, Message::from_frames(frames)) else {
            return Err(Refused::NoPeer);
        };
        link.enqueue(reply);
        self.mark_dirty(id);
        Ok(())
    }
}
