//! One byte stream with all that belongs to it: protocol engine, queue, signs of life.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::machine::{LinkId, Output};
use crate::segments::Segments;
use crate::zmtp::{Engine, Message};

use super::event::DownReason;
use super::io::Io;
use super::liveness::Liveness;
use super::names::{Origin, Outlet};
use super::queue::Queue;
use super::subscriptions::Subscriptions;

/// How far a link has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connect is under way.
    Opening,
    /// Greeting and READY are under way.
    Handshake,
    /// Messages may go both ways.
    Ready,
    /// The stream has ended; whole messages that it brought are still to be handed out.
    Draining(DownReason),
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) origin: Origin,
    pub(super) stage: Stage,
    pub(super) engine: Engine,
    pub(super) queue: Queue,
    pub(super) liveness: Liveness,
    /// PUB: what the peer wants. Forgotten with the link.
    pub(super) subscriptions: Subscriptions,
    /// Whether it was ready once.
    pub(super) was_up: bool,
    /// Whether it waits its turn among the links that may hold a message.
    pub(super) in_inbox: bool,
    /// Whether it waits its turn to write.
    pub(super) is_dirty: bool,
    /// Whether it ends as soon as its queue is empty.
    pub(super) is_lingering: bool,
    /// When it last brought a message, or became ready.
    pub(super) busy_at: Instant,
    /// The context of a PING that is to prove who the peer is.
    pub(super) probe: Option<[u8; 8]>,
    ping: Ping,
    reading: bool,
    writing: bool,
    /// What is to be written behind it, of the octets that the engine gave up last.
    rest: Segments,
    /// Whether nothing more is to be written, and the peer is to know it.
    finish: Finish,
}

/// How far our last PING has come on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ping {
    /// The operating system has it, or there was none.
    Out,
    /// In the engine: a second one would ask the same.
    Waits,
    /// Among the octets that are being written.
    UnderWay,
}

/// Whether our half of a stream has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finish {
    No,
    /// As soon as the write under way is over.
    Wanted,
    Done,
}

impl Link {
    pub(super) fn new(
        id: LinkId,
        origin: Origin,
        stage: Stage,
        engine: Engine,
        queue: Queue,
        liveness: Liveness,
    ) -> Self {
        let busy_at = liveness.heard_at();
        Self {
            id,
            origin,
            stage,
            engine,
            queue,
            liveness,
            subscriptions: Subscriptions::default(),
            was_up: false,
            in_inbox: false,
            is_dirty: false,
            is_lingering: false,
            busy_at,
            probe: None,
            ping: Ping::Out,
            reading: false,
            writing: false,
            rest: Segments::new(),
            finish: Finish::No,
        }
    }

