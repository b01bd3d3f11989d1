//! Somebody at the control socket: asks for signs of life, talks nonsense, and introduces a server that
//! never comes, again and again. Has dice of its own, so that a seed means the same to all others.

use bytes::Bytes;
use mongrel2_transceiver::introduction::{Answer, Order};
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::socket::{Command, Config, Event, Socket};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use super::log::{Log, elapsed};
use super::support::{Dice, NodeId, World};

pub(crate) struct Visitor {
    node: NodeId<Socket>,
    dice: Dice,
    /// What was asked and has no answer yet.
    asked: Option<Asked>,
    pub(crate) answers: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Alive,
    Nonsense,
    /// The answer depends on what became of the orders before, of which some answers were lost.
    Guest,
}

impl Visitor {
    pub(crate) fn new(world: &mut World, seed: u64) -> Self {
        let mut config = Config::new(SocketType::Req);
        config.seed = seed;
        let node = world.add(Socket::new(world.now(), config));
        world.submit(node, Command::Connect(CONTROL.parse().unwrap())).unwrap();
        Self { node, dice: Dice::new(!seed), asked: None, answers: 0 }
    }

    pub(crate) fn work(&mut self, world: &mut World, log: &mut Log) {
        for event in world.events(self.node) {
            match event {
                Event::Message { message, .. } => self.judge(&message),
                Event::NoReply { .. } => self.asked = None,
                _ => continue,
            }
            log.note(elapsed(world), format_args!("the visitor has its answer"));
        }
        if self.asked.is_none() && self.dice.one_in(4) {
            let (asked, message) = self.question();
            // Where it is not connected right now, it asks later.
            if world.submit(self.node, Command::Send(Message::from(message))).is_ok() {
                self.asked = Some(asked);
            }
        }
    }

    fn question(&mut self) -> (Asked, Bytes) {
        let sender = Sender::new("guest").unwrap();
        let at = |port| format!("tcp://127.0.0.1:{port}").parse().unwrap();
        match self.dice.below(4) {
            0 => (Asked::Alive, Order::Alive.encode()),
            1 => (Asked::Nonsense, Bytes::from_static(b"nonsense")),
            2 => {
                let order = Order::Add { sender, send_spec: at(7199), recv_spec: at(7198) };
                (Asked::Guest, order.encode())
            }
            _ => (Asked::Guest, Order::Remove { sender }.encode()),
        }
    }

    fn judge(&mut self, message: &Message) {
        let asked = self.asked.take().expect("an answer to nothing");
        let answer = Answer::parse(message.first().bytes());
        let is_right = match asked {
            Asked::Alive => answer == Answer::Pong,
            Asked::Nonsense => matches!(answer, Answer::Error(_)),
            Asked::Guest => matches!(answer, Answer::Received | Answer::Error(_)),
        };
        assert!(is_right, "{asked:?} is answered by {answer:?}");
        self.answers += 1;
    }
}

/// Where the control socket is.
pub(crate) const CONTROL: &str = "tcp://127.0.0.1:7200";
