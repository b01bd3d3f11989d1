//! Restarts: no answer reaches a stranger, and all come together again.

use mongrel2_transceiver::tier::api::{Config, Event};
use mongrel2_transceiver::tier::node::{self, Refused, Unserved};

use crate::browser::get;
use crate::kit::{Tier, reply, targets};

#[test]
fn no_answer_of_a_former_life_reaches_the_next() {
    let mut tier = Tier::without_nodes(1, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    tier.deliver(get(1));
    tier.run_ms(100);
    let old = targets(&tier.told(0))[0];
    tier.restart_server();
    let refused = tier.world.submit(node, reply(old, "for the old")).map(|()| tier.run_ms(0));
    // Before it knows, it takes it, and the link loses it; afterwards it refuses.
    tier.run_secs(10);
    assert!(matches!(refused, Ok(()) | Err(Refused::ServerGone)));
    assert_eq!(
        tier.world.submit(node, reply(old, "for the old")).unwrap_err(),
        Refused::ServerGone
    );
    assert!(tier.replies().is_empty());
    // Nobody waits for it any more.
    assert_eq!(tier.stats().unfinished, 0);
    tier.deliver(get(1));
    tier.run_ms(100);
    let new = targets(&tier.told(0))[0];
    assert_eq!((old.life, new.life), (1, 2));
    tier.world.submit(node, reply(new, "for the new")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies(), [(1, "for the new".into())]);
}

#[test]
fn a_request_that_was_long_on_its_way_is_not_answered_to_a_stranger() {
    let mut config = node::Config::default();
    config.limits.events_max = 1;
    let mut tier = Tier::without_nodes(2, Config::default());
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    // The Node's application takes nothing, so requests wait in the Node and in the stream.
    tier.world.set_deaf(node, true);
    (1..=10).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    tier.restart_server();
    tier.run_secs(10);
    tier.deliver(get(1));
    tier.run_secs(1);
    tier.world.script(node, |event| crate::kit::answer(0, event));
    tier.world.set_deaf(node, false);
    tier.run_secs(10);
    assert_eq!(tier.replies(), [(1, "0".into())], "of the new process alone");
    let told = tier.told(0);
    let gone = |event: &&node::Event| {
        matches!(event, node::Event::Unserved { why: Unserved::ServerGone, .. })
    };
    assert!(told.iter().filter(gone).count() >= 8, "{told:?}");
    assert_eq!(tier.stats().unfinished, 0);
}

#[test]
fn the_end_of_a_node_s_link_to_a_server_is_the_end_of_a_life_for_it_alone() {
    let mut tier = Tier::without_nodes(3, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    tier.deliver(get(1));
    tier.run_ms(100);
    let target = targets(&tier.told(0))[0];
    let of_the_server = tier.world.streams(tier.server);
    for stream in tier.world.streams(node) {
        if of_the_server.contains(&stream) {
            tier.world.network.cut(stream);
        }
    }
    tier.run_ms(10);
    let refused = tier.world.submit(node, reply(target, "x")).unwrap_err();
    assert_eq!(refused, Refused::ServerGone);
    tier.run_secs(5);
    tier.deliver(get(2));
    tier.run_ms(100);
    let target = targets(&tier.told(0))[0];
    tier.world.submit(node, reply(target, "x")).unwrap();
    tier.run_ms(100);
    assert_eq!(tier.replies().len(), 1);
}

#[test]
fn all_come_together_again_whoever_is_killed() {
    let mut tier = Tier::up(4, 2, Config::default());
    for round in 0..4 {
        match round {
            0 => tier.restart_server(),
            1 => {
                tier.kill_api();
                tier.run_ms(500);
                tier.restart_api(Config::default());
            }
            2 => {
                tier.kill_node(0);
                let node = tier.add_node();
                tier.nodes[0] = node;
                tier.nodes.pop();
            }
            _ => {
                tier.kill_api();
                tier.restart_server();
                tier.restart_api(Config::default());
            }
        }
        tier.run_secs(20);
        tier.replies();
        tier.events();
        for conn_id in 1..=6 {
            tier.deliver(get(conn_id));
            tier.run_ms(30);
        }
        tier.run_secs(1);
        assert_eq!(tier.replies().len(), 6, "round {round}");
        let stats = tier.stats();
        assert_eq!((stats.nodes, stats.waiting, stats.unfinished), (2, 0, 0), "round {round}");
    }
    assert!(!tier.events().iter().any(|event| matches!(event, Event::Unwatched { .. })));
}

#[test]
fn an_api_that_has_not_noticed_a_restart_does_not_vouch_for_the_life_before() {
    let mut config = node::Config::default();
    config.limits.events_max = 1;
    let mut tier = Tier::without_nodes(5, Config::default());
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    // Requests wait in the Node and in the stream to it.
    tier.world.set_deaf(node, true);
    (1..=10).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    // The Node is told of the restart, the API is not.
    let of_the_api = tier.world.streams(tier.api);
    for stream in tier.world.streams(tier.server) {
        if of_the_api.contains(&stream) {
            tier.world.network.stall(stream, true);
        }
    }
    tier.restart_server();
    tier.run_secs(3);
    tier.world.script(node, |event| crate::kit::answer(0, event));
    tier.world.set_deaf(node, false);
    tier.run_secs(60);
    assert!(tier.replies().is_empty(), "they would reach strangers");
    assert_eq!(tier.world.machine(node).stats().held, 0);
}

#[test]
fn a_node_that_has_seen_many_apis_serves_the_next() {
    let mut tier = Tier::up(7, 1, Config::default());
    for restart in 1..=20 {
        tier.kill_api();
        tier.restart_api(Config::default());
        tier.run_secs(1);
        tier.deliver(get(restart));
        tier.run_secs(1);
        assert_eq!(tier.replies(), [(restart, "0".into())], "restart {restart}");
    }
}
