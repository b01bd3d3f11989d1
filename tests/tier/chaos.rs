//! Everything goes wrong, by seed: whatever happens, an answer reaches the browser that asked, once,
//! and at the end all work again.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use mongrel2_transceiver::server;
use mongrel2_transceiver::tier::api::{self, Spread};
use mongrel2_transceiver::tier::node;

use crate::browser::post;
use crate::kit::{Tier, config, reply};
use crate::support::{Dice, NodeId, Shape};

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

fn play(seed: u64) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let settings = config(|config| {
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
    for _ in 0..150 {
        for _ in 0..dice.below(20) {
            oracle.ask(&mut tier);
        }
        tier.run_ms(u64::try_from(dice.below(300)).unwrap());
        oracle.listen(&mut tier);
        disturb(&mut tier, &mut dice, &mut oracle, &settings);
    }
    tier.world.network.refuses = false;
    for node in tier.nodes.clone() {
        tier.world.set_deaf(node, false);
    }
    for _ in 0..60 {
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

fn disturb(tier: &mut Tier, dice: &mut Dice, oracle: &mut Oracle, settings: &api::Config) {
    let node = dice.below(tier.nodes.len());
    match dice.below(30) {
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
        _ => {}
    }
}

#[test]
fn answers_reach_those_who_asked_whatever_happens() {
    for seed in 1..=20 {
        let (asked, answered) = play(seed);
        assert!(answered * 4 > asked, "seed {seed}: {answered} of {asked}");
    }
}
