//! [`Connector`]: the REQ side of a control socket as a machine that stands alone.

use std::collections::VecDeque;
use std::time::Instant;

use crate::machine::{Input, Machine, Output};
use crate::socket::io::Io;

use super::asker::Asker;
use super::config::Config;
use super::event::{Command, Event, Refused};

/// Tells a handler's control socket what to do, and hands out its answers: see the [module](super).
#[derive(Debug)]
pub struct Connector {
    io: Io,
    asker: Asker,
    events: VecDeque<Event>,
    is_stopping: bool,
}

impl Connector {
    /// A connector that connects with its first order.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let asker = Asker::new(config.control, config.patience, 0);
        let io = Io::new(now, config.seed);
        Self { io, asker, events: VecDeque::new(), is_stopping: false }
    }

    fn work(&mut self) {
        self.asker.handle(Input::Timeout, &mut self.io);
        if let Some(result) = self.asker.poll(&mut self.io) {
            self.events.push_back(match result {
                Ok(answer) => Event::Answered(answer),
                Err(failure) => Event::Failed(failure),
            });
        }
    }

    fn shutdown(&mut self) {
        if !std::mem::replace(&mut self.is_stopping, true) {
            self.asker.end(&mut self.io);
            self.events.push_back(Event::Stopped);
        }
    }
}

impl Machine for Connector {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        self.io.advance(now);
        self.asker.handle(input, &mut self.io);
        if !self.is_stopping {
            self.work();
        }
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.io.advance(now);
        if !self.is_stopping {
            self.work();
        }
        match command {
            Command::Ask(_) if self.is_stopping => Err(Refused::ShuttingDown),
            Command::Ask(order) => {
                // So that at most one event for each order waits.
                if self.events.is_empty() {
                    self.asker.ask(&order, &mut self.io)
                } else {
                    Err(Refused::Busy)
                }
            }
            Command::Shutdown => {
                self.shutdown();
                Ok(())
            }
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        if let Some(output) = self.io.pop() {
            return Some(output);
        }
        self.asker.flush(&mut self.io);
        self.io.pop()
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.asker.next_deadline()
    }
}
