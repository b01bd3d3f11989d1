//! What goes wrong in a run, and the peace after it.

use std::time::Duration;

use mongrel2_transceiver::transceiver::Transceiver;

use super::application::Application;
use super::faults::{Fault, quickened, shape};
use super::log::elapsed;
use super::noise::{Manner, Noise};
use super::run::Run;
use super::settings::specs;
use super::support::{NodeId, StreamId};
use super::visitor::CONTROL;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Stall(StreamId),
    Refuse,
    Hang,
    Deaf,
    /// A stranger goes away.
    Noise(NodeId<Noise>),
}

impl Run {
    /// The fault that is due, if one is, and the end of those before.
    pub(crate) fn go_wrong(&mut self) {
        let now = elapsed(&self.world);
        let (over, still) = self.ending.iter().partition(|(at, _)| *at <= now);
        self.ending = still;
        let over: Vec<(Duration, Ending)> = over;
        over.into_iter().for_each(|(_, ending)| self.end(ending));
        if let Some((at, fault)) = self.next_fault.filter(|(at, _)| *at <= now) {
            self.strike(fault);
            let next = self.faults.next(&mut self.dice);
            self.next_fault = next.map(|(after, next)| (at + after, next));
        }
        if let Some((at, fault)) = self.next_trouble.filter(|(at, _)| *at <= now) {
            self.strike(fault);
            let next = self.troubles.next(&mut self.mix.dice);
            self.next_trouble = next.map(|(after, next)| (at + after, next));
        }
    }

