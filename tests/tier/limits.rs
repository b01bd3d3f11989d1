//! Bounds: nothing grows without end, and what is refused is told.

use std::time::Duration;

use mongrel2_transceiver::tier::api::{Command, Config, Event, Forward, Refused};
use mongrel2_transceiver::tier::node::{self, Unserved};
use mongrel2_transceiver::transceiver;

use crate::browser::{get, post};
use crate::kit::{Tier, config, reply, targets};
use crate::support::StreamId;

#[test]
fn the_application_is_refused_what_there_is_no_room_for_and_told_of_room() {
    let mut tier = Tier::without_nodes(
        1,
        config(|config| {
            config.forward = Forward::Nothing;
            config.limits.waiting_max = 4;
        }),
    );
    tier.deliver(get(1));
    tier.run_ms(100);
    let events = tier.events();
    let [Event::Handler(transceiver::Event::Request { target, request })] = &events[..] else {
        panic!("{events:?}")
    };
    let forward = Command::Forward { target: *target, raw: request.raw().clone() };
    for _ in 0..4 {
        tier.submit(forward.clone());
    }
    assert_eq!(tier.world.submit(tier.api, forward.clone()).unwrap_err(), Refused::Full);
    tier.add_node();
    tier.run_secs(5);
    assert!(tier.events().iter().any(|event| matches!(event, Event::Room)));
    tier.submit(forward);
    tier.run_secs(1);
    assert_eq!(tier.replies().len(), 5);
}

#[test]
fn a_node_holds_so_much_for_so_long() {
    let mut tier = Tier::without_nodes(2, Config::default());
    let mut config = node::Config::default();
    config.announcements = "tcp://127.0.0.1:1".parse().unwrap();
    config.limits.held_max = 5;
    config.patience = Duration::from_secs(2);
    let node = tier.add_silent_node(config);
    tier.run_secs(1);
    (1..=8).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    assert_eq!(tier.world.machine(node).stats().held, 5);
    tier.run_secs(10);
    let unserved = tier
        .told(0)
        .into_iter()
        .filter(|event| matches!(event, node::Event::Unserved { why: Unserved::NoServer, .. }));
    assert_eq!(unserved.count(), 8);
    let told: usize = tier
        .events()
        .iter()
        .map(|event| match event {
            Event::Unserved { targets, .. } => targets.len(),
            _ => 0,
        })
        .sum();
    assert_eq!((told, tier.stats().unfinished), (8, 0));
}

#[test]
fn a_request_too_large_for_a_node_is_given_back() {
    let mut tier = Tier::without_nodes(3, Config::default());
    let mut config = node::Config::default();
    config.limits.message_size_max = 1000;
    tier.add_silent_node(config);
    tier.until_all_up();
    tier.deliver(post(1, &[b'x'; 2000]));
    tier.deliver(get(2));
    tier.run_secs(1);
    assert_eq!(targets(&tier.told(0)).len(), 1);
    let first = tier.target(1, 1);
    let events = tier.events();
    assert!(
        matches!(&events[..], [Event::Unserved { targets, .. }] if *targets == [first]),
        "{events:?}"
    );
}

#[test]
fn an_application_that_takes_no_events_slows_its_node_down() {
    let mut tier = Tier::without_nodes(4, Config::default());
    let mut config = node::Config::default();
    config.limits.events_max = 10;
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    tier.world.set_deaf(node, true);
    (1..=500).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(20);
    let stats = tier.world.machine(node).stats();
    assert!(stats.events <= 11 && stats.open <= 11, "{stats:?}");
    tier.world.script(node, |event| crate::kit::answer(0, event));
    tier.world.set_deaf(node, false);
    tier.run_secs(20);
    assert_eq!(tier.replies().len(), 500);
}

/// A Node whose server takes no replies, with a request of it, and the streams between the two.
fn with_a_server_that_takes_no_replies(seed: u64) -> (Tier, node::Target, Vec<StreamId>) {
    let mut tier = Tier::without_nodes(seed, Config::default());
    let mut config = node::Config::default();
    config.limits.send_messages_max = 10;
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    (1..=5).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let target = targets(&tier.told(0))[0];
    let of_the_server = tier.world.streams(tier.server);
    let streams = tier.world.streams(node);
    let stalled: Vec<_> = streams.into_iter().filter(|s| of_the_server.contains(s)).collect();
    stalled.iter().for_each(|stream| tier.world.network.stall(*stream, true));
    (tier, target, stalled)
}

