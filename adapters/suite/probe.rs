//! A machine that asks for whatever it is told to, and reports all that it is told.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::{Input, LinkId, ListenerId, Machine, Output, Segments};

#[derive(Debug)]
pub(crate) enum Ask {
    Perform(Output),
    /// An event in a while.
    Alarm(Duration),
    /// Read from this link without end and without events; but an event for each, if `report`.
    Pump {
        link: LinkId,
        report: bool,
    },
    /// To be refused.
    Nonsense,
    /// A bug in a machine.
    Panic,
}

/// What the machine was told, made comparable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Opened(LinkId),
    Sent(LinkId),
    Listening(ListenerId, u16),
    Received(LinkId, Bytes),
    Closed(LinkId, Option<ErrorKind>),
    ListenFailed(ListenerId, ErrorKind),
    /// The alarm that was asked for with this delay.
    Alarm(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("that was nonsense")
    }
}

impl std::error::Error for Refused {}

#[derive(Debug, Default)]
pub(crate) struct Probe {
    outputs: VecDeque<Output>,
    events: VecDeque<Event>,
    alarms: BTreeMap<(Instant, u64), Duration>,
    alarms_ever: u64,
    pumped: BTreeMap<LinkId, bool>,
    /// Pumped links that wait for room for events.
    paused: Vec<LinkId>,
}

/// As with any machine, reads wait while the application is behind.
const EVENTS_MAX: usize = 10;

impl Machine for Probe {
    type Command = Ask;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Timeout => self.ring(now),
            Input::Opened { link } => self.events.push_back(Event::Opened(link)),
            Input::Sent { link } => self.events.push_back(Event::Sent(link)),
            Input::Listening { listener, port } => {
                self.events.push_back(Event::Listening(listener, port));
            }
            Input::Received { link, data } => self.received(link, data),
            Input::Closed { link, cause } => self.events.push_back(Event::Closed(link, cause)),
            Input::ListenFailed { listener, cause } => {
                self.events.push_back(Event::ListenFailed(listener, cause));
            }
        }
    }

    fn submit(&mut self, now: Instant, command: Ask) -> Result<(), Refused> {
        match command {
            Ask::Perform(output) => self.outputs.push_back(output),
            Ask::Alarm(delay) => {
                self.alarms_ever += 1;
                self.alarms.insert((now + delay, self.alarms_ever), delay);
                self.ring(now);
            }
            Ask::Pump { link, report } => {
                self.pumped.insert(link, report);
                self.outputs.push_back(Output::Read { link, max: 100 });
            }
            Ask::Nonsense => return Err(Refused),
            Ask::Panic => panic!("as asked"),
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if self.events.len() < EVENTS_MAX {
            let unpaused = self.paused.drain(..).map(|link| Output::Read { link, max: 100 });
            self.outputs.extend(unpaused);
        }
        Some(event)
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.alarms.first_key_value().map(|((at, _), _)| *at)
    }
}

impl Probe {
    fn ring(&mut self, now: Instant) {
        while let Some(first) = self.alarms.first_entry() {
            if first.key().0 > now {
                break;
            }
            self.events.push_back(Event::Alarm(first.remove()));
        }
    }

    fn received(&mut self, link: LinkId, data: Bytes) {
        let pumped = self.pumped.get(&link).copied();
        if pumped != Some(false) {
            self.events.push_back(Event::Received(link, data));
        }
        if pumped.is_some() {
            if self.events.len() < EVENTS_MAX {
                self.outputs.push_back(Output::Read { link, max: 100 });
            } else {
                self.paused.push(link);
            }
        }
    }
}

/// Octets that tell when some are lost, doubled or moved.
pub(crate) fn octets(seed: u64, count: usize) -> Bytes {
    let mut dice = Dice(seed);
    (0..count).map(|_| dice.next().to_le_bytes()[7]).collect()
}

/// Cuts octets at random places into pieces of up to `size_max`.
pub(crate) fn pieces(dice: &mut Dice, mut octets: Bytes, size_max: usize) -> Segments {
    let mut all = Segments::new();
    while !octets.is_empty() {
        all.push(octets.split_to((1 + dice.below(size_max)).min(octets.len())));
    }
    all
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // The multiplier and increment of Knuth's MMIX.
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from((self.next() >> 33) % bound as u64).unwrap()
    }
}
