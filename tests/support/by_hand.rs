//! One machine driven by hand: the test plays the operating system and the peers.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Machine, Output};

use super::{Checked, base};

/// A machine, what it asked for, and what it wrote.
#[derive(Debug)]
pub(crate) struct ByHand<M: Machine> {
    pub(crate) machine: Checked<M>,
    now: Instant,
    /// Connects that were not answered yet, oldest first.
    pub(crate) connects: VecDeque<(LinkId, Endpoint)>,
    /// Accepts that were not answered yet, oldest first.
    pub(crate) accepts: VecDeque<(ListenerId, LinkId)>,
    /// Binds that were not answered yet, oldest first.
    pub(crate) listens: VecDeque<(ListenerId, Endpoint)>,
    pub(crate) unlistened: Vec<ListenerId>,
    links: BTreeMap<LinkId, Stream>,
    /// Whether events are left where they are.
    pub(crate) is_deaf: bool,
    pub(crate) events: Vec<M::Event>,
}

#[derive(Debug, Default)]
struct Stream {
    wrote: Vec<u8>,
    /// The peer does not read: writes are not answered.
    is_stuck: bool,
    is_writing: bool,
    is_closed: bool,
    /// The machine writes no more.
    is_finished: bool,
    read_max: usize,
}

impl<M> ByHand<M>
where
    M: Machine<Event: Debug, Command: Debug>,
{
    pub(crate) fn new(machine: M) -> Self {
        Self {
            machine: Checked::new(machine, base()),
            now: base(),
            connects: VecDeque::new(),
            accepts: VecDeque::new(),
            listens: VecDeque::new(),
            unlistened: Vec::new(),
            links: BTreeMap::new(),
            is_deaf: false,
            events: Vec::new(),
        }
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn submit(&mut self, command: M::Command) -> Result<(), M::Refused> {
        let result = self.machine.submit(self.now, command);
        self.settle();
        result
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        self.settle();
    }

    /// Lets time pass; deadlines are kept to the instant.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.machine.next_deadline().filter(|at| *at <= end) {
            self.now = deadline;
            self.tell(Input::Timeout);
        }
        self.now = end;
        self.tell(Input::Timeout);
    }

    /// It is time for what the machine waits for, and something else comes before it is told so.
    pub(crate) fn be_late(&mut self) {
        self.now = self.machine.next_deadline().expect("it waits for something");
    }

    /// Answers the oldest bind.
    pub(crate) fn listening(&mut self, port: u16) {
        let (listener, _) = self.listens.pop_front().expect("a bind is under way");
        self.tell(Input::Listening { listener, port });
    }

    /// Lets a peer connect to the machine, which has to be waiting for one.
    pub(crate) fn accept(&mut self) -> LinkId {
        let (_, link) = self.accepts.pop_front().expect("an accept is under way");
        self.open(link)
    }

    /// Lets the oldest accept fail.
    pub(crate) fn cannot_accept(&mut self, cause: ErrorKind) {
        let (_, link) = self.accepts.pop_front().expect("an accept is under way");
        self.tell(Input::Closed { link, cause: Some(cause) });
    }

    /// Lets the oldest connect succeed.
    pub(crate) fn connect(&mut self) -> LinkId {
        let (link, _) = self.connects.pop_front().expect("a connect is under way");
        self.open(link)
    }

    fn open(&mut self, link: LinkId) -> LinkId {
        self.links.insert(link, Stream::default());
        self.tell(Input::Opened { link });
        link
    }

    /// Lets the oldest connect fail.
    pub(crate) fn refuse(&mut self) {
        let (link, _) = self.connects.pop_front().expect("a connect is under way");
        self.tell(Input::Closed { link, cause: Some(ErrorKind::ConnectionRefused) });
    }

    /// The peer says these octets, which the machine has to be reading, however many reads it takes.
    pub(crate) fn says(&mut self, link: LinkId, octets: &[u8]) {
        let mut rest = Bytes::copy_from_slice(octets);
        while !rest.is_empty() && !self.is_closed(link) {
            assert!(self.is_reading(link), "the machine reads {link:?}: {} are left", rest.len());
            let size = self.links[&link].read_max.min(rest.len());
            self.tell(Input::Received { link, data: rest.split_to(size) });
        }
    }

    /// The peer ends the stream.
    pub(crate) fn ends(&mut self, link: LinkId, cause: Option<ErrorKind>) {
        self.links.get_mut(&link).expect("a link").is_closed = true;
        self.tell(Input::Closed { link, cause });
    }

    /// What the machine wrote since the last call.
    pub(crate) fn wrote(&mut self, link: LinkId) -> Vec<u8> {
        std::mem::take(&mut self.links.get_mut(&link).expect("a link").wrote)
    }

    /// From now on the peer reads nothing, or everything again.
    pub(crate) fn stick(&mut self, link: LinkId, is_stuck: bool) {
        let stream = self.links.get_mut(&link).expect("a link");
        stream.is_stuck = is_stuck;
        if !is_stuck && std::mem::take(&mut stream.is_writing) {
            self.tell(Input::Sent { link });
        }
    }

    /// Whether the link was ended, by whichever side.
    pub(crate) fn is_closed(&self, link: LinkId) -> bool {
        self.links[&link].is_closed
    }

    /// Whether the machine has said that it writes no more.
    pub(crate) fn is_finished(&self, link: LinkId) -> bool {
        self.links[&link].is_finished
    }

    pub(crate) fn is_reading(&self, link: LinkId) -> bool {
        self.machine.is_reading(link)
    }

    /// The events since the last call.
    pub(crate) fn events(&mut self) -> Vec<M::Event> {
        std::mem::take(&mut self.events)
    }

    /// Polls all events, whether deaf or not.
    pub(crate) fn hear(&mut self) {
        self.is_deaf = false;
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            while let Some(output) = self.machine.poll_output() {
                self.perform(output);
            }
            let event = if self.is_deaf { None } else { self.machine.poll_event() };
            let Some(event) = event else { break };
            self.events.push(event);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect { link, endpoint } => self.connects.push_back((link, endpoint)),
            Output::Listen { listener, endpoint } => self.listens.push_back((listener, endpoint)),
            Output::Accept { listener, link } => self.accepts.push_back((listener, link)),
            Output::Read { link, max } => {
                self.links.get_mut(&link).expect("a link").read_max = max;
            }
            Output::Write { link, data } => {
                let stream = self.links.get_mut(&link).expect("a link");
                stream.wrote.extend_from_slice(&data.into_bytes());
                if stream.is_stuck {
                    stream.is_writing = true;
                } else if !stream.is_closed {
                    // Answered from inside the loop that drains, as an adapter may.
                    self.machine.handle(self.now, Input::Sent { link });
                }
            }
            Output::Finish { link } => {
                self.links.get_mut(&link).expect("a link").is_finished = true;
            }
            Output::Close { link } => {
                self.connects.retain(|(connecting, _)| *connecting != link);
                self.links.entry(link).or_default().is_closed = true;
            }
            Output::Unlisten { listener } => {
                self.accepts.retain(|(from, _)| *from != listener);
                self.unlistened.push(listener);
            }
        }
    }
}
