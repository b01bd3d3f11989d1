//! One end of one link: greeting, handshake, traffic.

use std::time::Duration;

use bytes::{BufMut, Bytes};

use super::buffer::Buffer;
use super::command::{self, Command};
use super::decoder::{Decoded, Decoder};
use super::greeting::{GREETING, Greeting};
use super::output::Output;
use super::{Error, Limits, Message, Metadata, SocketType, Version};
use crate::segments::Segments;

/// One end of one ZMTP link. Made by whoever owns the byte stream, one for each stream, whether it
/// was opened by us or by the peer: ZMTP with NULL is the same on both sides.
///
/// # What the owner does
/// 1. Writes [`take_output`](Self::take_output) whenever there is some: the greeting at once.
/// 2. Hands what it read to [`receive`](Self::receive), then calls [`next`](Self::next) until it gives
///    `None`, at any pace; what is not asked for waits inside, so it should stop reading meanwhile.
/// 3. Answers [`Received::Ping`] with [`pong`](Self::pong), and sends once
///    [`is_ready`](Self::is_ready).
/// 4. After an error writes what output there is (it may hold an ERROR for the peer), and closes.
#[derive(Debug)]
pub struct Engine {
    socket_type: SocketType,
    /// What our READY says besides.
    properties: Properties,
    stage: Stage,
    /// Set once, by the first error.
    failure: Option<Error>,
    input: Buffer,
    decoder: Decoder,
    output: Output,
}

/// What an [`Engine`] has received.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// The handshake is done: from now on messages may be sent. Comes once, before all others.
    Ready(Metadata),
    /// A whole message.
    Message(Message),
    /// A message above the limits was discarded ([`Oversize::Skip`](super::Oversize::Skip)).
    Oversized {
        /// The octets its frames announced, together.
        size: u64,
        /// The first octets of its first frame, 512 at most.
        head: Bytes,
    },
    /// The peer wants messages that begin with these octets. Given to PUB sockets, whichever dialect
    /// the peer speaks: the command of ZMTP 3.1 or the message of 3.0.
    Subscribe(Bytes),
    /// The peer takes back one subscription. Given to PUB sockets.
    Cancel(Bytes),
    /// The peer asks whether we live; to be answered with [`Engine::pong`].
    Ping {
        /// How long the peer may be silent before it is to be taken for dead; zero for no such time.
        ttl: Duration,
        /// What the answer must repeat, 16 octets at most.
        context: Bytes,
    },
    /// The peer's answer to [`Engine::ping`].
    Pong {
        /// The context of that ping.
        context: Bytes,
    },
}

#[derive(Debug)]
enum Stage {
    Greeting(Greeting),
    Handshake(Version),
    Ready(Metadata),
}

impl Engine {
    /// An engine with its greeting in the output.
    #[must_use]
    pub fn new(socket_type: SocketType, limits: Limits) -> Self {
        let mut output = Output::default();
        output.handshake().put_slice(&GREETING);
        Self {
            socket_type,
            properties: &[],
            stage: Stage::Greeting(Greeting::default()),
            failure: None,
            input: Buffer::default(),
            decoder: Decoder::new(limits),
            output,
        }
    }

    /// The same with further properties in its READY (RFC 37): names of applications start with `X-`.
    #[must_use]
    pub const fn with_properties(mut self, properties: Properties) -> Self {
        self.properties = properties;
        self
    }

    /// Takes octets that were read, in the order of the stream. After an error they are dropped.
    ///
    /// Small frames share the chunk they came in, so large chunks (a whole read) are cheaper than many
    /// small ones; chunks wait as they are until [`next`](Self::next) looks at them.
    pub fn receive(&mut self, data: Bytes) {
        if self.failure.is_none() {
            self.input.push(data);
        }
    }

