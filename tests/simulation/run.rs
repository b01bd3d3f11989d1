//! One run: everything from the seed, or as the octets of a fuzzer want it; faults in its first two thirds,
//! then peace and the end.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::Transceiver;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Config};

use super::application::{Application, Way};
use super::crowd::Process;
use super::faults::{Fault, Faults, broad, quickened, shape};
use super::log::{Log, elapsed};
use super::mix::{Mix, Seed};
use super::oracle::{self, Oracle, Token};
use super::peer::Peer;
use super::settings::{self, sender, specs};
use super::silence::Silence;
use super::strike::Ending;
use super::support::{Dice, StreamId, World};
use super::visitor::{CONTROL, Visitor};

pub(crate) struct Run {
    pub(crate) log: Log,
    pub(crate) world: World,
    pub(crate) dice: Dice,
    pub(crate) oracle: Oracle,
    pub(crate) application: Application,
    /// Some worlds have a control socket, and somebody there.
    pub(crate) visitor: Option<Visitor>,
    /// Of each server its process, or when the next one starts.
    pub(crate) servers: Vec<Result<Process, Duration>>,
    pub(crate) processes: usize,
    pub(crate) faults: Faults,
    pub(crate) next_fault: Option<(Duration, Fault)>,
    /// Streams of which one end is gone and the other does not know, and the process that had them.
    pub(crate) half_open: Vec<(StreamId, usize)>,
    /// Whether no browser begins anything any more.
    pub(crate) is_silent: bool,
    pace: Pace,
    /// How long it takes at most until the next one does something.
    pause_max: Duration,
    /// What ends by itself, and when.
    pub(crate) ending: Vec<(Duration, Ending)>,
    /// What the world has besides, and what goes wrong of that.
    pub(crate) mix: Mix,
    pub(crate) troubles: Faults,
    pub(crate) next_trouble: Option<(Duration, Fault)>,
    pub(crate) config: Config,
    /// While no process of the handler lives: when the next one starts.
    pub(crate) dead_until: Option<Duration>,
    /// Until when strangers knock, at which servers.
    pub(crate) knocking: BTreeMap<usize, Duration>,
    /// Until when strangers had the place of each server, or a part of it.
    pub(crate) squatted: BTreeMap<usize, Duration>,
    pub(crate) silence: Silence,
}

/// Runs one world to its end. Panics, and says how to replay it, where something does not hold.
pub(crate) fn run(seed: Seed) -> Log {
    play(Run::new(seed, seed.dice(), None))
}

/// The same, where octets have a say: the first in which world it is, the others in what happens there.
pub(crate) fn run_as_wanted(octets: &[u8]) -> Log {
    let (first, wants) = octets.split_first().unwrap_or((&0, &[]));
    let seed = Seed::from(u64::from(*first));
    let dice = Dice::wanting(wants, seed.number);
    let mut run = Run::new(seed, [dice.clone(), dice], None);
    let replay =
        "the octets in a file of fuzz/corpus/world: cargo test --manifest-path fuzz/Cargo.toml";
    run.log.replay_by(replay.to_owned());
    run.pace = QUICK_PACE;
    play(run)
}

fn play(mut run: Run) -> Log {
    run.until(run.pace.peace, true);
    run.make_peace();
    run.probe();
    run.until(run.pace.silence, false);
    run.fall_silent();
    run.oracle.judge_requests();
    run.oracle.judge_replies();
    run.oracle.judge_room();
    run.servers.iter().flatten().for_each(|process| process.judge_manners(&run.oracle));
    run.shut_down();
    run.oracle.judge_replies();
    run.oracle.judge_sessions();
    run.log
}

