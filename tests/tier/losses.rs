//! Nodes that die: what they had taken is reported, what they had not goes to the others.

use std::time::Duration;

use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::tier::api::{Config, Event};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver;
use mongrel2_transceiver::zmtp::SocketType;

use crate::browser::get;
use crate::kit::{Tier, config, reply, targets};

#[test]
fn a_dead_node_loses_what_it_had_taken_and_no_more() {
    let mut tier = Tier::without_nodes(1, Config::default());
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=5).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    // It takes no more: what comes now waits in the API.
    let streams = tier.world.streams(tier.nodes[0]);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, true));
    (6..=100).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    assert!(tier.stats().waiting >= 70, "{:?}", tier.stats());
    tier.kill_node(0);
    streams.iter().for_each(|stream| tier.world.network.stall(*stream, false));
    tier.run_ms(10);
    let events = tier.events();
    let [Event::NodeDown { unfinished, .. }] = &events[..] else { panic!("{events:?}") };
    let unfinished = *unfinished;
    tier.nodes.clear();
    tier.add_node();
    tier.run_secs(5);
    let events = tier.events();
    let lost = events.iter().find_map(|event| match event {
        Event::NodeLost { unfinished, is_certain: true, .. } => Some(unfinished.clone()),
        _ => None,
    });
    let lost: Vec<_> = lost.unwrap().iter().map(|target| target.conn_id.0).collect();
    assert_eq!(lost.len(), unfinished);
    let answered: Vec<_> = tier.replies().into_iter().map(|(conn_id, _)| conn_id).collect();
    let all: Vec<_> = lost.into_iter().chain(answered).collect();
    assert_eq!(all, (1..=100).collect::<Vec<_>>(), "in order, each once");
}

#[test]
fn without_a_node_browsers_wait() {
    let mut tier = Tier::without_nodes(2, Config::default());
    (1..=10).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(60);
    assert_eq!(tier.stats().waiting, 10);
    tier.add_node();
    tier.run_secs(10);
    assert_eq!(tier.replies().len(), 10);
    assert_eq!((tier.stats().waiting, tier.stats().unfinished), (0, 0));
}

#[test]
fn with_too_much_waiting_the_servers_are_slowed_down_and_nothing_is_lost() {
    let mut tier = Tier::without_nodes(
        3,
        config(|config| {
            config.limits.waiting_max = 5;
            config.handler.limits.events_max = 5;
        }),
    );
    (1..=500).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(10);
    let stats = tier.stats();
    assert!(stats.waiting == 5 && stats.handler.events <= 10, "{stats:?}");
    tier.add_node();
    tier.run_secs(30);
    let answered: Vec<_> = tier.replies().into_iter().map(|(conn_id, _)| conn_id).collect();
    assert_eq!(answered, (1..=500).collect::<Vec<_>>());
}

#[test]
fn the_api_answers_for_lost_nodes_if_told_to() {
    let mut tier = Tier::without_nodes(4, config(|config| config.answer_lost = true));
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    tier.deliver(get(1));
    tier.run_ms(100);
    tier.kill_node(0);
    tier.run_secs(10);
    let replies = tier.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 503 "), "{replies:?}");
    assert!(replies[1].1.is_empty() && replies.len() == 2);
}

