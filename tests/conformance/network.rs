//! Sockets among themselves over a pretended network: S1 to S4, and the faults of real networks.

use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::socket::{Command, Config, Event, Heartbeat, Refused, Socket};
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{message, text};
use crate::support::{NodeId, Shape, World};
use crate::wire;

const SECOND: Duration = Duration::from_secs(1);

/// Slow, in small pieces, with little room between.
const NARROW: Shape = Shape {
    read_max: 50,
    latency: Duration::from_millis(1),
    sent_delay_max: Duration::from_millis(5),
    buffer: 1000,
};

fn tcp() -> Endpoint {
    "tcp://server:5000".parse().expect("well-formed")
}

fn add(world: &mut World, socket_type: SocketType) -> NodeId<Socket> {
    add_with(world, Config::new(socket_type))
}

fn add_with(world: &mut World, mut config: Config) -> NodeId<Socket> {
    config.seed = 7;
    let socket = Socket::new(world.now(), config);
    world.add(socket)
}

/// Two sockets, the first of which is bound.
fn pair(world: &mut World, binds: Config, connects: Config) -> [NodeId<Socket>; 2] {
    let nodes = [add_with(world, binds), add_with(world, connects)];
    world.submit(nodes[0], Command::Bind(tcp())).expect("a new endpoint");
    world.submit(nodes[1], Command::Connect(tcp())).expect("a new endpoint");
    world.run_for(SECOND);
    nodes
}

fn texts(world: &mut World, node: NodeId<Socket>) -> Vec<String> {
    let text = |event| {
        if let Event::Message { message, .. } = event { Some(text(&message)) } else { None }
    };
    world.events(node).into_iter().filter_map(text).collect()
}

fn send(world: &mut World, node: NodeId<Socket>, texts: &[&str]) -> Result<(), Refused> {
    world.submit(node, Command::Send(message(texts)))
}

#[test]
fn s1_every_type_binds_and_connects_over_tcp_and_ipc() {
    for socket_type in wire::ALL_TYPES {
        for (bound_at, connect_to) in [
            ("tcp://*:5000", "tcp://[::1]:5000"),
            ("tcp://127.0.0.1:*", "tcp://localhost:40001"),
            ("ipc:///run/a", "ipc:///run/a"),
            ("ipc://@a", "ipc://@a"),
        ] {
            let mut world = World::new(1);
            world.network.shape = NARROW;
            let ours = add(&mut world, socket_type);
            let theirs = add(&mut world, wire::peer_of(socket_type));
            world.submit(ours, Command::Bind(bound_at.parse().unwrap())).unwrap();
            world.submit(theirs, Command::Connect(connect_to.parse().unwrap())).unwrap();
            for node in [ours, theirs] {
                let _only_sub_subscribes = world.submit(node, Command::Subscribe("".into()));
            }
            world.run_for(SECOND);
            let (from, to) = match socket_type {
                SocketType::Push | SocketType::Pub | SocketType::Req => (ours, theirs),
                SocketType::Pull | SocketType::Sub | SocketType::Rep => (theirs, ours),
            };
            send(&mut world, from, &["hello", "world"]).unwrap();
            world.run_for(SECOND);
            assert_eq!(texts(&mut world, to), ["hello|world"], "{socket_type} at {bound_at}");
            if matches!(socket_type, SocketType::Req | SocketType::Rep) {
                send(&mut world, to, &["reply"]).unwrap();
                world.run_for(SECOND);
                assert_eq!(texts(&mut world, from), ["reply"]);
            }
        }
    }
}

#[test]
fn s2_connecting_is_asynchronous_and_a_lost_link_is_made_anew() {
    let mut world = World::new(1);
    let push = add(&mut world, SocketType::Push);
    world.submit(push, Command::Connect(tcp())).unwrap();
    send(&mut world, push, &["sent before there was anybody"]).unwrap();
    world.run_for(10 * SECOND);
    let pull = add(&mut world, SocketType::Pull);
    world.submit(pull, Command::Bind(tcp())).unwrap();
    world.run_until(|world| !world.seen(pull).iter().all(|event| !is_message(event)));
    for _ in 0..3 {
        let stream = world.streams(push)[0];
        world.network.cut(stream);
        world.run_for(10 * SECOND);
        send(&mut world, push, &["after a cut"]).unwrap();
        world.run_for(SECOND);
    }
    let expected = ["sent before there was anybody", "after a cut", "after a cut", "after a cut"];
    assert_eq!(texts(&mut world, pull), expected);
}

fn is_message(event: &Event) -> bool {
    matches!(event, Event::Message { .. })
}

#[test]
fn s3_s4_messages_arrive_once_and_in_order() {
    for seed in 0..20 {
        let mut world = World::new(seed);
        world.network.shape = NARROW;
        let [pull, push] =
            pair(&mut world, Config::new(SocketType::Pull), Config::new(SocketType::Push));
        let expected: Vec<String> = (0..300).map(|number| format!("message {number}")).collect();
        for text in &expected {
            send(&mut world, push, &[text]).unwrap();
        }
        world.run_for(60 * SECOND);
        assert_eq!(texts(&mut world, pull), expected);
    }
}

