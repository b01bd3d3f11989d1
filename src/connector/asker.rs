//! One REQ socket to one control socket, as a part of a machine: orders in, answers out.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::introduction::{Answer, ORDER_LENGTH_MAX, Order};
use crate::machine::Input;
use crate::socket::io::Io;
use crate::socket::{self, Core, DownReason, Event, Reconnect};
use crate::zmtp::{Frame, Message, SocketType};

use super::event::{Failure, Refused};

/// Sends orders to a control socket, one at a time. It connects when it is first asked, again and
/// again until the patience for the order is at its end.
#[derive(Debug)]
pub(crate) struct Asker {
    control: Endpoint,
    core: Core,
    is_connected: bool,
    /// Whether an order has no answer yet.
    is_asked: bool,
    /// Whether the link is up.
    is_up: bool,
    /// Why the last attempt to connect failed, or the last link ended.
    last: Option<DownReason>,
}

impl Asker {
    pub(crate) fn new(control: Endpoint, patience: Duration, scope: u32) -> Self {
        let mut config = socket::Config::new(SocketType::Req);
        config.reconnect = RECONNECT;
        config.handshake_timeout = patience;
        config.request_timeout = Some(patience);
        config.linger = Duration::ZERO;
        config.limits.message_size_max = MESSAGE_SIZE_MAX;
        config.limits.frames_max = FRAMES_MAX;
        let core = Core::new(config, scope);
        Self { control, core, is_connected: false, is_asked: false, is_up: false, last: None }
    }

    /// Sends an order. Its answer, or why there is none, comes from [`poll`](Self::poll).
    pub(crate) fn ask(&mut self, order: &Order, io: &mut Io) -> Result<(), Refused> {
        if self.is_asked {
            return Err(Refused::Busy);
        }
        let order = order.encode();
        if order.len() > ORDER_LENGTH_MAX {
            return Err(Refused::TooLarge);
        }
        if !self.is_connected {
            self.core.connect(self.control.clone(), io).map_err(refused)?;
            (self.is_connected, self.last) = (true, None);
        }
        self.core.send(Message::from(order), io).map_err(refused)?;
        self.is_asked = true;
        Ok(())
    }

    pub(crate) const fn is_asked(&self) -> bool {
        self.is_asked
    }

    /// Why the handler cannot be reached, as far as is known: the order under way has not left.
    pub(crate) fn trouble(&self) -> Option<&DownReason> {
        self.last.as_ref().filter(|_| !self.is_up)
    }

    /// What is to be said of an order that is given up now.
    pub(crate) fn overdue(&self) -> Failure {
        if self.is_up {
            return Failure::TimedOut;
        }
        Failure::Unreachable(self.last.clone().unwrap_or(DownReason::HandshakeTimeout))
    }

    /// Takes an input whose scope is that of this socket, or only the time.
    pub(crate) fn handle(&mut self, input: Input, io: &mut Io) {
        self.core.handle(input, io);
    }

    /// The answer to the order under way, or why there will be none; once.
    pub(crate) fn poll(&mut self, io: &mut Io) -> Option<Result<Answer, Failure>> {
        let result = self.next_result(io)?;
        // Notices about an order that is over say nothing about the next.
        self.is_asked = false;
        if result.is_err() {
            self.disconnect(io);
        }
        Some(result)
    }

    /// Ends everything at once.
    pub(crate) fn end(&mut self, io: &mut Io) {
        self.core.shutdown(io);
    }

    pub(crate) fn flush(&mut self, io: &mut Io) {
        self.core.flush(io);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.core.next_deadline()
    }

    fn next_result(&mut self, io: &mut Io) -> Option<Result<Answer, Failure>> {
        let mut is_lost = false;
        while let Some(event) = self.core.next_event(io) {
            match event {
                Event::Up { .. } => self.is_up = true,
                Event::Down { reason, .. } => {
                    (self.is_up, self.last) = (false, Some(reason.clone()));
                    if is_lost {
                        return Some(Err(Failure::Lost(reason)));
                    }
                }
                Event::ConnectFailed { reason, .. } => {
                    self.last = Some(reason.clone());
                    // Somebody is there, and it is no control socket.
                    if self.is_asked && matches!(reason, DownReason::Protocol(_)) {
                        return Some(Err(Failure::Unreachable(reason)));
                    }
                }
                Event::NoReply { timed_out: true } if self.is_asked => {
                    return Some(Err(self.overdue()));
                }
                // Why is told next.
                Event::NoReply { .. } => is_lost = self.is_asked,
                Event::Message { message, .. } if self.is_asked => {
                    return Some(Ok(Answer::parse(octets(&message))));
                }
                Event::Message { .. }
                | Event::Listening { .. }
                | Event::ListenFailed { .. }
                | Event::Oversized { .. }
                | Event::Subscribed { .. }
                | Event::Cancelled { .. }
                | Event::Proven { .. }
                | Event::Dropped { .. }
                | Event::Room
                | Event::Stopped { .. } => {}
            }
        }
        is_lost.then_some(Err(Failure::Lost(DownReason::Closed)))
    }

    /// Starts over with the next order: nothing of the last may be taken for its answer.
    fn disconnect(&mut self, io: &mut Io) {
        // It is connected, or was never asked.
        let _ = self.core.disconnect(&self.control, io);
        while self.core.next_event(io).is_some() {}
        (self.is_connected, self.is_up) = (false, false);
    }
}

/// All octets of a message; no answer has more than one frame.
fn octets(message: &Message) -> Bytes {
    let mut frames = message.frames().map(Frame::bytes);
    match (frames.next(), frames.next()) {
        (Some(only), None) => only,
        _ => message.frames().map(Frame::bytes).collect::<Vec<_>>().concat().into(),
    }
}

fn refused(refused: socket::Refused) -> Refused {
    match refused {
        socket::Refused::Wildcard => Refused::Wildcard,
        socket::Refused::TooLarge => Refused::TooLarge,
        socket::Refused::ShuttingDown => Refused::ShuttingDown,
        socket::Refused::Busy
        | socket::Refused::Full
        | socket::Refused::NoPeer
        | socket::Refused::Direction
        | socket::Refused::EndpointInUse
        | socket::Refused::UnknownEndpoint
        | socket::Refused::NoRequest
        | socket::Refused::TooManySubscriptions => Refused::Busy,
    }
}

/// A handler that starts at the same time as the server is found soon after it is there.
const RECONNECT: Reconnect =
    Reconnect { delay_min: Duration::from_millis(10), delay_max: Duration::from_millis(200) };

/// Of an order and of an answer; the envelope of REQ and REP is in it.
const MESSAGE_SIZE_MAX: usize = 64 << 10;
const FRAMES_MAX: usize = 16;