/// Runs a short world without faults, in which this operation of the handler fails, if any. How many it
/// has asked for, and the kind of the one that failed.
pub(crate) fn run_short(
    seed: Seed,
    replay: String,
    step: Option<usize>,
) -> (usize, Option<&'static str>) {
    let mut run = Run::new(seed, seed.dice(), Some(step));
    run.log.replay_by(replay);
    run.until(SHORT, false);
    run.probe();
    run.is_silent = true;
    run.until_all_is_said(Duration::from_secs(20));
    run.oracle.judge_requests();
    run.oracle.judge_replies();
    run.shut_down();
    run.oracle.judge_replies();
    run.oracle.judge_sessions();
    let watched = run.world.watched().unwrap();
    (watched.count, watched.failed.map(|failed| failed.kind))
}

impl Run {
    /// A world with these dice, of which the second are for what it has besides; where `watched`, without
    /// faults, and with a failure of this operation, if any.
    fn new(seed: Seed, [mut dice, others]: [Dice; 2], watched: Option<Option<usize>>) -> Self {
        let mut world = World::new(dice.next());
        let shape = shape(&mut dice);
        let mut config = settings::config(&mut dice);
        world.network.shape = quickened(shape, config.limits.read_size);
        let has_visitor = seed.number % 4 == 0;
        config.control = has_visitor.then(|| CONTROL.parse().unwrap());
        let mut mix = Mix::new(seed, others);
        mix.tune(&mut config);
        if mix.has_crowd {
            world.network.shape = broad();
        }
        let mut log = Log::new(seed);
        log.setting(format_args!("{config:?}"));
        log.setting(format_args!("{mix:?}"));
        if let Some(step) = watched {
            world.watch_next(step);
        }
        let node = world.add(Transceiver::new(world.now(), config.clone()));
        let visitor = has_visitor.then(|| Visitor::new(&mut world, seed.number));
        let faults = Faults::new(&mut dice);
        let next_fault = faults.next(&mut dice);
        let troubles = Faults::besides(&mut mix.dice, mix.has_troubles);
        let next_trouble = troubles.next(&mut mix.dice);
        let count = 1 + dice.below(3);
        let servers = (0..count).map(|_| Err(dice.up_to(Duration::from_secs(2)))).collect();
        let way = Way {
            has_bursts: mix.has_bursts,
            has_later: mix.has_later,
            is_padded: mix.has_deflate,
            adopts: config.adopt,
        };
        let mut run = Self {
            log,
            world,
            dice,
            oracle: Oracle::default(),
            application: Application::new(node, way),
            visitor,
            servers,
            processes: 0,
            faults,
            next_fault,
            half_open: Vec::new(),
            is_silent: false,
            pace: PACE,
            pause_max: PAUSE_MAX,
            ending: Vec::new(),
            mix,
            troubles,
            next_trouble,
            config,
            dead_until: None,
            knocking: BTreeMap::new(),
            squatted: BTreeMap::new(),
            silence: Silence::default(),
        };
        run.add_servers();
        run
    }

    /// Tells the handler which servers it has.
    pub(crate) fn add_servers(&mut self) {
        for at in 0..self.servers.len() {
            let sender = Bytes::from(sender(at));
            let [send_spec, recv_spec] = specs(at).map(|spec| spec.parse().unwrap());
            let command = Command::AddServer { sender, send_spec, recv_spec };
            self.world.submit(self.application.node, command).unwrap();
        }
    }

    /// Lets browsers, servers and the application live until then.
    fn until(&mut self, end: Duration, with_faults: bool) {
        while elapsed(&self.world) < end {
            if with_faults {
                self.go_wrong();
            }
            self.step();
        }
    }

