//! The two bound sockets: PUSH for requests, SUB for replies.

use std::io;
use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::{Input, LinkId};
use crate::socket::io::Io;
use crate::socket::{self, Core};
use crate::zmtp::{Message, SocketType};

use super::command::Refused;
use super::config::Config;
use super::waiting::Waiting;

/// Both sockets, and what waits for the first.
#[derive(Debug)]
pub(super) struct Sockets {
    requests: Core,
    replies: Core,
    /// Where each is bound, once it is.
    send_spec: Option<Endpoint>,
    recv_spec: Option<Endpoint>,
    /// Links that are up, of each.
    links: (usize, usize),
    stopped: (bool, bool),
    waiting: Waiting,
    /// Whether a message was refused because others wait before it.
    wants_room: bool,
    /// Of one message to a handler.
    message_size_max: usize,
}

/// What has happened to the sockets.
#[derive(Debug)]
pub(super) enum News {
    Listening {
        send_spec: Endpoint,
        recv_spec: Endpoint,
    },
    ListenFailed {
        endpoint: Endpoint,
        cause: io::ErrorKind,
    },
    RequestLinkUp(LinkId),
    RequestLinkDown(LinkId, usize),
    ReplyLinkUp,
    ReplyLinkDown(LinkId),
    Message(LinkId, Message),
    /// To be followed by [`Sockets::pump`].
    HandlersHaveRoom,
    Room,
    Stopped,
}

impl Sockets {
    pub(super) fn new(config: &Config, io: &mut Io) -> Self {
        let mut push = socket::Config::new(SocketType::Push);
        // What a client may say, a handler may be sent: its headers may take more room in a message
        // than a browser needs for them.
        let limits = &config.limits.client;
        let head_size_max = limits.request_head_size_max.saturating_mul(HEAD_GROWTH_MAX);
        let client_max = limits.request_body_size_max.saturating_add(head_size_max);
        push.limits.message_size_max = push.limits.message_size_max.max(client_max);
        let message_size_max = push.limits.message_size_max;
        let mut requests = Core::new(push, REQUESTS);
        let mut replies = Core::new(socket::Config::new(SocketType::Sub), REPLIES);
        // Fresh sockets use no endpoints, have no topics and are not stopping: they refuse nothing.
        let _ = requests.bind(config.send_spec.clone(), io);
        let _ = replies.bind(config.recv_spec.clone(), io);
        let _ = replies.subscribe(config.recv_ident.clone(), io);
        let limits = &config.limits;
        Self {
            requests,
            replies,
            send_spec: None,
            recv_spec: None,
            links: (0, 0),
            stopped: (false, false),
            waiting: Waiting::new(limits.waiting_max, limits.waiting_bytes_max),
            wants_room: false,
            message_size_max,
        }
    }

    /// Takes an input of its own, or only the time.
    pub(super) fn handle(&mut self, input: Input, io: &mut Io) {
        let (requests, replies) = match input.scope() {
            Some(REQUESTS) => (input, Input::Timeout),
            Some(REPLIES) => (Input::Timeout, input),
            _ => (Input::Timeout, Input::Timeout),
        };
        self.requests.handle(requests, io);
        self.replies.handle(replies, io);
    }

    /// Links that are up: for requests, for replies.
    pub(super) const fn links(&self) -> (usize, usize) {
        self.links
    }

    /// Gives a message to the next handler in turn, or refuses it.
    pub(super) fn deliver(&mut self, raw: Bytes, io: &mut Io) -> Result<(), Refused> {
        if !self.waiting.is_empty() {
            self.wants_room = true;
            return Err(Refused::Full);
        }
        self.send(raw, io)
    }

    /// Whether a client may say something more now.
    pub(super) fn check_room(&mut self) -> Result<(), Refused> {
        if self.waiting.admits() { Ok(()) } else { Err(Refused::Full) }
    }

    /// Whether a message is too large for any handler.
    pub(super) const fn is_too_large(&self, raw: &Bytes) -> bool {
        raw.len() > self.message_size_max
    }

    /// Gives a message of a client to the next handler in turn, when one can take it.
    pub(super) fn enqueue(&mut self, raw: Bytes) {
        self.waiting.push(raw);
    }

