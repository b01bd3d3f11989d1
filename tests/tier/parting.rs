//! Ends in order: of a Node, and of the API.

use std::time::Duration;

use mongrel2_transceiver::tier::api::{self, Config, Event};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver::{self, Loss};

use crate::browser::{get, handshake, post};
use crate::kit::{Tier, config, reply, targets};

#[test]
fn a_node_that_shuts_down_answers_what_it_has_taken() {
    let mut tier = Tier::without_nodes(1, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    for target in targets(&tier.told(0)) {
        tier.world.submit(node, reply(target, "x")).unwrap();
    }
    tier.run_secs(4);
    assert_eq!(tier.replies().len(), 3);
    let told = tier.told(0);
    assert!(matches!(told.last(), Some(node::Event::Stopped { undelivered: 0 })), "{told:?}");
    assert!(tier.world.streams(node).is_empty());
    let events = tier.events();
    let lost = events.iter().find_map(|event| match event {
        Event::NodeLost { unfinished, .. } => Some(unfinished.len()),
        _ => None,
    });
    assert_eq!(lost, Some(0), "{events:?}");
}

#[test]
fn a_node_that_shuts_down_gives_up_what_is_not_answered_in_time() {
    let mut tier = Tier::without_nodes(2, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.run_secs(10);
    assert!(matches!(tier.told(0).last(), Some(node::Event::Stopped { .. })));
    let late = node::Command::Broadcast { targets: Vec::new(), message: "late".into() };
    assert_eq!(tier.world.submit(node, late), Err(node::Refused::ShuttingDown));
    let reported: usize = tier
        .events()
        .iter()
        .map(|event| match event {
            Event::NodeLost { unfinished, .. } => unfinished.len(),
            Event::Unserved { targets, .. } => targets.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(reported, 3);
}

/// What cannot be read has a number on its link like any other request.
#[test]
fn what_is_too_large_is_given_back_by_a_node_that_shuts_down_too() {
    let mut tier = Tier::without_nodes(10, Config::default());
    let mut config = node::Config::default();
    config.limits.events_max = 1;
    config.limits.message_size_max = 1000;
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    // From the first on the Node knows that the life of its server goes on.
    tier.deliver(get(1));
    tier.run_ms(100);
    let first = targets(&tier.told(0));
    tier.world.submit(node, reply(first[0], "a")).unwrap();
    tier.world.set_deaf(node, true);
    let too_large = post(3, &[b'x'; 2000]);
    [get(2), too_large, get(4)].into_iter().for_each(|raw| tier.deliver(raw));
    tier.run_ms(100);
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.world.set_deaf(node, false);
    tier.run_ms(10);
    let told = tier.told(0);
    let [node::Event::Request { target, .. }, ..] = told[..] else { panic!("{told:?}") };
    tier.world.submit(node, reply(target, "b")).unwrap();
    tier.run_secs(4);
    assert_eq!(tier.replies(), [(1, "a".into()), (2, "b".into())]);
    let mut given_back = Vec::new();
    for event in tier.events() {
        match event {
            Event::Unserved { targets, .. } => given_back.extend(targets),
            Event::NodeLost { unfinished, .. } => assert!(unfinished.is_empty(), "{unfinished:?}"),
            _ => {}
        }
    }
    assert_eq!(given_back, [3, 4].map(|conn_id| tier.target(1, conn_id)));
    let given_back = |event: &node::Event| matches!(event, node::Event::Unserved { .. });
    assert_eq!(told.iter().filter(|event| given_back(event)).count(), 2, "{told:?}");
}

#[test]
fn whatever_the_application_has_left_where_it_was_comes_before_the_end() {
    let mut tier = Tier::without_nodes(7, Config::default());
    let mut config = node::Config::default();
    config.limits.events_max = 1;
    let node = tier.add_silent_node(config);
    tier.until_all_up();
    tier.world.set_deaf(node, true);
    tier.deliver(get(1));
    tier.run_ms(100);
    tier.world.crash(tier.server);
    tier.run_secs(1);
    tier.world.submit(node, node::Command::Shutdown).unwrap();
    tier.run_secs(10);
    tier.world.set_deaf(node, false);
    let told = tier.told(0);
    assert!(told.iter().any(|event| matches!(event, node::Event::ApiDown { .. })), "{told:?}");
    assert!(matches!(told.last(), Some(node::Event::Stopped { .. })), "{told:?}");
}

#[test]
fn an_api_that_shuts_down_closes_sessions_and_leaves_the_rest_to_its_nodes() {
    let mut tier = Tier::up(3, 2, Config::default());
    tier.deliver(handshake(1, "13"));
    tier.run_ms(100);
    (2..=20).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.submit(api::Command::Shutdown);
    tier.run_secs(4);
    let events = tier.events();
    assert!(matches!(events.last(), Some(Event::Stopped { undelivered: 0 })), "{events:?}");
    let closed =
        |event: &Event| matches!(event, Event::Handler(transceiver::Event::SessionClosed { .. }));
    assert!(events.iter().any(closed));
    assert!(tier.world.streams(tier.api).is_empty());
    let answers = tier.replies().into_iter().filter(|(_, body)| body.len() == 1).count();
    assert_eq!(answers, 19);
    assert_eq!(tier.stats().waiting, 0);
}

#[test]
fn what_a_node_that_left_had_not_finished_is_told_before_the_end() {
    let mut tier = Tier::without_nodes(5, Config::default());
    tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    (1..=3).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    tier.kill_node(0);
    tier.run_ms(10);
    tier.submit(api::Command::Shutdown);
    tier.run_secs(20);
    let events = tier.events();
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
    let lost = events.iter().find_map(|event| match event {
        Event::NodeLost { unfinished, .. } => Some(unfinished.len()),
        _ => None,
    });
    assert_eq!(lost, Some(3), "{events:?}");
}

#[test]
fn what_no_node_takes_before_the_end_is_told() {
    let mut tier = Tier::without_nodes(4, Config::default());
    (1..=10).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_ms(100);
    tier.submit(transceiver::Command::Shutdown);
    tier.run_secs(4);
    let events = tier.events();
    let dropped: usize = events
        .iter()
        .map(|event| match event {
            Event::Dropped { targets, reason: Loss::ShutDown | Loss::ServerLost } => targets.len(),
            _ => 0,
        })
        .sum();
    assert_eq!(dropped, 10, "{events:?}");
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
}

/// All takes its time on the way, and the first request of a life is one that Nodes ask about.
fn with_requests_on_their_way(seed: u64, config: Config, node: node::Config) -> Tier {
    let mut tier = Tier::without_nodes(seed, config);
    let node = tier.add_silent_node(node);
    tier.world.script(node, |event| crate::kit::answer(0, event));
    tier.run_secs(2);
    tier.world.network.shape.latency = Duration::from_millis(20);
    (1..=5).for_each(|conn_id| tier.deliver(get(conn_id)));
    let api = tier.api;
    tier.world.run_until(|world| world.machine(api).stats().unfinished > 0);
    tier
}

/// Nothing goes over the sockets for receipts any more, or again.
fn stall_receipts(tier: &mut Tier, is_stalled: bool) {
    let receipts = "tcp://127.0.0.1:9994".parse().unwrap();
    for stream in tier.world.network.streams_to(&receipts) {
        tier.world.network.stall(stream, is_stalled);
    }
}

/// How long the API takes to shut down, which has so long for it.
fn time_to_stop(tier: &mut Tier, time: Duration) -> Duration {
    let asked_at = tier.world.now();
    tier.submit(api::Command::Handler(transceiver::Command::ShutdownWithin { time }));
    let api = tier.api;
    tier.world.run_until(|world| {
        world.seen(api).iter().any(|event| matches!(event, Event::Stopped { .. }))
    });
    tier.world.now() - asked_at
}

/// Targets of requests that were not served, and of those that a Node had not finished, at the end.
fn given_up(events: &[Event]) -> (Vec<transceiver::Target>, Vec<transceiver::Target>) {
    let (mut unserved, mut lost) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Unserved { targets, .. } => unserved.extend(targets),
            Event::NodeLost { unfinished, .. } => lost.extend(unfinished),
            _ => {}
        }
    }
    (unserved, lost)
}

#[test]
fn an_api_that_shuts_down_vouches_for_what_is_on_its_way_to_nodes() {
    let one_by_one = config(|config| config.limits.window_max = 1);
    let mut tier = with_requests_on_their_way(11, one_by_one, node::Config::default());
    assert!(tier.stats().waiting > 0, "{:?}", tier.stats());
    stall_receipts(&mut tier, true);
    tier.submit(api::Command::Shutdown);
    tier.run_ms(500);
    stall_receipts(&mut tier, false);
    tier.run_secs(4);
    let answered: Vec<_> = tier.replies().into_iter().map(|(conn_id, _)| conn_id).collect();
    assert_eq!(answered, [1, 2, 3, 4, 5], "{:?}", tier.told(0));
    let events = tier.events();
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
    assert_eq!(given_up(&events), (Vec::new(), Vec::new()), "{events:?}");
}

#[test]
fn an_api_that_shuts_down_waits_for_the_word_of_no_node_beyond_its_time() {
    let mut tier = with_requests_on_their_way(12, Config::default(), node::Config::default());
    stall_receipts(&mut tier, true);
    tier.world.network.refuses = true;
    let took = time_to_stop(&mut tier, Duration::from_secs(8));
    assert!((Duration::from_secs(2)..=Duration::from_secs(8)).contains(&took), "{took:?}");
    let (unserved, lost) = given_up(&tier.events());
    let targets: Vec<_> = (1..=5).map(|conn_id| tier.target(1, conn_id)).collect();
    assert_eq!((unserved, lost), (Vec::new(), targets));
    assert!(tier.replies().is_empty(), "{:?}", tier.told(0));
}

#[test]
fn an_api_that_shuts_down_answers_what_nodes_give_back_meanwhile() {
    let mut of_node = node::Config::default();
    of_node.announcements = "tcp://127.0.0.1:1".parse().unwrap();
    of_node.patience = Duration::from_millis(500);
    let mut tier =
        with_requests_on_their_way(13, config(|config| config.answer_lost = true), of_node);
    tier.submit(api::Command::Shutdown);
    tier.run_secs(4);
    let replies = tier.replies();
    let refused = replies.iter().filter(|(_, body)| body.starts_with(b"HTTP/1.1 503"));
    assert_eq!(refused.count(), 5, "{replies:?}");
    let targets: Vec<_> = (1..=5).map(|conn_id| tier.target(1, conn_id)).collect();
    assert_eq!(given_up(&tier.events()), (targets, Vec::new()));
}

/// The browser gets its answer from the Node, however long that takes: once the Node has said that it has
/// taken the request over, it needs the API no more.
#[test]
fn an_api_waits_for_no_answer_of_a_node() {
    let mut tier = Tier::without_nodes(9, Config::default());
    let node = tier.add_silent_node(node::Config::default());
    tier.until_all_up();
    tier.deliver(get(1));
    tier.run_ms(100);
    assert!(time_to_stop(&mut tier, Duration::from_secs(60)) < Duration::from_secs(10));
    for target in targets(&tier.told(0)) {
        tier.world.submit(node, reply(target, "x")).unwrap();
    }
    tier.run_secs(1);
    assert_eq!(tier.replies().len(), 1);
}

/// Of which the parting from the servers is only the first half.
#[test]
fn an_api_is_over_within_the_time_that_it_is_given() {
    let mut tier = Tier::with_a_stuck_node(14, 5);
    let time = Duration::from_millis(800);
    assert!(time_to_stop(&mut tier, time) <= time);
}

#[test]
fn an_api_that_shuts_down_may_be_hastened_at_any_time() {
    for pause in [0, 200, 700, 900, 1_300, 1_600, 1_900] {
        let one_by_one = config(|config| config.limits.window_max = 1);
        let mut tier = with_requests_on_their_way(15, one_by_one, node::Config::default());
        stall_receipts(&mut tier, true);
        tier.submit(api::Command::Shutdown);
        tier.run_ms(pause);
        let time = Duration::from_millis(100);
        // Sockets that flush already are not hastened, for which there is a quarter of three seconds.
        assert!(time_to_stop(&mut tier, time) <= Duration::from_millis(850), "after {pause} ms");
    }
}

/// Neither before nor after an order to end within the usual time, of three seconds here.
#[test]
fn an_api_that_shuts_down_is_given_no_more_time() {
    let hour = transceiver::Command::ShutdownWithin { time: Duration::from_secs(3600) };
    let hour = || api::Command::Handler(hour.clone());
    for orders in [[api::Command::Shutdown, hour()], [hour(), api::Command::Shutdown]] {
        let mut tier = Tier::with_a_stuck_node(16, 5);
        orders.into_iter().for_each(|order| tier.submit(order));
        tier.run_ms(3_000);
        let events = tier.events();
        assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
    }
}
