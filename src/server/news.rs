//! What happens at the two sockets, and what a server makes of it.

use bytes::Bytes;

use crate::machine::LinkId;
use crate::mongrel2::{ConnId, parse_response};
use crate::zmtp::Message;

use super::clients::Said;
use super::config::Notices;
use super::event::Event;
use super::machine::Server;
use super::sockets::News;
use super::terms::Bound;

impl Server {
    pub(super) fn on_news(&mut self, news: News) {
        match news {
            News::Listening { send_spec, recv_spec } => {
                let bound =
                    Bound::At { send_spec: send_spec.clone(), recv_spec: recv_spec.clone() };
                self.terms.bound = bound;
                self.events.push_back(Event::Listening { send_spec, recv_spec });
            }
            News::ListenFailed { endpoint, cause } => {
                self.terms.bound = Bound::Failed { endpoint: endpoint.clone(), cause };
                self.events.push_back(Event::ListenFailed { endpoint, cause });
            }
            News::RequestLinkUp(link) => {
                self.handlers.request_link_up(link);
                self.tell_links();
            }
            News::RequestLinkDown(link, lost) => {
                self.handlers.request_link_down(link);
                self.tell_links();
                self.tell_lost(lost);
            }
            News::ReplyLinkUp => {
                self.handlers.reply_link_up();
                self.tell_links();
            }
            News::ReplyLinkDown(link) => {
                self.handlers.reply_link_down(link);
                self.tell_links();
            }
            News::Message(link, message) => self.on_message(link, &message),
            News::HandlersHaveRoom => {}
            News::Room => self.events.push_back(Event::Room),
            News::Stopped => self.events.push_back(Event::Stopped),
        }
    }

    fn on_message(&mut self, link: LinkId, message: &Message) {
        // Mongrel2 takes the parts of a message one by one.
        for frame in message.frames() {
            let raw = frame.bytes();
            match self.terms.text_of(&raw) {
                Some(text) if self.handlers.have_asked() => self.handlers.heard(&text, link),
                _ => self.on_reply(&raw),
            }
        }
    }

    fn on_reply(&mut self, raw: &Bytes) {
        match parse_response(raw) {
            Ok(reply) => {
                for conn_id in reply.targets {
                    self.route(conn_id, &reply.body, reply.extended);
                }
            }
            Err(error) => self.events.push_back(Event::Malformed { error }),
        }
    }

    /// One reply to one connection.
    fn route(&mut self, conn_id: ConnId, body: &Bytes, extended: bool) {
        if let Some(said) = self.clients.reply(conn_id, body, extended) {
            self.on_said(said);
            return;
        }
        let answers = match self.notices {
            Notices::WithClients => self.clients.were_opened(),
            Notices::Always => true,
            Notices::Never => false,
        };
        if answers {
            let notice = self.clients.notice(conn_id, body, extended);
            notice.into_iter().for_each(|notice| self.sockets.enqueue(notice));
        }
        self.events.push_back(Event::Reply { conn_id, body: body.clone(), extended });
    }

    pub(super) fn on_said(&mut self, said: Said) {
        said.messages.into_iter().for_each(|message| self.sockets.enqueue(message));
        self.events.extend(said.event);
    }

    /// Of several changes that nobody took, the last.
    fn tell_links(&mut self) {
        let (requests, replies) = self.sockets.links();
        let event = Event::Handlers { requests, replies };
        match self.events.back_mut() {
            Some(last @ Event::Handlers { .. }) => *last = event,
            _ => self.events.push_back(event),
        }
    }

    pub(super) fn tell_lost(&mut self, requests: usize) {
        if requests > 0 {
            self.events.push_back(Event::Lost { requests });
        }
    }
}
