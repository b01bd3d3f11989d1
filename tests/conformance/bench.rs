//! A socket driven by hand, and peers that speak ZMTP in octets.

use mongrel2_transceiver::LinkId;
use mongrel2_transceiver::socket::{Command, Config, DownReason, Event, Refused, Socket};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::support::{ByHand, base};
use crate::wire;

/// Which side of a stream our socket is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Bind,
    Connect,
}

pub(crate) const SIDES: [Side; 2] = [Side::Bind, Side::Connect];

/// Our socket, with raw peers.
pub(crate) struct Bench {
    pub(crate) hand: ByHand<Socket>,
    socket_type: SocketType,
    is_bound: bool,
    next_port: u16,
}

impl Bench {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        Self::with(Config::new(socket_type))
    }

    pub(crate) fn with(config: Config) -> Self {
        let socket_type = config.socket_type;
        let hand = ByHand::new(Socket::new(base(), config));
        Self { hand, socket_type, is_bound: false, next_port: 1 }
    }

    /// Opens a stream to a peer that has said nothing yet.
    pub(crate) fn stream(&mut self, side: Side) -> LinkId {
        match side {
            Side::Bind => {
                if !std::mem::replace(&mut self.is_bound, true) {
                    self.bind();
                }
                self.hand.accept()
            }
            Side::Connect => {
                let command = Command::Connect(endpoint(self.next_port));
                self.next_port += 1;
                self.hand.submit(command).expect("a new endpoint");
                self.hand.connect()
            }
        }
    }

    pub(crate) fn bind(&mut self) {
        self.is_bound = true;
        self.hand.submit(Command::Bind("tcp://*:*".parse().expect("well-formed"))).expect("bound");
        self.hand.listening(7000);
        self.hand.events();
    }

    /// The peer's half of the handshake; forgets what was written and told so far.
    pub(crate) fn shake(&mut self, link: LinkId, minor: u8) {
        let ready = wire::ready(wire::peer_of(self.socket_type).as_str());
        self.hand.says(link, &[wire::greeting_of(3, minor), ready].concat());
        assert!(!self.hand.is_closed(link), "the handshake is taken");
        self.hand.wrote(link);
        self.hand.events();
    }

    /// A peer that is ready, of ZMTP 3.1.
    pub(crate) fn peer(&mut self, side: Side) -> LinkId {
        let link = self.stream(side);
        self.shake(link, 1);
        link
    }

    pub(crate) fn send(&mut self, frames: &[&str]) -> Result<(), Refused> {
        self.hand.submit(Command::Send(message(frames)))
    }

    /// Sends until it is refused: how many messages were taken, and why no more.
    pub(crate) fn fill(&mut self, message: &Message) -> (usize, Refused) {
        for taken in 0..1_000_000 {
            if let Err(refused) = self.hand.submit(Command::Send(message.clone())) {
                return (taken, refused);
            }
        }
        unreachable!("it takes messages without end");
    }

    /// The messages since the last look, each with its link; other events are lost.
    pub(crate) fn messages(&mut self) -> Vec<(LinkId, Message)> {
        let message = |event| {
            if let Event::Message { link, message } = event { Some((link, message)) } else { None }
        };
        self.hand.events().into_iter().filter_map(message).collect()
    }

    /// The same without the links, as texts; frames are separated by a bar.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        self.messages().iter().map(|(_, message)| text(message)).collect()
    }

    /// Why links ended, since the last look; other events are lost.
    pub(crate) fn downs(&mut self) -> Vec<(DownReason, usize)> {
        let down = |event| {
            if let Event::Down { reason, lost, .. } = event { Some((reason, lost)) } else { None }
        };
        self.hand.events().into_iter().filter_map(down).collect()
    }
}

pub(crate) fn endpoint(port: u16) -> mongrel2_transceiver::Endpoint {
    format!("tcp://peer:{port}").parse().expect("well-formed")
}

pub(crate) fn message(frames: &[&str]) -> Message {
    let frames = frames.iter().map(|frame| frame.as_bytes().to_vec().into()).collect();
    Message::from_frames(frames).expect("there are frames")
}

pub(crate) fn text(message: &Message) -> String {
    let frame = |octets| String::from_utf8(octets).expect("texts were sent");
    let frames = message.frames().map(|one| frame(one.bytes().to_vec()));
    frames.collect::<Vec<_>>().join("|")
}

/// A message of one frame, as it is on the wire.
pub(crate) fn one(text: &str) -> Vec<u8> {
    wire::message(&[text.as_bytes()])
}
