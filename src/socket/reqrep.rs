//! REQ and REP (RFC 28): one request, then one reply.

use crate::machine::LinkId;
use crate::zmtp::{Frame, Message};

use super::core::{Core, Timer};
use super::event::{DownReason, Event, Refused};
use super::io::Io;
use super::liveness::later;
use super::names::{Origin, Outlet};
use super::pattern::{Pattern, Requester};

impl Core {
    pub(super) fn request(&mut self, message: Message, io: &mut Io) -> Result<(), Refused> {
        if let Pattern::Req(Requester { asked: Some(_) }) = &self.pattern {
            return Err(Refused::Busy);
        }
        let request = Message::from_parts(Frame::default(), message.into_frames().collect());
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
        // A request that still waits is not what this peer has replied to.
        if let Some(link) = self.links.get_mut(&id).filter(|link| !link.queue.has_waiting()) {
            link.queue.have_arrived();
        }
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
        let link = self.outlet_link(outlet);
        let Some(queue) = self.outlet_queue(outlet) else { return };
        // A request that never left brings no reply.
        let has_left = queue.clear() == 0;
        if queue.reopened() {
            self.outlet_reopened(outlet);
        }
        if let Some(link) = link.filter(|_| has_left) {
            self.fail(link, DownReason::RequestTimeout, io);
        }
    }

    /// Nobody will reply to the request, if this is who was asked.
    pub(super) fn request_is_lost(&mut self, by: Outlet) {
        let Pattern::Req(Requester { asked }) = &self.pattern else { return };
        if *asked == Some(by) {
            self.request_is_over();
            self.notices.push_back(Event::NoReply { timed_out: false });
        }
    }

    /// Replies to the peer that asked last. If it is gone, as its [`Event::Down`] has told, the reply
    /// is dropped (RFC 28) and the socket goes on with the next request.
    pub(super) fn reply(&mut self, (id, mut frames): (LinkId, Vec<Frame>), message: Message) {
        frames.extend(message.into_frames());
        let link = self.links.get_mut(&id).filter(|link| link.is_ready() && !link.is_lingering);
        if let (Some(link), Some(reply)) = (link, Message::from_frames(frames)) {
            link.enqueue(reply);
            link.mark_dirty(&mut self.dirty);
        }
    }
}
