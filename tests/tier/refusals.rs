//! What Nodes and the API do not take, with the reason; and what becomes of what they cannot serve.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::tier::api::{self, Command, Config, Event, Forward};
use mongrel2_transceiver::tier::node::{self, Refused, Unserved};
use mongrel2_transceiver::transceiver::{self, Loss, ServerId};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{SENDER, get, handshake, text};
use crate::kit::{Tier, add_server, config, new_server, reply, targets};
use crate::support::NodeId;

type Node = NodeId<mongrel2_transceiver::tier::Node>;

/// A tier whose Node does nothing by itself, and is up.
fn with_silent_node(seed: u64, change: impl FnOnce(&mut node::Config)) -> (Tier, Node) {
    let mut tier = Tier::without_nodes(seed, Config::default());
    let mut config = node::Config::default();
    change(&mut config);
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    (tier, node)
}

impl Tier {
    fn refused(&mut self, node: Node, command: node::Command) -> Refused {
        self.world.submit(node, command).unwrap_err()
    }

    /// Requests of so many connections, and the targets that the Node was told of.
    fn asked(&mut self, count: i64) -> Vec<node::Target> {
        (1..=count).for_each(|conn_id| self.deliver(get(conn_id)));
        self.run_ms(100);
        targets(&self.told(0))
    }

    /// Nothing goes between the server and a Node any more, or again.
    fn stall_server(&mut self, node: Node, is_stalled: bool) {
        let of_the_server = self.world.streams(self.server);
        for stream in self.world.streams(node) {
            if of_the_server.contains(&stream) {
                self.world.network.stall(stream, is_stalled);
            }
        }
    }
}

fn add(sender: &'static str, recv_spec: &str) -> node::Command {
    let recv_spec = recv_spec.parse().unwrap();
    node::Command::AddServer { sender: sender.into(), recv_spec }
}

fn broadcast(targets: Vec<node::Target>, message: impl Into<Message>) -> node::Command {
    node::Command::Broadcast { targets, message: message.into() }
}

fn server_added(events: &[node::Event]) -> ServerId {
    let added = events.iter().find_map(|event| match event {
        node::Event::ServerAdded { server, .. } => Some(*server),
        _ => None,
    });
    added.unwrap()
}

#[test]
fn a_node_says_why_it_takes_no_server() {
    let (mut tier, node) = with_silent_node(1, |config| config.limits.servers_max = 2);
    let at = "tcp://127.0.0.1:9898";
    assert_eq!(tier.refused(node, add(SENDER, at)), Refused::SenderInUse);
    assert_eq!(tier.refused(node, add("second", "tcp://127.0.0.1:*")), Refused::Wildcard);
    assert!(matches!(tier.refused(node, add("a b", at)), Refused::BadSender(_)));
    tier.world.submit(node, add("second", at)).unwrap();
    let server = server_added(&tier.told(0));
    let third = add("third", "tcp://127.0.0.1:9798");
    assert_eq!(tier.refused(node, third.clone()), Refused::TooManyServers);
    // Where one has gone there is room for another.
    let remove = node::Command::RemoveServer { server };
    tier.world.submit(node, remove.clone()).unwrap();
    tier.run_secs(5);
    assert_eq!(tier.refused(node, remove), Refused::UnknownServer);
    tier.world.submit(node, third).unwrap();
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    assert_eq!(tier.refused(node, add("fourth", at)), Refused::ShuttingDown);
    // Said twice it changes nothing.
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.run_secs(10);
    let stopped = |event: &&node::Event| matches!(event, node::Event::Stopped { .. });
    assert_eq!(tier.told(0).iter().filter(stopped).count(), 1);
}

#[test]
fn what_a_node_cannot_say_is_refused() {
    let (mut tier, node) = with_silent_node(2, |config| config.limits.message_size_max = 1000);
    let target = tier.asked(1)[0];
    let large = || vec![b'x'; 1001];
    assert_eq!(tier.refused(node, reply(target, "")), Refused::Empty);
    assert_eq!(tier.refused(node, reply(target, large())), Refused::TooLarge);
    let message = Message::Binary(large().into());
    assert_eq!(tier.refused(node, broadcast(vec![target], message)), Refused::TooLarge);
    let (mut nobody, mut former, mut elsewhere) = (target, target, target);
    nobody.conn_id = ConnId(-1);
    assert_eq!(tier.refused(node, reply(nobody, "x")), Refused::ServerGone);
    former.life = 0;
    assert_eq!(tier.refused(node, reply(former, "x")), Refused::ServerGone);
    tier.world.submit(node, add("second", "tcp://127.0.0.1:9898")).unwrap();
    let second = server_added(&tier.told(0));
    tier.world.submit(node, node::Command::RemoveServer { server: second }).unwrap();
    tier.run_secs(5);
    elsewhere.server = second;
    assert_eq!(tier.refused(node, reply(elsewhere, "x")), Refused::UnknownServer);
    // All of it has changed nothing.
    tier.world.submit(node, reply(target, vec![b'x'; 1000])).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
}

