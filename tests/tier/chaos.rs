//! Everything goes wrong, by seed: whatever happens, an answer reaches the browser that asked, once,
//! and at the end all work again. `STORMS=500` plays more seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::server;
use mongrel2_transceiver::tier::api::{self, Spread};
use mongrel2_transceiver::tier::node;

use super::browser::post;
use super::kit::{Tier, config, reply};
use super::support::{Dice, NodeId, Shape, StreamId};

/// What each process of the server was asked, by connection.
#[derive(Default)]
struct Oracle {
    process: u32,
    last: i64,
    asked: BTreeMap<(u32, i64), Bytes>,
    answered: BTreeSet<(u32, i64)>,
}

impl Oracle {
    fn ask(&mut self, tier: &mut Tier) {
        self.last += 1;
        let token = Bytes::from(format!("{}/{}", self.process, self.last));
        let command = server::Command::Deliver(post(self.last, &token));
        if tier.world.submit(tier.server, command).is_ok() {
            self.asked.insert((self.process, self.last), token);
        }
    }

    fn listen(&mut self, tier: &mut Tier) {
        for (conn_id, body) in tier.replies() {
            let key = (self.process, conn_id);
            let asked = self.asked.get(&key);
            assert_eq!(asked, Some(&body), "an answer for somebody else: {key:?}");
            assert!(self.answered.insert(key), "answered twice: {key:?}");
        }
        tier.events();
        for node in 0..tier.nodes.len() {
            tier.told(node);
        }
    }

    fn restart(&mut self, tier: &mut Tier) {
        self.listen(tier);
        tier.restart_server();
        self.process += 1;
        self.last = 0;
    }
}

fn echoing_node(tier: &mut Tier, dice: &mut Dice) -> NodeId<node::Node> {
    let mut config = node::Config::default();
    config.limits.events_max = dice.pick(&[1, 4, 1024]);
    config.limits.held_max = dice.pick(&[1, 1024]);
    let node = tier.add_silent_node(config);
    tier.world.script(node, |event| match event {
        node::Event::Request { target, request } => vec![reply(*target, request.body())],
        _ => Vec::new(),
    });
    node
}

/// How many requests there were, and how many were answered.
pub(crate) fn play(seed: u64, mut dice: Dice) -> (usize, usize) {
    let settings = config(|config| {
        config.handler.seed = seed;
        config.spread = dice.pick(&[Spread::RoundRobin, Spread::StickyByClient]);
        config.limits.waiting_max = dice.pick(&[1, 10, 1000]);
        config.limits.window_max = dice.pick(&[1, 16]);
        config.limits.events_max = dice.pick(&[1, 1000]);
    });
    let mut tier = Tier::without_nodes(seed, settings.clone());
    for _ in 0..3 {
        echoing_node(&mut tier, &mut dice);
    }
    tier.until_all_up();
    let mut oracle = Oracle::default();
    let mut stalled = Vec::new();
    for _ in 0..150 {
        for _ in 0..dice.below(20) {
            oracle.ask(&mut tier);
        }
        tier.run_ms(u64::try_from(dice.below(300)).unwrap());
        oracle.listen(&mut tier);
        disturb(&mut tier, &mut dice, &mut oracle, (&settings, &mut stalled));
    }
    stalled.into_iter().for_each(|stream| tier.world.network.stall(stream, false));
    tier.world.network.shape = Shape::default();
    tier.world.network.refuses = false;
    for node in tier.nodes.clone() {
        tier.world.set_deaf(node, false);
    }
    for _ in 0..120 {
        tier.run_secs(1);
        oracle.listen(&mut tier);
    }
    let before = oracle.answered.len();
    for _ in 0..30 {
        oracle.ask(&mut tier);
        tier.run_ms(100);
        oracle.listen(&mut tier);
    }
    tier.run_secs(5);
    oracle.listen(&mut tier);
    assert_eq!(oracle.answered.len() - before, 30, "seed {seed}: all work again");
    let stats = tier.stats();
    assert_eq!((stats.nodes, stats.waiting, stats.unfinished), (3, 0, 0), "seed {seed}");
    (oracle.asked.len(), oracle.answered.len())
}

/// One of all the streams that there are.
fn a_stream(tier: &Tier, dice: &mut Dice) -> Option<StreamId> {
    let of_nodes = tier.nodes.iter().flat_map(|node| tier.world.streams(*node));
    let streams: Vec<_> = of_nodes.chain(tier.world.streams(tier.api)).collect();
    (!streams.is_empty()).then(|| dice.pick(&streams))
}

fn disturb(
    tier: &mut Tier,
    dice: &mut Dice,
    oracle: &mut Oracle,
    (settings, stalled): (&api::Config, &mut Vec<StreamId>),
) {
    let node = dice.below(tier.nodes.len());
    let stream = a_stream(tier, dice);
    match dice.below(40) {
        0 => oracle.restart(tier),
        1 => {
            tier.kill_api();
            tier.restart_api(settings.clone());
        }
        2 => {
            tier.kill_node(node);
            let fresh = echoing_node(tier, dice);
            tier.nodes[node] = fresh;
            tier.nodes.pop();
        }
        3 | 4 => {
            let streams = tier.world.streams(tier.nodes[node]);
            if !streams.is_empty() {
                let stream = dice.pick(&streams);
                tier.world.network.cut(stream);
            }
        }
        5 => tier.world.network.refuses = true,
        6 => tier.world.network.refuses = false,
        7 => tier.world.set_deaf(tier.nodes[node], true),
        8 | 9 => tier.world.set_deaf(tier.nodes[node], false),
        10 => tier.world.network.shape = Shape::default(),
        11 => {
            tier.world.network.shape = Shape {
                read_max: dice.pick(&[100, usize::MAX]),
                latency: Duration::from_millis(dice.pick(&[0, 1, 5])),
                sent_delay_max: Duration::from_millis(dice.pick(&[0, 5])),
                buffer: dice.pick(&[100, 256 << 10]),
            };
        }
        12 | 13 => {
            if let Some(stream) = stream {
                tier.world.network.cut(stream);
            }
        }
        14..=16 => {
            if let Some(stream) = stream {
                tier.world.network.stall(stream, true);
                stalled.push(stream);
            }
        }
        17..=19 => {
            let all = std::mem::take(stalled);
            all.into_iter().for_each(|stream| tier.world.network.stall(stream, false));
        }
        20 | 21 => {
            if let Some(stream) = stream {
                match dice.below(3) {
                    0 => tier.world.half_open(stream, tier.api),
                    1 => tier.world.half_open(stream, tier.server),
                    _ => tier.world.half_open(stream, tier.nodes[node]),
                }
            }
        }
        // The server is started anew, and nobody but Nodes can notice at once.
        22 | 23 => {
            let of_the_server = tier.world.streams(tier.server);
            for stream in tier.world.streams(tier.api) {
                if of_the_server.contains(&stream) {
                    tier.world.network.stall(stream, true);
                    stalled.push(stream);
                }
            }
            oracle.restart(tier);
        }
        _ => {}
    }
}
