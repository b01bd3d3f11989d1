//! Machines joined by a pretended network, in virtual time: equal seeds give equal runs.

use std::any::Any;
use std::fmt::Debug;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::{Input, Machine, Output};
use mongrel2_transceiver_memory::Dice;
use mongrel2_transceiver_memory::wires::{StreamId, Wires};

use super::{Checked, base};

/// Any number of machines and the network between them.
pub(crate) struct World {
    pub(crate) network: Wires,
    nodes: Vec<Box<dyn Node>>,
    /// Steps within one instant, to notice spinning.
    steps: usize,
    /// Of each node its next deadline, as it was when it was last called.
    deadlines: Vec<Option<Duration>>,
    /// Of each node the calls of the running second that told it the time and led to nothing.
    idle: Vec<(u64, usize)>,
    watched: Option<Watched>,
}

/// A node of which one operation is to fail.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    node: usize,
    step: Option<usize>,
    /// Operations so far that can fail.
    pub(crate) count: usize,
    pub(crate) failed: Option<Failed>,
}

/// An operation that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed {
    pub(crate) kind: &'static str,
    /// The node at the other end of a stream that was reset.
    peer: Option<usize>,
}

/// Names a machine of a [`World`], with its type.
#[derive(Debug)]
pub(crate) struct NodeId<M>(usize, PhantomData<M>);

impl<M> Clone for NodeId<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for NodeId<M> {}

