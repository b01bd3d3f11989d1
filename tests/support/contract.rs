//! The contract of a machine, checked on every call.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::{Debug, Write};
use std::time::Instant;

use bytes::Bytes;
use mongrel2_transceiver::{Input, LinkId, ListenerId, Machine, Output, Segments};

/// A machine whose every call is checked. Panics with the last operations when it breaks a rule.
#[derive(Debug)]
pub(crate) struct Checked<M: Machine> {
    machine: M,
    /// Every link that there ever was.
    links: BTreeMap<LinkId, LinkState>,
    /// Those that neither side has ended.
    alive: BTreeSet<LinkId>,
    /// Those whose late `Opened` has to be answered by `Close`.
    owing: BTreeSet<LinkId>,
    listeners: BTreeMap<ListenerId, bool>,
    /// The newest time that the machine was told.
    now: Instant,
    /// Whether no operation can be waiting to be polled.
    is_drained: bool,
    /// What is being written to each link.
    writing: BTreeMap<LinkId, Segments>,
    /// What was being written to links when they ended.
    unsent: Vec<Bytes>,
    /// Operations that it may still ask for because of what it was told.
    allowance: usize,
    log: VecDeque<(Instant, String)>,
}

/// What the outside knows of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct LinkState {
    is_open: bool,
    /// The machine ended it.
    is_closed: bool,
    /// The machine was told of its end; nothing that it did since then may name the link.
    is_over: bool,
    /// `Opened` that came too late, or never should have come: one more `Close` may answer each.
    extra_closes: usize,
    is_reading: bool,
    is_writing: bool,
    is_finished: bool,
}