#[test]
fn a_node_that_has_stopped_waits_for_nothing() {
    let (mut tier, target, _) = with_a_server_that_takes_no_replies(6);
    let node = tier.nodes[0];
    while tier.world.submit(node, reply(target, "x")).is_ok() {}
    // It is read only once there is room for its answer.
    tier.deliver(get(6));
    tier.run_ms(100);
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.run_secs(10);
    assert!(matches!(tier.told(0).last(), Some(node::Event::Stopped { .. })));
    assert_eq!(tier.world.next_deadline(node), None);
}

#[test]
fn a_server_that_takes_no_replies_fills_its_outbox_and_no_more() {
    let (mut tier, target, stalled) = with_a_server_that_takes_no_replies(5);
    let node = tier.nodes[0];
    let mut taken = 0;
    while tier.world.submit(node, reply(target, "x")).is_ok() {
        taken += 1;
        tier.run_ms(1);
        assert!(taken <= 10);
    }
    assert_eq!(tier.world.submit(node, reply(target, "x")).unwrap_err(), node::Refused::Full);
    stalled.iter().for_each(|stream| tier.world.network.stall(*stream, false));
    tier.run_secs(1);
    assert!(tier.told(0).iter().any(|event| matches!(event, node::Event::Room { .. })));
    assert_eq!(tier.replies().len(), taken);
}

#[test]
fn large_replies_wait_for_each_other_and_all_come() {
    let (mut tier, target, stalled) = with_a_server_that_takes_no_replies(7);
    let node = tier.nodes[0];
    let bodies = [b'a', b'b', b'c'].map(|octet| bytes::Bytes::from(vec![octet; 100_000]));
    for body in bodies.clone() {
        tier.world.submit(node, reply(target, body)).unwrap();
        tier.run_ms(1);
    }
    stalled.iter().for_each(|stream| tier.world.network.stall(*stream, false));
    tier.run_secs(5);
    let replies = tier.replies().into_iter().map(|(_, body)| body);
    assert_eq!(replies.collect::<Vec<_>>().concat(), bodies.concat());
}

#[test]
fn more_than_a_receipt_holds_is_said_in_several() {
    let mut tier = Tier::without_nodes(8, Config::default());
    tier.world.network.shape.latency = Duration::from_millis(1);
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    for conn_id in 1..=5000 {
        tier.deliver(get(conn_id));
        if conn_id % 500 == 0 {
            tier.run_secs(1);
        }
    }
    let taken = targets(&tier.told(0));
    assert_eq!(taken.len(), 5000);
    // Every other one, so that no two are next to each other.
    for target in taken.iter().step_by(4).copied() {
        tier.world.submit(node, node::Command::Done { target }).unwrap();
    }
    tier.run_secs(1);
    assert_eq!(tier.stats().unfinished, 3750);
    for target in taken.iter().skip(2).step_by(4).copied() {
        tier.world.submit(node, node::Command::Decline { target }).unwrap();
    }
    tier.run_secs(1);
    assert_eq!(tier.stats().unfinished, 2500);
    let expected = taken.iter().skip(2).step_by(4).map(|target| target.conn_id);
    assert_eq!(tier.unserved(), expected.collect::<Vec<_>>());
}

#[test]
fn of_more_requests_than_a_node_remembers_the_oldest_counts_as_finished() {
    let mut tier = Tier::without_nodes(9, Config::default());
    let mut config = node::Config::default();
    config.limits.open_max = 2;
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let taken = targets(&tier.told(0));
    assert_eq!((taken.len(), tier.world.machine(node).stats().open), (3, 2));
    let done = node::Command::Done { target: taken[0] };
    assert_eq!(tier.world.submit(node, done).unwrap_err(), node::Refused::Finished);
    // It can still be answered; but nobody waits for that.
    for target in &taken[1..] {
        tier.world.submit(node, reply(*target, "x")).unwrap();
    }
    let before = tier.world.now();
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    let is_stopped = |event: &node::Event| matches!(event, node::Event::Stopped { .. });
    tier.world.run_until(|world| world.seen(node).iter().any(is_stopped));
    assert!(tier.world.now() - before < Duration::from_secs(1));
    assert_eq!(tier.replies().len(), 2);
}

#[test]
fn a_node_is_given_requests_while_a_ping_to_it_is_stuck() {
    let mut tier = Tier::without_nodes(10, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.world.script(node, |event| crate::kit::answer(0, event));
    tier.until_all_up();
    let work = "tcp://127.0.0.1:9996".parse().unwrap();
    let streams = tier.world.network.streams_to(&work);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, true));
    tier.run_secs(11);
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, false));
    tier.run_secs(1);
    assert_eq!(tier.replies().len(), 3);
    assert_eq!(tier.stats().unfinished, 0);
}
