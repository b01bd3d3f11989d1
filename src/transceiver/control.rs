//! The control socket: REP, for whoever looks after this handler, and for servers that introduce
//! themselves.
//!
//! Nothing but this socket obeys orders. What it does to servers is never more than the application
//! could do, and to browsers nothing: a proof goes to connection -1.

use std::time::{Duration, Instant};

use crate::endpoint::Endpoint;
use crate::introduction::{Answer, Order};
use crate::machine::Input;
use crate::socket::io::Io;
use crate::socket::{self, Core, Heartbeat};
use crate::zmtp::{Message, SocketType};

use super::event::Event;

/// The control socket of one transceiver, or of whatever else is introduced to servers.
#[derive(Debug)]
pub(crate) struct Control {
    core: Core,
    is_stopped: bool,
}

/// What the control socket has for the transceiver.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The application is to know this.
    Event(Event),
    /// To be obeyed, and answered by [`Control::answer`] before the next is asked for.
    Order(Order),
}

impl Control {
    pub(crate) fn bind(
        endpoint: Endpoint,
        config: socket::Config,
        scope: u32,
        io: &mut Io,
    ) -> Self {
        let mut core = Core::new(config, scope);
        // A fresh socket uses no endpoint and is not stopping: it refuses none.
        let _ = core.bind(endpoint, io);
        Self { core, is_stopped: false }
    }

    pub(crate) fn handle(&mut self, input: Input, io: &mut Io) {
        self.core.handle(input, io);
    }

    /// The next thing that was heard. Nonsense is answered here.
    pub(crate) fn next(&mut self, io: &mut Io) -> Option<Heard> {
        loop {
            let event = self.core.next_event(io)?;
            match event {
                socket::Event::Message { message, .. } => match read(&message) {
                    Ok(order) => return Some(Heard::Order(order)),
                    Err(answer) => self.answer(&answer, io),
                },
                socket::Event::Listening { bound, .. } => {
                    return Some(Heard::Event(Event::ControlListening { endpoint: bound }));
                }
                socket::Event::ListenFailed { endpoint, cause } => {
                    return Some(Heard::Event(Event::ControlFailed { endpoint, cause }));
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

    /// Answers what was heard last.
    pub(crate) fn answer(&mut self, answer: &Answer, io: &mut Io) {
        // A peer that has left meanwhile gets no answer.
        let _ = self.core.send(Message::from(answer.encode()), io);
    }

    pub(crate) fn shutdown(&mut self, io: &mut Io) {
        self.core.shutdown(io);
    }

    pub(crate) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    pub(crate) fn link_count(&self) -> usize {
        self.core.link_count()
    }

    pub(crate) fn flush(&mut self, io: &mut Io) {
        self.core.flush(io);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.core.next_deadline()
    }
}

/// The bounds of a control socket, here and in a Node.
pub(crate) fn socket_config(linger: Duration, heartbeat: Option<Heartbeat>) -> socket::Config {
    let mut config = socket::Config::new(SocketType::Rep);
    config.linger = linger;
    config.heartbeat = heartbeat.or_else(|| Some(Heartbeat::default()));
    // Few, so that strangers do not use up the descriptors that links to servers need.
    config.limits.links_max = 64;
    config.limits.handshakes_max = 16;
    config.limits.message_size_max = SIZE_MAX;
    config.limits.frames_max = 64;
    config.limits.send_messages_max = 16;
    config.limits.send_bytes_max = SIZE_MAX;
    config
}

/// The order in a message, or the answer to what is none.
fn read(message: &Message) -> Result<Order, Answer> {
    if message.frame_count() > 1 {
        return Err(Answer::error("an order has one part: send it as one"));
    }
    Order::parse(message.first().bytes()).map_err(|error| {
        tracing::debug!(%error, "no order");
        Answer::error(error)
    })
}

/// The scope of the control socket's links.
pub(crate) const SCOPE: u32 = 0;

/// Octets of one message.
const SIZE_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::Frame;

    #[test]
    fn every_message_is_an_order_or_has_an_answer() {
        assert_eq!(read(&Message::from("ping")), Ok(Order::Alive));
        let is_error = |message: &Message| matches!(read(message), Err(Answer::Error(_)));
        for message in ["PING ", "", "\0", "a 1 / 2:{},0:,"] {
            assert!(is_error(&Message::from(message)), "{message:?}");
        }
        let parts = vec![Frame::from("PING"), Frame::from("PING")];
        assert!(is_error(&Message::from_frames(parts).unwrap()));
    }
}
