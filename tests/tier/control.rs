//! The control socket of a Node.

use bytes::Bytes;
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::tier::api::Config;
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::browser::{SENDER, get};
use crate::kit::{Tier, new_server};
use crate::support::NodeId;

struct Peer {
    tier: Tier,
    req: NodeId<Socket>,
}

impl Peer {
    fn up(seed: u64) -> Self {
        let mut tier = Tier::without_nodes(seed, Config::default());
        let mut config = node::Config::default();
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
    assert_eq!(peer.ask(Order::Remove { sender: sender("second") }.encode()), "RECEIVED");
    peer.tier.run_secs(5);
    let ping = Order::DisconnectPing { sender: sender("second"), text: "gone".into() };
    peer.tier.world.events(second);
    assert_eq!(peer.ask(ping.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    assert!(peer.tier.world.events(second).is_empty());
    let known = Order::Ping { sender: sender(SENDER), text: "x".into() };
    assert_eq!(peer.ask(known.encode()), "RECEIVED");
    peer.tier.run_secs(1);
    peer.tier.deliver(get(1));
    peer.tier.run_ms(100);
    assert_eq!(peer.tier.world.machine(peer.tier.nodes[0]).stats().servers_up, 1);
}