    fn strike(&mut self, fault: Fault) {
        let now = elapsed(&self.world);
        self.log.fault(now, format_args!("{fault:?}"));
        self.log.met(&format!("fault: {}", fault.name()));
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
                    self.falls_silent(stream);
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
                self.silence.is_excused(now + time);
            }
            Fault::Deaf(time) => {
                self.set_deaf(true);
                self.ending.push((now + time, Ending::Deaf));
            }
            Fault::Reshape if self.mix.has_crowd => {}
            Fault::Reshape => {
                let read_size = self.config.limits.read_size;
                self.world.network.shape = quickened(shape(&mut self.dice), read_size);
            }
            Fault::Die(time) => self.die(time),
            Fault::Squat(time) => self.squat(time),
            Fault::Knock => self.knock(),
        }
    }

    /// One end of a stream is gone and the other is told nothing.
    fn half_open(&mut self) {
        let Some(stream) = self.some_stream() else { return };
        if let Some(process) = self.process_at(stream) {
            self.half_open.push((stream, process));
        }
        self.falls_silent(stream);
        let handler = self.application.node;
        let mut servers = self.servers.iter().flatten().map(|process| process.node);
        let server = servers.find(|node| self.world.streams(*node).contains(&stream));
        if self.dice.one_in(2) && self.world.streams(handler).contains(&stream) {
            self.world.half_open(stream, handler);
        } else if let Some(server) = server {
            self.world.half_open(stream, server);
        }
    }

    /// The process whose stream it is.
    fn process_at(&self, stream: StreamId) -> Option<usize> {
        let mut processes = self.servers.iter().flatten();
        let found = processes.find(|process| self.world.streams(process.node).contains(&stream));
        found.map(|process| process.number)
    }

    fn crash(&mut self, time: Duration) {
        let at = self.dice.below(self.servers.len());
        self.crash_server(at, time);
    }

    pub(crate) fn crash_server(&mut self, at: usize, time: Duration) {
        let now = elapsed(&self.world);
        if let Ok(process) = &mut self.servers[at] {
            // What it has taken in counts as received.
            process.take_replies(&mut self.world, &mut self.oracle, &mut self.log);
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
            Ending::Stall(stream) => {
                self.world.network.stall(stream, false);
                self.silence.ends(stream);
            }
            Ending::Refuse => self.world.network.refuses = false,
            Ending::Hang => self.world.network.hangs = false,
            Ending::Deaf => self.set_deaf(false),
            Ending::Noise(node) => self.world.crash(node),
        }
    }

    /// All faults end.
    pub(crate) fn make_peace(&mut self) {
        let now = elapsed(&self.world);
        self.log.fault(now, format_args!("peace"));
        // The operating systems find out at last: a server has no heartbeats of its own.
        for (stream, process) in std::mem::take(&mut self.half_open) {
            let mut processes = self.servers.iter().flatten();
            let of_server = processes.any(|p| self.world.streams(p.node).contains(&stream));
            if of_server || self.world.streams(self.application.node).contains(&stream) {
                self.oracle.disturbed(process, now);
            }
            self.silence.ends(stream);
            self.world.network.cut(stream);
        }
        let endings = std::mem::take(&mut self.ending);
        endings.into_iter().for_each(|(_, ending)| self.end(ending));
        self.squatted.values_mut().for_each(|until| *until = now.min(*until));
        for server in &mut self.servers {
            if let Err(start) = server {
                *start = now;
            }
        }
        if self.dead_until.is_some() {
            self.revive();
        }
    }

    fn set_deaf(&mut self, is_deaf: bool) {
        if self.dead_until.is_none() {
            self.world.set_deaf(self.application.node, is_deaf);
        }
    }

    /// The handler's process dies, and nobody knows what became of what it had.
    fn die(&mut self, time: Duration) {
        if self.dead_until.is_some() {
            return;
        }
        self.disturb_all();
        self.oracle.handler_died();
        self.world.crash(self.application.node);
        self.dead_until = Some(elapsed(&self.world) + time);
    }

    /// Another process of the handler, which knows nothing of the one before.
    pub(crate) fn revive(&mut self) {
        self.dead_until = None;
        self.disturb_all();
        self.config.seed = self.mix.dice.next();
        let handler = Transceiver::new(self.world.now(), self.config.clone());
        let node = self.world.add(handler);
        self.application = Application::new(node, self.application.way);
        self.add_servers();
    }

    /// A stranger takes the place of a server, or half of it.
    fn squat(&mut self, time: Duration) {
        let at = self.mix.dice.below(self.servers.len());
        let restart = self.mix.dice.up_to(time);
        self.crash_server(at, restart);
        // One who came before may stay for longer.
        let until = self.squatted.entry(at).or_default();
        *until = (*until).max(elapsed(&self.world) + time);
        let sides = self.mix.dice.pick(&[&[0][..], &[1], &[0, 1]]);
        for side in sides {
            let endpoint = specs(at)[*side].parse().unwrap();
            let claims = ["PUSH", "SUB"][*side];
            let noise = self.noise(Manner::Sits(endpoint, claims));
            self.ending.push((elapsed(&self.world) + time, Ending::Noise(noise)));
        }
    }

    /// A stranger knocks at the control socket, or at one of a server, of whose requests it may get some.
    fn knock(&mut self) {
        let at = self.mix.dice.below(self.servers.len());
        let manner = match self.mix.dice.below(3) {
            0 if self.visitor.is_some() => Manner::Knocks(CONTROL.parse().unwrap(), Some("REQ")),
            1 => Manner::Knocks(specs(at)[1].parse().unwrap(), None),
            _ => Manner::Knocks(specs(at)[0].parse().unwrap(), Some("PULL")),
        };
        let until = elapsed(&self.world) + KNOCKING;
        if matches!(manner, Manner::Knocks(_, Some("PULL"))) {
            self.knocking.insert(at, until);
        }
        let noise = self.noise(manner);
        self.ending.push((until, Ending::Noise(noise)));
    }

    /// Whoever knocks at a server may take what is another's.
    pub(crate) fn suffer_knocking(&mut self) {
        let now = elapsed(&self.world);
        for at in self.knocking.keys() {
            if let Ok(process) = &self.servers[*at] {
                self.oracle.disturbed(process.number, now);
            }
        }
        // The time may have jumped past their end, which they have only now come to.
        self.knocking.retain(|_, until| now <= *until);
    }

    /// Nothing moves on a stream of a server any more. Who speaks ZMTP 3.0 is not asked for signs of life.
    fn falls_silent(&mut self, stream: StreamId) {
        let is_old = |number| self.oracle.speaks_old(number);
        if !self.process_at(stream).is_some_and(is_old) {
            self.silence.begins(stream, elapsed(&self.world));
        }
    }

    /// Links of the handler on which nothing moves are given up in time. It listens to servers that have
    /// both links, unless its application is behind.
    pub(crate) fn judge_silence(&mut self) {
        if self.dead_until.is_some() {
            return;
        }
        let (now, node) = (elapsed(&self.world), self.application.node);
        let is_behind = self.config.limits.events_max < 1000 || self.world.is_deaf(node);
        // The visitor's guests are never up.
        if is_behind || self.world.machine(node).stats().servers_up < self.servers.len() {
            self.silence.is_excused(now);
        }
        let held = self.world.streams(node);
        for _ in 0..self.silence.judge(&held, now) {
            self.log.met("link: silent, given up");
        }
    }

    /// The one stream that is reset in a short world may take with it what was on its way, and nothing else.
    pub(crate) fn suffer_reset(&mut self, before: Duration) {
        for process in self.servers.iter().flatten() {
            let is_known = self.oracle.was_disturbed(process.number);
            if !is_known && self.world.was_reset(process.node) {
                self.oracle.disturbed(process.number, before);
            }
        }
    }

    fn noise(&mut self, manner: Manner) -> NodeId<Noise> {
        let dice = self.mix.dice.clone();
        let noise = self.world.add(Noise::new(self.world.now(), manner, dice));
        self.mix.dice.next();
        noise
    }
}

/// How long a stranger comes again and again.
const KNOCKING: Duration = Duration::from_secs(13);
