//! The far end of one stream: an engine of our own, in a mood.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::Segments;
use mongrel2_transceiver::zmtp::{
    Engine, Frame, Limits, Message, Properties, Received, SocketType,
};

use crate::choices::Choices;

#[derive(Debug)]
pub(super) struct Peer {
    engine: Engine,
    /// What it has said and nobody has read yet.
    wire: BytesMut,
    mood: Mood,
    has_failed: bool,
}

/// How it was drawn to be.
#[derive(Clone, Copy, Debug)]
struct Mood {
    /// Its type goes with nobody's.
    is_wrong: bool,
    /// It speaks ZMTP 3.0.
    is_old: bool,
    /// It answers no pings.
    is_mute: bool,
    /// A SUB peer that does not subscribe to everything at once.
    is_deaf: bool,
}

impl Peer {
    /// A peer of this type, in a mood; a zero has good manners.
    pub(super) fn new(socket_type: SocketType, properties: Properties, mood: u8) -> Self {
        let is = |bit: u8| mood >> bit & 1 == 1;
        let mood = Mood { is_wrong: mood > 0xF7, is_old: is(0), is_mute: is(1), is_deaf: is(2) };
        let socket_type = match (mood.is_wrong, socket_type) {
            (false, right) => right,
            (true, SocketType::Push) => SocketType::Sub,
            (true, _) => SocketType::Push,
        };
        let mut peer = Self {
            engine: Engine::new(socket_type, Limits::default()).with_properties(properties),
            wire: BytesMut::new(),
            mood,
            has_failed: false,
        };
        peer.speak();
        if peer.mood.is_old {
            peer.wire[MINOR] = 0;
        }
        peer
    }

    pub(super) const fn socket_type(&self) -> SocketType {
        self.engine.socket_type()
    }

    /// Takes what a machine has written; gives what it means.
    pub(super) fn hear(&mut self, data: Segments) -> Vec<Received> {
        self.engine.receive(data.into_bytes());
        let mut heard = Vec::new();
        while !self.has_failed {
            match self.engine.next() {
                Ok(Some(received)) => {
                    self.react(&received);
                    heard.push(received);
                }
                Ok(None) => break,
                Err(error) => {
                    assert!(self.mood.is_wrong, "a machine wrote what is not in order: {error}");
                    self.has_failed = true;
                }
            }
        }
        self.speak();
        heard
    }

    fn react(&mut self, received: &Received) {
        match received {
            Received::Ready(_) if self.socket_type() == SocketType::Sub && !self.mood.is_deaf => {
                self.engine.subscribe(b"");
            }
            Received::Ping { context, .. } if !self.mood.is_mute => self.engine.pong(context),
            _ => {}
        }
    }

    /// Says something that is in order.
    pub(super) fn say(
        &mut self,
        choices: &mut Choices<'_>,
        message: impl FnOnce(&mut Choices<'_>) -> Message,
    ) {
        if self.has_failed || !self.engine.is_ready() {
            return;
        }
        let is_subscriber = self.socket_type() == SocketType::Sub;
        match choices.below(8) {
            0 => self.engine.ping(Duration::from_millis(choices.number() % 70_000), choices.few()),
            1 => self.engine.pong(choices.few()),
            2 | 3 if is_subscriber => self.engine.subscribe(choices.few()),
            4 | 5 if is_subscriber => self.engine.cancel(choices.few()),
            _ => self.engine.send(&message(choices)),
        }
        self.speak();
    }

    /// Says any octets.
    pub(super) fn babble(&mut self, octets: &[u8]) {
        self.wire.extend_from_slice(octets);
    }

    fn speak(&mut self) {
        if let Some(octets) = self.engine.take_output() {
            self.wire.extend_from_slice(&octets.into_bytes());
        }
    }

    /// What it has said, as far as one read takes it.
    pub(super) fn read(&mut self, max: usize) -> Option<Bytes> {
        let size = max.min(self.wire.len());
        (size > 0).then(|| self.wire.split_to(size).freeze())
    }
}

/// A message of a few frames, the first perhaps an empty one as REQ and REP have it.
pub(super) fn message(choices: &mut Choices<'_>) -> Message {
    let mut frames = Vec::new();
    if choices.flag() {
        frames.push(Frame::default());
    }
    for _ in 0..=choices.below(3) {
        frames.push(Frame::with_head(Bytes::copy_from_slice(choices.few()), choices.some(2500)));
    }
    Message::from_frames(frames).expect("at least one frame")
}

/// Where a greeting has its minor version.
const MINOR: usize = 11;
