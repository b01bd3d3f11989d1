//! Links and Nodes fail in every order, by seed, while the API and the server stay: every request is
//! answered once, or its loss is told. `STORMS=500` plays more seeds.

use std::collections::BTreeMap;
use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::server;
use mongrel2_transceiver::tier::api::{Event, Spread};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver::Target;
use mongrel2_transceiver_memory::wires::StreamId;

use super::browser::get;
use super::kit::{Tier, answer, config};
use super::support::{Dice, NodeId};

/// What became of each request.
#[derive(Default)]
struct Book {
    asked: i64,
    answers: BTreeMap<i64, usize>,
    losses: BTreeMap<i64, usize>,
}

impl Book {
    fn look(&mut self, tier: &mut Tier) {
        for (conn_id, _) in tier.replies() {
            *self.answers.entry(conn_id).or_default() += 1;
        }
        for event in tier.events() {
            match event {
                Event::NodeLost { unfinished: targets, is_certain: true, .. }
                | Event::Unserved { targets, .. }
                | Event::Unwatched { targets, .. }
                | Event::Dropped { targets, .. } => self.lost(&targets),
                _ => {}
            }
        }
        for number in 0..tier.nodes.len() {
            for event in tier.told(number) {
                if let node::Event::Undelivered { targets, .. } = event {
                    self.lost(&targets);
                }
            }
        }
    }

    fn lost(&mut self, targets: &[Target]) {
        for target in targets {
            *self.losses.entry(target.conn_id.0).or_default() += 1;
        }
    }

    fn ask(&mut self, tier: &mut Tier) {
        let command = server::Command::Deliver(get(self.asked + 1));
        if tier.world.submit(tier.server, command).is_ok() {
            self.asked += 1;
        }
    }
}

fn add_node(tier: &mut Tier, dice: &mut Dice) -> NodeId<node::Node> {
    let mut config = node::Config::default();
    config.limits.events_max = dice.pick(&[1, 4, 1024]);
    config.limits.held_max = dice.pick(&[1, 1024]);
    config.limits.open_max = 100_000;
    let node = tier.add_silent_node(config);
    tier.world.script(node, |event| answer(0, event));
    node
}

/// One of the streams between the API and its Nodes.
fn a_stream(tier: &Tier, dice: &mut Dice) -> Option<StreamId> {
    let port = dice.pick(&[9994, 9995, 9996, 9996]);
    let to: Endpoint = format!("tcp://127.0.0.1:{port}").parse().unwrap();
    let streams = tier.world.network.streams_to(&to);
    (!streams.is_empty()).then(|| dice.pick(&streams))
}

fn disturb(tier: &mut Tier, dice: &mut Dice, book: &mut Book, stalled: &mut Vec<StreamId>) {
    let node = dice.below(tier.nodes.len());
    let stream = a_stream(tier, dice);
    match (dice.below(24), stream) {
        (0, _) => {
            book.look(tier);
            tier.kill_node(node);
            let fresh = add_node(tier, dice);
            tier.nodes[node] = fresh;
            tier.nodes.pop();
        }
        (1..=3, Some(stream)) => tier.world.network.cut(stream),
        (4 | 5, Some(stream)) => {
            tier.world.network.stall(stream, true);
            stalled.push(stream);
        }
        (6..=8, _) => {
            let all = std::mem::take(stalled);
            all.into_iter().for_each(|stream| tier.world.network.stall(stream, false));
        }
        (9, Some(stream)) => tier.world.half_open(stream, tier.api),
        (10, Some(stream)) => tier.world.half_open(stream, tier.nodes[node]),
        (11, _) => tier.world.set_deaf(tier.nodes[node], true),
        (12 | 13, _) => tier.world.set_deaf(tier.nodes[node], false),
        (14, _) => tier.world.network.refuses = true,
        (15 | 16, _) => tier.world.network.refuses = false,
        _ => {}
    }
}

/// How many requests there were, and how many were answered.
pub(crate) fn play(seed: u64, mut dice: Dice) -> (usize, usize) {
    let settings = config(|config| {
        config.handler.seed = seed;
        config.spread = dice.pick(&[Spread::RoundRobin, Spread::StickyByClient]);
        config.limits.waiting_max = dice.pick(&[1, 10, 1000]);
        config.limits.window_max = dice.pick(&[1, 16]);
        config.limits.events_max = dice.pick(&[1, 1000]);
        config.limits.ledger_max = dice.pick(&[5, 100_000]);
        config.patience = dice.pick(&[1, 100, 3000].map(Duration::from_millis));
    });
    let mut tier = Tier::without_nodes(seed, settings);
    for _ in 0..3 {
        add_node(&mut tier, &mut dice);
    }
    tier.until_all_up();
    let mut book = Book::default();
    let mut stalled = Vec::new();
    for _ in 0..200 {
        for _ in 0..dice.below(20) {
            book.ask(&mut tier);
        }
        tier.run_ms(u64::try_from(dice.below(600)).unwrap());
        book.look(&mut tier);
        disturb(&mut tier, &mut dice, &mut book, &mut stalled);
    }
    tier.world.network.refuses = false;
    for node in tier.nodes.clone() {
        tier.world.set_deaf(node, false);
    }
    stalled.into_iter().for_each(|stream| tier.world.network.stall(stream, false));
    for _ in 0..120 {
        tier.run_secs(1);
        book.look(&mut tier);
    }
    let stats = tier.stats();
    assert_eq!((stats.nodes, stats.waiting, stats.unfinished), (3, 0, 0), "seed {seed}");
    let is_known = |id: &i64| book.answers.contains_key(id) || book.losses.contains_key(id);
    let missing: Vec<_> = (1..=book.asked).filter(|id| !is_known(id)).collect();
    assert_eq!(missing, [0; 0], "seed {seed}");
    let twice: Vec<_> = book.answers.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "seed {seed}: {twice:?}");
    (usize::try_from(book.asked).unwrap(), book.answers.len())
}