impl<M> Checked<M>
where
    M: Machine<Event: Debug, Command: Debug>,
{
    pub(crate) fn new(machine: M, now: Instant) -> Self {
        Self {
            machine,
            links: BTreeMap::new(),
            alive: BTreeSet::new(),
            owing: BTreeSet::new(),
            listeners: BTreeMap::new(),
            now,
            is_drained: false,
            writing: BTreeMap::new(),
            unsent: Vec::new(),
            // Some machines ask for operations from the start.
            allowance: 64,
            log: VecDeque::new(),
        }
    }

    pub(crate) const fn machine(&self) -> &M {
        &self.machine
    }

    pub(crate) fn handle(&mut self, now: Instant, input: Input) {
        self.note(now, "<- ", &input);
        self.expect(&input);
        self.machine.handle(now, input);
        self.was_called(now);
    }

    pub(crate) fn submit(&mut self, now: Instant, command: M::Command) -> Result<(), M::Refused> {
        self.note(now, "submit ", &command);
        let result = self.machine.submit(now, command);
        if let Err(refused) = &result {
            self.note(now, "refused ", refused);
        }
        self.was_called(now);
        result
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        let output = self.machine.poll_output();
        let Some(output) = output else {
            self.is_drained = true;
            self.allowance = 0;
            self.check(self.owing.is_empty(), "a late Opened is answered by Close");
            return None;
        };
        self.note(self.now, "-> ", &output);
        self.is_drained = false;
        self.check(self.allowance > 0, "the operations of one call are bounded");
        self.allowance -= 1;
        self.judge(&output);
        Some(output)
    }

    pub(crate) fn poll_event(&mut self) -> Option<M::Event> {
        let was_drained = self.is_drained;
        let event = self.machine.poll_event();
        match &event {
            Some(event) => {
                self.note(self.now, "event ", event);
                self.is_drained = false;
                self.allowance += 64 + 8 * self.alive.len();
            }
            None if was_drained => {
                let caused = self.machine.poll_output();
                self.check(caused.is_none(), "no event, no operation");
            }
            None => {}
        }
        event
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.machine.next_deadline()
    }

    /// What was being written to links that have ended since the last call.
    pub(crate) fn take_unsent(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.unsent)
    }

    /// Links that the machine has not ended and was not told the end of.
    pub(crate) fn open_links(&self) -> impl Iterator<Item = LinkId> {
        self.alive.iter().copied().filter(|link| self.links[link].is_open)
    }

    /// Every link that there ever was.
    pub(crate) fn all_links(&self) -> impl Iterator<Item = LinkId> {
        self.links.keys().copied()
    }

    pub(crate) fn is_reading(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|state| state.is_reading && !state.is_closed)
    }

    fn was_called(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.is_drained = false;
        self.allowance += 64 + 8 * self.alive.len();
        let is_later = self.machine.next_deadline().is_none_or(|deadline| deadline > self.now);
        self.check(is_later, "the next deadline is later than now");
    }

    /// Notes what the outside tells the machine.
    fn expect(&mut self, input: &Input) {
        let is_drained = self.is_drained;
        match input {
            Input::Opened { link } => {
                let is_new = !self.links.contains_key(link);
                let state = self.links.entry(*link).or_default();
                if state.is_closed && !state.is_open && !state.is_over {
                    self.owing.insert(*link);
                }
                let is_late = is_new || state.is_closed || state.is_over || !is_drained;
                state.extra_closes += usize::from(is_late);
                state.is_closed |= is_new;
                state.is_open = true;
            }
            Input::Sent { link } => {
                self.links.entry(*link).or_default().is_writing = false;
                self.writing.remove(link);
            }
            Input::Received { link, .. } => self.links.entry(*link).or_default().is_reading = false,
            // Operations may still wait that the machine asked for before it was told.
            Input::Closed { link, .. } => {
                let state = self.links.entry(*link).or_default();
                state.is_over |= is_drained;
                self.alive.remove(link);
                (state.is_reading, state.is_writing) = (false, false);
                self.unsent.extend(self.writing.remove(link).map(Segments::into_bytes));
            }
            Input::ListenFailed { listener, .. } => {
                if is_drained {
                    self.listeners.insert(*listener, false);
                }
            }
            Input::Timeout | Input::Listening { .. } => {}
        }
    }

    /// Judges what the machine asks for.
    fn judge(&mut self, output: &Output) {
        match output {
            Output::Connect { link, endpoint } => {
                self.check(!endpoint.is_wildcard(), "no connect to a wildcard");
                self.is_new(*link);
            }
            Output::Accept { listener, link } => {
                let is_listening = self.listeners.get(listener).copied().unwrap_or(false);
                self.check(is_listening, "accept only where we listen");
                self.is_new(*link);
            }
            Output::Listen { listener, .. } => {
                let old = self.listeners.insert(*listener, true);
                self.check(old.is_none(), "no id is used twice");
            }
            Output::Unlisten { listener } => {
                let old = self.listeners.insert(*listener, false);
                self.check(old == Some(true), "unlisten once, and only what listens");
            }
            Output::Read { link, max } => {
                let state = self.usable(*link);
                self.check(!state.is_reading && *max > 0, "one read of at least one octet");
                self.links.entry(*link).or_default().is_reading = true;
            }
            Output::Write { link, data } => {
                let state = self.usable(*link);
                self.check(!state.is_writing && !data.is_empty(), "one write, never empty");
                self.check(!state.is_finished, "no write to a stream that was finished");
                self.links.entry(*link).or_default().is_writing = true;
                self.writing.insert(*link, data.clone());
            }
            Output::Finish { link } => {
                let state = self.usable(*link);
                let is_first = !state.is_writing && !state.is_finished;
                self.check(is_first, "a stream is finished once, and not within a write");
                self.links.entry(*link).or_default().is_finished = true;
            }
            Output::Close { link } => {
                let state = self.links.get(link).copied().unwrap_or_default();
                let is_first = !state.is_closed && !state.is_over;
                self.check(
                    is_first || state.extra_closes > 0,
                    "a link is closed once, by one side",
                );
                let extra_closes = state.extra_closes.saturating_sub(usize::from(!is_first));
                let closed = LinkState { is_closed: true, extra_closes, ..state };
                self.alive.remove(link);
                self.owing.remove(link);
                self.unsent.extend(self.writing.remove(link).map(Segments::into_bytes));
                self.links.insert(*link, closed);
            }
        }
    }

    fn is_new(&mut self, link: LinkId) {
        let old = self.links.insert(link, LinkState::default());
        self.alive.insert(link);
        self.check(old.is_none(), "no id is used twice");
    }

    fn usable(&self, link: LinkId) -> LinkState {
        let state = self.links.get(&link).copied().unwrap_or_default();
        self.check(state.is_open && !state.is_closed, "reads and writes on open links alone");
        self.check(!state.is_over, "no operation on a link that has ended");
        state
    }

    fn check(&self, holds: bool, rule: &str) {
        if !holds {
            let base = super::base();
            let ago = |at: &Instant| at.saturating_duration_since(base);
            let lines: Vec<_> =
                self.log.iter().map(|(at, t)| format!("{:?} {t}", ago(at))).collect();
            panic!("the machine broke the contract: {rule}\n{}", lines.join("\n"));
        }
    }

    fn note(&mut self, at: Instant, what: &str, value: &dyn Debug) {
        let mut line = Line(what.to_owned());
        let _cut_short = write!(line, "{value:?}");
        if self.log.len() == LOG_LENGTH {
            self.log.pop_front();
        }
        self.log.push_back((at, line.0));
    }
}

/// A text that takes no more than fits into a line of the log.
struct Line(String);

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.push_str(text);
        if self.0.len() < LINE_LENGTH { Ok(()) } else { Err(std::fmt::Error) }
    }
}

/// Operations that are shown when a rule is broken.
const LOG_LENGTH: usize = 50;
const LINE_LENGTH: usize = 300;
