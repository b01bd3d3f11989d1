//! The two sockets of a server without anything behind them, to do what no server does.

use bytes::Bytes;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::transceiver::{Config, Event, Transceiver};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::browser::SENDER;
use crate::pair::add_server;
use crate::support::{NodeId, World};

pub(crate) struct Bare {
    pub(crate) world: World,
    pub(crate) push: NodeId<Socket>,
    pub(crate) sub: NodeId<Socket>,
    pub(crate) handler: NodeId<Transceiver>,
}

impl Bare {
    /// Bound, and subscribed to nothing.
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        let mut world = World::new(seed);
        let push = bound(&mut world, SocketType::Push, 9999);
        let sub = bound(&mut world, SocketType::Sub, 9998);
        let handler = world.add(Transceiver::new(world.now(), config));
        world.submit(handler, add_server(SENDER, 9999)).unwrap();
        Self { world, push, sub, handler }
    }

    pub(crate) fn push(&mut self, raw: Bytes) {
        self.world.submit(self.push, socket::Command::Send(Message::from(raw))).unwrap();
    }

    pub(crate) fn subscribe(&mut self, prefix: &'static str) {
        let prefix = Bytes::from_static(prefix.as_bytes());
        self.world.submit(self.sub, socket::Command::Subscribe(prefix)).unwrap();
    }

    pub(crate) fn cancel(&mut self, prefix: &'static str) {
        let prefix = Bytes::from_static(prefix.as_bytes());
        self.world.submit(self.sub, socket::Command::Cancel(prefix)).unwrap();
    }

    pub(crate) fn run_secs(&mut self, seconds: u64) {
        self.world.run_for(std::time::Duration::from_secs(seconds));
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.world.events(self.handler)
    }

    /// What the handler published since the last look.
    pub(crate) fn published(&mut self) -> Vec<Bytes> {
        let events = self.world.events(self.sub).into_iter();
        let messages = events.filter_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes()),
            _ => None,
        });
        messages.collect()
    }
}

pub(crate) fn bound(world: &mut World, socket_type: SocketType, port: u16) -> NodeId<Socket> {
    let id = world.add(Socket::new(world.now(), socket::Config::new(socket_type)));
    let endpoint = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    world.submit(id, socket::Command::Bind(endpoint)).unwrap();
    id
}
