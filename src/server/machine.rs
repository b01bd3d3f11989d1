//! [`Server`]: Mongrel2's two sockets as one machine.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::{Input, Machine, Output};
use crate::mongrel2::parse_response;
use crate::socket::io::Io;
use crate::socket::{self, Core};
use crate::zmtp::{Message, SocketType};

use super::command::{Command, Refused};
use super::config::Config;
use super::event::Event;

/// A stand-in Mongrel2 as a machine: see the [module](super).
#[derive(Debug)]
pub struct Server {
    io: Io,
    requests: Core,
    replies: Core,
    /// Where each is bound, once it is.
    send_spec: Option<Endpoint>,
    recv_spec: Option<Endpoint>,
    handlers: (usize, usize),
    events: VecDeque<Event>,
    stopped: (bool, bool),
}

impl Server {
    /// A server that binds both of its sockets with the first operations.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let mut io = Io::new(now, config.seed);
        let mut requests = Core::new(socket::Config::new(SocketType::Push), REQUESTS);
        let mut replies = Core::new(socket::Config::new(SocketType::Sub), REPLIES);
        // Fresh sockets use no endpoints, have no topics and are not stopping: they refuse nothing.
        let _ = requests.bind(config.send_spec, &mut io);
        let _ = replies.bind(config.recv_spec, &mut io);
        let _ = replies.subscribe(config.recv_ident, &mut io);
        Self {
            io,
            requests,
            replies,
            send_spec: None,
            recv_spec: None,
            handlers: (0, 0),
            events: VecDeque::new(),
            stopped: (false, false),
        }
    }

    fn deliver(&mut self, raw: Bytes) -> Result<(), Refused> {
        let sent = self.requests.send(Message::from(raw), &mut self.io);
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

    fn refill(&mut self) {
        while let Some(notice) = self.requests.pop_notice(&mut self.io) {
            self.notice(notice, true);
        }
        while let Some(notice) = self.replies.pop_notice(&mut self.io) {
            self.notice(notice, false);
        }
        while self.events.len() < EVENTS_MAX {
            let Some(event) = self.replies.next_message(&mut self.io) else { break };
            self.notice(event, false);
        }
    }

    fn reply(&mut self, message: &Message) {
        // Mongrel2 takes the parts of a message one by one.
        for frame in message.frames() {
            match parse_response(&frame.bytes()) {
                Ok(reply) => self.events.extend(reply.targets.iter().map(|conn_id| {
                    let (body, extended) = (reply.body.clone(), reply.extended);
                    Event::Reply { conn_id: *conn_id, body, extended }
                })),
                Err(error) => self.events.push_back(Event::Malformed { error }),
            }
        }
    }

    fn notice(&mut self, notice: socket::Event, is_requests: bool) {
        let handlers = &mut self.handlers;
        let count = if is_requests { &mut handlers.0 } else { &mut handlers.1 };
        match notice {
            socket::Event::Listening { bound, .. } => self.listening(bound, is_requests),
            socket::Event::ListenFailed { endpoint, cause } => {
                self.events.push_back(Event::ListenFailed { endpoint, cause });
            }
            socket::Event::Up { .. } => {
                *count += 1;
                self.tell_handlers();
            }
            socket::Event::Down { .. } => {
                *count = count.saturating_sub(1);
                self.tell_handlers();
            }
            socket::Event::Message { message, .. } => self.reply(&message),
            socket::Event::Room => self.events.push_back(Event::Room),
            socket::Event::Stopped { .. } => {
                let stopped = &mut self.stopped;
                *(if is_requests { &mut stopped.0 } else { &mut stopped.1 }) = true;
                if self.stopped == (true, true) {
                    self.events.push_back(Event::Stopped);
                }
            }
            socket::Event::ConnectFailed { .. }
            | socket::Event::Oversized { .. }
            | socket::Event::Subscribed { .. }
            | socket::Event::Cancelled { .. }
            | socket::Event::Proven { .. }
            | socket::Event::Dropped { .. }
            | socket::Event::NoReply { .. } => {}
        }
    }

    fn listening(&mut self, bound: Endpoint, is_requests: bool) {
        *(if is_requests { &mut self.send_spec } else { &mut self.recv_spec }) = Some(bound);
        if let (Some(send_spec), Some(recv_spec)) = (&self.send_spec, &self.recv_spec) {
            let (send_spec, recv_spec) = (send_spec.clone(), recv_spec.clone());
            self.events.push_back(Event::Listening { send_spec, recv_spec });
        }
    }

    /// Of several changes that nobody took, the last.
    fn tell_handlers(&mut self) {
        let (requests, replies) = self.handlers;
        let event = Event::Handlers { requests, replies };
        match self.events.back_mut() {
            Some(last @ Event::Handlers { .. }) => *last = event,
            _ => self.events.push_back(event),
        }
    }
}

impl Machine for Server {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        match input.scope() {
            Some(REQUESTS) => {
                self.requests.handle(input, &mut self.io);
                self.replies.handle(Input::Timeout, &mut self.io);
            }
            Some(REPLIES) => {
                self.replies.handle(input, &mut self.io);
                self.requests.handle(Input::Timeout, &mut self.io);
            }
            _ => {
                self.requests.handle(Input::Timeout, &mut self.io);
                self.replies.handle(Input::Timeout, &mut self.io);
            }
        }
        self.refill();
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let result = match command {
            Command::Deliver(raw) => self.deliver(raw),
            Command::Shutdown => {
                self.requests.shutdown(&mut self.io);
                self.replies.shutdown(&mut self.io);
                Ok(())
            }
            // To come.
            Command::Connect { .. }
            | Command::Disconnect { .. }
            | Command::Open { .. }
            | Command::Act { .. }
            | Command::Receive { .. }
            | Command::Cancel { .. }
            | Command::Forget { .. } => Err(Refused::NotListening),
        };
        self.requests.handle(Input::Timeout, &mut self.io);
        self.replies.handle(Input::Timeout, &mut self.io);
        self.refill();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.io.pop() {
            return Some(output);
        }
        self.requests.flush(&mut self.io);
        self.replies.flush(&mut self.io);
        self.io.pop()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if self.events.len() <= EVENTS_MAX / 2 {
            self.refill();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        [self.requests.next_deadline(), self.replies.next_deadline()].into_iter().flatten().min()
    }
}

const REQUESTS: u32 = 1;
const REPLIES: u32 = 2;

/// Events that may wait before reading stops.
const EVENTS_MAX: usize = 1024;
