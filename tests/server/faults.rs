//! Everything at once, in an order drawn from a seed: commands, handlers that die and come back, and a
//! network that goes wrong. Whatever was asked for ends, once; and when the faults are over all is well.

use std::collections::BTreeSet;
use std::time::Duration;

use mongrel2_transceiver::client::{Action, Ask, Protocol, Received};
use mongrel2_transceiver::server::{ClientId, Command, Config, Event, Handler};
use mongrel2_transceiver::transceiver::Transceiver;

use crate::bench::{Bench, config, control};
use crate::support::{Dice, NodeId, base};

const PORTS: [u16; 3] = [9995, 9996, 9997];

/// What was asked for and has not ended.
#[derive(Default)]
struct Asked {
    connects: BTreeSet<u16>,
    disconnects: Vec<u16>,
    opens: BTreeSet<u64>,
    receives: Vec<u64>,
    /// Clients that are open.
    clients: BTreeSet<u64>,
}

struct Run {
    bench: Bench,
    dice: Dice,
    handlers: Vec<(u16, Option<NodeId<Transceiver>>)>,
    asked: Asked,
    next_client: u64,
    is_deaf: bool,
    /// All that was told, to compare runs.
    log: Vec<String>,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut config: Config = config(seed, []);
        let count = 1 + dice.below(PORTS.len());
        for port in &PORTS[..count] {
            if dice.one_in(2) {
                config = config.with_handler(control(*port));
            }
        }
        config.patience = Duration::from_millis(dice.pick(&[200, 1000, 5000]));
        let mut bench = Bench::new(seed, config);
        let handlers = PORTS[..count].iter().map(|port| (*port, Some(bench.handler(*port))));
        let handlers = handlers.collect();
        let asked = Asked::default();
        Self { bench, dice, handlers, asked, next_client: 1, is_deaf: false, log: Vec::new() }
    }

    /// Notes what was told; each thing that was asked for ends once.
    fn note(&mut self) {
        let port = |at: &mongrel2_transceiver::Endpoint| {
            PORTS.into_iter().find(|port| control(*port) == *at).unwrap()
        };
        for event in self.bench.events() {
            match &event {
                Event::Connected { control } | Event::ConnectFailed { control, .. } => {
                    // Those that an opening began were not asked for by name.
                    self.asked.connects.remove(&port(control));
                }
                Event::Disconnected { control } | Event::DisconnectFailed { control, .. } => {
                    let at = self.asked.disconnects.iter().position(|at| *at == port(control));
                    self.asked.disconnects.remove(at.expect("it was asked for"));
                }
                Event::Ready { client, .. } => {
                    assert!(self.asked.opens.remove(&client.0), "{event:?}");
                    self.asked.clients.insert(client.0);
                }
                Event::NotReady { client, .. } => {
                    assert!(self.asked.opens.remove(&client.0), "{event:?}");
                }
                Event::Received { client, received } => {
                    let at = self.asked.receives.iter().position(|id| *id == client.0);
                    self.asked.receives.remove(at.expect("it was asked for"));
                    let is_fine = !matches!(received, Ok(Received::Violation(_)));
                    assert!(is_fine, "{event:?}");
                }
                Event::Malformed { error } => panic!("{error}"),
                _ => {}
            }
            self.log.push(format!("{:?} {event:?}", self.bench.world.now() - base()));
        }
    }

    fn ask(&mut self) {
        let port = PORTS[self.dice.below(self.handlers.len())];
        let clients: Vec<u64> = self.asked.clients.iter().copied().collect();
        let client = (!clients.is_empty()).then(|| self.dice.pick(&clients));
        let wish = self.dice.below(12);
        match (wish, client) {
            (0 | 1, _) => {
                let handler = Handler::new(control(port));
                if self.bench.submit(Command::Connect { handler }).is_ok() {
                    self.asked.connects.insert(port);
                }
            }
            (2, _) => {
                if self.bench.submit(Command::Disconnect { control: control(port) }).is_ok() {
                    self.asked.disconnects.push(port);
                }
            }
            (3 | 4, _) | (_, None) => {
                let client = self.next_client;
                self.next_client += 1;
                let protocol = Protocol::Http;
                let open = Command::Open { client: ClientId(client), protocol };
                self.bench.submit(open).unwrap();
                self.asked.opens.insert(client);
            }
            (5..=7, Some(client)) => {
                let _full = self.bench.act(client, Action::Request(Ask::get("/x")));
            }
            (8 | 9, Some(id)) => {
                let within = Duration::from_millis(self.dice.pick(&[0, 1, 100, 3000]));
                let receive = Command::Receive { client: ClientId(id), within };
                if self.bench.submit(receive).is_ok() {
                    self.asked.receives.push(id);
                }
            }
            (10, Some(id)) if !self.is_deaf => {
                self.bench.submit(Command::Cancel { client: ClientId(id) }).unwrap();
                self.asked.receives.retain(|other| *other != id);
            }
            (_, Some(id)) => {
                self.bench.submit(Command::Forget { client: ClientId(id) }).unwrap();
                self.asked.clients.remove(&id);
            }
        }
        self.note();
    }

    fn go_wrong(&mut self) {
        let at = self.dice.below(self.handlers.len());
        let (port, handler) = self.handlers[at];
        let streams = self.bench.world.streams(self.bench.server);
        let network = &mut self.bench.world.network;
        match self.dice.below(8) {
            0 => network.refuses = !network.refuses,
            1 => network.hangs = self.dice.one_in(3),
            2 if !streams.is_empty() => network.cut(self.dice.pick(&streams)),
            3 if !streams.is_empty() => network.stall(self.dice.pick(&streams), true),
            4 => streams.iter().for_each(|stream| network.stall(*stream, false)),
            5 => self.bench.world.jump(Duration::from_millis(self.dice.pick(&[10, 500, 8000]))),
            6 => {
                self.is_deaf = self.dice.one_in(2);
                self.bench.world.set_deaf(self.bench.server, self.is_deaf);
            }
            _ => {
                self.handlers[at].1 = match handler {
                    Some(handler) => {
                        self.bench.world.crash(handler);
                        None
                    }
                    None => Some(self.bench.handler(port)),
                };
            }
        }
        self.note();
    }

    /// The faults end; whatever was asked for ends with them.
    fn recover(&mut self) {
        self.bench.world.network.refuses = false;
        self.bench.world.network.hangs = false;
        for stream in self.bench.world.streams(self.bench.server) {
            self.bench.world.network.cut(stream);
        }
        self.bench.world.set_deaf(self.bench.server, false);
        for at in 0..self.handlers.len() {
            let (port, handler) = self.handlers[at];
            if handler.is_none() {
                self.handlers[at].1 = Some(self.bench.handler(port));
            }
        }
        self.bench.world.run_for(Duration::from_secs(60));
        self.note();
        let left = (&self.asked.connects, &self.asked.disconnects, &self.asked.opens);
        assert!(left.0.is_empty() && left.1.is_empty() && left.2.is_empty(), "{left:?}");
        assert!(self.asked.receives.is_empty(), "{:?}", self.asked.receives);
    }

    /// All is well: a client has its answer, and at the end no handler has the server.
    fn prove(&mut self) {
        for (port, _) in self.handlers.clone() {
            let handler = Handler::new(control(port));
            if self.bench.submit(Command::Connect { handler }).is_ok() {
                self.bench.connected(port).unwrap();
            }
        }
        let client = self.next_client;
        self.bench.open(client, Protocol::Http).unwrap();
        self.bench.get(client, "/at-last");
        assert_eq!(self.bench.response(client), "/at-last");
        let events = self.bench.shutdown();
        let parted = events.iter().filter(|event| matches!(event, Event::Disconnected { .. }));
        assert_eq!(parted.count(), self.handlers.len(), "{events:?}");
        self.bench.run_ms(10_000);
        for (_, handler) in self.handlers.clone() {
            assert_eq!(self.bench.servers_of(handler.unwrap()), 0);
        }
        assert!(self.bench.world.streams(self.bench.server).is_empty());
    }
}

fn run(seed: u64) -> Vec<String> {
    let mut run = Run::new(seed);
    let steps = 50 + run.dice.below(100);
    let one_in = run.dice.pick(&[2, 4, 10]);
    for _ in 0..steps {
        if run.dice.one_in(one_in) {
            run.go_wrong();
        } else {
            run.ask();
        }
        let pause = run.dice.pick(&[0, 50, 1000, 100_000, 1_000_000]);
        run.bench.world.run_for(run.dice.up_to(Duration::from_micros(pause)));
        run.note();
    }
    run.recover();
    run.prove();
    run.log
}

/// A number from the environment: `SERVER_SEED=7` runs that one, `SERVER_SEEDS=5000` runs more.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The seed is told when a run fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SERVER_SEED={}", self.0);
        }
    }
}

#[test]
fn whatever_is_asked_for_ends_and_all_is_well_at_last() {
    if let Some(seed) = number("SERVER_SEED") {
        run(seed);
        return;
    }
    for seed in 0..number("SERVER_SEEDS").unwrap_or(200) {
        let told = Told(seed);
        run(seed);
        drop(told);
    }
}

#[test]
fn equal_seeds_give_equal_runs() {
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
