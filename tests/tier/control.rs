//! The control socket of a Node.

use bytes::Bytes;
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::tier::api::{self, Config};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver;
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::browser::{SENDER, get};
use crate::kit::{Tier, config, new_server};
use crate::support::NodeId;

struct Peer {
    tier: Tier,
    req: NodeId<Socket>,
}

impl Peer {
    fn up(seed: u64) -> Self {
        Self::with(seed, |_| {})
    }

    fn with(seed: u64, change: impl FnOnce(&mut node::Config)) -> Self {
        let mut tier = Tier::without_nodes(seed, Config::default());
        let mut config = node::Config::default();
        change(&mut config);
        config.control = Some("tcp://127.0.0.1:9000".parse().unwrap());
        let node = tier.add_silent_node(config);
        tier.world.script(node, |event| crate::kit::answer(0, event));
        let req = socket::Config::new(SocketType::Req);
        let req = tier.world.add(Socket::new(tier.world.now(), req));
        let at = "tcp://127.0.0.1:9000".parse().unwrap();
        tier.world.submit(req, socket::Command::Connect(at)).unwrap();
        tier.run_secs(1);
        Self { tier, req }
    }

    fn ask(&mut self, raw: impl Into<Bytes>) -> Bytes {
        let message = Message::from(raw.into());
        self.tier.world.events(self.req);
        self.tier.world.submit(self.req, socket::Command::Send(message)).unwrap();
        let req = self.req;
        let is_answer = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
        self.tier.world.run_until(|world| world.seen(req).iter().any(is_answer));
        let events = self.tier.world.events(req);
        let answer = events.into_iter().find_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes()),
            _ => None,
        });
        answer.unwrap()
    }
}

fn sender(name: &'static str) -> Sender {
    Sender::new(name).unwrap()
}

#[test]
fn it_says_that_it_lives_and_why_it_does_not_obey() {
    let mut peer = Peer::up(1);
    assert_eq!(peer.ask("ping"), "PONG");
    assert!(peer.ask("nonsense").starts_with(b"ERROR "));
    let unknown = Order::Remove { sender: sender("unknown") };
    assert!(peer.ask(unknown.encode()).starts_with(b"ERROR "));
}

