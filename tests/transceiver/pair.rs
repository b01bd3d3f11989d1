//! A handler and a stand-in server with its browsers, joined by a pretended network.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Sender, encode_request};
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Config, Event, ServerId, Target, Transceiver};

use crate::support::{NodeId, World};

pub(crate) const SENDER: &str = "5a0c2e6e-test";
pub(crate) const SEND_SPEC: &str = "tcp://127.0.0.1:9999";
pub(crate) const RECV_SPEC: &str = "tcp://127.0.0.1:9998";

pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) handler: NodeId<Transceiver>,
    pub(crate) server: NodeId<Server>,
    pub(crate) id: ServerId,
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
        let server = world.add(new_server(&world));
        let handler = world.add(Transceiver::new(world.now(), config));
        world.submit(handler, add_server()).unwrap();
        let events = world.events(handler);
        let Some(Event::ServerAdded { server: id, .. }) = events.first() else {
            panic!("{events:?}")
        };
        Self { world, handler, server, id: *id }
    }

    /// Runs until the handler has such an event; gives it, and forgets those before.
    pub(crate) fn until(&mut self, mut wanted: impl FnMut(&Event) -> bool) -> Event {
        let handler = self.handler;
        self.world.run_until(|world| world.seen(handler).iter().any(&mut wanted));
        self.world.events(handler).into_iter().find(wanted).unwrap()
    }

    /// The replies so far, as (connection, octets).
    pub(crate) fn replies(&mut self) -> Vec<(i64, Bytes)> {
        let events = self.world.events(self.server);
        let replies = events.into_iter().filter_map(|event| match event {
            server::Event::Reply { conn_id, body, .. } => Some((conn_id.0, body)),
            server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
            _ => None,
        });
        replies.collect()
    }

    pub(crate) fn deliver(&mut self, raw: Bytes) {
        self.world.submit(self.server, server::Command::Deliver(raw)).unwrap();
    }

    pub(crate) fn submit(&mut self, command: Command) {
        self.world.submit(self.handler, command).unwrap();
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    pub(crate) fn target(&self, conn_id: i64) -> Target {
        Target { server: self.id, life: 1, conn_id: ConnId(conn_id) }
    }
}

pub(crate) fn add_server() -> Command {
    Command::AddServer {
        sender: Bytes::from_static(SENDER.as_bytes()),
        send_spec: SEND_SPEC.parse().unwrap(),
        recv_spec: RECV_SPEC.parse().unwrap(),
    }
}

pub(crate) fn new_server(world: &World) -> Server {
    let mut config = server::Config::new(Sender::new(SENDER).unwrap());
    config.send_spec = SEND_SPEC.parse().unwrap();
    config.recv_spec = RECV_SPEC.parse().unwrap();
    Server::new(world.now(), config)
}

type Header<'a> = (&'a str, &'a str);

/// A message of the server, in its JSON.
pub(crate) fn message(conn_id: i64, path: &str, headers: &[Header<'_>], body: &[u8]) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [value.as_bytes()]).collect();
    let headers: Vec<(&[u8], &[&[u8]])> = headers
        .iter()
        .zip(&values)
        .map(|((name, _), value)| (name.as_bytes(), &value[..]))
        .collect();
    let mut raw = BytesMut::new();
    encode_request(
        SENDER.as_bytes(),
        ConnId(conn_id),
        path.as_bytes(),
        &headers,
        Dialect::Json,
        body,
        &mut raw,
    );
    raw.freeze()
}

const OF_THE_SERVER: [Header<'static>; 6] = [
    ("PATH", "/"),
    ("VERSION", "HTTP/1.1"),
    ("URI", "/"),
    ("PATTERN", "/"),
    ("URL_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
];

pub(crate) fn get(conn_id: i64) -> Bytes {
    let mut headers = OF_THE_SERVER.to_vec();
    headers.push(("METHOD", "GET"));
    message(conn_id, "/", &headers, b"")
}

pub(crate) fn handshake(conn_id: i64, version: &str) -> Bytes {
    let mut headers = OF_THE_SERVER.to_vec();
    headers.extend([("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", version)]);
    message(conn_id, "/", &headers, b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
}

pub(crate) fn frame(conn_id: i64, flags: &str, payload: &[u8]) -> Bytes {
    let mut headers = OF_THE_SERVER.to_vec();
    headers.extend([("METHOD", "WEBSOCKET"), ("FLAGS", flags)]);
    message(conn_id, "/", &headers, payload)
}

pub(crate) fn notice(conn_id: i64) -> Bytes {
    message(conn_id, "@*", &[("METHOD", "JSON")], br#"{"type":"disconnect"}"#)
}
