//! The control socket: REP, for whoever looks after this handler.

use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::machine::Input;
use crate::socket::io::Io;
use crate::socket::{self, Core};
use crate::zmtp::Message;

use super::config::Config;
use super::event::Event;

/// The control socket of one transceiver.
#[derive(Debug)]
pub(super) struct Control {
    core: Core,
    is_stopped: bool,
}

impl Control {
    pub(super) fn bind(endpoint: Endpoint, config: &Config, io: &mut Io) -> Self {
        let mut core = Core::new(config.for_control(), SCOPE);
        // A fresh socket uses no endpoint and is not stopping: it refuses none.
        let _ = core.bind(endpoint, io);
        Self { core, is_stopped: false }
    }

    pub(super) fn handle(&mut self, input: Input, io: &mut Io) {
        self.core.handle(input, io);
    }

    /// Answers what there is to answer; gives what the application is to know.
    pub(super) fn next_event(&mut self, io: &mut Io) -> Option<Event> {
        loop {
            let event = self.core.pop_notice(io).or_else(|| self.core.next_message(io))?;
            match event {
                socket::Event::Message { message, .. } => {
                    // A peer that has left meanwhile gets no answer.
                    let _ = self.core.send(Message::from(answer(&message)), io);
                }
                socket::Event::Listening { bound, .. } => {
                    return Some(Event::ControlListening { endpoint: bound });
                }
                socket::Event::ListenFailed { endpoint, cause } => {
                    return Some(Event::ControlFailed { endpoint, cause });
                }
                socket::Event::Stopped { .. } => self.is_stopped = true,
                socket::Event::Up { .. }
                | socket::Event::Down { .. }
                | socket::Event::ConnectFailed { .. }
                | socket::Event::Oversized { .. }
                | socket::Event::Subscribed { .. }
                | socket::Event::Cancelled { .. }
                | socket::Event::Proven { .. }
                | socket::Event::Room
                | socket::Event::Dropped { .. }
                | socket::Event::NoReply { .. } => {}
            }
        }
    }

    pub(super) fn shutdown(&mut self, io: &mut Io) {
        self.core.shutdown(io);
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        self.core.flush(io);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.core.next_deadline()
    }
}

/// The answer to a message: `PONG` to `PING` in any case; else what is wrong with it.
fn answer(message: &Message) -> Bytes {
    if message.frame_count() > 1 {
        return Bytes::from_static(b"ERROR a request has one part");
    }
    if message.first().bytes().eq_ignore_ascii_case(b"PING") {
        return Bytes::from_static(b"PONG");
    }
    Bytes::from_static(b"ERROR not understood: this socket knows PING")
}

/// The scope of the control socket's links.
pub(super) const SCOPE: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::Frame;

    #[test]
    fn every_message_has_an_answer() {
        for (message, expected) in [
            ("PING", "PONG"),
            ("ping", "PONG"),
            ("PiNg", "PONG"),
            ("PING ", "ERROR"),
            ("", "ERROR"),
        ] {
            let answer = answer(&Message::from(message));
            assert!(answer.starts_with(expected.as_bytes()), "{message:?}: {answer:?}");
        }
        let parts = vec![Frame::from("PING"), Frame::from("PING")];
        assert!(answer(&Message::from_frames(parts).unwrap()).starts_with(b"ERROR"));
    }
}
