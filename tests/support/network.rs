//! A pretended network: streams as two queues of octets, listeners, and what goes wrong with them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::time::Duration;

use bytes::{Buf, Bytes};
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Output, Segments};

use super::Dice;

/// How the streams behave that are opened from now on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// A read gives at most so many octets: often 1, else drawn.
    pub(crate) read_max: usize,
    /// Until octets arrive, and until a connect is answered.
    pub(crate) latency: Duration,
    /// A write is reported at most so much later than it was taken.
    pub(crate) sent_delay_max: Duration,
    /// Octets that lie between the two ends before a write has to wait.
    pub(crate) buffer: usize,
}

impl Default for Shape {
    fn default() -> Self {
        let latency = Duration::from_micros(100);
        Self { read_max: usize::MAX, latency, sent_delay_max: latency, buffer: 256 << 10 }
    }
}

/// Names a stream of the network.
pub(crate) type StreamId = usize;

/// One end of a stream: 0 connected, 1 was accepted.
type End = (StreamId, usize);

/// A link, seen from outside: of which node it is.
type Owner = (usize, LinkId);

/// What happens next, at its time.
#[derive(Debug)]
pub(super) enum Due {
    Answer { node: usize, input: Input },
    Connect { owner: Owner, endpoint: Endpoint },
    Arrive { end: End },
}

#[derive(Debug)]
struct Stream {
    shape: Shape,
    sides: [Side; 2],
    is_stalled: bool,
}

#[derive(Debug, Default)]
struct Side {
    owner: Option<Owner>,
    /// What may be read here.
    inbox: VecDeque<u8>,
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

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) shape: Shape,
    /// Connects are refused as if nobody listened.
    pub(crate) refuses: bool,
    /// Connects are never answered.
    pub(crate) hangs: bool,
    /// Accepts fail, as if there were no descriptors left.
    pub(crate) is_out_of_descriptors: bool,
    pub(super) now: Duration,
    agenda: BTreeMap<(Duration, u64), Due>,
    sequence: u64,
    streams: Vec<Stream>,
    listeners: BTreeMap<Place, Listener>,
    ends: BTreeMap<Owner, End>,
    /// Connects and accepts that were given up before they were answered.
    given_up: BTreeSet<Owner>,
    next_port: u16,
    dice: Dice,
}