#[test]
fn servers_are_added_proven_and_removed() {
    let mut peer = Peer::up(2);
    let second = peer.tier.world.add(new_server(&peer.tier.world, "second", 9899));
    let add = Order::Add {
        sender: sender("second"),
        send_spec: "tcp://127.0.0.1:9899".parse().unwrap(),
        recv_spec: "tcp://127.0.0.1:9898".parse().unwrap(),
    };
    assert_eq!(peer.ask(add.encode()), "RECEIVED");
    assert!(peer.ask(add.encode()).starts_with(b"ERROR "));
    let ping = Order::Ping { sender: sender("second"), text: "are you there".into() };
    assert_eq!(peer.ask(ping.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    // The stand-in says what it makes of a message to connection -1.
    assert!(!peer.tier.world.events(second).is_empty());
    let last = Order::DisconnectPing { sender: sender("second"), text: "still there".into() };
    peer.tier.world.events(second);
    assert_eq!(peer.ask(last.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    assert!(!peer.tier.world.events(second).is_empty(), "it is up, so it hears that");
    assert_eq!(peer.ask(Order::Remove { sender: sender("second") }.encode()), "RECEIVED");
    peer.tier.run_secs(5);
    let ping = Order::DisconnectPing { sender: sender("second"), text: "gone".into() };
    peer.tier.world.events(second);
    assert_eq!(peer.ask(ping.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    assert!(peer.tier.world.events(second).is_empty());
    let known = Order::Ping { sender: sender(SENDER), text: "x".into() };
    peer.tier.world.events(peer.tier.server);
    assert_eq!(peer.ask(known.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    assert!(!peer.tier.world.events(peer.tier.server).is_empty(), "at once, though it was idle");
    peer.tier.deliver(get(1));
    peer.tier.run_ms(100);
    assert_eq!(peer.tier.world.machine(peer.tier.nodes[0]).stats().servers_up, 1);
}

#[test]
fn a_node_whose_application_takes_nothing_takes_no_more_servers() {
    let mut peer = Peer::with(3, |config| config.limits.events_max = 1);
    let node = peer.tier.nodes[0];
    peer.tier.world.set_deaf(node, true);
    let add = |name, port: u16| Order::Add {
        sender: sender(name),
        send_spec: format!("tcp://127.0.0.1:{port}").parse().unwrap(),
        recv_spec: format!("tcp://127.0.0.1:{}", port - 1).parse().unwrap(),
    };
    let names = ["a", "b", "c", "d", "e"];
    let answers = names.map(|name| peer.ask(add(name, 9899).encode()));
    assert!(answers[4].starts_with(b"ERROR "), "{answers:?}");
    let servers = peer.tier.world.machine(node).stats().servers;
    peer.tier.run_secs(1);
    assert_eq!(peer.tier.world.machine(node).stats().servers, servers);
    peer.tier.world.set_deaf(node, false);
    assert_eq!(peer.ask(add("e", 9899).encode()), "RECEIVED");
}

#[test]
fn a_node_whose_control_socket_cannot_be_bound_serves_and_ends_all_the_same() {
    let mut peer = Peer::up(4);
    let mut config = node::Config::default();
    config.control = Some("tcp://127.0.0.1:9000".parse().unwrap());
    let second = peer.tier.add_silent_node(config);
    peer.tier.run_secs(2);
    let told = peer.tier.told(1);
    assert!(told.iter().any(|event| matches!(event, node::Event::ControlFailed { .. })));
    assert_eq!(peer.tier.world.machine(second).stats().servers_up, 1);
    // The control socket of the first ends with it, while somebody is connected.
    for node in 0..2 {
        peer.tier.world.submit(peer.tier.nodes[node], node::Command::Shutdown).unwrap();
        peer.tier.run_secs(20);
        let told = peer.tier.told(node);
        assert!(matches!(told.last(), Some(node::Event::Stopped { .. })), "{told:?}");
        assert!(peer.tier.world.streams(peer.tier.nodes[node]).is_empty());
    }
}

/// By the control socket of the API, whose application takes nothing.
#[test]
fn a_server_that_came_and_went_while_nobody_looked_is_told_to_no_node() {
    let mut tier = Tier::without_nodes(
        5,
        config(|config| {
            config.limits.events_max = 1;
            config.handler.control = Some("tcp://127.0.0.1:9001".parse().unwrap());
        }),
    );
    tier.world.set_deaf(tier.api, true);
    let node = tier.add_silent_node(node::Config::default());
    tier.run_secs(1);
    assert_eq!(tier.stats().events, 1);
    let req = tier.world.add(Socket::new(tier.world.now(), socket::Config::new(SocketType::Req)));
    let at = "tcp://127.0.0.1:9001".parse().unwrap();
    tier.world.submit(req, socket::Command::Connect(at)).unwrap();
    let mut peer = Peer { tier, req };
    let add = Order::Add {
        sender: sender("second"),
        send_spec: "tcp://127.0.0.1:9899".parse().unwrap(),
        recv_spec: "tcp://127.0.0.1:9898".parse().unwrap(),
    };
    assert_eq!(peer.ask(add.encode()), "RECEIVED");
    assert_eq!(peer.ask(Order::Remove { sender: sender("second") }.encode()), "RECEIVED");
    let mut tier = peer.tier;
    tier.run_secs(20);
    assert_eq!(tier.stats().handler.servers, 1);
    tier.world.set_deaf(tier.api, false);
    tier.run_secs(1);
    let told = tier.events().into_iter().filter(|event| {
        matches!(
            event,
            api::Event::Handler(
                transceiver::Event::ServerAdded { .. } | transceiver::Event::ServerRemoved { .. }
            )
        )
    });
    assert_eq!(told.count(), 2);
    let told = tier.told(0);
    let servers = |event: &&node::Event| matches!(event, node::Event::ServerAdded { .. });
    assert_eq!(told.iter().filter(servers).count(), 1, "{told:?}");
    assert_eq!(tier.world.machine(node).stats().servers, 1);
}
