//! Several servers at once.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Event, Refused, ServerId, Target, Transceiver};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{get, handshake};
use crate::pair::{add_server, new_server, plain, replies, reply, small};
use crate::support::{NodeId, World};

const NAMES: [(&str, u16); 3] = [("one", 7001), ("two", 7011), ("three", 7021)];

/// Three servers, each with its name in the transceiver.
pub(crate) type Servers = Vec<(NodeId<Server>, ServerId)>;

pub(crate) fn three() -> (World, NodeId<Transceiver>, Servers) {
    let mut world = World::new(1);
    let handler = world.add(Transceiver::new(world.now(), plain()));
    let nodes = NAMES.map(|(name, port)| {
        world.submit(handler, add_server(name, port)).unwrap();
        world.add(new_server(&world, name, port))
    });
    world.run_for(std::time::Duration::from_secs(2));
    let events = world.events(handler);
    let ids = NAMES.map(|(name, _)| {
        let found = events.iter().find_map(|event| match event {
            Event::ServerAdded { server, sender, .. } if sender == name => Some(*server),
            _ => None,
        });
        found.unwrap()
    });
    let ups = events.iter().filter(|event| matches!(event, Event::ServerUp { .. })).count();
    assert_eq!(ups, 3);
    assert_eq!(world.machine(handler).stats().servers_up, 3);
    (world, handler, nodes.into_iter().zip(ids).collect())
}

#[test]
fn equal_connection_ids_of_two_servers_are_two_connections() {
    let (mut world, handler, servers) = three();
    for (node, _) in &servers {
        world.submit(*node, server::Command::Deliver(get(1))).unwrap();
    }
    world.script(handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, format!("{}", target.server))],
        _ => Vec::new(),
    });
    world.run_for(std::time::Duration::from_secs(1));
    for (node, id) in &servers {
        assert_eq!(replies(&mut world, *node), [(1, Bytes::from(id.to_string()))]);
    }
}

#[test]
fn a_broadcast_goes_over_several_servers() {
    let (mut world, handler, servers) = three();
    let mut targets = Vec::new();
    for (node, server) in &servers {
        for conn_id in 1..=150 {
            world.submit(*node, server::Command::Deliver(handshake(conn_id, "13"))).unwrap();
            targets.push(Target { server: *server, life: 1, conn_id: ConnId(conn_id) });
        }
    }
    world.run_for(std::time::Duration::from_secs(1));
    world
        .submit(
            handler,
            Command::Broadcast { to: targets.into(), except: None, message: Message::from("x") },
        )
        .unwrap();
    world.run_for(std::time::Duration::from_secs(1));
    for (node, _) in &servers {
        let reached = replies(&mut world, *node);
        let reached = reached.iter().filter(|(_, body)| &body[..] == b"\x81\x01x").count();
        assert_eq!(reached, 150);
    }
}

#[test]
fn one_dead_server_does_not_disturb_the_others() {
    let (mut world, handler, servers) = three();
    world.crash(servers[1].0);
    world.script(handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "x")],
        _ => Vec::new(),
    });
    for round in 1..=20 {
        for at in [0, 2] {
            world.submit(servers[at].0, server::Command::Deliver(get(round))).unwrap();
        }
        world.run_for(std::time::Duration::from_secs(1));
    }
    for at in [0, 2] {
        assert_eq!(replies(&mut world, servers[at].0).len(), 20);
    }
}

#[test]
fn what_cannot_be_added_is_refused() {
    let mut world = World::new(1);
    let config = small(|config| config.limits.servers_max = 2);
    let handler = world.add(Transceiver::new(world.now(), config));
    let mut add = |sender: &'static str, send_spec: &str, recv_spec: &str| {
        let sender = Bytes::from_static(sender.as_bytes());
        let (send_spec, recv_spec) = (send_spec.parse().unwrap(), recv_spec.parse().unwrap());
        world.submit(handler, Command::AddServer { sender, send_spec, recv_spec })
    };
    let at = "tcp://127.0.0.1:9";
    assert!(matches!(add("under_score", "tcp://h:1", at), Err(Refused::BadSender(_))));
    assert!(matches!(add("", "tcp://h:1", at), Err(Refused::BadSender(_))));
    assert_eq!(add("a", "tcp://*:1", at), Err(Refused::Wildcard));
    assert_eq!(add("a", "tcp://h:*", at), Err(Refused::Wildcard));
    assert_eq!(add("a", "tcp://h:1", "tcp://h:*"), Err(Refused::Wildcard));
    assert_eq!(add("a", "tcp://h:1", at), Ok(()));
    assert_eq!(add("a", "tcp://h:2", at), Err(Refused::SenderInUse));
    assert_eq!(add("b", "tcp://h:2", at), Ok(()));
    assert_eq!(add("c", "tcp://h:3", at), Err(Refused::TooManyServers));
}
