//! A transceiver driven octet by octet: the test plays the operating system and the server.

use bytes::Bytes;
use mongrel2_transceiver::LinkId;
use mongrel2_transceiver::transceiver::{Config, Event, Transceiver};

use crate::browser::SENDER;
use crate::pair::add_server;
use crate::support::{ByHand, base};
use crate::wire;

pub(crate) struct Hand {
    pub(crate) hand: ByHand<Transceiver>,
    pub(crate) requests: LinkId,
    pub(crate) replies: LinkId,
    /// The second number of the version that the server speaks.
    minor: u8,
}

impl Hand {
    /// The server speaks ZMTP 3.`minor`, and is up.
    pub(crate) fn up(minor: u8, config: Config) -> Self {
        let mut hand = Self::connected(minor, config);
        hand.hand.hear();
        hand.greet_replies();
        hand.greet_requests();
        hand.prove(hand.replies);
        let events = hand.hand.events();
        let is_up = matches!(&events[..], [Event::ServerAdded { .. }, Event::ServerUp { .. }]);
        assert!(is_up, "{events:?}");
        hand
    }

    /// Connected to a server of this version, which has said nothing yet; no event is polled.
    pub(crate) fn connected(minor: u8, config: Config) -> Self {
        let mut hand = ByHand::new(Transceiver::new(base(), config));
        hand.is_deaf = true;
        hand.submit(add_server(SENDER, 9999)).unwrap();
        let (requests, replies) = (hand.connect(), hand.connect());
        Self { hand, requests, replies, minor }
    }

    pub(crate) fn greet_requests(&mut self) {
        let greeting = [wire::greeting_of(3, self.minor), wire::ready("PUSH")].concat();
        self.hand.says(self.requests, &greeting);
    }

    /// Greets, and subscribes to everything.
    pub(crate) fn greet_replies(&mut self) {
        let subscribe = if self.minor == 0 {
            wire::message(&[b"\x01"])
        } else {
            wire::command("SUBSCRIBE", b"")
        };
        let greeting = [wire::greeting_of(3, self.minor), wire::ready("SUB"), subscribe].concat();
        self.hand.says(self.replies, &greeting);
    }

    /// Answers the PING that asks a link for a proof, where there is one.
    pub(crate) fn prove(&mut self, link: LinkId) {
        if let Some(context) = self.probe(link) {
            self.hand.says(link, &wire::command("PONG", &context));
        }
    }

    /// The context of the last PING that asks for a proof.
    pub(crate) fn probe(&mut self, link: LinkId) -> Option<Vec<u8>> {
        let wrote = self.hand.wrote(link);
        let start = b"\x04\x0f\x04PING";
        let at = wrote.windows(start.len()).rposition(|octets| octets == start)?;
        let ttl = 2;
        Some(wrote[at + start.len() + ttl..][..8].to_vec())
    }

    /// A message of the server.
    pub(crate) fn deliver(&mut self, raw: &Bytes) {
        self.hand.says(self.requests, &wire::message(&[raw]));
    }
}
