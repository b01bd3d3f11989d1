//! APIs, Nodes and subscribers of another kind, and what nobody is ready for.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::tier::api::{Api, Command, Config, Event};
use mongrel2_transceiver::tier::node::{self, Node, Unserved};
use mongrel2_transceiver::zmtp::{Message, SocketType};
use mongrel2_transceiver::{Input, Output};

use crate::browser::{SENDER, get, post};
use crate::kit::{Tier, add_server, new_server, reply, targets};
use crate::support::{ByHand, NodeId, World, base};
use crate::wire;

const WORK: &str = "tcp://127.0.0.1:9996";
const ANNOUNCEMENTS: &str = "tcp://127.0.0.1:9995";

fn socket(world: &mut World, socket_type: SocketType) -> NodeId<Socket> {
    world.add(Socket::new(world.now(), socket::Config::new(socket_type)))
}

fn messages(world: &mut World, node: NodeId<Socket>) -> Vec<Bytes> {
    let messages = world.events(node).into_iter().filter_map(|event| match event {
        socket::Event::Message { message, .. } => Some(message.first().bytes()),
        _ => None,
    });
    messages.collect()
}

/// It does not say which link is which, so that no receipt could be understood.
#[test]
fn an_api_of_another_kind_is_sent_no_receipts() {
    let mut world = World::new(1);
    let push = socket(&mut world, SocketType::Push);
    world.submit(push, socket::Command::Bind(WORK.parse().unwrap())).unwrap();
    let mut config = node::Config::default();
    config.patience = Duration::from_secs(1);
    config.limits.message_size_max = 1000;
    let node = world.add(Node::new(world.now(), config));
    world.run_for(Duration::from_secs(1));
    for raw in [get(1), "nonsense".into(), post(3, &[b'x'; 2000])] {
        world.submit(push, socket::Command::Send(Message::from(raw))).unwrap();
    }
    world.run_for(Duration::from_secs(3));
    let unserved: Vec<_> = world
        .events(node)
        .into_iter()
        .filter_map(|event| match event {
            node::Event::Unserved { conn_id, why, .. } => Some((conn_id.0, why)),
            _ => None,
        })
        .collect();
    let expected = [(-1, Unserved::Unreadable), (3, Unserved::Unreadable), (1, Unserved::NoServer)];
    assert_eq!(unserved, expected);
    world.submit(node, node::Command::Shutdown).unwrap();
    world.run_for(Duration::from_millis(1));
    let events = world.events(node);
    assert!(matches!(events.last(), Some(node::Event::Stopped { .. })), "at once: {events:?}");
}

#[test]
fn a_worker_of_another_kind_finishes_nothing_in_place_of_a_node() {
    let mut tier = Tier::without_nodes(2, Config::default());
    let pull = socket(&mut tier.world, SocketType::Pull);
    tier.world.submit(pull, socket::Command::Connect(WORK.parse().unwrap())).unwrap();
    tier.run_ms(100);
    let node = tier.add_silent_node(node::Config::default());
    tier.run_secs(1);
    (1..=4).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    let taken = targets(&tier.told(0));
    assert_eq!((taken.len(), messages(&mut tier.world, pull).len()), (2, 2));
    assert_eq!(tier.stats().unfinished, 4);
    let conn_ids: Vec<_> = taken.iter().map(|target| target.conn_id).collect();
    for target in taken {
        tier.world.submit(node, node::Command::Decline { target }).unwrap();
    }
    tier.run_ms(100);
    assert_eq!(tier.stats().unfinished, 2, "those of the other are not known to be finished");
    assert_eq!(tier.unserved(), conn_ids);
}

#[test]
fn an_announcement_too_large_for_a_node_keeps_no_other_back() {
    let mut tier = Tier::without_nodes(3, Config::default());
    let mut config = node::Config::default();
    config.limits.message_size_max = 1000;
    tier.add_silent_node(config);
    tier.until_all_up();
    for body in [vec![b'x'; 2000], b"small".to_vec()] {
        tier.submit(Command::Announce { topic: "x".into(), body: body.into() });
    }
    tier.run_ms(100);
    let told = tier.told(0);
    let [node::Event::Announcement { body, .. }] = &told[..] else { panic!("{told:?}") };
    assert_eq!(body, "small");
}

#[test]
fn a_subscriber_is_told_again_what_it_wants_to_hear_and_no_more() {
    let mut api = ByHand::new(Api::new(base(), Config::default()));
    api.submit(add_server(SENDER, 9999)).unwrap();
    let announcements = ANNOUNCEMENTS.parse().unwrap();
    let (listener, _) = *api.listens.iter().find(|(_, at)| *at == announcements).unwrap();
    while !api.listens.is_empty() {
        api.listening(0);
    }
    api.accepts.retain(|(of, _)| *of == listener);
    let link = api.accept();
    api.says(link, &[wire::greeting(), wire::ready("SUB")].concat());
    let mut is_told = |prefix: &[u8]| {
        api.says(link, &wire::command("SUBSCRIBE", prefix));
        let wrote = api.wrote(link);
        wrote.windows(SENDER.len()).filter(|octets| *octets == SENDER.as_bytes()).count()
    };
    assert_eq!(is_told(b"nothing of this"), 0);
    assert_eq!(is_told(b""), 1, "of the one server there is");
}

