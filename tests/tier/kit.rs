//! A stand-in server, an API and its Nodes, joined by a pretended network.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{ConnId, Sender};
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::tier::{Api, Node, api, node};
use mongrel2_transceiver::transceiver::{self, ServerId};

use super::browser::{SENDER, get};
use super::support::{NodeId, World};

pub(crate) struct Tier {
    pub(crate) world: World,
    pub(crate) server: NodeId<Server>,
    pub(crate) api: NodeId<Api>,
    pub(crate) nodes: Vec<NodeId<Node>>,
    pub(crate) id: ServerId,
    /// How many machines there were, for their seeds.
    machines: u64,
}

impl Tier {
    /// A server, an API and so many Nodes that answer with their number, all of them up.
    pub(crate) fn up(seed: u64, nodes: usize, config: api::Config) -> Self {
        let mut tier = Self::without_nodes(seed, config);
        for _ in 0..nodes {
            tier.add_node();
        }
        tier.until_all_up();
        tier
    }

    pub(crate) fn without_nodes(seed: u64, config: api::Config) -> Self {
        let mut world = World::new(seed);
        let server = world.add(new_server(&world, SENDER, 9999));
        let (api, id) = start_api(&mut world, config);
        let mut tier = Self { world, server, api, nodes: Vec::new(), id, machines: seed };
        tier.world.run_until(|world| world.machine(api).stats().handler.servers_up == 1);
        tier.run_ms(10);
        tier.events();
        tier
    }

    /// A Node that answers every request with its number in the order of [`Tier::nodes`].
    pub(crate) fn add_node(&mut self) -> NodeId<Node> {
        let number = self.nodes.len();
        let node = self.add_silent_node(node::Config::default());
        self.world.script(node, move |event| answer(number, event));
        node
    }

    /// A Node whose application does nothing by itself.
    pub(crate) fn add_silent_node(&mut self, mut config: node::Config) -> NodeId<Node> {
        self.machines += 1;
        config.seed = self.machines;
        let node = self.world.add(Node::new(self.world.now(), config));
        self.nodes.push(node);
        node
    }

    /// A server, an API that gives out one request at a time, and a Node that takes nothing, while so many
    /// requests come.
    pub(crate) fn with_a_stuck_node(seed: u64, requests: i64) -> Self {
        let one_by_one = config(|config| config.limits.window_max = 1);
        let mut tier = Self::without_nodes(seed, one_by_one);
        let node = tier.add_silent_node(node::Config::default());
        tier.until_all_up();
        for stream in tier.world.streams(node) {
            tier.world.network.stall(stream, true);
        }
        (1..=requests).for_each(|conn_id| tier.deliver(get(conn_id)));
        tier.run_ms(100);
        assert!(tier.stats().waiting > 0, "{:?}", tier.stats());
        tier
    }

    /// Runs until every Node hears the API and is heard by the server; forgets what was told so far.
    pub(crate) fn until_all_up(&mut self) {
        let (api, nodes) = (self.api, self.nodes.clone());
        self.world.run_until(|world| {
            world.machine(api).stats().nodes == nodes.len()
                && nodes.iter().all(|node| world.machine(*node).stats().servers_up > 0)
        });
        self.run_ms(50);
        self.events();
        for node in nodes {
            self.world.events(node);
        }
    }

    pub(crate) fn deliver(&mut self, raw: Bytes) {
        self.world.submit(self.server, server::Command::Deliver(raw)).unwrap();
    }

    pub(crate) fn submit(&mut self, command: impl Into<api::Command>) {
        self.world.submit(self.api, command.into()).unwrap();
    }

    /// What the API has told since the last look.
    pub(crate) fn events(&mut self) -> Vec<api::Event> {
        self.world.events(self.api)
    }

    /// The connections whose requests Nodes have not served, as the API has told since the last look.
    pub(crate) fn unserved(&mut self) -> Vec<ConnId> {
        let targets = self.events().into_iter().flat_map(|event| match event {
            api::Event::Unserved { targets, .. } => targets,
            _ => Vec::new(),
        });
        targets.map(|target| target.conn_id).collect()
    }

