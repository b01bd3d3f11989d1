//! A stand-in server with its handlers and its clients.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Ask, Protocol};
use mongrel2_transceiver::introduction::{Order, Proof};
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::server::{
    ClientId, Command, Config, Event, Handler, Notices, Refused, Server,
};
use mongrel2_transceiver::websocket::{Close, Message as Said};
use mongrel2_transceiver::zmtp::{Frame, Message, Received, SocketType};
use mongrel2_transceiver::{Endpoint, LinkId};

use super::drive::{Driver, Scene};
use super::peer::message;
use crate::base;
use crate::choices::Choices;

/// Any sequence of inputs and commands for a stand-in server.
pub fn server_inputs(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let is_honest = choices.octet() < 0xC0;
    let config = config(&mut choices);
    let scene = Street::new(config.sender.clone());
    Driver::new(Server::new(base(), config), scene, is_honest).play(choices);
}

fn config(choices: &mut Choices<'_>) -> Config {
    let mut config = Config::from_seed(choices.octet().into());
    config.handlers = (0..choices.below(3)).map(|number| Handler::new(control(number))).collect();
    config.patience = choices.pick(&[Duration::from_secs(1), Duration::ZERO]);
    config.notices = choices.pick(&[Notices::WithClients, Notices::Always, Notices::Never]);
    if choices.below(8) == 7 {
        config.send_spec = "tcp://*:9999".parse().expect("an endpoint");
    }
    let limits = &mut config.limits;
    limits.clients_max = choices.pick(&[10, 1]);
    limits.handlers_max = choices.pick(&[3, 1]);
    limits.waiting_max = choices.pick(&[100, 1]);
    limits.waiting_bytes_max = choices.pick(&[10_000, 1]);
    limits.events_max = choices.pick(&[100, 3, 1]);
    limits.client.received_max = choices.pick(&[100, 1]);
    config
}

/// What the outside knows of a server.
#[derive(Debug)]
struct Street {
    sender: Sender,
    /// What the handlers were asked to publish last.
    text: Bytes,
    /// How often each client was opened, and neither became ready nor failed. It may have been forgotten.
    opening: BTreeMap<u64, usize>,
    /// How many receives of each client have not ended.
    receiving: BTreeMap<u64, usize>,
    /// The command that was submitted last.
    asked: Option<Command>,
    is_stopped: bool,
}

impl Street {
    const fn new(sender: Sender) -> Self {
        Self {
            sender,
            text: Bytes::new(),
            opening: BTreeMap::new(),
            receiving: BTreeMap::new(),
            asked: None,
            is_stopped: false,
        }
    }
}

impl Scene for Street {
    type Machine = Server;

    fn peer_type(&self, endpoint: Option<&Endpoint>, link: LinkId) -> SocketType {
        match (endpoint, link.scope()) {
            (Some(_), _) => SocketType::Rep,
            (None, REQUESTS) => SocketType::Pull,
            (None, _) => SocketType::Pub,
        }
    }

    fn message(&mut self, _: LinkId, choices: &mut Choices<'_>) -> Message {
        let raw = match choices.below(8) {
            0 | 1 => return answer(choices.pick(&["RECEIVED", "RECEIVED", "PONG", "ERROR x", ""])),
            2 | 3 => Proof { sender: self.sender.clone(), text: self.text.clone() }.encode(),
            4 => return message(choices),
            5 => {
                let text = Bytes::copy_from_slice(choices.few());
                Proof { sender: self.sender.clone(), text }.encode()
            }
            _ => {
                let id = choices.below(5).to_string();
                let mut raw = format!("{} {}:{id}, ", self.sender, id.len()).into_bytes();
                raw.extend_from_slice(&choices.some(500));
                raw.into()
            }
        };
        Message::from(raw)
    }

    fn heard(&mut self, endpoint: Option<&Endpoint>, _: LinkId, received: &Received) {
        let (Some(_), Received::Message(message)) = (endpoint, received) else { return };
        let order = message.frames().nth(1).expect("behind an empty frame").bytes();
        match Order::parse(order).expect("an order") {
            Order::Ping { text, sender } | Order::DisconnectPing { text, sender } => {
                assert_eq!(sender, self.sender);
                self.text = text;
            }
            _ => {}
        }
    }

    fn command(&mut self, choices: &mut Choices<'_>) -> Command {
        let id = choices.below(4) as u64;
        let client = ClientId(id);
        let command = match choices.octet() & 0xF {
            0 => Command::Connect { handler: Handler::new(control(choices.below(3))) },
            1 => Command::Disconnect { control: control(choices.below(3)) },
            2 => Command::Deliver(choices.some(500)),
            3 if choices.below(8) == 7 => Command::Shutdown,
            4 => Command::Forget { client },
            5 => Command::Cancel { client },
            6..=8 => {
                let protocols = [Protocol::Http, Protocol::WebSocket, Protocol::Mongrel2];
                Command::Open { client, protocol: choices.pick(&protocols) }
            }
            9 | 10 => {
                let within = Duration::from_millis(choices.number() % 2000);
                Command::Receive { client, within }
            }
            _ => Command::Act { client, action: action(choices) },
        };
        self.asked = Some(command.clone());
        command
    }

    fn answered(&mut self, result: Result<(), Refused>) {
        if let Err(refused) = result {
            assert!(!refused.to_string().is_empty());
            return;
        }
        match self.asked.take() {
            Some(Command::Open { client, .. }) => {
                *self.opening.entry(client.0).or_default() += 1;
            }
            Some(Command::Receive { client, .. }) => {
                *self.receiving.entry(client.0).or_default() += 1;
            }
            _ => {}
        }
    }

    fn shutdown(&self) -> Command {
        Command::Shutdown
    }

    fn told(&mut self, event: &Event) {
        assert!(!self.is_stopped, "nothing happens after the end: {event:?}");
        match event {
            Event::Ready { client, .. } | Event::NotReady { client, .. } => {
                let left = self.opening.entry(client.0).or_default();
                *left = left.checked_sub(1).expect("it was asked for");
            }
            Event::Received { client, .. } => {
                let left = self.receiving.entry(client.0).or_default();
                *left = left.checked_sub(1).expect("it was asked for");
            }
            Event::Stopped => self.is_stopped = true,
            _ => {}
        }
    }

    fn check(&self, _: &Server) {}

    fn is_stopped(&self) -> bool {
        self.is_stopped
    }
}

fn action(choices: &mut Choices<'_>) -> Action {
    match choices.below(8) {
        0 | 1 => Action::Request(Ask::get("/")),
        2 => Action::Handshake(Ask::get("/")),
        3 => Action::Send(Said::Binary(choices.some(300))),
        4 => Action::Close(Close::default()),
        5 => Action::Vanish,
        6 => Action::Garbage(choices.some(300)),
        _ => Action::AnswerPings(choices.flag()),
    }
}

/// An answer of a REP peer, behind its empty frame.
fn answer(text: &'static str) -> Message {
    Message::from_frames(vec![Frame::default(), Frame::from(text)]).expect("two frames")
}

fn control(number: usize) -> Endpoint {
    format!("tcp://127.0.0.1:{}", 3000 + number).parse().expect("an endpoint")
}

/// The scope of a server's links for requests.
const REQUESTS: u32 = 1;