impl Network {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            shape: Shape::default(),
            refuses: false,
            hangs: false,
            is_out_of_descriptors: false,
            now: Duration::ZERO,
            agenda: BTreeMap::new(),
            sequence: 0,
            streams: Vec::new(),
            listeners: BTreeMap::new(),
            ends: BTreeMap::new(),
            given_up: BTreeSet::new(),
            next_port: 40_000,
            dice,
        }
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        self.agenda.first_key_value().map(|((at, _), _)| *at)
    }

    /// Takes the next thing that is due now; what the node is to be told of it.
    pub(super) fn fire(&mut self) -> Option<(usize, Input)> {
        let due = self.agenda.first_entry().filter(|first| first.key().0 <= self.now)?;
        match due.remove() {
            Due::Answer { node, input } => Some((node, input)),
            Due::Connect { owner, endpoint } => self.meet(owner, &endpoint),
            Due::Arrive { end } => self.arrive(end),
        }
    }

    /// Performs an operation of a node.
    pub(super) fn perform(&mut self, node: usize, output: Output) {
        match output {
            Output::Connect { link, endpoint } => {
                let owner = (node, link);
                if !self.hangs {
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
            Output::Close { link } => self.close((node, link)),
            Output::Unlisten { listener } => self.unlisten(node, listener),
        }
    }

    /// The streams that a node has now, oldest first.
    pub(super) fn streams_of(&self, node: usize) -> Vec<StreamId> {
        let of_node = self.ends.iter().filter(|((owner, _), _)| *owner == node);
        of_node.map(|(_, (stream, _))| *stream).collect()
    }

    /// Both ends are told that the stream was reset; what was on its way is lost.
    pub(crate) fn cut(&mut self, stream: StreamId) {
        for side in 0..2 {
            self.break_end((stream, side));
        }
    }

    /// One node is told that the stream was reset; the other hears nothing ever again.
    pub(super) fn half_open(&mut self, stream: StreamId, node: usize) {
        let owns = |side: &Side| side.owner.is_some_and(|owner| owner.0 == node);
        let side = self.streams[stream].sides.iter().position(owns).expect("a stream of the node");
        self.break_end((stream, side));
        self.streams[stream].is_stalled = true;
    }

    /// Nothing moves until it is switched off again.
    pub(crate) fn stall(&mut self, stream: StreamId, is_stalled: bool) {
        self.streams[stream].is_stalled = is_stalled;
        self.pump(stream);
    }

    /// All that a node had is gone; its peers are told.
    pub(super) fn crash(&mut self, node: usize) {
        self.listeners.retain(|_, listener| listener.node != node);
        let owners = self.ends.keys().filter(|owner| owner.0 == node).copied();
        for owner in owners.collect::<Vec<_>>() {
            self.close(owner);
        }
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
            self.next_port += 1;
            place = Place::Port(self.next_port);
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

    fn unlisten(&mut self, node: usize, id: ListenerId) {
        let found = self.listeners.iter().find(|(_, l)| (l.node, l.id) == (node, id));
        let Some(place) = found.map(|(place, _)| place.clone()) else { return };
        let listener = self.listeners.remove(&place).expect("found above");
        for stream in listener.backlog {
            self.break_end((stream, 0));
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
        // What was given up may succeed all the same, when the two cross.
        if self.given_up.remove(&owner) && self.dice.one_in(2) {
            return None;
        }
        let listener = self.listeners.get_mut(&place_of(endpoint)).filter(|_| !self.refuses);
        let Some(listener) = listener else {
            return Some((node, Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) }));
        };
        let id = self.streams.len();
        listener.backlog.push_back(id);
        let sides = [Side { owner: Some(owner), ..Side::default() }, Side::default()];
        self.streams.push(Stream { shape: self.shape, sides, is_stalled: false });
        self.ends.insert(owner, (id, 0));
        let accepting = listener.accepting.front().copied();
        if let Some(accepted_by) = accepting {
            let server = listener.node;
            listener.backlog.pop_back();
            self.hand_out(id, server, accepted_by);
        }
        Some((node, Input::Opened { link }))
    }

    fn hand_out(&mut self, stream: StreamId, node: usize, link: LinkId) {
        for listener in self.listeners.values_mut().filter(|l| l.node == node) {
            listener.accepting.retain(|accepting| *accepting != link);
        }
        self.streams[stream].sides[1].owner = Some((node, link));
        self.ends.insert((node, link), (stream, 1));
        self.answer(Duration::ZERO, node, Input::Opened { link });
    }

    fn with_end(&mut self, owner: Owner, change: impl FnOnce(&mut Side)) {
        if let Some(&(stream, side)) = self.ends.get(&owner) {
            change(&mut self.streams[stream].sides[side]);
            self.pump(stream);
        }
    }

    fn close(&mut self, owner: Owner) {
        let Some((stream, side)) = self.ends.remove(&owner) else {
            self.given_up.insert(owner);
            return;
        };
        let ours = std::mem::take(&mut self.streams[stream].sides[side]);
        let other = &mut self.streams[stream].sides[1 - side];
        other.ended.get_or_insert(None);
        // An operation under way may be answered late, or not.
        if (ours.reading.is_some() || ours.writing.is_some()) && self.dice.one_in(2) {
            self.answer(Duration::ZERO, owner.0, Input::Closed { link: owner.1, cause: None });
        }
        self.pump(stream);
    }

    fn break_end(&mut self, (stream, side): End) {
        let broken = std::mem::take(&mut self.streams[stream].sides[side]);
        self.streams[stream].sides[1 - side].ended = Some(Some(ErrorKind::ConnectionReset));
        if let Some(owner) = broken.owner {
            self.ends.remove(&owner);
            let cause = Some(ErrorKind::ConnectionReset);
            self.answer(Duration::ZERO, owner.0, Input::Closed { link: owner.1, cause });
        }
    }

    /// Moves octets as far as there is room, and lets them arrive.
    fn pump(&mut self, id: StreamId) {
        if self.streams[id].is_stalled {
            return;
        }
        let shape = self.streams[id].shape;
        for side in 0..2 {
            let [left, right] = &mut self.streams[id].sides;
            let (from, to) = if side == 0 { (left, right) } else { (right, left) };
            let mut sent_by = None;
            if let Some(data) = &mut from.writing {
                let room = shape.buffer.saturating_sub(to.inbox.len()).min(data.len());
                to.inbox.extend(data.copy_to_bytes(room));
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
    fn arrive(&mut self, (stream, side): End) -> Option<(usize, Input)> {
        let is_stalled = self.streams[stream].is_stalled;
        let read_max = self.streams[stream].shape.read_max;
        let reader = &mut self.streams[stream].sides[side];
        reader.is_arriving = false;
        let (owner, max) = (reader.owner?, reader.reading.filter(|_| !is_stalled)?);
        let (node, link) = owner;
        if let Some(cause) = reader.ended.filter(|_| reader.inbox.is_empty()) {
            *reader = Side::default();
            self.ends.remove(&owner);
            return Some((node, Input::Closed { link, cause }));
        }
        let most = max.min(read_max).min(reader.inbox.len());
        let is_all = read_max == usize::MAX;
        let size = if is_all {
            most
        } else if self.dice.one_in(2) {
            1
        } else {
            1 + self.dice.below(most)
        };
        let data: Bytes = reader.inbox.drain(..size).collect();
        reader.reading = None;
        self.pump(stream);
        Some((node, Input::Received { link, data }))
    }
}

fn place_of(endpoint: &Endpoint) -> Place {
    match endpoint {
        Endpoint::Tcp { port, .. } => Place::Port(*port),
        Endpoint::Ipc { path } => Place::Path(path.clone()),
    }
}
