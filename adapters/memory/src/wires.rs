//! [`Wires`]: streams as two queues of octets, listeners, and what goes wrong with them.
//!
//! Pure: no machine, no clock, no thread. Whoever drives machines by hand can use it alone; the
//! [`Network`](crate::Network) is made of it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Buf;
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Output, Segments};

use crate::Dice;

mod failing;

/// How streams behave that are opened from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// A read gives at most so many octets: often 1, else drawn. `usize::MAX` draws nothing, and gives
    /// all that there is.
    pub read_max: usize,
    /// Until octets arrive, and until a connect is answered.
    pub latency: Duration,
    /// A write is reported at most so much later than it was taken.
    pub sent_delay_max: Duration,
    /// Octets that lie between the two ends before a write has to wait.
    pub buffer: usize,
}

impl Default for Shape {
    fn default() -> Self {
        let latency = Duration::from_micros(100);
        Self { read_max: usize::MAX, latency, sent_delay_max: latency, buffer: 256 << 10 }
    }
}

/// Names a stream, to break it. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u64);

/// One end of a stream: 0 connected, 1 was accepted.
type End = (StreamId, usize);

/// A link, seen from outside: of which node it is.
type Owner = (usize, LinkId);

/// What happens next, at its time.
#[derive(Debug)]
enum Due {
    Answer { node: usize, input: Input },
    Connect { owner: Owner, endpoint: Endpoint },
    Arrive { end: End },
}

#[derive(Debug)]
struct Stream {
    shape: Shape,
    /// Where it was opened to.
    place: Place,
    sides: [Side; 2],
    is_stalled: bool,
    /// Nobody has accepted it yet.
    is_waiting: bool,
}

#[derive(Debug, Default)]
struct Side {
    owner: Option<Owner>,
    /// What may be read here.
    inbox: Segments,
    /// The other side will send no more: why.
    ended: Option<Option<ErrorKind>>,
    reading: Option<usize>,
    writing: Option<Segments>,
    is_arriving: bool,
}

#[derive(Debug)]
struct Listener {
    node: usize,
    id: ListenerId,
    accepting: VecDeque<LinkId>,
    backlog: VecDeque<StreamId>,
}

/// Two endpoints are the same place where these are equal: all hosts are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Port(u16),
    Path(PathBuf),
}

/// The streams and listeners of any number of nodes, and what is due on them.
///
/// A node is a number that the caller gives to a machine. Operations go in by
/// [`perform`](Self::perform), answers come out of [`fire`](Self::fire) when their time has come. All
/// hosts are one: ports and paths alone tell endpoints apart. Equal seeds and calls give equal answers.
#[derive(Debug)]
pub struct Wires {
    /// How the streams behave that are opened from now on.
    pub shape: Shape,
    /// Connects are refused as if nobody listened.
    pub refuses: bool,
    /// Connects are never answered.
    pub hangs: bool,
    /// Accepts fail, as if there were no descriptors left.
    pub is_out_of_descriptors: bool,
    /// What a machine gives up may happen all the same, as when the two cross: late answers for a link
    /// that was closed, now and then. The contract allows it, and adapters over sockets do not do it.
    pub crosses: bool,
    now: Duration,
    agenda: BTreeMap<(Duration, u64), Due>,
    sequence: u64,
    streams: BTreeMap<StreamId, Stream>,
    streams_ever: u64,
    listeners: BTreeMap<Place, Listener>,
    ends: BTreeMap<Owner, End>,
    /// Connects under way, and whether they were given up.
    connecting: BTreeMap<Owner, bool>,
    next_port: u16,
    dice: Dice,
}

impl Wires {
    /// No streams at the time zero, and all well.
    #[must_use]
    pub fn new(dice: Dice) -> Self {
        Self {
            shape: Shape::default(),
            refuses: false,
            hangs: false,
            is_out_of_descriptors: false,
            crosses: false,
            now: Duration::ZERO,
            agenda: BTreeMap::new(),
            sequence: 0,
            streams: BTreeMap::new(),
            streams_ever: 0,
            listeners: BTreeMap::new(),
            ends: BTreeMap::new(),
            connecting: BTreeMap::new(),
            next_port: FIRST_PORT,
            dice,
        }
    }

