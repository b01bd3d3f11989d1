//! What the API says: work, servers that come and go, announcements.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::introduction::Order;
use crate::mongrel2::{ConnId, Kind, Request};
use crate::socket::{self, later};
use crate::websocket::{self, Flags, Incoming};
use crate::zmtp::Message;

use super::super::wire::Note;
use super::event::{Event, Target, Unserved};
use super::held::Item;
use super::machine::{Node, Stage};
use super::receipts::{Asked, Place};
use super::work::Job;

impl Node {
    /// Takes in what has come, as far as there is room for it.
    pub(super) fn take_in(&mut self) {
        self.release();
        let has_room = self.servers.values().all(|server| server.outbox.is_half_empty());
        while self.stage == Stage::Running && !self.events.is_full() {
            // News first: it tells what work is worth.
            if let Some(event) = self.news.next_message(&mut self.io) {
                if let socket::Event::Message { message, .. } = event {
                    self.hear(&message);
                }
                continue;
            }
            if !self.takes_work(has_room) {
                return;
            }
            let Some(event) = self.pull.next_message(&mut self.io) else { return };
            self.work(event);
        }
    }

    /// Whether requests may be read: there is room for them and for their answers. As in a transceiver,
    /// some are let through when nothing moves: Mongrel2 may wait for somebody to take its requests
    /// before it takes replies.
    fn takes_work(&mut self, has_room: bool) -> bool {
        let has_work = !self.held.is_full() && self.pull.has_backlog();
        has_work && self.gate.is_open(has_room, self.io.now())
    }

    fn work(&mut self, event: socket::Event) {
        match self.read(event) {
            Job::Request(item) => self.serve(item),
            Job::Unreadable(head, place) => self.unreadable(&head, place),
            Job::Life(sender, (epoch, life)) => {
                let server = self.by_sender.get(&sender).and_then(|id| self.servers.get_mut(id));
                if let Some(server) = server {
                    server.set_over((epoch, life.saturating_sub(1)));
                }
            }
            Job::Nothing => {}
        }
    }

    /// What has come of the API's socket for work. Each request has its number there, read or not.
    fn read(&mut self, event: socket::Event) -> Job {
        match event {
            socket::Event::Message { link, message } => {
                self.gate.passed(message.size());
                self.work.read(link, message.first().bytes(), self.patience())
            }
            socket::Event::Oversized { link, head, .. } => {
                Job::Unreadable(head, self.work.skip(link))
            }
            socket::Event::Up { .. }
            | socket::Event::Down { .. }
            | socket::Event::ConnectFailed { .. }
            | socket::Event::Listening { .. }
            | socket::Event::ListenFailed { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Room
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. }
            | socket::Event::Stopped { .. } => Job::Nothing,
        }
    }

    /// Tells what was held and can be told now, as far as there is room for it.
    pub(super) fn release(&mut self) {
        while !self.events.is_full() {
            let Some(sender) = self.held.next_ready() else { return };
            for item in self.held.take(&sender) {
                if self.events.is_full() {
                    self.held.is_ready(sender.clone());
                    self.held.push(item);
                } else {
                    self.serve_now(item);
                }
            }
        }
    }

    /// Tells a request, or holds it until it can be told.
    fn serve(&mut self, item: Item) {
        if self.held.holds(item.request.sender()) {
            self.held.push(item);
        } else {
            self.serve_now(item);
        }
    }

    fn serve_now(&mut self, item: Item) {
        let id = self.by_sender.get(item.request.sender()).copied();
        let Some(server) = id.and_then(|id| self.servers.get(&id)) else {
            self.held.push(item);
            return;
        };
        if server.is_over(item.life) {
            self.unserved(&item.request, item.place, Unserved::ServerGone);
            return;
        }
        if !server.takes_requests() {
            self.held.push(item);
            return;
        }
        match item.life.filter(|life| !server.is_confirmed(*life)) {
            None => self.tell(item),
            Some(life) => {
                let sender = server.sender.clone();
                self.receipts.ask(&sender, life, server.life());
                // It may have waited for the application; from here on it waits for the API.
                let until = self.patience();
                self.held.push(Item { until, ..item });
            }
        }
    }

    /// The API has said whether a life of a server goes on, after the link to that server had come up
    /// which was there when it was asked.
    pub(super) fn confirmed(&mut self, Asked { sender, api_life, life }: Asked, goes_on: bool) {
        let id = self.by_sender.get(&sender).copied();
        let Some(server) = id.and_then(|id| self.servers.get_mut(&id)) else { return };
        // Not where its link was lost meanwhile: the next may be to another process.
        if server.is_current(life) && goes_on {
            server.confirm(api_life);
        }
        if !goes_on {
            for item in self.held.take(&sender) {
                if item.life == Some(api_life) {
                    self.unserved(&item.request, item.place, Unserved::ServerGone);
                } else {
                    self.held.push(item);
                }
            }
        }
        self.held.is_ready(sender);
    }

