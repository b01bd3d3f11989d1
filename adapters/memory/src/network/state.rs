//! What is behind the lock of a network.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::task::Waker;
use std::time::Duration;

use mongrel2_transceiver::{Input, LinkId, Output};

use super::ready::TaskId;
use crate::Dice;
use crate::wires::Wires;

/// A future that runs beside the others.
pub(super) type Future = Pin<Box<dyn std::future::Future<Output = ()> + Send>>;

/// When a timer is due; the second number tells those of one time apart.
pub(super) type TimerId = (Duration, u64);

#[derive(Debug)]
pub(super) struct State {
    pub(super) wires: Wires,
    pub(super) tasks: BTreeMap<TaskId, Spawned>,
    pub(super) ids_ever: u64,
    /// Beside those of the wires, which are not to be disturbed.
    pub(super) seeds: Dice,
    ports: BTreeMap<usize, Port>,
    ports_ever: usize,
    timers: BTreeMap<TimerId, Timer>,
    /// Steps within one instant, to notice spinning.
    steps: usize,
    /// Who made the last of too many steps.
    suspects: BTreeSet<String>,
    pub(super) patience: Duration,
}

/// A task, and where it was spawned.
pub(super) struct Spawned {
    /// `None` while it is polled.
    pub(super) future: Option<Future>,
    pub(super) at: &'static Location<'static>,
    pub(super) waker: Waker,
}

impl fmt::Debug for Spawned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the task spawned at {}", self.at)
    }
}

/// Where a driver is plugged in.
#[derive(Debug)]
struct Port {
    /// What its machine is to be told.
    inbox: VecDeque<Input>,
    /// The links that neither side has ended. What concerns others is left out.
    links: BTreeSet<LinkId>,
    deadline: Option<TimerId>,
    waker: Option<Waker>,
    label: String,
}

#[derive(Debug)]
enum Timer {
    Port(usize),
    Waker(Waker),
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            wires: Wires::new(Dice::new(seed)),
            tasks: BTreeMap::new(),
            ids_ever: 0,
            seeds: Dice::new(!seed),
            ports: BTreeMap::new(),
            ports_ever: 0,
            timers: BTreeMap::new(),
            steps: 0,
            suspects: BTreeSet::new(),
            patience: PATIENCE,
        }
    }

    /// Does what is due first, up to `end`, and lets the time pass until then. `None` where nothing
    /// is; else who is to be woken because of it.
    pub(super) fn advance(&mut self, end: Duration) -> Option<Option<Waker>> {
        let (wires, timers) = (self.wires.next_at(), self.next_timer());
        let at = wires.into_iter().chain(timers).min().filter(|at| *at <= end)?;
        self.pass(at);
        // What has arrived comes before the time, which may blame somebody for its absence.
        if wires.is_some_and(|wires| timers.is_none_or(|timers| wires <= timers)) {
            return Some(self.wires.fire().and_then(|(node, input)| self.deliver(node, input)));
        }
        let (_, timer) = self.timers.pop_first()?;
        Some(match timer {
            Timer::Waker(waker) => Some(waker),
            Timer::Port(node) => self.ports.get_mut(&node).and_then(|port| {
                port.deadline = None;
                port.waker.take()
            }),
        })
    }

    /// Lets the time pass.
    pub(super) fn pass(&mut self, now: Duration) {
        if now > self.wires.now() {
            self.steps = 0;
            self.suspects.clear();
        }
        self.wires.set_now(now);
    }

    /// When something is due next.
    pub(super) fn next_at(&self) -> Option<Duration> {
        self.wires.next_at().into_iter().chain(self.next_timer()).min()
    }

    fn next_timer(&self) -> Option<Duration> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// One more step of a task in this instant. False where there were too many by far.
    pub(super) fn task_steps(&mut self, id: TaskId) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            let task = self.tasks.get(&id);
            let who = task.map_or_else(|| RUN.to_owned(), |task| format!("{task:?}"));
            self.suspects.insert(who);
        }
        self.steps < STEPS_MAX + SUSPECTED_STEPS
    }

    /// One more step of a driver in this instant. False where there were too many by far.
    pub(super) fn driver_steps(&mut self, node: usize) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            self.suspects.extend(self.ports.get(&node).map(|port| port.label.clone()));
        }
        self.steps < STEPS_MAX + SUSPECTED_STEPS
    }

    /// Counts anew, after it was reported that there were too many steps.
    pub(super) fn forgive(&mut self) -> BTreeSet<String> {
        self.steps = 0;
        std::mem::take(&mut self.suspects)
    }

    /// Everybody who waits, for a report.
    pub(super) fn waiting(&self) -> Vec<String> {
        let tasks = self.tasks.values().map(|task| format!("{task:?}"));
        let ports = self.ports.values().filter(|port| port.waker.is_some());
        tasks.chain(ports.map(|port| format!("{}, for an event", port.label))).collect()
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.ids_ever += 1;
        self.ids_ever
    }
}

