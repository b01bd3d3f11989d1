//! Ten thousand requests through an API and three Nodes, while one Node is killed: every request is
//! answered once, or its loss is reported.

use std::collections::BTreeMap;

use mongrel2_transceiver::server;
use mongrel2_transceiver::tier::api::{self, Event, Spread};
use mongrel2_transceiver::tier::node;
use mongrel2_transceiver::transceiver::Target;

use crate::browser::get;
use crate::kit::{Tier, config};
use crate::support::Dice;

const REQUESTS: i64 = 10_000;

/// What became of each request.
#[derive(Debug, Default)]
struct Book {
    asked: i64,
    answers: BTreeMap<i64, usize>,
    reports: BTreeMap<i64, usize>,
}

impl Book {
    fn look(&mut self, tier: &mut Tier) {
        for (conn_id, _) in tier.replies() {
            *self.answers.entry(conn_id).or_default() += 1;
        }
        for event in tier.events() {
            match event {
                Event::NodeLost { unfinished, is_certain: true, .. } => self.report(&unfinished),
                Event::Unserved { targets, .. }
                | Event::Unwatched { targets, .. }
                | Event::Dropped { targets, .. } => self.report(&targets),
                _ => {}
            }
        }
    }

    fn report(&mut self, targets: &[Target]) {
        for target in targets {
            *self.reports.entry(target.conn_id.0).or_default() += 1;
        }
    }

    /// Asks for as much as the server takes, up to a share of all.
    fn ask(&mut self, tier: &mut Tier, count: i64) {
        for _ in 0..count.min(REQUESTS - self.asked) {
            let command = server::Command::Deliver(get(self.asked + 1));
            if tier.world.submit(tier.server, command).is_err() {
                break;
            }
            self.asked += 1;
        }
    }

    /// How many were not answered, and told of.
    fn lost(&self) -> usize {
        self.reports.keys().filter(|id| !self.answers.contains_key(id)).count()
    }

    fn missing(&self) -> Vec<i64> {
        let is_missing =
            |id: &i64| !self.answers.contains_key(id) && !self.reports.contains_key(id);
        (1..=self.asked).filter(is_missing).collect()
    }
}

fn play(seed: u64, spread: Spread, answer_lost: bool) -> Book {
    let mut dice = Dice::new(seed);
    let mut tier = Tier::up(
        seed,
        3,
        config(|config| {
            config.spread = spread;
            config.answer_lost = answer_lost;
            config.limits.waiting_max = dice.pick(&[1, 50, 1000]);
            config.limits.window_max = dice.pick(&[1, 16]);
        }),
    );
    let kill_at = 1000 + i64::try_from(dice.below(8000)).unwrap();
    let mut is_killed = false;
    let mut book = Book::default();
    while book.asked < REQUESTS {
        book.ask(&mut tier, 100);
        if book.asked >= kill_at && !is_killed {
            is_killed = true;
            // In the midst of its work, or there would be nothing to lose.
            let node = tier.nodes[dice.below(3)];
            let (api, server) = (tier.api, tier.server);
            let told = book.asked - 90;
            tier.world.run_until(|world| {
                let replies = world.seen(server).iter().filter_map(|event| match event {
                    server::Event::Reply { conn_id, .. } => Some(conn_id.0),
                    _ => None,
                });
                replies.max().is_some_and(|last| last >= told)
                    && world.machine(api).stats().unfinished >= 3
            });
            tier.world.crash(node);
        }
        tier.run_ms(5);
        book.look(&mut tier);
    }
    for _ in 0..120 {
        tier.run_secs(1);
        book.look(&mut tier);
    }
    let stats = tier.stats();
    assert_eq!((stats.nodes, stats.waiting, stats.unfinished), (2, 0, 0), "seed {seed}");
    assert_eq!(book.missing(), [0; 0], "seed {seed}");
    assert!(book.answers.values().all(|count| *count == 1) || answer_lost, "seed {seed}");
    book
}

#[test]
fn every_request_is_answered_or_its_loss_is_reported() {
    let mut lost = 0;
    for seed in 1..=8 {
        let spread = if seed % 2 == 0 { Spread::RoundRobin } else { Spread::StickyByClient };
        let book = play(seed, spread, false);
        // A Node loses what it had taken, not its share of all.
        assert!(book.reports.len() < 1000, "{}", book.reports.len());
        lost += book.lost();
    }
    assert!(lost > 0, "nothing was lost that could have been forgotten");
}

#[test]
fn the_api_may_answer_what_is_lost() {
    let book = play(7, Spread::RoundRobin, true);
    assert_eq!(book.answers.len(), usize::try_from(REQUESTS).unwrap());
}

#[test]
fn with_the_api_killed_too_what_nodes_have_taken_is_answered() {
    let mut tier = Tier::without_nodes(9, api::Config::default());
    let nodes: Vec<_> = (0..3).map(|_| tier.add_silent_node(node::Config::default())).collect();
    tier.until_all_up();
    (1..=90).for_each(|conn_id| tier.deliver(get(conn_id)));
    tier.run_secs(1);
    tier.kill_api();
    tier.run_secs(1);
    let mut told = 0;
    for (number, node) in nodes.into_iter().enumerate() {
        for target in crate::kit::targets(&tier.told(number)) {
            tier.world.submit(node, crate::kit::reply(target, "late")).unwrap();
            told += 1;
        }
    }
    tier.run_secs(1);
    assert_eq!((told, tier.replies().len()), (90, 90));
    // Another API starts, and all goes on.
    tier.restart_api(api::Config::default());
    tier.run_secs(30);
    assert_eq!(tier.stats().nodes, 3);
    for conn_id in 100..=102 {
        tier.deliver(get(conn_id));
        tier.run_ms(50);
    }
    tier.run_secs(1);
    assert!((0..3).all(|number| crate::kit::targets(&tier.told(number)).len() == 1));
}