    /// The time, counted from the beginning.
    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// Lets the time pass, or jump, up to `now`; it never goes back. What was due by then waits for
    /// [`fire`](Self::fire).
    pub fn set_now(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// When the next thing is due; `None` where all is still.
    #[must_use]
    pub fn next_at(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Does the next thing that is due by now; what which node is to be told of it, if anything.
    pub fn fire(&mut self) -> Option<(usize, Input)> {
        let due = self.agenda.first_entry().filter(|first| first.key().0 <= self.now)?;
        match due.remove() {
            Due::Answer { node, input } => Some((node, input)),
            Due::Connect { owner, endpoint } => self.meet(owner, &endpoint),
            Due::Arrive { end } => self.arrive(end),
        }
    }

    /// Performs an operation of a node. The answer comes from [`fire`](Self::fire).
    pub fn perform(&mut self, node: usize, output: Output) {
        match output {
            Output::Connect { link, endpoint } => {
                let owner = (node, link);
                if !self.hangs {
                    self.connecting.insert(owner, false);
                    self.later(self.shape.latency, Due::Connect { owner, endpoint });
                }
            }
            Output::Listen { listener, endpoint } => self.listen(node, listener, &endpoint),
            Output::Accept { listener, link } => self.accept(node, listener, link),
            Output::Read { link, max } => self.with_end((node, link), |side| {
                side.reading = Some(max);
            }),
            Output::Write { link, data } => self.with_end((node, link), |side| {
                side.writing = Some(data);
            }),
            Output::Finish { link } => self.finish((node, link)),
            Output::Close { link } => self.close((node, link)),
            Output::Unlisten { listener } => self.unlisten(node, listener),
        }
    }

    /// The streams that a node has now, oldest first.
    #[must_use]
    pub fn streams_of(&self, node: usize) -> Vec<StreamId> {
        let of_node = self.ends.iter().filter(|((owner, _), _)| *owner == node);
        of_node.map(|(_, (stream, _))| *stream).collect()
    }

    /// The streams that were opened to an endpoint and are open still, oldest first.
    #[must_use]
    pub fn streams_to(&self, endpoint: &Endpoint) -> Vec<StreamId> {
        let place = place_of(endpoint);
        let there = self.streams.iter().filter(|(_, stream)| stream.place == place);
        there.map(|(id, _)| *id).collect()
    }

    /// Both ends are told that the stream was reset; what was on its way is lost.
    pub fn cut(&mut self, stream: StreamId) {
        for side in 0..2 {
            self.break_end((stream, side));
        }
    }

    /// One node is told that the stream was reset; the other hears nothing ever again.
    pub fn half_open(&mut self, stream: StreamId, node: usize) {
        let owns = |side: &Side| side.owner.is_some_and(|owner| owner.0 == node);
        let Some(found) = self.streams.get_mut(&stream) else { return };
        let Some(side) = found.sides.iter().position(owns) else { return };
        found.is_stalled = true;
        self.break_end((stream, side));
    }

    /// Nothing moves until it is switched off again.
    pub fn stall(&mut self, stream: StreamId, is_stalled: bool) {
        let Some(found) = self.streams.get_mut(&stream) else { return };
        found.is_stalled = is_stalled;
        self.pump(stream);
    }

    /// All that a node had is gone; its peers are told.
    pub fn crash(&mut self, node: usize) {
        let of_node = |listener: &&Listener| listener.node == node;
        let listeners = self.listeners.values().filter(of_node).map(|listener| listener.id);
        for listener in listeners.collect::<Vec<_>>() {
            self.unlisten(node, listener);
        }
        let owners = self.ends.keys().filter(|owner| owner.0 == node).copied();
        for owner in owners.collect::<Vec<_>>() {
            self.close(owner);
        }
        self.connecting.retain(|owner, _| owner.0 != node);
        let is_of_node = |due: &Due| match due {
            Due::Answer { node: of, .. } | Due::Connect { owner: (of, _), .. } => *of == node,
            Due::Arrive { .. } => false,
        };
        self.agenda.retain(|_, due| !is_of_node(due));
    }

    fn later(&mut self, delay: Duration, due: Due) {
        self.sequence += 1;
        self.agenda.insert((self.now + delay, self.sequence), due);
    }

    fn answer(&mut self, delay: Duration, node: usize, input: Input) {
        self.later(delay, Due::Answer { node, input });
    }

    fn listen(&mut self, node: usize, id: ListenerId, endpoint: &Endpoint) {
        let mut place = place_of(endpoint);
        if place == Place::Port(0) {
            place = self.free_port();
        }
        let port = if let Place::Port(port) = place { port } else { 0 };
        let input = match self.listeners.entry(place) {
            Entry::Occupied(_) => Input::ListenFailed { listener: id, cause: ErrorKind::AddrInUse },
            Entry::Vacant(free) => {
                let (accepting, backlog) = (VecDeque::new(), VecDeque::new());
                free.insert(Listener { node, id, accepting, backlog });
                Input::Listening { listener: id, port }
            }
        };
        self.answer(Duration::ZERO, node, input);
    }

    /// The next port that nobody listens on; once all were used, from the start again.
    fn free_port(&mut self) -> Place {
        for _ in FIRST_PORT..u16::MAX {
            self.next_port = self.next_port.checked_add(1).unwrap_or(FIRST_PORT + 1);
            let place = Place::Port(self.next_port);
            if !self.listeners.contains_key(&place) {
                return place;
            }
        }
        Place::Port(self.next_port)
    }

    fn unlisten(&mut self, node: usize, id: ListenerId) {
        let found = self.listeners.iter().find(|(_, l)| (l.node, l.id) == (node, id));
        let Some(place) = found.map(|(place, _)| place.clone()) else { return };
        let Some(listener) = self.listeners.remove(&place) else { return };
        for stream in listener.backlog {
            if let Some(waiting) = self.streams.get_mut(&stream) {
                waiting.is_waiting = false;
            }
            self.break_end((stream, 0));
            self.forget_if_over(stream);
        }
    }

    fn accept(&mut self, node: usize, id: ListenerId, link: LinkId) {
        if self.is_out_of_descriptors {
            let cause = Some(ErrorKind::Other);
            self.answer(Duration::ZERO, node, Input::Closed { link, cause });
        } else if let Some(listener) =
            self.listeners.values_mut().find(|l| (l.node, l.id) == (node, id))
        {
            listener.accepting.push_back(link);
            if let Some(stream) = listener.backlog.pop_front() {
                self.hand_out(stream, node, link);
            }
        }
    }

    /// A connect reaches its endpoint.
    fn meet(&mut self, owner: Owner, endpoint: &Endpoint) -> Option<(usize, Input)> {
        let (node, link) = owner;
        let was_given_up = self.connecting.remove(&owner).unwrap_or(false);
        // What was given up may succeed all the same, when the two cross.
        if was_given_up && (!self.crosses || self.dice.one_in(2)) {
            return None;
        }
        let place = place_of(endpoint);
        let listener = self.listeners.get_mut(&place).filter(|_| !self.refuses);
        let Some(listener) = listener else {
            return Some((node, Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) }));
        };
        let id = StreamId(self.streams_ever);
        self.streams_ever += 1;
        listener.backlog.push_back(id);
        let accepting = listener.accepting.front().copied();
        let server = listener.node;
        let sides = [Side { owner: Some(owner), ..Side::default() }, Side::default()];
        let (shape, is_stalled) = (self.shape, false);
        self.streams.insert(id, Stream { shape, place, sides, is_stalled, is_waiting: true });
        self.ends.insert(owner, (id, 0));
        if let Some(accepted_by) = accepting {
            listener.backlog.pop_back();
            self.hand_out(id, server, accepted_by);
        }
        Some((node, Input::Opened { link }))
    }