/// For sleeps.
impl State {
    pub(super) fn set_timer(&mut self, at: Duration, waker: Waker) -> TimerId {
        let id = (at, self.new_id());
        self.timers.insert(id, Timer::Waker(waker));
        id
    }

    pub(super) fn cancel_timer(&mut self, id: TimerId) {
        self.timers.remove(&id);
    }
}

/// For drivers.
impl State {
    pub(super) fn plug_in(&mut self, label: String) -> usize {
        let node = self.ports_ever;
        self.ports_ever += 1;
        let (inbox, links) = (VecDeque::new(), BTreeSet::new());
        self.ports.insert(node, Port { inbox, links, deadline: None, waker: None, label });
        node
    }

    /// All that a driver had is gone, as when its process dies.
    pub(super) fn unplug(&mut self, node: usize) {
        let Some(port) = self.ports.remove(&node) else { return };
        if let Some(deadline) = port.deadline {
            self.timers.remove(&deadline);
        }
        self.wires.crash(node);
    }

    /// Performs an operation of a driver's machine. A second link of one name is none.
    pub(super) fn perform(&mut self, node: usize, output: Output) {
        let Some(port) = self.ports.get_mut(&node) else { return };
        let is_for_us = match &output {
            Output::Connect { link, .. } | Output::Accept { link, .. } => port.links.insert(*link),
            Output::Read { link, .. } | Output::Write { link, .. } | Output::Finish { link } => {
                port.links.contains(link)
            }
            Output::Close { link } => port.links.remove(link),
            Output::Listen { .. } | Output::Unlisten { .. } => true,
        };
        if is_for_us {
            self.wires.perform(node, output);
        }
    }

    /// Something came of an operation: who is to be woken.
    fn deliver(&mut self, node: usize, input: Input) -> Option<Waker> {
        let port = self.ports.get_mut(&node)?;
        let is_for_it = match &input {
            Input::Opened { link } | Input::Sent { link } | Input::Received { link, .. } => {
                port.links.contains(link)
            }
            Input::Closed { link, .. } => port.links.remove(link),
            Input::Timeout | Input::Listening { .. } | Input::ListenFailed { .. } => true,
        };
        if !is_for_it {
            return None;
        }
        port.inbox.push_back(input);
        port.waker.take()
    }

    /// What a driver's machine is to be told next.
    pub(super) fn take_answer(&mut self, node: usize) -> Option<Input> {
        self.ports.get_mut(&node)?.inbox.pop_front()
    }

    /// Names whom to wake when a driver has something to do.
    pub(super) fn register(&mut self, node: usize, waker: &Waker) {
        let Some(port) = self.ports.get_mut(&node) else { return };
        port.waker = Some(waker.clone());
    }

    /// Sets when a driver is to be woken at the latest.
    pub(super) fn set_deadline(&mut self, node: usize, deadline: Option<Duration>) {
        let id = self.new_id();
        let Some(port) = self.ports.get_mut(&node) else { return };
        if let Some(former) = port.deadline.take() {
            self.timers.remove(&former);
        }
        if let Some(at) = deadline {
            let timer = (at, id);
            port.deadline = Some(timer);
            self.timers.insert(timer, Timer::Port(node));
        }
    }

    /// Who waits for a driver's events.
    pub(super) fn take_waker(&mut self, node: usize) -> Option<Waker> {
        self.ports.get_mut(&node)?.waker.take()
    }

    pub(super) fn is_plugged_in(&self, node: usize) -> bool {
        self.ports.contains_key(&node)
    }
}

/// As many steps in one instant are not work any more.
const STEPS_MAX: usize = 1_000_000;
/// Steps behind those, in which it is noted who makes them.
const SUSPECTED_STEPS: usize = 100;

/// How long a run waits for what it was given, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// What was given to `run`, in a report.
pub(super) const RUN: &str = "what was given to `run`";