    /// The next thing the peer said; `None` where more octets are needed.
    ///
    /// The work of all calls together is bounded by the octets received.
    ///
    /// # Errors
    /// The first rule that the peer broke. Final: every later call gives the same error.
    #[expect(clippy::should_implement_trait, reason = "an iterator would end at the first `None`")]
    pub fn next(&mut self) -> Result<Option<Received>, Error> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        let result = self.advance();
        if let Err(error) = &result {
            self.failure = Some(error.clone());
            self.input.clear();
        }
        result
    }

    /// Encodes a message into the output.
    ///
    /// # Panics
    /// In debug builds, before [`is_ready`](Self::is_ready).
    pub fn send(&mut self, message: &Message) {
        debug_assert!(self.is_ready(), "messages are sent after the handshake");
        self.output.put_message(message);
    }

    /// Asks a publisher for messages that begin with `prefix`: by command from ZMTP 3.1 on, by message
    /// to a 3.0 peer.
    ///
    /// # Panics
    /// In debug builds, before [`is_ready`](Self::is_ready).
    pub fn subscribe(&mut self, prefix: &[u8]) {
        if self.peer_knows_commands() {
            command::encode_subscribe(self.output.traffic(), prefix);
        } else {
            self.send(&subscription_message(SUBSCRIBE_OCTET, prefix));
        }
    }

    /// Takes back one subscription, in the same dialect.
    ///
    /// # Panics
    /// In debug builds, before [`is_ready`](Self::is_ready).
    pub fn cancel(&mut self, prefix: &[u8]) {
        if self.peer_knows_commands() {
            command::encode_cancel(self.output.traffic(), prefix);
        } else {
            self.send(&subscription_message(CANCEL_OCTET, prefix));
        }
    }

    /// Asks whether the peer lives. `ttl`, rounded up to tenths of a second and at most 65.5 s, tells
    /// it after which silence of ours to give up; `context`, cut to 16 octets, comes back in its PONG.
    /// A ZMTP 3.0 peer ignores it: see [`has_heartbeat`](Self::has_heartbeat).
    ///
    /// # Panics
    /// In debug builds, before [`is_ready`](Self::is_ready).
    pub fn ping(&mut self, ttl: Duration, context: &[u8]) {
        debug_assert!(self.is_ready(), "pings are sent after the handshake");
        command::encode_ping(self.output.traffic(), ttl, context);
    }

    /// Answers a ping. At most one PONG waits in the output: a newer one takes its place.
    ///
    /// # Panics
    /// In debug builds, before [`is_ready`](Self::is_ready).
    pub fn pong(&mut self, context: &[u8]) {
        debug_assert!(self.is_ready(), "pings are answered after the handshake");
        self.output.set_pong(command::encode_pong(context));
    }

    /// Everything encoded so far, to be written whole before what is taken later; `None` where there
    /// is nothing. A waiting PONG goes first.
    pub fn take_output(&mut self) -> Option<Segments> {
        self.output.take()
    }

    /// Octets that [`take_output`](Self::take_output) would give.
    #[must_use]
    pub fn output_len(&self) -> usize {
        self.output.len()
    }

    /// Octets received that [`next`](Self::next) has not looked at; 0 whenever it has given `None`.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.input.len()
    }

    /// Octets kept of a frame or message that is not complete. They are dropped with the engine.
    #[must_use]
    pub fn held(&self) -> usize {
        self.decoder.held()
    }

    /// Whether the handshake is done: [`Received::Ready`] was given.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    /// What the peer said of itself, once the handshake is done.
    #[must_use]
    pub const fn peer(&self) -> Option<&Metadata> {
        match &self.stage {
            Stage::Ready(metadata) => Some(metadata),
            Stage::Greeting(_) | Stage::Handshake(_) => None,
        }
    }

    /// Our socket type.
    #[must_use]
    pub const fn socket_type(&self) -> SocketType {
        self.socket_type
    }

    /// Whether the peer answers pings: from ZMTP 3.1 on, and not before the handshake is done.
    #[must_use]
    pub fn has_heartbeat(&self) -> bool {
        self.peer().is_some_and(|peer| peer.version() >= Version::V3_1)
    }

    fn advance(&mut self) -> Result<Option<Received>, Error> {
        if let Stage::Greeting(greeting) = &mut self.stage {
            let Some(version) = greeting.take(&mut self.input)? else {
                return Ok(None);
            };
            // Without waiting for the peer's READY: libzmq and 3.0 peers do not wait for ours.
            command::encode_ready(self.output.handshake(), self.socket_type, self.properties);
            self.stage = Stage::Handshake(version);
        }
        while let Some(decoded) = self.decoder.next(&mut self.input)? {
            let received = if let Stage::Handshake(version) = self.stage {
                Some(self.finish_handshake(version, decoded)?)
            } else {
                self.interpret(decoded)?
            };
            if received.is_some() {
                return Ok(received);
            }
        }
        Ok(None)
    }

    fn finish_handshake(&mut self, version: Version, decoded: Decoded) -> Result<Received, Error> {
        let Decoded::Command(body) = decoded else {
            return Err(Error::MessageBeforeReady);
        };
        let properties = match Command::parse(body)? {
            Command::Ready { properties } => properties,
            Command::Error { data } => {
                return Err(Error::PeerError { reason: command::parse_reason(&data)? });
            }
            Command::Subscribe { .. }
            | Command::Cancel { .. }
            | Command::Ping { .. }
            | Command::Pong { .. }
            | Command::Unknown => return Err(Error::CommandBeforeReady),
        };
        let metadata = Metadata::parse(version, &properties)?;
        self.check_socket_type(&metadata)?;
        self.stage = Stage::Ready(metadata.clone());
        self.decoder.allow_messages();
        Ok(Received::Ready(metadata))
    }

    /// A peer that does not name its type is accepted, as libzmq does.
    fn check_socket_type(&mut self, metadata: &Metadata) -> Result<(), Error> {
        let Some(theirs) = metadata.socket_type() else {
            return Ok(());
        };
        if self.socket_type.accepts(theirs) {
            return Ok(());
        }
        command::encode_error(self.output.handshake(), SOCKET_TYPE_REFUSED);
        Err(Error::SocketType { ours: self.socket_type, theirs: Bytes::copy_from_slice(theirs) })
    }

    /// What came after the handshake. Commands that mean nothing here are passed over: a second READY,
    /// an ERROR, subscriptions to a socket that does not publish, names we do not know.
    fn interpret(&self, decoded: Decoded) -> Result<Option<Received>, Error> {
        let publishes = self.socket_type == SocketType::Pub;
        let body = match decoded {
            Decoded::Message(message) if publishes => return Ok(Some(subscription(message))),
            Decoded::Message(message) => return Ok(Some(Received::Message(message))),
            Decoded::Oversized { size, head } => {
                return Ok(Some(Received::Oversized { size, head }));
            }
            Decoded::Command(body) => body,
        };
        Ok(match Command::parse(body)? {
            Command::Subscribe { prefix } if publishes => Some(Received::Subscribe(prefix)),
            Command::Cancel { prefix } if publishes => Some(Received::Cancel(prefix)),
            Command::Ping { ttl, context } => Some(Received::Ping { ttl, context }),
            Command::Pong { context } => Some(Received::Pong { context }),
            Command::Subscribe { .. }
            | Command::Cancel { .. }
            | Command::Ready { .. }
            | Command::Error { .. }
            | Command::Unknown => None,
        })
    }

    fn peer_knows_commands(&self) -> bool {
        debug_assert!(self.is_ready(), "the dialect of the peer is known after the handshake");
        self.has_heartbeat()
    }
}

/// Names and values of properties: short ones, fixed when the program is written.
pub type Properties = &'static [(&'static str, &'static str)];

/// The subscription in a message to a publisher (ZMTP 3.0, RFC 23): one frame of 01 or 00 and the
/// prefix. Any other message stays one.
fn subscription(message: Message) -> Received {
    let body = message.first().body();
    match body.first() {
        Some(&SUBSCRIBE_OCTET) if message.frame_count() == 1 => {
            Received::Subscribe(body.slice(1..))
        }
        Some(&CANCEL_OCTET) if message.frame_count() == 1 => Received::Cancel(body.slice(1..)),
        _ => Received::Message(message),
    }
}

fn subscription_message(octet: u8, prefix: &[u8]) -> Message {
    Message::from([&[octet], prefix].concat())
}

const SUBSCRIBE_OCTET: u8 = 1;
const CANCEL_OCTET: u8 = 0;

/// Sent in ERROR; one word, since reasons are visible octets (RFC 37: `error-reason`).
const SOCKET_TYPE_REFUSED: &str = "Invalid-Socket-Type";