    /// What a Node has told since the last look.
    pub(crate) fn told(&mut self, node: usize) -> Vec<node::Event> {
        self.world.events(self.nodes[node])
    }

    pub(crate) fn stats(&mut self) -> api::Stats {
        self.world.machine(self.api).stats()
    }

    /// The replies since the last look, as (connection, octets).
    pub(crate) fn replies(&mut self) -> Vec<(i64, Bytes)> {
        replies(&mut self.world, self.server)
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    pub(crate) fn run_secs(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    pub(crate) fn target(&self, life: u32, conn_id: i64) -> transceiver::Target {
        transceiver::Target { server: self.id, life, conn_id: ConnId(conn_id) }
    }

    /// A Node dies.
    pub(crate) fn kill_node(&mut self, node: usize) {
        self.world.crash(self.nodes[node]);
    }

    /// The API dies.
    pub(crate) fn kill_api(&mut self) {
        self.world.crash(self.api);
    }

    pub(crate) fn restart_api(&mut self, mut config: api::Config) {
        self.machines += 1000;
        config.handler.seed = self.machines;
        (self.api, self.id) = start_api(&mut self.world, config);
    }

    /// The server dies, and a new process of it starts.
    pub(crate) fn restart_server(&mut self) {
        self.world.crash(self.server);
        self.server = self.world.add(new_server(&self.world, SENDER, 9999));
    }
}

pub(crate) fn start_api(world: &mut World, config: api::Config) -> (NodeId<Api>, ServerId) {
    let api = world.add(Api::new(world.now(), config));
    world.submit(api, add_server(SENDER, 9999)).unwrap();
    let events = world.events(api);
    let added = events.iter().find_map(|event| match event {
        api::Event::Handler(transceiver::Event::ServerAdded { server, .. }) => Some(*server),
        _ => None,
    });
    (api, added.unwrap())
}

pub(crate) fn add_server(sender: &'static str, port: u16) -> api::Command {
    let at = |port| format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let (send_spec, recv_spec) = (at(port), at(port - 1));
    let sender = Bytes::from_static(sender.as_bytes());
    transceiver::Command::AddServer { sender, send_spec, recv_spec }.into()
}

pub(crate) fn new_server(world: &World, sender: &str, port: u16) -> Server {
    let mut config = server::Config::new(Sender::new(Bytes::from(sender.to_owned())).unwrap());
    config.send_spec = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    config.recv_spec = format!("tcp://127.0.0.1:{}", port - 1).parse().unwrap();
    Server::new(world.now(), config)
}

pub(crate) fn replies(world: &mut World, server: NodeId<Server>) -> Vec<(i64, Bytes)> {
    let replies = world.events(server).into_iter().filter_map(|event| match event {
        server::Event::Reply { conn_id, body, .. } => Some((conn_id.0, body)),
        server::Event::Malformed { error } => panic!("Mongrel2 would stall: {error}"),
        _ => None,
    });
    replies.collect()
}

/// Answers requests and messages with a number.
pub(crate) fn answer(number: usize, event: &node::Event) -> Vec<node::Command> {
    match event {
        node::Event::Request { target, .. } => vec![reply(*target, number.to_string())],
        node::Event::Message { target, .. } => {
            let message = mongrel2_transceiver::websocket::Message::Text(number.to_string().into());
            vec![node::Command::Send { target: *target, message }]
        }
        _ => Vec::new(),
    }
}

pub(crate) fn reply(target: node::Target, body: impl Into<Bytes>) -> node::Command {
    node::Command::Reply { target, body: body.into(), close: false }
}

pub(crate) fn config(change: impl FnOnce(&mut api::Config)) -> api::Config {
    let mut config = api::Config::default();
    change(&mut config);
    config
}

/// The targets of the requests that a Node told.
pub(crate) fn targets(events: &[node::Event]) -> Vec<node::Target> {
    let targets = events.iter().filter_map(|event| match event {
        node::Event::Request { target, .. } | node::Event::Message { target, .. } => Some(*target),
        _ => None,
    });
    targets.collect()
}