    fn hand_out(&mut self, id: StreamId, node: usize, link: LinkId) {
        for listener in self.listeners.values_mut().filter(|l| l.node == node) {
            listener.accepting.retain(|accepting| *accepting != link);
        }
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_waiting = false;
        stream.sides[1].owner = Some((node, link));
        self.ends.insert((node, link), (id, 1));
        self.answer(Duration::ZERO, node, Input::Opened { link });
    }

    fn with_end(&mut self, owner: Owner, change: impl FnOnce(&mut Side)) {
        let Some(&(id, side)) = self.ends.get(&owner) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        change(&mut stream.sides[side]);
        self.pump(id);
    }

    /// The other side finds the end behind all that was written.
    fn finish(&mut self, owner: Owner) {
        let Some(&(id, side)) = self.ends.get(&owner) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.sides[1 - side].ended.get_or_insert(None);
        self.pump(id);
    }

    fn close(&mut self, owner: Owner) {
        let Some((id, side)) = self.ends.remove(&owner) else {
            self.give_up(owner);
            return;
        };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let ours = std::mem::take(&mut stream.sides[side]);
        stream.sides[1 - side].ended.get_or_insert(None);
        // An operation under way may be answered late, or not.
        let is_under_way = ours.reading.is_some() || ours.writing.is_some();
        if is_under_way && self.crosses && self.dice.one_in(2) {
            self.answer(Duration::ZERO, owner.0, Input::Closed { link: owner.1, cause: None });
        }
        self.pump(id);
        self.forget_if_over(id);
    }