#[test]
fn what_a_broadcast_names_and_is_gone_is_told() {
    let (mut tier, node) = with_silent_node(3, |_| {});
    let targets = tier.asked(2);
    let mut former = targets[1];
    former.life = 0;
    tier.world.submit(node, broadcast(vec![targets[0], former], "hello")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
    let told = tier.told(0);
    let [node::Event::Undelivered { targets: lost, reason: Loss::ServerLost }] = &told[..] else {
        panic!("{told:?}")
    };
    assert!(lost.len() == 1 && lost[0].conn_id == former.conn_id, "{lost:?}");
}

/// Mongrel2 drops a connection for which more than 16 replies wait; the first that come at once are let
/// pass without any proof that they were read.
#[test]
fn whom_a_broadcast_names_several_times_takes_as_many_places() {
    let (mut tier, node) = with_silent_node(7, |_| {});
    let targets = tier.asked(2);
    let mut to = vec![targets[0]; 40];
    to.push(targets[1]);
    tier.world.submit(node, broadcast(to, "x")).unwrap();
    tier.run_ms(1);
    let count = |replies: &[(i64, Bytes)], of| replies.iter().filter(|(id, _)| *id == of).count();
    let at_once = tier.replies();
    assert!((1..=16).contains(&count(&at_once, 1)), "{at_once:?}");
    assert_eq!(count(&at_once, 2), 1, "nobody waits for another");
    tier.run_secs(5);
    // What waited is put together.
    let said = at_once.into_iter().chain(tier.replies()).filter(|(id, _)| *id == 1);
    let said = said.map(|(_, body)| body).collect::<Vec<_>>().concat();
    assert_eq!(said, b"\x81\x01x".repeat(40));
}

#[test]
fn a_browser_that_reads_nothing_is_refused_more_and_the_others_are_not() {
    let (mut tier, node) = with_silent_node(4, |config| config.limits.target_messages_max = 3);
    let targets = tier.asked(2);
    let mut taken = 0;
    let refused = loop {
        match tier.world.submit(node, reply(targets[0], "x")) {
            Ok(()) => taken += 1,
            Err(refused) => break refused,
        }
        tier.run_ms(1);
        assert!(taken < 100, "there is no bound");
    };
    assert_eq!(refused, Refused::Slow);
    tier.world.submit(node, reply(targets[1], "y")).unwrap();
    tier.run_secs(5);
    let is_room = |event: &node::Event| matches!(event, node::Event::TargetRoom { .. });
    assert!(tier.told(0).iter().any(is_room));
    let said: String =
        tier.replies().iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect();
    assert_eq!((said.matches('x').count(), said.matches('y').count()), (taken, 1));
}

#[test]
fn a_server_that_is_parted_from_is_said_nothing_more() {
    let (mut tier, node) = with_silent_node(5, |config| config.limits.send_messages_max = 4);
    let targets = tier.asked(5);
    tier.stall_server(node, true);
    while tier.world.submit(node, reply(targets[0], "x")).is_ok() {
        tier.run_ms(1);
    }
    assert_eq!(tier.refused(node, broadcast(targets.clone(), "x")), Refused::Full);
    let remove = node::Command::RemoveServer { server: targets[0].server };
    tier.world.submit(node, remove.clone()).unwrap();
    assert_eq!(tier.refused(node, remove), Refused::ShuttingDown);
    // There is time for answers, as far as there is room; then what waits is flushed.
    let refusals: Vec<_> = (0..40)
        .map(|_| {
            tier.run_ms(100);
            tier.refused(node, reply(targets[1], "x"))
        })
        .collect();
    assert!(refusals.contains(&Refused::ShuttingDown), "{refusals:?}");
    assert_eq!(refusals.last(), Some(&Refused::UnknownServer));
}

#[test]
fn what_has_come_to_a_node_that_ends_is_given_back() {
    let (mut tier, node) = with_silent_node(6, |config| config.limits.events_max = 2);
    tier.world.set_deaf(node, true);
    (1..=20).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let waiting = tier.stats().waiting;
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.world.set_deaf(node, false);
    tier.run_secs(10);
    let told = tier.told(0);
    let given_back = told
        .iter()
        .filter(|event| matches!(event, node::Event::Unserved { why: Unserved::ShuttingDown, .. }));
    let (given_back, taken) = (given_back.count(), targets(&told).len());
    assert!(given_back > 0, "{told:?}");
    let events = tier.events();
    let reported = events.iter().map(|event| match event {
        Event::Unserved { targets, .. } => targets.len(),
        Event::NodeLost { unfinished, .. } => unfinished.len(),
        _ => 0,
    });
    let reported: usize = reported.sum();
    // Each is known of at one place alone: with the API it waits for another Node, or it was told.
    assert!(given_back + taken <= reported, "{events:?}");
    assert_eq!(reported + tier.stats().waiting, 20, "{waiting} waited");
}

#[test]
fn a_node_without_room_for_a_server_serves_the_others() {
    let mut tier = Tier::without_nodes(7, Config::default());
    let mut small = node::Config::default();
    small.limits.servers_max = 1;
    let node = tier.add_silent_node(small);
    tier.until_all_up();
    tier.world.add(new_server(&tier.world, "second", 9899));
    tier.submit(add_server("second", 9899));
    tier.run_secs(1);
    assert_eq!(tier.world.machine(node).stats().servers, 1);
    // That the other goes means nothing to it.
    let second = tier.events().iter().find_map(|event| match event {
        Event::Handler(transceiver::Event::ServerAdded { server, .. }) => Some(*server),
        _ => None,
    });
    tier.submit(transceiver::Command::RemoveServer { server: second.unwrap() });
    tier.run_secs(5);
    let target = tier.asked(1)[0];
    tier.world.submit(node, reply(target, "x")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
}

#[test]
fn what_the_api_cannot_forward_is_refused() {
    let mut tier = Tier::without_nodes(8, config(|config| config.forward = Forward::Nothing));
    let forward = |target, raw| Command::Forward { target, raw };
    let refused = |tier: &mut Tier, target, raw: Bytes| {
        tier.world.submit(tier.api, forward(target, raw)).unwrap_err()
    };
    let (first, nobody) = (tier.target(1, 1), tier.target(1, -1));
    assert_eq!(refused(&mut tier, first, "x".into()), api::Refused::NoRequest);
    assert_eq!(refused(&mut tier, first, get(2)), api::Refused::NoRequest);
    assert_eq!(refused(&mut tier, nobody, get(-1)), api::Refused::NoRequest);
    tier.submit(forward(first, get(1)));
    tier.restart_server();
    tier.run_secs(20);
    assert_eq!(refused(&mut tier, first, get(1)), api::Refused::ServerGone);
    tier.submit(Command::Shutdown);
    let second = tier.target(2, 1);
    assert_eq!(refused(&mut tier, second, get(1)), api::Refused::ShuttingDown);
    // Said again, while it ends and when it has ended, it changes nothing.
    tier.submit(Command::Shutdown);
    tier.run_secs(20);
    tier.submit(Command::Shutdown);
    tier.run_secs(20);
    let stopped = |event: &&Event| matches!(event, Event::Stopped { .. });
    assert_eq!(tier.events().iter().filter(stopped).count(), 1);
}

#[test]
fn what_is_for_no_node_stays_with_the_application() {
    let mut tier = Tier::up(9, 1, Config::default());
    tier.deliver(get(-1));
    tier.run_secs(1);
    let events = tier.events();
    let [Event::Handler(transceiver::Event::Request { target, .. })] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(target.conn_id, ConnId(-1));
    assert!(targets(&tier.told(0)).is_empty());
    let mut tier = Tier::up(10, 1, config(|config| config.forward = Forward::Nothing));
    tier.deliver(handshake(1, "13"));
    tier.run_ms(100);
    tier.deliver(text(1, "hello"));
    tier.run_ms(100);
    let is_message =
        |event: &Event| matches!(event, Event::Handler(transceiver::Event::SessionMessage { .. }));
    assert!(tier.events().iter().any(is_message));
    assert!(targets(&tier.told(0)).is_empty());
}

/// Requests that were dropped, and why.
fn dropped(events: &[Event], why: Loss) -> usize {
    let counts = events.iter().map(|event| match event {
        Event::Dropped { targets, reason } if *reason == why => targets.len(),
        _ => 0,
    });
    counts.sum()
}

#[test]
fn what_a_node_that_takes_nothing_leaves_waiting_is_told_when_the_time_is_up() {
    let mut tier = Tier::with_a_stuck_node(11, 50);
    tier.submit(Command::Shutdown);
    tier.run_secs(20);
    let events = tier.events();
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
    let lost = events.iter().map(|event| match event {
        Event::NodeLost { unfinished, .. } => unfinished.len(),
        _ => 0,
    });
    let lost: usize = lost.sum();
    let told = dropped(&events, Loss::ShutDown) + dropped(&events, Loss::ServerLost) + lost;
    assert_eq!(told, 50, "{events:?}");
}

#[test]
fn without_time_to_linger_an_api_ends_at_once() {
    let mut tier = Tier::without_nodes(12, Config::default());
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    let at_once = transceiver::Command::ShutdownWithin { time: Duration::ZERO };
    tier.submit(Command::Handler(at_once));
    tier.run_secs(10);
    assert!(matches!(tier.events().last(), Some(Event::Stopped { .. })));
    assert!(tier.world.streams(tier.api).is_empty());
}

#[test]
fn an_answer_in_place_of_a_node_that_nobody_can_get_is_no_harm() {
    let mut tier = Tier::without_nodes(13, config(|config| config.answer_lost = true));
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    let taken = tier.asked(3);
    let server = tier.id;
    tier.submit(transceiver::Command::RemoveServer { server });
    tier.run_secs(10);
    for target in taken {
        // Whatever of it is not finished yet has failed.
        let _ = tier.world.submit(node, node::Command::Decline { target });
    }
    tier.kill_node(0);
    tier.run_secs(20);
    let events = tier.events();
    let reported = events.iter().map(|event| match event {
        Event::Unserved { targets, .. } => targets.len(),
        Event::NodeLost { unfinished, .. } => unfinished.len(),
        _ => 0,
    });
    assert_eq!(reported.sum::<usize>(), 3, "{events:?}");
    assert!(tier.replies().is_empty());
}

#[test]
fn what_finds_no_place_at_the_end_is_told_with_its_reason() {
    let mut tier = Tier::without_nodes(14, config(|config| config.limits.waiting_max = 2));
    (1..=20).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    assert_eq!(tier.stats().waiting, 2);
    // One report follows the other while nobody takes them.
    tier.world.set_deaf(tier.api, true);
    tier.submit(Command::Shutdown);
    tier.run_secs(10);
    tier.world.set_deaf(tier.api, false);
    tier.run_ms(1);
    let events = tier.events();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Dropped { targets, reason } => Some((targets.len(), *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(told, [(18, Loss::ShutDown), (2, Loss::ServerLost)], "{events:?}");
}

#[test]
fn a_node_that_ends_waits_for_what_it_has_said_though_it_owes_nothing() {
    let (mut tier, node) = with_silent_node(15, |_| {});
    let target = tier.asked(1)[0];
    tier.world.submit(node, reply(target, "answer")).unwrap();
    tier.run_ms(100);
    tier.stall_server(node, true);
    tier.world.submit(node, reply(target, "and more")).unwrap();
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    // Longer than a link may take that has only to be flushed.
    tier.world.run_for(node::Config::default().linger / 8 * 3);
    assert!(!tier.told(0).iter().any(|event| matches!(event, node::Event::Stopped { .. })));
    tier.stall_server(node, false);
    tier.run_secs(5);
    let told = tier.told(0);
    assert!(matches!(told.last(), Some(node::Event::Stopped { undelivered: 0 })), "{told:?}");
    assert_eq!(tier.replies(), [(1, "answer".into()), (1, "and more".into())]);
}

#[test]
fn a_node_whose_announcements_are_stuck_ends_when_its_time_is_over() {
    let (mut tier, node) = with_silent_node(16, |_| {});
    let announcements = "tcp://127.0.0.1:9995".parse().unwrap();
    let streams = tier.world.network.streams_to(&announcements);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, true));
    // Until it has asked for a sign of life, which is not written.
    tier.run_secs(12);
    let before = tier.world.now();
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    let is_stopped = |event: &node::Event| matches!(event, node::Event::Stopped { .. });
    tier.world.run_until(|world| world.seen(node).iter().any(is_stopped));
    let linger = node::Config::default().linger;
    assert_eq!(tier.world.now() - before, linger / 4, "of the socket for announcements");
    assert!(tier.world.streams(node).is_empty());
}
