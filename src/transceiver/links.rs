//! What it means that the links to a server come and go.

use crate::machine::LinkId;
use crate::socket::io::Io;
use crate::socket::{self, DownReason};

use super::config::Config;
use super::endings::Endings;
use super::event::{Event, Loss, SessionEnd};
use super::groups::Groups;
use super::life::{Change, Side};
use super::server::Server;

impl Server {
    pub(super) fn notice(
        &mut self,
        side: Side,
        notice: socket::Event,
        config: &Config,
        io: &mut Io,
    ) {
        match notice {
            socket::Event::Up { link, .. } => {
                if side == Side::Requests {
                    // Pongs were lost with the one before, perhaps.
                    self.outbox.ask_again(&mut self.sessions);
                }
                let change = self.life.up(side, link);
                self.changed(change, None, config, io);
                self.look_at_subscription();
            }
            socket::Event::Down { link, reason, .. } => {
                match side {
                    Side::Replies => self.lose_reply_link(),
                    Side::Requests => self.sessions.compression.lost_requests(),
                }
                self.proof.down(link);
                let change = self.life.down(link);
                self.changed(change, Some(reason), config, io);
                self.look_at_subscription();
            }
            socket::Event::Proven { link } => {
                self.life.proven(link);
                self.proof.proven(link);
            }
            socket::Event::Subscribed { prefix, .. } | socket::Event::Cancelled { prefix, .. } => {
                self.look_at_subscription();
                if !self.is_subscribed {
                    let deaf = Event::ServerDeaf { server: self.id, subscribed: prefix };
                    self.deaf = Some(deaf);
                }
            }
            socket::Event::ConnectFailed { endpoint, reason, retry_in } => {
                let server = self.id;
                self.unreachable =
                    Some(Event::ServerUnreachable { server, endpoint, reason, retry_in });
            }
            socket::Event::Stopped { .. } => self.parting.stopped(side),
            // Messages are taken in elsewhere; the rest is of sockets that a server does not have.
            socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::Message { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. } => {}
        }
    }

    /// What was under way on the reply link may not have arrived.
    fn lose_reply_link(&mut self) {
        self.sessions.compression.lost_replies();
        if self.parting.is_flushing() {
            let lost = self.outbox.lose_all(&mut self.sessions);
            self.report_undelivered(lost, Loss::ShutDown);
        } else {
            let lost = self.outbox.lose_under_way(&mut self.sessions);
            self.report_undelivered(lost, Loss::LinkLost);
        }
    }

    fn look_at_subscription(&mut self) {
        let link = self.life.link(Side::Replies).map(|(link, _)| link);
        self.is_subscribed =
            link.is_some_and(|link| self.replies.is_subscribed(link, &self.reply_start));
        if self.is_subscribed {
            self.deaf = None;
        }
    }

    /// The links have come or gone in a way that means something for the server's life.
    fn changed(
        &mut self,
        change: Change,
        reason: Option<DownReason>,
        config: &Config,
        io: &mut Io,
    ) {
        match change {
            Change::None => {}
            Change::Begun => self.rounds.restart(),
            Change::Probe(link) => {
                let was_asked = match self.life.side_of(link) {
                    Some(Side::Requests) => self.requests.probe(link, io),
                    Some(Side::Replies) => self.replies.probe(link, io),
                    None => true,
                };
                if !was_asked {
                    self.life.cannot_prove(link);
                }
            }
            // Of a server that we part from, the link that is left has only to be flushed.
            Change::Cut(_) if !self.parting.is_none() && !self.parting.is_farewell() => {}
            Change::Cut(link) => self.cut(link, config, io),
            Change::Over => self.end_life(self.life.number(), reason),
            Change::Succeeded => self.end_life(self.life.number().wrapping_sub(1), reason),
        }
    }

    /// Ends a link at once.
    pub(super) fn cut(&mut self, link: LinkId, config: &Config, io: &mut Io) {
        // It is a link of one of the two; the other has none of this name.
        self.requests.reset(link, io);
        self.replies.reset(link, io);
        self.settle(config, io);
    }

    /// A life is over: its sessions end, and what waits for it must not reach the next one.
    fn end_life(&mut self, life: u32, reason: Option<DownReason>) {
        let lost = self.outbox.lose_all(&mut self.sessions);
        self.report_lost(life, lost, Loss::ServerLost);
        self.all_end();
        self.closings.clear();
        self.rounds.restart();
        self.groups = Groups::default();
        let sessions = self.sessions.take();
        let down = self.reported_life.take().map(|life| Event::ServerDown {
            server: self.id,
            life,
            reason: reason.unwrap_or(DownReason::Closed),
        });
        if down.is_some() || !sessions.is_empty() {
            tracing::debug!(server = ?self.id, life, "a life is over");
            // A life that is over before the last one was told of had neither sessions nor a report.
            let end = SessionEnd::ServerLost;
            let closing_end = self.our_end(false);
            self.endings.get_or_insert(Endings::new(life, down, sessions, end, closing_end));
        }
    }
}