    pub(super) const fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready)
    }

    /// As which it takes messages of a PUSH or REQ socket.
    pub(super) const fn outlet(&self) -> Outlet {
        match self.origin {
            Origin::Connected(dial) => Outlet::Dial(dial),
            Origin::Accepted(_) => Outlet::Accepted(self.id),
        }
    }

    /// Whether the peer knows PING, which ZMTP 3.1 (RFC 37) brought. Not before it is ready.
    pub(super) fn can_be_pinged(&self) -> bool {
        self.engine.has_heartbeat()
    }

    /// Asks the peer for a sign of life. While one PING waits for a peer that does not read, no other
    /// is put behind it.
    ///
    /// While a proof is awaited every PING asks for it: a peer may answer the last of several alone, as
    /// libzmq does and we do.
    pub(super) fn ping(&mut self, ttl: Duration) {
        if self.ping != Ping::Waits {
            self.put_ping(ttl);
        }
    }

    /// Asks the peer to prove that it is there, by an answer that repeats `context`.
    pub(super) fn ask_for_proof(&mut self, ttl: Duration, context: [u8; 8]) {
        self.probe = Some(context);
        self.put_ping(ttl);
    }

    fn put_ping(&mut self, ttl: Duration) {
        let context = self.probe.as_ref().map_or(&[][..], |context| context);
        self.engine.ping(ttl, context);
        self.liveness.asks();
        self.ping = Ping::Waits;
    }

    /// Puts it into the row of those that may have something to write.
    pub(super) fn mark_dirty(&mut self, dirty: &mut VecDeque<LinkId>) {
        if !std::mem::replace(&mut self.is_dirty, true) {
            dirty.push_back(self.id);
        }
    }

    pub(super) const fn is_reading(&self) -> bool {
        self.reading
    }

    pub(super) const fn is_writing(&self) -> bool {
        self.writing
    }

    /// Whether it is open, as far as we know.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.stage, Stage::Handshake | Stage::Ready)
    }

    /// Asks for octets of an open stream, unless that is asked for already.
    pub(super) fn read(&mut self, io: &mut Io, max: usize) {
        if !std::mem::replace(&mut self.reading, true) {
            io.push(Output::Read { link: self.id, max: max.max(1) });
        }
    }

    /// Ends the read under way. Whether there was one.
    pub(super) const fn end_read(&mut self) -> bool {
        std::mem::replace(&mut self.reading, false)
    }

    /// Encodes what waits and writes it, unless a write is under way.
    pub(super) fn write(&mut self, io: &mut Io, size: usize) {
        if !self.is_open() || self.is_writing() {
            return;
        }
        if self.rest.is_empty() && !self.encode(size) {
            return;
        }
        let data = self.rest.take_piece(size.clamp(PIECE_SIZE_MIN, PIECE_SIZE_MAX));
        self.writing = true;
        io.push(Output::Write { link: self.id, data });
    }

    /// Encodes messages until there are `size` octets to write. Whether there are any.
    fn encode(&mut self, size: usize) -> bool {
        if self.finish != Finish::No {
            return false;
        }
        while self.is_ready() && self.engine.output_len() < size {
            let Some(message) = self.queue.start_one() else { break };
            self.engine.send(&message);
        }
        let Some(data) = self.engine.take_output() else { return false };
        self.rest = data;
        if self.ping == Ping::Waits {
            self.ping = Ping::UnderWay;
        }
        true
    }

    /// Ends the write under way, which the operating system has taken whole. Whether there was one.
    pub(super) fn written(&mut self, now: Instant) -> bool {
        if !std::mem::replace(&mut self.writing, false) {
            return false;
        }
        if self.ping != Ping::Out {
            self.liveness.flowed(now);
        }
        if self.ping == Ping::UnderWay && self.rest.is_empty() {
            self.ping = Ping::Out;
            self.liveness.ping_is_out();
        }
        true
    }

    /// Gives up the write under way, and what is left behind it.
    pub(super) fn stop_writing(&mut self) {
        self.writing = false;
        self.rest = Segments::new();
    }

    /// Whether the octets that the engine gave up last are not all written.
    pub(super) fn is_amid_output(&self) -> bool {
        self.is_writing() || !self.rest.is_empty()
    }

    /// Ends our half of the stream, now or behind the write under way; once.
    pub(super) fn finish(&mut self, io: &mut Io) {
        if self.is_amid_output() {
            self.finish = Finish::Wanted;
        } else {
            self.finish = Finish::Done;
            io.push(Output::Finish { link: self.id });
        }
    }

    pub(super) const fn is_finishing(&self) -> bool {
        matches!(self.finish, Finish::Wanted)
    }

    /// Ends the stream from our side. What the engine still has to say (the reason of a refusal) is
    /// tried, not awaited.
    pub(super) fn close(&mut self, io: &mut Io) {
        if self.is_open() && !self.is_amid_output() && self.finish == Finish::No {
            if let Some(data) = self.engine.take_output() {
                io.push(Output::Write { link: self.id, data });
            }
        }
        if !matches!(self.stage, Stage::Draining(_)) {
            io.push(Output::Close { link: self.id });
        }
    }

    /// Whether all that it was given is written.
    pub(super) fn is_flushed(&self) -> bool {
        self.queue.len() == 0 && self.engine.output_len() == 0 && !self.is_amid_output()
    }

    pub(super) fn has_output(&self) -> bool {
        let has_any = self.engine.output_len() > 0 || (self.is_ready() && self.queue.has_waiting());
        !self.rest.is_empty() || (has_any && self.finish == Finish::No)
    }

    /// Puts a message into the queue, where it was admitted before.
    pub(super) fn enqueue(&mut self, message: Message) {
        self.queue.push(message);
    }
}

/// The smallest piece of a message for which a write of its own is worth its while.
const PIECE_SIZE_MIN: usize = 4096;

/// The largest one, which a slow way takes in the time that a peer has for its answer.
const PIECE_SIZE_MAX: usize = 256 << 10;