    /// Gives out what waits, as far as handlers have room.
    pub(super) fn pump(&mut self, io: &mut Io) -> Option<News> {
        while let Some(first) = self.waiting.first() {
            match self.send(first.clone(), io) {
                Ok(()) => self.waiting.pop(),
                Err(_) => break,
            }
        }
        let has_room = self.waiting.reopened();
        let is_free = self.waiting.is_empty() && std::mem::take(&mut self.wants_room);
        (has_room || is_free).then_some(News::Room)
    }

    /// While too much waits no reply is read: each may make a notice. Mongrel2, too, reads none while a
    /// notice cannot be sent.
    fn set_paused(&mut self, io: &mut Io) {
        if self.waiting.is_exceeded() {
            self.replies.set_paused(true, io);
        } else if self.waiting.is_half_empty() {
            self.replies.set_paused(false, io);
        }
    }

    fn send(&mut self, raw: Bytes, io: &mut Io) -> Result<(), Refused> {
        let sent = self.requests.send(Message::from(raw), io);
        sent.map_err(|refused| match refused {
            socket::Refused::NoPeer => Refused::NoHandler,
            socket::Refused::TooLarge => Refused::TooLarge,
            socket::Refused::ShuttingDown => Refused::ShuttingDown,
            socket::Refused::Full
            | socket::Refused::Direction
            | socket::Refused::EndpointInUse
            | socket::Refused::UnknownEndpoint
            | socket::Refused::Wildcard
            | socket::Refused::Busy
            | socket::Refused::NoRequest
            | socket::Refused::TooManySubscriptions => Refused::Full,
        })
    }

    /// Ends both; what still waits for a handler is lost.
    pub(super) fn shutdown(&mut self, io: &mut Io) -> usize {
        self.requests.shutdown(io);
        self.replies.shutdown(io);
        self.waiting.clear()
    }

    /// The next that has happened, messages last.
    pub(super) fn next(&mut self, io: &mut Io) -> Option<News> {
        loop {
            let news = if let Some(notice) = self.requests.pop_notice(io) {
                self.on_event(notice, true)
            } else if let Some(notice) = self.replies.pop_notice(io) {
                self.on_event(notice, false)
            } else {
                self.set_paused(io);
                let message = self.replies.next_message(io);
                // A link that has nothing more to give may end by that.
                let event = message.or_else(|| self.replies.pop_notice(io))?;
                self.on_event(event, false)
            };
            if news.is_some() {
                return news;
            }
        }
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        self.requests.flush(io);
        self.replies.flush(io);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.requests.next_deadline(), self.replies.next_deadline()].into_iter().flatten().min()
    }

    fn on_event(&mut self, event: socket::Event, is_requests: bool) -> Option<News> {
        let links = if is_requests { &mut self.links.0 } else { &mut self.links.1 };
        match event {
            socket::Event::Listening { bound, .. } => {
                let spec = if is_requests { &mut self.send_spec } else { &mut self.recv_spec };
                *spec = Some(bound);
                self.listening()
            }
            socket::Event::ListenFailed { endpoint, cause } => {
                Some(News::ListenFailed { endpoint, cause })
            }
            socket::Event::Up { link, .. } => {
                *links += 1;
                Some(if is_requests { News::RequestLinkUp(link) } else { News::ReplyLinkUp })
            }
            socket::Event::Down { link, lost, .. } => {
                *links = links.saturating_sub(1);
                Some(match is_requests {
                    true => News::RequestLinkDown(link, lost),
                    false => News::ReplyLinkDown(link),
                })
            }
            socket::Event::Message { link, message } => Some(News::Message(link, message)),
            // Who waits comes first; when nobody does any more there is room for others.
            socket::Event::Room => {
                self.wants_room = true;
                Some(News::HandlersHaveRoom)
            }
            socket::Event::Stopped { .. } => {
                let stopped = &mut self.stopped;
                *(if is_requests { &mut stopped.0 } else { &mut stopped.1 }) = true;
                (self.stopped == (true, true)).then_some(News::Stopped)
            }
            socket::Event::ConnectFailed { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. } => None,
        }
    }

    fn listening(&self) -> Option<News> {
        let (send_spec, recv_spec) = (self.send_spec.clone()?, self.recv_spec.clone()?);
        Some(News::Listening { send_spec, recv_spec })
    }
}

const REQUESTS: u32 = 1;
const REPLIES: u32 = 2;

/// The first scope that is free for others.
pub(super) const FREE_SCOPE: u32 = 3;

/// An octet of a header may be written as six (`\u00e9`), and Mongrel2 adds headers of its own.
const HEAD_GROWTH_MAX: usize = 16;