/// What an application does about an event.
type Script<M> = Box<dyn FnMut(&<M as Machine>::Event) -> Vec<<M as Machine>::Command>>;

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut network = Wires::new(Dice::new(seed));
        network.crosses = true;
        let (nodes, deadlines, idle) = (Vec::new(), Vec::new(), Vec::new());
        Self { network, nodes, steps: 0, deadlines, idle, watched: None }
    }

    /// Counts the operations of the next node that is added, and lets this one fail, counted from 0.
    pub(crate) fn watch_next(&mut self, step: Option<usize>) {
        self.watched = Some(Watched { node: self.nodes.len(), step, count: 0, failed: None });
    }

    /// What became of the node that is watched.
    pub(crate) const fn watched(&self) -> Option<Watched> {
        self.watched
    }

    /// Whether the stream that was reset is one of this node.
    pub(crate) fn was_reset<M>(&self, id: NodeId<M>) -> bool {
        let failed = self.watched.and_then(|watched| watched.failed);
        failed.is_some_and(|failed| failed.peer == Some(id.0))
    }

    /// The time now, for machines about to be added.
    pub(crate) fn now(&self) -> Instant {
        base() + self.network.now()
    }

    pub(crate) fn add<M>(&mut self, machine: M) -> NodeId<M>
    where
        M: Machine<Event: Debug, Command: Debug> + 'static,
    {
        let checked = Checked::new(machine, self.now());
        let host = Host { machine: checked, events: Vec::new(), is_deaf: false, script: None };
        self.nodes.push(Box::new(host));
        self.deadlines.push(None);
        self.idle.push((0, 0));
        let id = self.nodes.len() - 1;
        // Some machines ask for operations from the start.
        self.settle(id);
        NodeId(id, PhantomData)
    }

    pub(crate) fn submit<M>(&mut self, id: NodeId<M>, command: M::Command) -> Result<(), M::Refused>
    where
        M: Machine<Event: Debug, Command: Debug> + 'static,
    {
        let now = self.now();
        let result = self.host(id).machine.submit(now, command);
        self.settle(id.0);
        result
    }

    /// The events since the last call.
    pub(crate) fn events<M: Machine + 'static>(&mut self, id: NodeId<M>) -> Vec<M::Event> {
        std::mem::take(&mut self.host(id).events)
    }

    /// The events since the last [`events`](Self::events), left where they are.
    pub(crate) fn seen<M: Machine + 'static>(&mut self, id: NodeId<M>) -> &[M::Event] {
        &self.host(id).events
    }

    /// From now on the application polls no events, or polls them again.
    pub(crate) fn set_deaf<M: Machine + 'static>(&mut self, id: NodeId<M>, is_deaf: bool) {
        self.host(id).is_deaf = is_deaf;
        self.settle(id.0);
    }

    pub(crate) fn is_deaf<M: Machine + 'static>(&mut self, id: NodeId<M>) -> bool {
        self.host(id).is_deaf
    }

    /// From now on the application submits what the script says about each event.
    pub(crate) fn script<M: Machine + 'static>(
        &mut self,
        id: NodeId<M>,
        script: impl FnMut(&M::Event) -> Vec<M::Command> + 'static,
    ) {
        self.host(id).script = Some(Box::new(script));
    }

    pub(crate) fn machine<M>(&mut self, id: NodeId<M>) -> &M
    where
        M: Machine<Event: Debug, Command: Debug> + 'static,
    {
        self.host(id).machine.machine()
    }

    /// What a node was writing to links that have ended since the last call: nobody has read it.
    pub(crate) fn unsent<M>(&mut self, id: NodeId<M>) -> Vec<Bytes>
    where
        M: Machine<Event: Debug, Command: Debug> + 'static,
    {
        self.host(id).machine.take_unsent()
    }

    /// The streams that a node has now, oldest first.
    pub(crate) fn streams<M>(&self, id: NodeId<M>) -> Vec<StreamId> {
        self.network.streams_of(id.0)
    }

    /// The stream ends for this node; the other is told nothing.
    pub(crate) fn half_open<M>(&mut self, stream: StreamId, id: NodeId<M>) {
        self.network.half_open(stream, id.0);
    }

    /// A node dies with all its streams, and is never heard of again.
    pub(crate) fn crash<M>(&mut self, id: NodeId<M>) {
        self.nodes[id.0] = Box::new(Dead);
        self.deadlines[id.0] = None;
        self.network.crash(id.0);
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.network.now() + time;
        while self.step(end) {}
        self.network.set_now(end);
        // Each was called at its deadline at the latest, and has named a later one since.
        let past = self.deadlines.iter().position(|at| at.is_some_and(|at| at <= end));
        assert!(past.is_none(), "node {past:?} has a deadline in the past");
    }

    /// When a node is to be told the time, if ever.
    pub(crate) fn next_deadline<M>(&self, id: NodeId<M>) -> Option<Duration> {
        self.deadlines[id.0]
    }

    /// Runs until something holds; panics where it does not within ten minutes.
    pub(crate) fn run_until(&mut self, mut holds: impl FnMut(&mut Self) -> bool) {
        let end = self.network.now() + Duration::from_secs(600);
        while !holds(self) {
            assert!(self.step(end), "what was waited for did not come");
        }
    }

    /// The time jumps, and nothing that was due on the way happened at its time.
    pub(crate) fn jump(&mut self, time: Duration) {
        self.network.set_now(self.network.now() + time);
    }

    /// Does what is due first. False where nothing is, up to `end`.
    fn step(&mut self, end: Duration) -> bool {
        let deadlines = self.deadlines.iter().enumerate();
        let due_node = deadlines.filter_map(|(id, deadline)| Some(((*deadline)?, id))).min();
        let due_network = self.network.next_at();
        let first = due_node.map(|(at, _)| at).into_iter().chain(due_network).min();
        let Some(at) = first.filter(|at| *at <= end) else { return false };
        self.steps = if at > self.network.now() { 0 } else { self.steps + 1 };
        assert!(self.steps < 1_000_000, "the machines spin");
        self.network.set_now(at);
        let told = match due_node {
            Some((deadline, id)) if due_network.is_none_or(|network| deadline < network) => {
                Some((id, Input::Timeout))
            }
            _ => self.network.fire(),
        };
        if let Some((id, input)) = told {
            let now = self.now();
            let is_time = matches!(input, Input::Timeout);
            self.nodes[id].handle(now, input);
            let has_done = self.settle(id);
            if is_time && !has_done {
                self.was_idle(id);
            }
        }
        true
    }

    /// A node was told the time and did nothing: that may happen only so often.
    fn was_idle(&mut self, id: usize) {
        let second = self.network.now().as_secs();
        let (of, count) = &mut self.idle[id];
        if *of != second {
            (*of, *count) = (second, 0);
        }
        *count += 1;
        assert!(*count <= IDLE_CALLS_MAX, "node {id} spins: it wants to be called for nothing");
    }

    /// Performs all that a node asks for, and lets its application work. Whether there was anything.
    fn settle(&mut self, id: usize) -> bool {
        let now = self.now();
        let node = &mut self.nodes[id];
        let mut has_done = false;
        loop {
            while let Some(output) = node.poll_output() {
                has_done = true;
                let watched = self.watched.as_mut().filter(|watched| watched.node == id);
                match watched.and_then(|watched| watched.failing(&output)) {
                    Some(failed) => failed.peer = self.network.fail(id, output),
                    None => self.network.perform(id, output),
                }
            }
            if !node.work(now) {
                let deadline = node.next_deadline();
                self.deadlines[id] = deadline.map(|at| at.saturating_duration_since(base()));
                return has_done;
            }
            has_done = true;
        }
    }

    fn host<M: Machine + 'static>(&mut self, id: NodeId<M>) -> &mut Host<M> {
        self.nodes[id.0].as_any().downcast_mut().expect("a living node of this type")
    }
}

