//! What the API tells its Nodes: servers, and what the application announces.

use mongrel2_transceiver::tier::api::{Command, Config, Refused};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver;

use crate::browser::get;
use crate::kit::{Tier, add_server, new_server, targets};

fn announce(topic: &'static str, body: &'static str) -> Command {
    Command::Announce { topic: topic.into(), body: body.into() }
}

fn heard(events: &[node::Event]) -> Vec<(String, String)> {
    let announcements = events.iter().filter_map(|event| match event {
        node::Event::Announcement { topic, body } => {
            let text = |octets: &[u8]| String::from_utf8(octets.to_vec()).unwrap();
            Some((text(topic), text(body)))
        }
        _ => None,
    });
    announcements.collect()
}

#[test]
fn announcements_reach_every_node() {
    let mut tier = Tier::up(1, 3, Config::default());
    tier.submit(announce("/news", "one"));
    tier.submit(announce("weather", "\0two"));
    tier.run_ms(100);
    for node in 0..3 {
        let heard = heard(&tier.told(node));
        assert_eq!(heard, [("/news", "one"), ("weather", "\0two")].map(owned));
    }
}

fn owned((topic, body): (&str, &str)) -> (String, String) {
    (topic.to_owned(), body.to_owned())
}

#[test]
fn what_cannot_be_announced_is_refused() {
    let mut tier = Tier::without_nodes(2, Config::default());
    for topic in ["", "a b", "/__life__"] {
        let refused = tier.world.submit(tier.api, announce(topic, "x")).unwrap_err();
        assert_eq!(refused, Refused::BadTopic, "{topic:?}");
    }
    let refused = tier.world.submit(tier.api, announce("x", "x")).unwrap_err();
    assert_eq!(refused, Refused::NoNode);
}

#[test]
fn late_nodes_learn_all_servers_and_every_node_of_new_ones() {
    let mut tier = Tier::up(3, 1, Config::default());
    let second = tier.world.add(new_server(&tier.world, "second", 9899));
    tier.submit(add_server("second", 9899));
    tier.run_secs(1);
    tier.add_node();
    tier.until_all_up();
    tier.run_secs(1);
    for node in 0..2 {
        let stats = tier.world.machine(tier.nodes[node]).stats();
        assert_eq!((stats.servers, stats.servers_up), (2, 2));
    }
    let raw = get(1);
    let raw = [b"second", &raw[raw.iter().position(|octet| *octet == b' ').unwrap()..]].concat();
    let command = mongrel2_transceiver::server::Command::Deliver(raw.into());
    tier.world.submit(second, command).unwrap();
    tier.run_ms(100);
    assert_eq!(crate::kit::replies(&mut tier.world, second).len(), 1);
    assert!(tier.replies().is_empty());
}

#[test]
fn a_server_that_is_removed_is_removed_everywhere() {
    let mut tier = Tier::up(4, 2, Config::default());
    let server = tier.id;
    tier.submit(transceiver::Command::RemoveServer { server });
    tier.run_secs(10);
    for node in 0..2 {
        let events = tier.told(node);
        assert!(events.iter().any(|event| matches!(event, node::Event::ServerRemoved { .. })));
        assert_eq!(tier.world.machine(tier.nodes[node]).stats().servers, 0);
    }
    // And may come back.
    tier.submit(add_server(crate::browser::SENDER, 9999));
    tier.run_secs(5);
    tier.deliver(get(1));
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
}

#[test]
fn a_server_that_has_moved_is_served_where_it_is_now() {
    let mut tier = Tier::up(5, 1, Config::default());
    let server = tier.id;
    tier.submit(transceiver::Command::RemoveServer { server });
    tier.run_secs(10);
    tier.world.crash(tier.server);
    tier.server = tier.world.add(new_server(&tier.world, crate::browser::SENDER, 9799));
    tier.submit(add_server(crate::browser::SENDER, 9799));
    tier.run_secs(5);
    tier.deliver(get(1));
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
}

#[test]
fn a_slow_node_misses_nothing_in_silence() {
    let mut tier = Tier::up(6, 2, Config::default());
    tier.world.set_deaf(tier.nodes[0], true);
    let streams = tier.world.streams(tier.nodes[0]);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, true));
    for _ in 0..3000 {
        tier.submit(announce("x", "y"));
    }
    tier.run_ms(100);
    let missed: u64 = tier
        .events()
        .iter()
        .map(|event| match event {
            mongrel2_transceiver::tier::api::Event::Missed { announcements } => *announcements,
            _ => 0,
        })
        .sum();
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, false));
    tier.world.set_deaf(tier.nodes[0], false);
    tier.run_secs(5);
    let both: usize = (0..2).map(|node| heard(&tier.told(node)).len()).sum();
    assert_eq!(both + usize::try_from(missed).unwrap(), 6000);
    assert!(missed > 0);
}

#[test]
fn requests_of_a_server_that_was_not_told_yet_are_held() {
    let mut tier = Tier::without_nodes(7, Config::default());
    let mut config = node::Config::default();
    // It hears no news: nobody is there.
    config.announcements = "tcp://127.0.0.1:1".parse().unwrap();
    let node = tier.add_silent_node(config);
    tier.run_secs(1);
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    assert_eq!(tier.world.machine(node).stats().held, 3);
    let sender = crate::browser::SENDER.into();
    let recv_spec = "tcp://127.0.0.1:9998".parse().unwrap();
    tier.world.submit(node, node::Command::AddServer { sender, recv_spec }).unwrap();
    tier.run_secs(1);
    assert_eq!(targets(&tier.told(0)).len(), 3);
}