    fn step(&mut self) {
        let now = elapsed(&self.world);
        if self.dead_until.is_some_and(|until| until <= now) {
            self.revive();
        }
        for at in 0..self.servers.len() {
            if matches!(self.servers[at], Err(start) if start <= now) {
                self.start(at);
            }
            let Ok(process) = &mut self.servers[at] else { continue };
            if !self.is_silent && self.dice.one_in(3) {
                process.act(&mut self.dice, &mut self.mix, &mut self.oracle);
            }
            process.linger(now, &mut self.mix, self.is_silent);
            process.deliver(&mut self.world, &mut self.oracle);
        }
        let pause = self.dice.up_to(self.pause_max);
        self.world.run_for(pause);
        self.suffer_knocking();
        self.judge_silence();
        self.suffer_reset(now);
        if self.dead_until.is_none() {
            let dice = (&mut self.dice, &mut self.mix);
            self.application.work(&mut self.world, dice, &mut self.oracle, &mut self.log);
        }
        if let Some(visitor) = &mut self.visitor {
            visitor.work(&mut self.world, &mut self.log);
        }
        for process in self.servers.iter_mut().flatten() {
            process.take_replies(&mut self.world, &mut self.oracle, &mut self.log);
        }
        self.give_up_the_unbound();
        self.check_limits();
    }

    fn start(&mut self, at: usize) {
        let [send_spec, recv_spec] = specs(at).map(|spec| spec.parse().unwrap());
        let mut config = server::Config::new(Sender::new(sender(at)).unwrap());
        (config.send_spec, config.recv_spec) = (send_spec, recv_spec);
        config.recv_ident =
            Bytes::from(if self.dice.one_in(2) { sender(at) } else { String::new() });
        let is_old = self.mix.old_in.is_some_and(|count| at % count == 0);
        let server = Server::new(self.world.now(), config);
        let node = self.world.add(Peer::new(server, is_old));
        self.processes += 1;
        let number = self.processes;
        if is_old {
            self.oracle.is_old(number, at);
        }
        // One link may lead to it and the other to who was there before: then both are given up.
        let now = elapsed(&self.world);
        if self.squatted.get(&at).is_some_and(|until| now <= *until + Duration::from_secs(5)) {
            self.oracle.disturbed(number, now);
        }
        self.log.note(elapsed(&self.world), format_args!("process {number} of server {at}"));
        self.log.met(if is_old { "server: of ZMTP 3.0" } else { "server: of ZMTP 3.1" });
        let mut process = Process::new(number, node, &mut self.dice);
        process.is_hurried = self.mix.has_bursts;
        if self.mix.has_crowd && number == 1 {
            self.log.met("server: of a crowd");
            process.crowd_in(&mut self.oracle);
        }
        self.servers[at] = Ok(process);
    }

    /// A process that finds its ports taken ends, and another tries again.
    fn give_up_the_unbound(&mut self) {
        for at in 0..self.servers.len() {
            if matches!(&self.servers[at], Ok(process) if !process.is_bound) {
                self.log.met("server: could not be bound");
                self.crash_server(at, Duration::from_secs(1));
            }
        }
    }

    /// Within sixty seconds of peace every server is up, and a probe of it returns. Browsers ask again
    /// now and then: what was still under way when peace came may take the first probe with it.
    fn probe(&mut self) {
        self.step();
        let end = elapsed(&self.world) + Duration::from_secs(60);
        let mut probes = vec![Vec::new(); self.servers.len()];
        let mut again = Duration::ZERO;
        loop {
            let has_returned = |probe: &(Token, oracle::Peer)| self.oracle.has_returned(*probe);
            if probes.iter().all(|probes| probes.iter().any(has_returned)) {
                break;
            }
            let now = elapsed(&self.world);
            assert!(now < end, "probes that do not return: {probes:?}");
            if now >= again {
                again = now + Duration::from_secs(15);
                for (process, probes) in self.servers.iter_mut().flatten().zip(&mut probes) {
                    probes.push(process.probe(&mut self.oracle));
                }
            }
            self.step();
        }
        assert_eq!(self.application.up.len(), self.servers.len(), "every server is up again");
    }

    /// No browser begins anything any more, and what is under way comes to its end.
    fn fall_silent(&mut self) {
        self.is_silent = true;
        self.pause_max = self.pace.quiet_pause_max;
        // A pong that was lost in a server's dead link is asked for again after two looks at a session, of
        // which there is one in 30 seconds at least; a browser that answers nothing is ended after some more.
        self.until(elapsed(&self.world) + Duration::from_secs(240), false);
        self.until_all_is_said(Duration::from_secs(10));
        self.pause_max = PAUSE_MAX;
    }