impl Watched {
    /// Counts an operation; where it is to fail, what is to be known of that.
    fn failing(&mut self, output: &Output) -> Option<&mut Failed> {
        let kind = match output {
            Output::Connect { .. } => "connect",
            Output::Listen { .. } => "listen",
            Output::Accept { .. } => "accept",
            Output::Read { .. } => "read",
            Output::Write { .. } => "write",
            Output::Finish { .. } | Output::Close { .. } | Output::Unlisten { .. } => return None,
        };
        self.count += 1;
        let fails = self.step == Some(self.count - 1);
        fails.then(|| self.failed.insert(Failed { kind, peer: None }))
    }
}

/// A machine of any type with its application.
trait Node {
    fn handle(&mut self, now: Instant, input: Input);
    fn poll_output(&mut self) -> Option<Output>;
    /// Polls one event and does what the application does about it. False where there is none.
    fn work(&mut self, now: Instant) -> bool;
    fn next_deadline(&self) -> Option<Instant>;
    fn as_any(&mut self) -> &mut dyn Any;
}

struct Host<M: Machine> {
    machine: Checked<M>,
    events: Vec<M::Event>,
    is_deaf: bool,
    script: Option<Script<M>>,
}

impl<M> Node for Host<M>
where
    M: Machine<Event: Debug, Command: Debug> + 'static,
{
    fn handle(&mut self, now: Instant, input: Input) {
        self.machine.handle(now, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.machine.poll_output()
    }

    fn work(&mut self, now: Instant) -> bool {
        if self.is_deaf {
            return false;
        }
        let Some(event) = self.machine.poll_event() else { return false };
        let commands = self.script.as_mut().map(|script| script(&event)).unwrap_or_default();
        for command in commands {
            let _refusals_are_in_the_log = self.machine.submit(now, command);
        }
        self.events.push(event);
        true
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.machine.next_deadline()
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

struct Dead;

impl Node for Dead {
    fn handle(&mut self, _now: Instant, _input: Input) {}

    fn poll_output(&mut self) -> Option<Output> {
        None
    }

    fn work(&mut self, _now: Instant) -> bool {
        false
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

/// How often in a second of virtual time one machine may be told the time for nothing. A handler looks
/// at the sessions of each server in 256 slices: in rounds of 5 seconds, the shortest of the simulation,
/// that is 52 calls, and in those of 640 milliseconds, the shortest of any test, 400.
const IDLE_CALLS_MAX: usize = 500;
