//! A handler and a stand-in server with its browsers, joined by a pretended network.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{ConnId, Control, Extended, Sender, parse_extended};
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{
    Command, Config, Event, Refused, ServerId, Stats, Target, Transceiver,
};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{SENDER, handshake};
use crate::support::{NodeId, StreamId, World};

pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) handler: NodeId<Transceiver>,
    pub(crate) server: NodeId<Server>,
    pub(crate) id: ServerId,
    /// Which life of the server its targets are of.
    pub(crate) life: u32,
}

impl Pair {
    /// Both, and the server up.
    pub(crate) fn up(seed: u64, config: Config) -> Self {
        let mut pair = Self::new(seed, config);
        pair.until(|event| matches!(event, Event::ServerUp { .. }));
        pair
    }

    pub(crate) fn new(seed: u64, config: Config) -> Self {
        let mut world = World::new(seed);
        let server = world.add(new_server(&world, SENDER, 9999));
        let handler = world.add(Transceiver::new(world.now(), config));
        world.submit(handler, add_server(SENDER, 9999)).unwrap();
        let events = world.events(handler);
        let added = events.iter().find_map(|event| match event {
            Event::ServerAdded { server, .. } => Some(*server),
            _ => None,
        });
        Self { world, handler, server, id: added.unwrap(), life: 1 }
    }

    /// Runs until the handler has such an event; gives it, and forgets the others.
    pub(crate) fn until(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let handler = self.handler;
        self.world.run_until(|world| world.seen(handler).iter().any(&mut wanted));
        self.world.events(handler).into_iter().find(wanted).unwrap()
    }

    /// The handler's events since the last look.
    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.world.events(self.handler)
    }

    /// Whether the handler has told nothing since the last look.
    pub(crate) fn is_silent(&mut self) -> bool {
        let events = self.events();
        assert!(events.is_empty(), "{events:?}");
        true
    }

    /// The replies since the last look, as (connection, octets).
    pub(crate) fn replies(&mut self) -> Vec<(i64, Bytes)> {
        replies(&mut self.world, self.server)
    }

    /// Replies and what is for the server itself since the last look, in order.
    pub(crate) fn said(&mut self) -> Vec<(i64, Said)> {
        let said = self.world.events(self.server).into_iter().filter_map(|event| match event {
            server::Event::Reply { conn_id, body, extended: false } => {
                Some((conn_id.0, Said::Reply(body)))
            }
            server::Event::Reply { conn_id, body, .. } => match parse_extended(&body) {
                Extended::Controls(controls) => Some((conn_id.0, Said::Controls(controls))),
                _ => Some((conn_id.0, Said::ToModule(body))),
            },
            server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
            _ => None,
        });
        said.collect()
    }

    /// The same after a while.
    pub(crate) fn replies_soon(&mut self) -> Vec<(i64, Bytes)> {
        self.run_ms(50);
        self.replies()
    }

    pub(crate) fn deliver(&mut self, raw: Bytes) {
        self.world.submit(self.server, server::Command::Deliver(raw)).unwrap();
    }

    /// The same where there may be no handler.
    pub(crate) fn deliver_if_any(&mut self, raw: Bytes) {
        let _there_may_be_no_handler =
            self.world.submit(self.server, server::Command::Deliver(raw));
    }

    /// Opens a WebSocket; what was told and said on the way is forgotten.
    pub(crate) fn open(&mut self, conn_id: i64) -> Target {
        self.deliver(handshake(conn_id, "13"));
        self.until(|event| matches!(event, Event::SessionOpened { adopted: false, .. }));
        self.run_ms(50);
        let replies = self.replies();
        assert!(replies[0].1.starts_with(b"HTTP/1.1 101 "), "{replies:?}");
        self.target(conn_id)
    }

    pub(crate) fn submit(&mut self, command: Command) {
        self.world.submit(self.handler, command).unwrap();
    }

    pub(crate) fn refused(&mut self, command: Command) -> Refused {
        self.world.submit(self.handler, command).unwrap_err()
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    pub(crate) fn run_secs(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    pub(crate) fn target(&self, conn_id: i64) -> Target {
        Target { server: self.id, life: self.life, conn_id: ConnId(conn_id) }
    }

    pub(crate) fn stats(&mut self) -> Stats {
        self.world.machine(self.handler).stats()
    }

    /// The server's process dies.
    pub(crate) fn crash(&mut self) {
        self.world.crash(self.server);
    }

    /// A new process of the same server; runs until it is up.
    pub(crate) fn restart(&mut self) {
        self.server = self.world.add(new_server(&self.world, SENDER, 9999));
        self.life += 1;
        let expected = self.life;
        self.until(|event| matches!(event, Event::ServerUp { life, .. } if *life == expected));
    }

    /// The handler's stream that requests come by, while both links are there.
    pub(crate) fn request_stream(&self) -> StreamId {
        self.world.streams(self.handler)[0]
    }

    /// The handler's stream that replies go by, while both links are there.
    pub(crate) fn reply_stream(&self) -> StreamId {
        self.world.streams(self.handler)[1]
    }
}

/// What a handler says about one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Reply(Bytes),
    Controls(Vec<Control>),
    ToModule(Bytes),
}

impl Said {
    pub(crate) fn reply(body: &'static str) -> Self {
        Self::Reply(body.into())
    }
}

pub(crate) fn replies(world: &mut World, server: NodeId<Server>) -> Vec<(i64, Bytes)> {
    let replies = world.events(server).into_iter().filter_map(|event| match event {
        server::Event::Reply { conn_id, body, .. } => Some((conn_id.0, body)),
        server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
        _ => None,
    });
    replies.collect()
}

/// A server of this name, whose reply socket is bound at the port below.
pub(crate) fn add_server(sender: &'static str, port: u16) -> Command {
    Command::AddServer {
        sender: Bytes::from_static(sender.as_bytes()),
        send_spec: format!("tcp://127.0.0.1:{port}").parse().unwrap(),
        recv_spec: format!("tcp://127.0.0.1:{}", port - 1).parse().unwrap(),
    }
}

pub(crate) fn server_config(sender: &str, port: u16) -> server::Config {
    let mut config = server::Config::new(Sender::new(Bytes::from(sender.to_owned())).unwrap());
    config.send_spec = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    config.recv_spec = format!("tcp://127.0.0.1:{}", port - 1).parse().unwrap();
    config
}

pub(crate) fn new_server(world: &World, sender: &str, port: u16) -> Server {
    Server::new(world.now(), server_config(sender, port))
}

/// A configuration whose handler has little room.
pub(crate) fn small(change: impl FnOnce(&mut Config)) -> Config {
    let mut config = plain();
    change(&mut config);
    config
}

/// A configuration without a control socket.
pub(crate) fn plain() -> Config {
    let mut config = Config::default();
    config.control = None;
    config
}

pub(crate) fn reply(target: Target, body: impl Into<Bytes>) -> Command {
    Command::Reply { target, body: body.into(), close: false }
}

pub(crate) fn say(target: Target, text: &'static str) -> Command {
    Command::Send { target, message: Message::Text(text.into()) }
}

/// The connection, the octets: as a table of what is expected.
pub(crate) fn expected<const N: usize>(replies: [(i64, &'static [u8]); N]) -> Vec<(i64, Bytes)> {
    replies.map(|(conn_id, body)| (conn_id, Bytes::from_static(body))).to_vec()
}