    /// Until nothing was said or has arrived for so long.
    fn until_all_is_said(&mut self, pause: Duration) {
        loop {
            let before = self.oracle.count();
            self.until(elapsed(&self.world) + pause, false);
            if self.oracle.count() == before {
                break;
            }
        }
    }

    fn shut_down(&mut self) {
        let node = self.application.node;
        self.log.note(elapsed(&self.world), format_args!("shutdown"));
        self.world.submit(node, Command::Shutdown).unwrap();
        let end = elapsed(&self.world) + Duration::from_secs(10);
        while self.application.stopped.is_none() {
            assert!(elapsed(&self.world) < end, "the shutdown does not end");
            self.step();
        }
        let stats = self.world.machine(node).stats();
        assert!(self.world.machine(node).groups().is_empty());
        assert_eq!((stats.servers, stats.sessions, stats.links), (0, 0, 0), "{stats:?}");
        assert_eq!(self.application.stopped, Some(self.oracle.undelivered));
        self.step();
        assert!(self.world.streams(node).is_empty());
        // Where the control socket could not be bound, nobody answers.
        let is_watched = self.world.watched().is_some();
        let is_answered = |visitor: &Visitor| visitor.answers > 5 || is_watched;
        assert!(self.visitor.as_ref().is_none_or(is_answered));
    }

    /// Whoever waits for something wants to be told the time, for it may never come.
    fn check_deadlines(&mut self) {
        let application = &self.application;
        let is_stopped = application.stopped.is_some();
        let stats = self.world.machine(application.node).stats();
        // Nothing tells whether a peer of ZMTP 3.0 that has not subscribed is still there; strangers may be
        // such.
        let now = elapsed(&self.world);
        let has_old =
            self.mix.old_in.is_some() || self.squatted.values().any(|until| now <= *until);
        let waits = stats.servers_up < stats.servers && !has_old;
        let has_deadline = self.world.next_deadline(application.node).is_some();
        assert!(!waits || has_deadline, "servers are awaited without a deadline");
        assert!(!is_stopped || !has_deadline, "a handler that has stopped waits for something");
    }

    fn check_limits(&mut self) {
        if self.dead_until.is_some() {
            return;
        }
        self.check_deadlines();
        let stats = self.world.machine(self.application.node).stats();
        let limits = &self.config.limits;
        let (events_max, sessions_max) = (limits.events_max, limits.sessions_max);
        // The visitor's guest is one more.
        let count = self.servers.len() + usize::from(self.visitor.is_some());
        assert!(stats.sessions <= sessions_max * count, "{stats:?}");
        assert!(stats.links <= 2 * count, "{stats:?}");
        // Beyond the limit only what ends sessions, and reports about commands.
        assert!(stats.events <= 2 * events_max + sessions_max * count + 2, "{stats:?}");
    }
}

/// How long a short world lasts before it is asked whether all is well.
const SHORT: Duration = Duration::from_secs(8);

/// How long it takes at most until the next one does something.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// How long the parts of a run last, in virtual time.
struct Pace {
    /// Until peace comes, and until no browser begins anything any more.
    peace: Duration,
    silence: Duration,
    /// How long it takes then until the next one does something.
    quiet_pause_max: Duration,
}

const PACE: Pace = Pace {
    peace: Duration::from_secs(60),
    silence: Duration::from_secs(90),
    quiet_pause_max: PAUSE_MAX,
};

/// So that a fuzzer plays many, each of about as many throws as it has octets.
const QUICK_PACE: Pace = Pace {
    peace: Duration::from_secs(25),
    silence: Duration::from_secs(40),
    quiet_pause_max: Duration::from_secs(2),
};
