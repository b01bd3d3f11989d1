//! A stand-in server, handlers with control sockets, and what a test says and hears.

use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::{Action, Ask, Protocol, Received};
use mongrel2_transceiver::mongrel2::{ConnId, http};
use mongrel2_transceiver::server::{
    ClientId, Command, Config, Event, Failure, Handler, ReceiveError, Refused, Server,
};
use mongrel2_transceiver::transceiver::{self, Transceiver};

use crate::support::{NodeId, World};

pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) server: NodeId<Server>,
}

/// Where the control socket at this port is reached.
pub(crate) fn control(port: u16) -> Endpoint {
    format!("tcp://127.0.0.1:{port}").parse().unwrap()
}

/// The stand-in at its usual ports, for handlers with control sockets at these.
pub(crate) fn config<const N: usize>(seed: u64, ports: [u16; N]) -> Config {
    ports
        .into_iter()
        .fold(Config::from_seed(seed), |config, port| config.with_handler(control(port)))
}

impl Bench {
    pub(crate) fn new(seed: u64, config: Config) -> Self {
        let mut world = World::new(seed);
        let server = world.add(Server::new(world.now(), config));
        Self { world, server }
    }

    /// A stand-in and an echoing handler at the usual ports, and the way proven.
    pub(crate) fn joined(seed: u64) -> (Self, NodeId<Transceiver>) {
        let mut bench = Self::new(seed, config(seed, [9997]));
        let handler = bench.handler(9997);
        bench.connect(9997).unwrap();
        (bench, handler)
    }

    /// A handler that echoes.
    pub(crate) fn handler(&mut self, port: u16) -> NodeId<Transceiver> {
        let mut config = transceiver::Config::default();
        config.control = Some(control(port));
        config.seed = u64::from(port);
        let handler = self.world.add(Transceiver::new(self.world.now(), config));
        self.world.script(handler, |event| match event {
            transceiver::Event::Request { target, request } => {
                let text = String::from_utf8_lossy(request.path()).into_owned();
                let response = http::Response::text(200, &text);
                vec![transceiver::Command::respond(*target, request, &response)]
            }
            transceiver::Event::SessionMessage { target, message, .. } => {
                let (target, message) = (*target, message.clone());
                vec![transceiver::Command::Send { target, message }]
            }
            _ => Vec::new(),
        });
        handler
    }

    pub(crate) fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.world.submit(self.server, command)
    }

    /// The events since the last look.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.world.events(self.server)
    }

    /// Runs until the server has such an event; gives it, and forgets those before.
    pub(crate) fn until(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let server = self.server;
        self.world.run_until(|world| world.seen(server).iter().any(&mut wanted));
        self.events().into_iter().find(wanted).unwrap()
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    /// Introduces the server; what came of it.
    pub(crate) fn connect(&mut self, port: u16) -> Result<(), Failure> {
        self.submit(Command::Connect { handler: Handler::new(control(port)) }).unwrap();
        self.connected(port)
    }

    /// Waits for what comes of an introduction.
    pub(crate) fn connected(&mut self, port: u16) -> Result<(), Failure> {
        let event = self.until(|event| match event {
            Event::Connected { control: at } | Event::ConnectFailed { control: at, .. } => {
                *at == control(port)
            }
            _ => false,
        });
        match event {
            Event::ConnectFailed { failure, .. } => Err(failure),
            _ => Ok(()),
        }
    }

    /// Takes the server off; what came of it.
    pub(crate) fn disconnect(&mut self, port: u16) -> Result<(), Failure> {
        self.submit(Command::Disconnect { control: control(port) }).unwrap();
        let event = self.until(|event| match event {
            Event::Disconnected { control: at } | Event::DisconnectFailed { control: at, .. } => {
                *at == control(port)
            }
            _ => false,
        });
        match event {
            Event::DisconnectFailed { failure, .. } => Err(failure),
            _ => Ok(()),
        }
    }

    /// Opens a client; what came of it.
    pub(crate) fn open(&mut self, id: u64, protocol: Protocol) -> Result<ConnId, Failure> {
        self.submit(Command::Open { client: ClientId(id), protocol }).unwrap();
        let event = self.until(|event| match event {
            Event::Ready { client, .. } | Event::NotReady { client, .. } => *client == ClientId(id),
            _ => false,
        });
        match event {
            Event::Ready { conn_id, .. } => Ok(conn_id),
            Event::NotReady { failure, .. } => Err(failure),
            _ => unreachable!("no other was waited for"),
        }
    }

    pub(crate) fn act(&mut self, id: u64, action: Action) -> Result<(), Refused> {
        self.submit(Command::Act { client: ClientId(id), action })
    }

    pub(crate) fn get(&mut self, id: u64, path: &'static str) {
        self.act(id, Action::Request(Ask::get(path))).unwrap();
    }

    /// What a client gets within a second.
    pub(crate) fn receive(&mut self, id: u64) -> Result<Received, ReceiveError> {
        self.receive_within(id, Duration::from_secs(1))
    }

    pub(crate) fn receive_within(
        &mut self,
        id: u64,
        within: Duration,
    ) -> Result<Received, ReceiveError> {
        self.submit(Command::Receive { client: ClientId(id), within }).unwrap();
        let is_wanted =
            |event: &Event| matches!(event, Event::Received { client, .. } if client.0 == id);
        match self.until(is_wanted) {
            Event::Received { received, .. } => received,
            _ => unreachable!("no other was waited for"),
        }
    }

    /// The text of the response that a client gets.
    pub(crate) fn response(&mut self, id: u64) -> String {
        match self.receive(id) {
            Ok(Received::Response(response)) => response.text().unwrap().to_owned(),
            other => panic!("no response: {other:?}"),
        }
    }

    /// Ends the server; the events up to the last.
    pub(crate) fn shutdown(&mut self) -> Vec<Event> {
        self.submit(Command::Shutdown).unwrap();
        let server = self.server;
        self.world.run_until(|world| world.seen(server).contains(&Event::Stopped));
        self.events()
    }

    /// How many servers a handler has.
    pub(crate) fn servers_of(&mut self, handler: NodeId<Transceiver>) -> usize {
        self.world.machine(handler).stats().servers
    }
}