    /// A connect or an accept ends before it was answered.
    fn give_up(&mut self, owner: Owner) {
        if let Some(is_given_up) = self.connecting.get_mut(&owner) {
            *is_given_up = true;
        } else if !self.crosses {
            for listener in self.listeners.values_mut().filter(|l| l.node == owner.0) {
                listener.accepting.retain(|accepting| *accepting != owner.1);
            }
        }
    }

    fn break_end(&mut self, (id, side): End) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let broken = std::mem::take(&mut stream.sides[side]);
        stream.sides[1 - side].ended = Some(Some(ErrorKind::ConnectionReset));
        if let Some(owner) = broken.owner {
            self.ends.remove(&owner);
            let cause = Some(ErrorKind::ConnectionReset);
            self.answer(Duration::ZERO, owner.0, Input::Closed { link: owner.1, cause });
        }
        self.forget_if_over(id);
    }

    fn forget_if_over(&mut self, id: StreamId) {
        let is_over = |stream: &Stream| {
            !stream.is_waiting && stream.sides.iter().all(|side| side.owner.is_none())
        };
        if self.streams.get(&id).is_some_and(is_over) {
            self.streams.remove(&id);
        }
    }

    /// Moves octets as far as there is room, and lets them arrive.
    fn pump(&mut self, id: StreamId) {
        for side in 0..2 {
            let Some(stream) = self.streams.get_mut(&id) else { return };
            if stream.is_stalled {
                return;
            }
            let shape = stream.shape;
            let [left, right] = &mut stream.sides;
            let (from, to) = if side == 0 { (left, right) } else { (right, left) };
            let mut sent_by = None;
            if let Some(data) = &mut from.writing {
                let room = shape.buffer.saturating_sub(to.inbox.len()).min(data.len());
                to.inbox.push(data.copy_to_bytes(room));
                if data.is_empty() {
                    from.writing = None;
                    sent_by = from.owner;
                }
            }
            let is_readable = !to.inbox.is_empty() || to.ended.is_some();
            let arrives = to.reading.is_some() && is_readable && !to.is_arriving;
            to.is_arriving |= arrives;
            if let Some((node, link)) = sent_by {
                let delay = self.dice.up_to(shape.sent_delay_max);
                self.answer(delay, node, Input::Sent { link });
            }
            if arrives {
                self.later(shape.latency, Due::Arrive { end: (id, 1 - side) });
            }
        }
    }

    /// A read is answered.
    fn arrive(&mut self, (id, side): End) -> Option<(usize, Input)> {
        let stream = self.streams.get_mut(&id)?;
        let (is_stalled, read_max) = (stream.is_stalled, stream.shape.read_max);
        let reader = &mut stream.sides[side];
        reader.is_arriving = false;
        let (owner, max) = (reader.owner?, reader.reading.filter(|_| !is_stalled)?);
        let (node, link) = owner;
        if let Some(cause) = reader.ended.filter(|_| reader.inbox.is_empty()) {
            *reader = Side::default();
            // Whoever is told of an end frees the stream: one who has only finished hears of that.
            stream.sides[1 - side].ended.get_or_insert(None);
            self.ends.remove(&owner);
            self.pump(id);
            self.forget_if_over(id);
            return Some((node, Input::Closed { link, cause }));
        }
        let most = max.max(1).min(read_max).min(reader.inbox.len());
        let is_all = read_max == usize::MAX;
        let size = if is_all {
            most
        } else if self.dice.one_in(2) {
            1
        } else {
            1 + self.dice.below(most)
        };
        let data = reader.inbox.copy_to_bytes(size);
        reader.reading = None;
        self.pump(id);
        Some((node, Input::Received { link, data }))
    }
}

fn place_of(endpoint: &Endpoint) -> Place {
    match endpoint {
        Endpoint::Tcp { port, .. } => Place::Port(*port),
        Endpoint::Ipc { path } => Place::Path(path.clone()),
    }
}

/// Free ports are given out behind this one.
const FIRST_PORT: u16 = 40_000;