#[test]
fn a_node_whose_link_is_cut_finishes_what_it_had_taken() {
    let mut tier = Tier::without_nodes(5, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let targets = targets(&tier.told(0));
    let of_the_api = tier.world.streams(tier.api);
    for stream in tier.world.streams(node) {
        if of_the_api.contains(&stream) {
            tier.world.network.cut(stream);
        }
    }
    tier.run_ms(10);
    for target in targets {
        tier.world.submit(node, reply(target, "x")).unwrap();
    }
    tier.run_secs(10);
    assert_eq!(tier.replies().len(), 3);
    let events = tier.events();
    let lost = events.iter().find_map(|event| match event {
        Event::NodeLost { unfinished, .. } => Some(unfinished.len()),
        _ => None,
    });
    assert_eq!(lost, Some(0), "{events:?}");
    assert_eq!(tier.stats().nodes, 1);
}

#[test]
fn under_load_by_its_next_link_a_node_still_says_what_it_finished_of_the_last() {
    // Links are called by numbers drawn from the seed: in some runs the last is above the next.
    for seed in 1..=5 {
        let patience = Duration::from_secs(1);
        let settings = config(|config| {
            config.handler.seed = seed;
            config.patience = patience;
        });
        let mut tier = Tier::without_nodes(seed, settings);
        tier.world.network.shape.latency = Duration::from_millis(1);
        let node = tier.add_silent_node(node::Config::default());
        tier.until_all_up();
        (1..=50).for_each(|conn_id| tier.deliver(get(conn_id)));
        tier.run_ms(300);
        let mut old = targets(&tier.told(0)).into_iter();
        assert_eq!(old.len(), 50);
        for stream in tier.world.network.streams_to(&"tcp://127.0.0.1:9996".parse().unwrap()) {
            tier.world.network.cut(stream);
        }
        tier.run_ms(1);
        let api = tier.api;
        tier.world.run_until(|world| world.machine(api).stats().nodes == 1);
        tier.world.script(node, |event| crate::kit::answer(0, event));
        for conn_id in 51..6000 {
            tier.deliver(get(conn_id));
            if let Some(target) = old.next() {
                tier.world.submit(node, reply(target, "old")).unwrap();
            }
            tier.world.run_for(Duration::from_micros(200));
        }
        let lost = tier.events().into_iter().find_map(|event| match event {
            Event::NodeLost { unfinished, .. } => Some(unfinished.len()),
            _ => None,
        });
        assert_eq!(lost, Some(0), "seed {seed}");
    }
}

#[test]
fn a_node_of_another_kind_gets_requests_alone_and_is_known_to_send_no_receipts() {
    let mut tier = Tier::without_nodes(6, config(|config| config.limits.ledger_max = 3));
    let socket = socket::Config::new(SocketType::Pull);
    let pull = tier.world.add(Socket::new(tier.world.now(), socket));
    let at = "tcp://127.0.0.1:9996".parse().unwrap();
    tier.world.submit(pull, socket::Command::Connect(at)).unwrap();
    tier.run_ms(100);
    (1..=5).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    let messages: Vec<_> = tier
        .world
        .events(pull)
        .into_iter()
        .filter_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes()),
            _ => None,
        })
        .collect();
    assert_eq!(messages, (1..=5).map(get).collect::<Vec<_>>());
    tier.world.crash(pull);
    tier.run_ms(10);
    let events = tier.events();
    let [
        Event::NodeUp { sends_receipts: false, .. },
        Event::NodeDown { unfinished: 3, .. },
        Event::NodeLost { unfinished, is_certain: false, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*unfinished, [3, 4, 5].map(|conn_id| tier.target(1, conn_id)));
}

#[test]
fn requests_nobody_finishes_are_watched_within_limits_and_stop_nothing() {
    let mut tier = Tier::without_nodes(7, config(|config| config.limits.ledger_max = 10));
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    for conn_id in 1..=25 {
        tier.deliver(get(conn_id));
        tier.run_ms(20);
    }
    assert_eq!(targets(&tier.told(0)).len(), 25);
    let unwatched: Vec<_> = tier
        .events()
        .into_iter()
        .flat_map(|event| match event {
            Event::Unwatched { targets, .. } => targets,
            other => panic!("{other:?}"),
        })
        .map(|target| target.conn_id.0)
        .collect();
    assert_eq!(unwatched, (1..=15).collect::<Vec<_>>());
    assert_eq!(tier.stats().unfinished, 10);
}

#[test]
fn nonsense_to_the_socket_for_receipts_is_answered_with_an_error() {
    let mut tier = Tier::without_nodes(8, Config::default());
    let req = socket::Config::new(SocketType::Req);
    let req = tier.world.add(Socket::new(tier.world.now(), req));
    let at = "tcp://127.0.0.1:9994".parse().unwrap();
    tier.world.submit(req, socket::Command::Connect(at)).unwrap();
    for nonsense in ["", "PING", "node -1 /__done__ 2:{},0:,"] {
        tier.world.submit(req, socket::Command::Send(nonsense.into())).unwrap();
        tier.run_ms(200);
        let events = tier.world.events(req);
        let Some(socket::Event::Message { message, .. }) = events.last() else {
            panic!("{events:?}")
        };
        assert!(message.first().bytes().starts_with(b"ERROR "), "{nonsense:?}");
    }
}

#[test]
fn what_waits_for_a_server_that_goes_is_dropped_and_told() {
    let mut tier = Tier::without_nodes(9, Config::default());
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    tier.world.crash(tier.server);
    tier.run_ms(100);
    let events = tier.events();
    let [
        Event::Dropped { targets, reason: transceiver::Loss::ServerLost },
        Event::Handler(transceiver::Event::ServerDown { .. }),
        ..,
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*targets, [1, 2, 3].map(|conn_id| tier.target(1, conn_id)));
}
