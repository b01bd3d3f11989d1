//! [`Socket`]: one ZeroMQ socket that stands alone.

use std::collections::VecDeque;
use std::time::Instant;

use crate::machine::{Input, Machine, Output};
use crate::zmtp::SocketType;

use super::config::Config;
use super::core::Core;
use super::event::{Command, Event, Refused};
use super::io::Io;

/// A ZeroMQ socket as a machine.
///
/// ```
/// use std::time::Instant;
/// use mongrel2_transceiver::socket::{Command, Config, Socket};
/// use mongrel2_transceiver::zmtp::SocketType;
/// use mongrel2_transceiver::{Machine, Output};
///
/// let now = Instant::now();
/// let mut socket = Socket::new(now, Config::new(SocketType::Pull));
/// socket.submit(now, Command::Connect("tcp://127.0.0.1:9999".parse()?))?;
/// assert!(matches!(socket.poll_output(), Some(Output::Connect { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Socket {
    io: Io,
    core: Core,
    /// Messages and notices that the application has not taken.
    events: VecDeque<Event>,
    events_max: usize,
}

impl Socket {
    /// A socket that does nothing until it is told to.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let events_max = config.limits.events_max.max(1);
        let io = Io::new(now, config.seed);
        Self { io, core: Core::new(config, 0), events: VecDeque::new(), events_max }
    }

    /// Streams that it has now, in whatever stage.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.core.link_count()
    }

    /// Takes what the core has, as far as there is room.
    fn refill(&mut self) {
        while self.core.has_news() && self.events.len() < self.events_max {
            let Some(event) = self.next_event() else { break };
            self.events.push_back(event);
        }
    }

    fn next_event(&mut self) -> Option<Event> {
        self.core.next_event(&mut self.io).or_else(|| self.core.take_dropped())
    }
}

impl Machine for Socket {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        self.core.handle(input, &mut self.io);
        self.refill();
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        let io = &mut self.io;
        let result = match command {
            Command::Bind(endpoint) => self.core.bind(endpoint, io),
            Command::Unbind(endpoint) => self.core.unbind(&endpoint, io),
            Command::Connect(endpoint) => self.core.connect(endpoint, io),
            Command::Disconnect(endpoint) => self.core.disconnect(&endpoint, io),
            Command::Send(_) if has_unheard_request(&self.core, &self.events) => {
                Err(Refused::NoRequest)
            }
            Command::Send(message) => self.core.send(message, io),
            Command::Subscribe(prefix) => self.core.subscribe(prefix, io),
            Command::Cancel(prefix) => self.core.cancel(&prefix, io),
            Command::Shutdown => {
                self.core.shutdown(io);
                Ok(())
            }
        };
        // The time may have reached deadlines.
        self.core.handle(Input::Timeout, &mut self.io);
        self.refill();
        result
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.io.pop() {
            return Some(output);
        }
        self.core.flush(&mut self.io);
        self.io.pop()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if self.events.len() <= self.events_max / 2 {
            self.refill();
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.core.next_deadline()
    }
}

/// Whether the request that a REP socket is to reply to has not been taken by the application yet: a
/// reply now is one too many to the last request, and must not go to somebody else.
fn has_unheard_request(core: &Core, events: &VecDeque<Event>) -> bool {
    core.config.socket_type == SocketType::Rep
        && events.iter().any(|event| matches!(event, Event::Message { .. }))
}
