//! One run: everything from the seed, faults in its first two thirds, then peace and the end.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::Transceiver;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Config, Slow};
use mongrel2_transceiver::websocket::{Close, CloseCode};

use crate::application::Application;
use crate::crowd::Process;
use crate::faults::{Fault, Faults, shape};
use crate::log::{Log, elapsed};
use crate::oracle::{Oracle, Peer, Token};
use crate::support::{Dice, StreamId, World};
use crate::visitor::{CONTROL, Visitor};

struct Run {
    log: Log,
    world: World,
    dice: Dice,
    oracle: Oracle,
    application: Application,
    /// Some worlds have a control socket, and somebody there.
    visitor: Option<Visitor>,
    limits: (usize, usize),
    /// Of each server its process, or when the next one starts.
    servers: Vec<Result<Process, Duration>>,
    processes: usize,
    faults: Faults,
    next_fault: Option<(Duration, Fault)>,
    /// Streams of which one end is gone and the other does not know.
    half_open: Vec<StreamId>,
    /// Whether no browser begins anything any more.
    is_silent: bool,
    /// What ends by itself, and when.
    ending: Vec<(Duration, Ending)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Stall(StreamId),
    Refuse,
    Hang,
    Deaf,
}

/// Runs one seed to its end. Panics, and says how to replay it, where something does not hold.
pub(crate) fn run(seed: u64) -> Log {
    let mut run = Run::new(seed);
    run.until(DURATION * 2 / 3, true);
    run.make_peace();
    run.probe();
    run.until(DURATION, false);
    run.fall_silent();
    run.oracle.judge_requests();
    run.oracle.judge_replies();
    run.shut_down();
    run.oracle.judge_replies();
    run.oracle.judge_sessions();
    run.log
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut world = World::new(dice.next());
        world.network.shape = shape(&mut dice);
        let mut config = config(&mut dice);
        let has_visitor = seed % 4 == 0;
        config.control = has_visitor.then(|| CONTROL.parse().unwrap());
        let mut log = Log::new(seed);
        log.note(Duration::ZERO, format_args!("{config:?}"));
        let limits = (config.limits.events_max, config.limits.sessions_max);
        let node = world.add(Transceiver::new(world.now(), config));
        let visitor = has_visitor.then(|| Visitor::new(&mut world, seed));
        let faults = Faults::new(&mut dice);
        let next_fault = faults.next(&mut dice);
        let count = 1 + dice.below(3);
        let servers = (0..count).map(|_| Err(dice.up_to(Duration::from_secs(2)))).collect();
        let application = Application::new(node);
        for at in 0..count {
            let sender = Bytes::from(sender(at));
            let [send_spec, recv_spec] = specs(at).map(|spec| spec.parse().unwrap());
            let command = Command::AddServer { sender, send_spec, recv_spec };
            world.submit(node, command).unwrap();
        }
        Self {
            log,
            world,
            dice,
            oracle: Oracle::default(),
            application,
            visitor,
            limits,
            servers,
            processes: 0,
            faults,
            next_fault,
            half_open: Vec::new(),
            is_silent: false,
            ending: Vec::new(),
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
        for at in 0..self.servers.len() {
            if matches!(self.servers[at], Err(start) if start <= now) {
                self.start(at);
            }
            let Ok(process) = &mut self.servers[at] else { continue };
            if !self.is_silent && self.dice.one_in(3) {
                process.act(&mut self.dice, &mut self.oracle);
            }
            process.deliver(&mut self.world, &mut self.oracle);
        }
        let pause = self.dice.up_to(Duration::from_millis(400));
        self.world.run_for(pause);
        self.application.work(&mut self.world, &mut self.dice, &mut self.oracle, &mut self.log);
        if let Some(visitor) = &mut self.visitor {
            visitor.work(&mut self.world, &mut self.log);
        }
        for process in self.servers.iter_mut().flatten() {
            process.take_replies(&mut self.world, &mut self.oracle);
        }
        self.check_limits();
    }

    fn start(&mut self, at: usize) {
        let [send_spec, recv_spec] = specs(at).map(|spec| spec.parse().unwrap());
        let mut config = server::Config::new(Sender::new(sender(at)).unwrap());
        (config.send_spec, config.recv_spec) = (send_spec, recv_spec);
        config.recv_ident =
            Bytes::from(if self.dice.one_in(2) { sender(at) } else { String::new() });
        let node = self.world.add(Server::new(self.world.now(), config));
        self.processes += 1;
        let number = self.processes;
        self.log.note(elapsed(&self.world), format_args!("process {number} of server {at}"));
        self.servers[at] = Ok(Process::new(number, node, &mut self.dice));
    }

    /// The fault that is due, if one is, and the end of those before.
    fn go_wrong(&mut self) {
        let now = elapsed(&self.world);
        let (over, still) = self.ending.iter().partition(|(at, _)| *at <= now);
        self.ending = still;
        let over: Vec<(Duration, Ending)> = over;
        over.into_iter().for_each(|(_, ending)| self.end(ending));
        let Some((at, fault)) = self.next_fault.filter(|(at, _)| *at <= now) else { return };
        self.log.fault(now, format_args!("{fault:?}"));
        self.strike(fault);
        self.next_fault = self.faults.next(&mut self.dice).map(|(after, next)| (at + after, next));
    }

    fn strike(&mut self, fault: Fault) {
        let now = elapsed(&self.world);
        match fault {
            Fault::Cut => {
                if let Some(stream) = self.some_stream() {
                    self.world.network.cut(stream);
                }
            }
            Fault::HalfOpen => self.half_open(),
            Fault::Stall(time) => {
                if let Some(stream) = self.some_stream() {
                    self.world.network.stall(stream, true);
                    self.ending.push((now + time, Ending::Stall(stream)));
                }
            }
            Fault::Refuse(time) => {
                self.world.network.refuses = true;
                self.ending.push((now + time, Ending::Refuse));
            }
            Fault::Hang(time) => {
                self.world.network.hangs = true;
                self.ending.push((now + time, Ending::Hang));
            }
            Fault::Crash(time) => self.crash(time),
            Fault::Jump(time) => {
                self.disturb_all();
                self.world.jump(time);
            }
            Fault::Deaf(time) => {
                self.world.set_deaf(self.application.node, true);
                self.ending.push((now + time, Ending::Deaf));
            }
            Fault::Reshape => self.world.network.shape = shape(&mut self.dice),
        }
    }

    /// One end of a stream is gone and the other is told nothing.
    fn half_open(&mut self) {
        let Some(stream) = self.some_stream() else { return };
        let handler = self.application.node;
        let mut servers = self.servers.iter().flatten().map(|process| process.node);
        let server = servers.find(|node| self.world.streams(*node).contains(&stream));
        if self.dice.one_in(2) && self.world.streams(handler).contains(&stream) {
            self.world.half_open(stream, handler);
        } else if let Some(server) = server {
            self.world.half_open(stream, server);
        }
        self.half_open.push(stream);
    }

    fn crash(&mut self, time: Duration) {
        let now = elapsed(&self.world);
        let at = self.dice.below(self.servers.len());
        if let Ok(process) = &mut self.servers[at] {
            // What it has taken in counts as received.
            process.take_replies(&mut self.world, &mut self.oracle);
            self.oracle.disturbed(process.number, now);
            self.world.crash(process.node);
            self.servers[at] = Err(now + time);
        }
    }

    /// A stream of some server, which may lose what is on its way.
    fn some_stream(&mut self) -> Option<StreamId> {
        let at = self.dice.below(self.servers.len());
        let process = self.servers[at].as_ref().ok()?;
        let streams = self.world.streams(process.node);
        if streams.is_empty() {
            return None;
        }
        self.oracle.disturbed(process.number, elapsed(&self.world));
        Some(self.dice.pick(&streams))
    }

    fn disturb_all(&mut self) {
        let now = elapsed(&self.world);
        for process in self.servers.iter().flatten() {
            self.oracle.disturbed(process.number, now);
        }
    }

    fn end(&mut self, ending: Ending) {
        match ending {
            Ending::Stall(stream) => self.world.network.stall(stream, false),
            Ending::Refuse => self.world.network.refuses = false,
            Ending::Hang => self.world.network.hangs = false,
            Ending::Deaf => self.world.set_deaf(self.application.node, false),
        }
    }

    /// All faults end.
    fn make_peace(&mut self) {
        let now = elapsed(&self.world);
        self.log.fault(now, format_args!("peace"));
        // The operating systems find out at last: a server has no heartbeats of its own.
        for stream in std::mem::take(&mut self.half_open) {
            for process in self.servers.iter().flatten() {
                if self.world.streams(process.node).contains(&stream) {
                    self.oracle.disturbed(process.number, now);
                }
            }
            self.world.network.cut(stream);
        }
        let endings = std::mem::take(&mut self.ending);
        endings.into_iter().for_each(|(_, ending)| self.end(ending));
        for server in &mut self.servers {
            if let Err(start) = server {
                *start = now;
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
            let has_returned = |probe: &(Token, Peer)| self.oracle.has_returned(*probe);
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
        // A pong that was lost in a server's dead link is asked for again after two looks at a session, of
        // which there is one in 30 seconds at least; a browser that answers nothing is ended after some more.
        self.until(elapsed(&self.world) + Duration::from_secs(240), false);
        loop {
            let before = self.oracle.count();
            self.until(elapsed(&self.world) + Duration::from_secs(10), false);
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
        assert!(self.visitor.as_ref().is_none_or(|visitor| visitor.answers > 5));
    }

    fn check_limits(&mut self) {
        let stats = self.world.machine(self.application.node).stats();
        let (events_max, sessions_max) = self.limits;
        // The visitor's guest is one more.
        let count = self.servers.len() + usize::from(self.visitor.is_some());
        assert!(stats.sessions <= sessions_max * count, "{stats:?}");
        assert!(stats.links <= 2 * count, "{stats:?}");
        // Beyond the limit only what ends sessions, and reports about commands.
        assert!(stats.events <= 2 * events_max + sessions_max * count + 2, "{stats:?}");
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut config = Config::default();
    config.seed = dice.next();
    config.ping_interval = dice.pick(&[None, Some(5), Some(30)]).map(Duration::from_secs);
    config.close_timeout = Duration::from_millis(dice.pick(&[100, 5_000]));
    let limits = &mut config.limits;
    limits.events_max = dice.pick(&[1, 4, 1024]);
    limits.sessions_max = dice.pick(&[5, 1000]);
    limits.send_messages_max = dice.pick(&[4, 50, 10_000]);
    limits.send_bytes_max = dice.pick(&[1_000, 1 << 20]);
    limits.message_size_max = dice.pick(&[1_000, 1 << 20]);
    limits.memberships_max = dice.pick(&[10, 1000]);
    limits.groups_max = dice.pick(&[3, 1000]);
    limits.read_size = dice.pick(&[100, 64 << 10]);
    limits.write_size = dice.pick(&[1, 64 << 10]);
    // No throw of its own, so that worlds stay what they were.
    config.slow = match config.seed % 4 {
        0 => Slow::DropOldest,
        1 => Slow::Close(Close::new(CloseCode::POLICY, "slow").unwrap()),
        _ => Slow::Wait,
    };
    if config.seed % 3 == 0 {
        config.limits.target_messages_max = 2;
    }
    config
}

fn sender(server: usize) -> String {
    format!("server-{server}")
}

fn specs(server: usize) -> [String; 2] {
    [9, 8].map(|port| format!("tcp://127.0.0.1:70{server}{port}"))
}

/// How long a run lasts, in virtual time.
const DURATION: Duration = Duration::from_secs(90);