#[test]
fn s3_s4_cuts_lose_what_was_under_way_and_repeat_and_reorder_nothing() {
    let mut lost_some = false;
    for seed in 0..50 {
        let mut world = World::new(seed);
        world.network.shape = NARROW;
        let mut pushes = Config::new(SocketType::Push);
        pushes.limits.write_size = 1;
        let [pull, push] = pair(&mut world, Config::new(SocketType::Pull), pushes);
        let mut sent = 0_u64;
        for _ in 0..5 {
            for _ in 0..100 {
                send(&mut world, push, &[&sent.to_string()]).unwrap();
                sent += 1;
            }
            world.run_for(Duration::from_millis(20));
            let stream = world.streams(push)[0];
            world.network.cut(stream);
            world.run_for(SECOND);
        }
        world.run_for(60 * SECOND);
        let got: Vec<u64> =
            texts(&mut world, pull).iter().map(|text| text.parse().unwrap()).collect();
        assert!(got.windows(2).all(|two| two[0] < two[1]), "seed {seed}");
        lost_some |= got.len() < 500;
        assert_eq!(got.last(), Some(&499), "seed {seed}: what waits survives a cut");
    }
    assert!(lost_some, "no cut hit a message: the test proves nothing");
}

#[test]
fn s9_s10_a_slow_reader_slows_the_sender_and_nothing_is_lost() {
    let mut world = World::new(3);
    world.network.shape = NARROW;
    let mut pulls = Config::new(SocketType::Pull);
    pulls.limits.events_max = 5;
    let mut pushes = Config::new(SocketType::Push);
    pushes.limits.send_messages_max = 5;
    pushes.limits.write_size = 100;
    let [pull, push] = pair(&mut world, pulls, pushes);
    world.set_deaf(pull, true);
    let mut sent = 0;
    for _ in 0..100 {
        while send(&mut world, push, &[&format!("{sent:0100}")]).is_ok() {
            sent += 1;
        }
        world.run_for(SECOND);
    }
    // Two queues, one read, one write and the buffer between: no exact number is promised.
    assert!((10..100).contains(&sent), "{sent}");
    world.set_deaf(pull, false);
    world.run_for(60 * SECOND);
    let expected: Vec<String> = (0..sent).map(|number| format!("{number:0100}")).collect();
    assert_eq!(texts(&mut world, pull), expected);
    assert!(world.events(push).contains(&Event::Room));
}

#[test]
fn b7_a_half_open_link_is_noticed_by_heartbeats_alone() {
    for has_heartbeat in [false, true] {
        let mut world = World::new(4);
        let mut pulls = Config::new(SocketType::Pull);
        pulls.heartbeat = has_heartbeat.then(Heartbeat::default);
        let [push, pull] = pair(&mut world, Config::new(SocketType::Push), pulls);
        let stream = world.streams(push)[0];
        world.half_open(stream, push);
        world.run_for(60 * SECOND);
        let result = send(&mut world, push, &["x"]);
        assert_eq!(result.is_ok(), has_heartbeat);
        world.run_for(SECOND);
        assert_eq!(texts(&mut world, pull).len(), usize::from(has_heartbeat));
    }
}

/// A PUSH without heartbeats, such as a server's, would give every other message to a peer that is gone.
#[test]
fn b7_who_dies_right_after_the_handshake_has_told_its_time_to_live() {
    let mut world = World::new(4);
    let mut pulls = Config::new(SocketType::Pull);
    pulls.heartbeat = Some(Heartbeat::default());
    let [push, pull] = pair(&mut world, Config::new(SocketType::Push), pulls);
    let stream = world.streams(push)[0];
    world.half_open(stream, pull);
    world.run_for(SECOND);
    assert_eq!(world.streams(push).len(), 2, "the next link, and one that nobody can know is dead");
    world.run_for(60 * SECOND);
    for number in 0..4 {
        send(&mut world, push, &[&number.to_string()]).unwrap();
    }
    world.run_for(SECOND);
    assert_eq!(texts(&mut world, pull), ["0", "1", "2", "3"]);
}