    /// Until when a request that has just come may be held.
    fn patience(&self) -> Instant {
        // Never due in the same call.
        later(self.io.now(), self.config.patience.max(Duration::from_millis(1)))
    }

    fn tell(&mut self, Item { request, place, .. }: Item) {
        let id = self.by_sender.get(request.sender()).copied();
        let Some(server) = id.and_then(|id| self.servers.get_mut(&id)) else { return };
        let message = if let Kind::WebSocket(flags) = request.kind() {
            // The API has judged it already; whatever else comes here is not one of its.
            match websocket::read(Flags::from(flags), request.body(), usize::MAX) {
                Ok(Incoming::Message(message)) => Some(message),
                Ok(Incoming::Ping(_) | Incoming::Pong(_) | Incoming::Close(_)) | Err(_) => {
                    self.unserved(&request, place, Unserved::Unreadable);
                    return;
                }
            }
        } else {
            None
        };
        let (number, forgotten) = self.receipts.open(server.id, place);
        server.open += 1;
        if message.is_none() {
            server.heard(&request, self.io.now());
        }
        let (server, life, conn_id) = (server.id, server.life(), request.conn_id());
        let target = Target { server, life, conn_id, request: number };
        if let Some(server) = forgotten.and_then(|id| self.servers.get_mut(&id)) {
            server.open = server.open.saturating_sub(1);
        }
        self.events.push(match message {
            Some(message) => Event::Message { target, message, request },
            None => Event::Request { target, request },
        });
    }

    /// Gives back what has come but will not be served.
    pub(super) fn give_back(&mut self, event: socket::Event) {
        match self.read(event) {
            Job::Request(item) => {
                self.unserved(&item.request, item.place, Unserved::ShuttingDown);
            }
            Job::Unreadable(head, place) => self.unreadable(&head, place),
            Job::Life(..) | Job::Nothing => {}
        }
    }

    /// A request cannot be served: tells the application and the API. Where its server is gone, so is
    /// its browser, and nobody is to answer it.
    pub(super) fn unserved(&mut self, request: &Request, place: Option<Place>, why: Unserved) {
        if let Some(place) = place {
            self.receipts.note(place, why != Unserved::ServerGone);
        }
        let sender = Bytes::copy_from_slice(request.sender());
        tracing::debug!(sender = %sender.escape_ascii(), conn_id = %request.conn_id(), %why);
        self.events.push(Event::Unserved { sender, conn_id: request.conn_id(), why });
    }

    fn unreadable(&mut self, head: &[u8], place: Option<Place>) {
        if let Some(place) = place {
            self.receipts.note(place, true);
        }
        let (sender, conn_id) = Request::head(head).unwrap_or((b"", ConnId::NONE));
        let sender = Bytes::copy_from_slice(sender);
        self.events.push(Event::Unserved { sender, conn_id, why: Unserved::Unreadable });
    }

    fn hear(&mut self, message: &Message) {
        let raw = message.first().bytes();
        match Request::parse(raw.clone()).ok().and_then(|request| Note::read(&request)) {
            Some(Note::Announcement { topic, body }) => {
                self.events.push(Event::Announcement { topic, body });
            }
            Some(Note::Over { sender, epoch, life }) => {
                let server = self.by_sender.get(&sender).and_then(|id| self.servers.get_mut(id));
                if let Some(server) = server {
                    server.set_over((epoch, life));
                }
            }
            Some(
                Note::Welcome { .. }
                | Note::Life { .. }
                | Note::Ask { .. }
                | Note::Mark
                | Note::Taken { .. }
                | Note::Receipt { .. },
            ) => {}
            None => self.order(raw),
        }
    }

    /// What the API says about servers: said again to newcomers, so most of it is known.
    fn order(&mut self, raw: Bytes) {
        match Order::parse(raw) {
            Ok(Order::Add { sender, recv_spec, .. }) => {
                let found = self.find(&sender).and_then(|id| self.servers.get(&id));
                if let Some((id, same)) = found.map(|s| (s.id, s.recv_spec == recv_spec)) {
                    if same {
                        return;
                    }
                    // It has moved.
                    let _ = self.remove_server(id);
                }
                if let Err(refused) = self.add_server(sender, recv_spec) {
                    tracing::debug!(%refused, "a server that the api has told of");
                }
            }
            Ok(Order::Remove { sender }) => {
                if let Some(id) = self.find(&sender) {
                    let _ = self.remove_server(id);
                }
            }
            Ok(Order::Alive | Order::Ping { .. } | Order::DisconnectPing { .. }) => {}
            Err(error) => tracing::debug!(%error, "no news"),
        }
    }
}