#[test]
fn what_a_subscriber_has_no_room_for_when_all_is_told_again_is_counted() {
    let mut tier = Tier::without_nodes(5, Config::default());
    let sub = socket(&mut tier.world, SocketType::Sub);
    tier.world.submit(sub, socket::Command::Connect(ANNOUNCEMENTS.parse().unwrap())).unwrap();
    tier.world.submit(sub, socket::Command::Subscribe(Bytes::new())).unwrap();
    tier.run_ms(100);
    let told = messages(&mut tier.world, sub);
    tier.world.set_deaf(sub, true);
    // Each time all that holds is said again, which is one thing.
    let rounds = 6000;
    for _ in 0..rounds {
        let prefix = told[0].slice(..1);
        tier.world.submit(sub, socket::Command::Subscribe(prefix.clone())).unwrap();
        tier.world.submit(sub, socket::Command::Cancel(prefix)).unwrap();
        tier.run_ms(1);
    }
    let missed: u64 = tier
        .events()
        .iter()
        .map(|event| match event {
            Event::Missed { announcements } => *announcements,
            _ => 0,
        })
        .sum();
    tier.world.set_deaf(sub, false);
    tier.run_secs(10);
    let heard = messages(&mut tier.world, sub);
    assert!(missed > 0 && heard.iter().all(|message| *message == told[0]));
    assert_eq!(heard.len() as u64 + missed, rounds);
}

#[test]
fn a_server_that_has_moved_meanwhile_is_found_by_a_node_that_did_not_hear_of_it() {
    let mut tier = Tier::up(6, 1, Config::default());
    tier.kill_api();
    tier.world.crash(tier.server);
    tier.server = tier.world.add(new_server(&tier.world, SENDER, 9799));
    tier.api = tier.world.add(Api::new(tier.world.now(), Config::default()));
    tier.submit(add_server(SENDER, 9799));
    tier.run_secs(10);
    let told = tier.told(0);
    let counts = |wanted: fn(&node::Event) -> bool| told.iter().filter(|it| wanted(it)).count();
    assert_eq!(counts(|event| matches!(event, node::Event::ServerRemoved { .. })), 1, "{told:?}");
    assert_eq!(counts(|event| matches!(event, node::Event::ServerAdded { .. })), 1, "{told:?}");
    tier.deliver(get(1));
    tier.run_ms(100);
    assert_eq!(tier.replies(), [(1, "0".into())]);
}

fn remove_server(tier: &mut Tier, node: NodeId<Node>) {
    // A Node counts its servers from 1, as a transceiver does.
    let server = tier.id;
    tier.world.submit(node, node::Command::RemoveServer { server }).unwrap();
}

#[test]
fn the_end_of_a_life_of_a_server_that_a_node_does_not_serve_means_nothing_to_it() {
    let mut tier = Tier::without_nodes(7, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    remove_server(&mut tier, node);
    tier.run_secs(5);
    assert_eq!(tier.world.machine(node).stats().servers, 0);
    tier.told(0);
    tier.restart_server();
    tier.run_secs(5);
    assert!(tier.told(0).is_empty());
    let recv_spec = "tcp://127.0.0.1:9998".parse().unwrap();
    let add = node::Command::AddServer { sender: SENDER.into(), recv_spec };
    tier.world.submit(node, add).unwrap();
    tier.run_secs(5);
    tier.deliver(get(1));
    tier.run_ms(100);
    let taken = targets(&tier.told(0));
    tier.world.submit(node, reply(taken[0], "x")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies(), [(1, "x".into())]);
}

#[test]
fn an_answer_about_a_server_that_is_gone_meanwhile_serves_nothing() {
    let mut tier = Tier::without_nodes(8, Config::default());
    tier.world.network.shape.latency = Duration::from_millis(20);
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    tier.deliver(get(1));
    tier.world.run_until(|world| world.machine(node).stats().held == 1);
    tier.run_ms(5);
    // Whether its life goes on is asked now.
    remove_server(&mut tier, node);
    tier.run_secs(5);
    let told = tier.told(0);
    assert!(targets(&told).is_empty(), "{told:?}");
    let is_given_back = |event: &node::Event| {
        matches!(event, node::Event::Unserved { why: Unserved::NoServer, .. })
    };
    assert_eq!(told.iter().filter(|event| is_given_back(event)).count(), 1, "{told:?}");
    let events = tier.events();
    let first = tier.target(1, 1);
    assert!(
        matches!(&events[..], [Event::Unserved { targets, .. }] if *targets == [first]),
        "{events:?}"
    );
}

#[test]
fn a_stream_that_opens_for_a_server_that_is_gone_is_closed() {
    let mut node = ByHand::new(Node::new(base(), node::Config::default()));
    let recv_spec = "tcp://127.0.0.1:9998".parse().unwrap();
    node.submit(node::Command::AddServer { sender: SENDER.into(), recv_spec }).unwrap();
    let added = node.events.iter().find_map(|event| match event {
        node::Event::ServerAdded { server, .. } => Some(*server),
        _ => None,
    });
    let (link, _) = node.connects.pop_back().unwrap();
    node.submit(node::Command::RemoveServer { server: added.unwrap() }).unwrap();
    node.pass(Duration::from_secs(10));
    let is_removed = |event: &node::Event| matches!(event, node::Event::ServerRemoved { .. });
    assert!(node.events.iter().any(is_removed), "{:?}", node.events);
    let now = node.now();
    node.machine.handle(now, Input::Opened { link });
    let output = node.machine.poll_output();
    assert!(matches!(output, Some(Output::Close { link: closed }) if closed == link), "{output:?}");
}