/// A PING waits behind what is being written. Where that takes longer than a peer may be silent, it is the
/// way that is slow: one large message, and many small ones.
#[test]
fn b7_a_slow_way_is_no_silence() {
    for sizes in [vec![80_000], vec![100; 800]] {
        let mut world = World::new(4);
        world.network.shape = Shape {
            read_max: 10,
            latency: Duration::from_millis(2),
            sent_delay_max: Duration::from_millis(2),
            buffer: 10,
        };
        let mut pushes = Config::new(SocketType::Push);
        pushes.heartbeat = Some(Heartbeat::default());
        pushes.limits.write_size = 100;
        let [pull, push] = pair(&mut world, Config::new(SocketType::Pull), pushes);
        world.run_for(10 * SECOND);
        let streams = world.streams(push);
        let texts_sent: Vec<String> = sizes.iter().map(|size| "x".repeat(*size)).collect();
        for text in &texts_sent {
            send(&mut world, push, &[text]).unwrap();
        }
        let start = world.now();
        world.run_until(|world| {
            world.seen(pull).iter().filter(|e| is_message(e)).count() == sizes.len()
        });
        assert!(world.now() - start > 30 * SECOND, "too fast to prove anything");
        assert_eq!((texts(&mut world, pull), world.streams(push)), (texts_sent, streams));
    }
}

/// A PING can announce 65.5 seconds at most: a peer that obeys would find the next one late.
#[test]
fn b7_rare_heartbeats_keep_an_idle_link_up() {
    for interval in [30, 60, 70, 1000] {
        let mut world = World::new(4);
        let mut pulls = Config::new(SocketType::Pull);
        pulls.heartbeat = Some(Heartbeat { interval: interval * SECOND, timeout: 10 * SECOND });
        let [push, pull] = pair(&mut world, Config::new(SocketType::Push), pulls);
        let streams = world.streams(push);
        world.run_for(3600 * SECOND);
        assert_eq!(world.streams(push), streams, "asked every {interval} s");
        assert_eq!(world.streams(pull), streams, "asked every {interval} s");
    }
}

#[test]
fn b7_heartbeats_both_ways_keep_an_idle_link_up() {
    let mut world = World::new(5);
    world.network.shape = NARROW;
    let mut configs = [SocketType::Rep, SocketType::Req].map(Config::new);
    for config in &mut configs {
        config.heartbeat = Some(Heartbeat::default());
    }
    let [rep, req] = pair(&mut world, configs[0].clone(), configs[1].clone());
    world.events(rep);
    world.run_for(3600 * SECOND);
    assert_eq!((world.events(rep), world.streams(req).len()), (Vec::new(), 1));
    world.jump(7200 * SECOND);
    world.run_for(60 * SECOND);
    world.submit(req, Command::Send(message(&["still there"]))).unwrap();
    world.run_for(60 * SECOND);
    assert_eq!(texts(&mut world, rep), ["still there"]);
}

#[test]
fn refused_hanging_and_dying_peers_are_got_over() {
    let mut world = World::new(6);
    let [_, push] = pair(&mut world, Config::new(SocketType::Pull), Config::new(SocketType::Push));
    world.network.refuses = true;
    let stream = world.streams(push)[0];
    world.network.cut(stream);
    world.run_for(60 * SECOND);
    (world.network.refuses, world.network.hangs) = (false, true);
    world.run_for(100 * SECOND);
    world.network.hangs = false;
    world.run_for(60 * SECOND);
    assert_eq!(world.streams(push).len(), 1);
}

#[test]
fn a_server_that_dies_and_another_in_its_place_are_told_apart() {
    let mut world = World::new(8);
    let [push, pull] =
        pair(&mut world, Config::new(SocketType::Push), Config::new(SocketType::Pull));
    send(&mut world, push, &["old"]).unwrap();
    world.run_for(SECOND);
    world.crash(push);
    world.run_for(SECOND);
    let push = add(&mut world, SocketType::Push);
    world.submit(push, Command::Bind(tcp())).unwrap();
    world.run_for(10 * SECOND);
    send(&mut world, push, &["new"]).unwrap();
    world.run_for(SECOND);
    let links: Vec<_> = world
        .events(pull)
        .iter()
        .filter_map(
            |event| if let Event::Message { link, .. } = event { Some(*link) } else { None },
        )
        .collect();
    assert_eq!(links.len(), 2);
    assert_ne!(links[0], links[1]);
}

#[test]
fn an_accept_that_fails_is_tried_again() {
    let mut world = World::new(9);
    world.network.is_out_of_descriptors = true;
    let [pull, push] =
        pair(&mut world, Config::new(SocketType::Pull), Config::new(SocketType::Push));
    send(&mut world, push, &["x"]).unwrap();
    world.run_for(20 * SECOND);
    world.network.is_out_of_descriptors = false;
    world.run_for(20 * SECOND);
    assert_eq!(texts(&mut world, pull), ["x"]);
}

#[test]
fn equal_seeds_give_equal_runs() {
    let run = |seed| {
        let mut world = World::new(seed);
        world.network.shape = NARROW;
        let [pull, push] =
            pair(&mut world, Config::new(SocketType::Pull), Config::new(SocketType::Push));
        for _ in 0..50 {
            send(&mut world, push, &["some text"]).unwrap();
        }
        let start = world.now();
        world.run_until(|world| world.seen(pull).iter().filter(|e| is_message(e)).count() == 50);
        world.now() - start
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
