//! Drives one machine by choices, which play the operating system, the peers and the application.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::zmtp::{Message, Properties, Received, SocketType};
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Machine, Output};

use super::peer::Peer;
use super::watched::Watched;
use crate::base;
use crate::choices::Choices;

/// What is particular to one kind of machine: its peers, its application, and what to look at.
pub(super) trait Scene {
    type Machine: Machine<Event: Debug, Command: Debug>;

    /// Of how many streams one is chosen, the newest in each scope first.
    const NEWEST: usize = 8;

    /// The type of the peer at an endpoint that the machine connects to, or, for `None`, of one that
    /// connects to it and whom it calls by this name.
    fn peer_type(&self, endpoint: Option<&Endpoint>, link: LinkId) -> SocketType;
    /// What a peer says of itself when it comes, besides its type.
    fn properties(&mut self, _link: LinkId, _mood: u8) -> Properties {
        &[]
    }
    /// What the peer at the other end of a link says.
    fn message(&mut self, link: LinkId, choices: &mut Choices<'_>) -> Message;
    /// Some peer says what has no order.
    fn babbled(&mut self) {}
    /// Judges what the peer at the other end of a link has heard from the machine.
    fn heard(&mut self, endpoint: Option<&Endpoint>, link: LinkId, received: &Received);
    /// What the application asks for.
    fn command(&mut self, choices: &mut Choices<'_>) -> <Self::Machine as Machine>::Command;
    /// Whether the machine has taken that.
    fn answered(&mut self, result: Result<(), <Self::Machine as Machine>::Refused>);
    /// The command that ends all.
    fn shutdown(&self) -> <Self::Machine as Machine>::Command;
    /// Judges an event.
    fn told(&mut self, event: &<Self::Machine as Machine>::Event);
    /// Judges what the machine holds.
    fn check(&self, machine: &Self::Machine);
    /// Whether the machine has said that all is over.
    fn is_stopped(&self) -> bool;
    /// A scope of links that the machine may have.
    fn scope(&self, octet: u8) -> u32 {
        u32::from(octet) % 6
    }
}

/// A machine and its surroundings.
#[derive(Debug)]
pub(super) struct Driver<S: Scene> {
    machine: Watched<S::Machine>,
    scene: S,
    is_honest: bool,
    now: Instant,
    /// Connects and accepts that were not answered yet.
    openings: Vec<(LinkId, Option<Endpoint>)>,
    listens: Vec<ListenerId>,
    listeners: Vec<ListenerId>,
    streams: BTreeMap<LinkId, Stream>,
    links: usize,
    /// How many steps the operations have not been looked at.
    idle_steps: usize,
}

#[derive(Debug)]
struct Stream {
    peer: Peer,
    endpoint: Option<Endpoint>,
    reading: Option<usize>,
    is_writing: bool,
    /// The machine writes no more.
    is_finished: bool,
    /// The machine was told of its end, or has ended it.
    is_over: bool,
}

impl<S: Scene> Driver<S> {
    pub(super) fn new(machine: S::Machine, scene: S, is_honest: bool) -> Self {
        Self {
            machine: Watched::new(machine, is_honest),
            scene,
            is_honest,
            now: base(),
            openings: Vec::new(),
            listens: Vec::new(),
            listeners: Vec::new(),
            streams: BTreeMap::new(),
            links: 0,
            idle_steps: 0,
        }
    }

    /// Goes through all choices, then shuts the machine down.
    pub(super) fn play(mut self, mut choices: Choices<'_>) {
        self.perform_all();
        for _ in 0..STEPS_MAX {
            if choices.is_empty() {
                break;
            }
            self.step(&mut choices);
            self.scene.check(self.machine.machine());
        }
        self.finish();
    }

    fn step(&mut self, choices: &mut Choices<'_>) {
        let what = choices.octet();
        match what & 0x1F {
            0..=2 => self.run_on(),
            3 | 4 => self.let_time_pass(choices),
            5 | 6 => self.answer_opening(choices),
            7 => self.answer_listen(choices),
            8..=10 => self.answer_read(choices),
            11 | 12 => self.answer_write(choices),
            13..=17 => self.peer_speaks(choices),
            18 => self.peer_babbles(choices),
            19..=25 => self.submit(choices),
            26 => self.end_stream(choices),
            27 => self.end_listener(choices),
            28..=30 => self.hear_events(choices.below(4)),
            _ if self.is_honest => self.hear_events(usize::MAX),
            _ => self.lie(choices),
        }
        // Not to poll only delays, whoever does it; but then operations and answers cross, and the
        // strict watch cannot tell that from a mistake.
        if self.is_honest || what & 0x80 == 0 || self.idle_steps == IDLE_STEPS_MAX {
            self.idle_steps = 0;
            self.perform_all();
        } else {
            self.idle_steps += 1;
        }
    }

    /// Lets everything go well for a while, with an application that listens.
    fn run_on(&mut self) {
        self.streams
            .retain(|_, stream| !stream.is_over || stream.reading.is_some() || stream.is_writing);
        let mut opened = 0;
        for _ in 0..20 {
            self.perform_all();
            self.hear_events(usize::MAX);
            let (mut is_quiet, now) = (true, self.now);
            while let Some(listener) = self.listens.pop() {
                self.listening(listener);
                is_quiet = false;
            }
            // Not all that it could: a machine may accept again and again.
            while opened < OPENED_MAX && self.streams.len() < STREAMS_MAX {
                let Some((link, endpoint)) = self.openings.pop() else { break };
                self.open(link, endpoint, 0);
                (opened, is_quiet) = (opened + 1, false);
            }
            for id in self.streams.keys().copied().collect::<Vec<_>>() {
                is_quiet &= !self.deliver(id, usize::MAX) & !self.has_written(id);
            }
            if is_quiet {
                break;
            }
            assert!(self.now == now, "all this takes no time");
        }
    }

    fn let_time_pass(&mut self, choices: &mut Choices<'_>) {
        let then = match choices.below(6) {
            0 => self.machine.next_deadline().unwrap_or(self.now),
            1 => self.now + Duration::from_millis(choices.number() % 1000),
            2 => self.now + Duration::from_secs(choices.octet().into()),
            3 => self.now + Duration::from_secs(86_400),
            // The clock of another thread, say: it counts as the newest time seen.
            4 => self.now.checked_sub(Duration::from_secs(1)).unwrap_or(self.now),
            _ => self.now,
        };
        self.machine.handle(then, Input::Timeout);
        self.now = self.now.max(then);
        let deadline = self.machine.next_deadline();
        assert!(deadline.is_none_or(|at| at > self.now), "the next deadline is later than now");
    }

    fn answer_opening(&mut self, choices: &mut Choices<'_>) {
        let Some(place) = place(choices, self.openings.len()) else { return };
        let (link, endpoint) = self.openings.remove(place);
        let mood = choices.octet();
        if mood >> 3 & 7 == 7 {
            let cause = Some(ErrorKind::ConnectionRefused);
            self.machine.handle(self.now, Input::Closed { link, cause });
        } else {
            self.open(link, endpoint, mood);
        }
    }

    fn open(&mut self, link: LinkId, endpoint: Option<Endpoint>, mood: u8) {
        let socket_type = self.scene.peer_type(endpoint.as_ref(), link);
        let peer = Peer::new(socket_type, self.scene.properties(link, mood), mood);
        let stream = Stream {
            peer,
            endpoint,
            reading: None,
            is_writing: false,
            is_finished: false,
            is_over: false,
        };
        self.streams.insert(link, stream);
        self.machine.handle(self.now, Input::Opened { link });
    }

    fn answer_listen(&mut self, choices: &mut Choices<'_>) {
        let Some(place) = place(choices, self.listens.len()) else { return };
        let listener = self.listens.remove(place);
        if choices.below(4) == 3 {
            let cause = ErrorKind::AddrInUse;
            self.machine.handle(self.now, Input::ListenFailed { listener, cause });
        } else {
            self.listening(listener);
        }
    }

    fn listening(&mut self, listener: ListenerId) {
        self.listeners.push(listener);
        self.machine.handle(self.now, Input::Listening { listener, port: 4242 });
    }

    fn end_listener(&mut self, choices: &mut Choices<'_>) {
        let Some(place) = place(choices, self.listeners.len()) else { return };
        let listener = self.listeners.remove(place);
        let cause = ErrorKind::ConnectionAborted;
        self.machine.handle(self.now, Input::ListenFailed { listener, cause });
    }

    fn answer_read(&mut self, choices: &mut Choices<'_>) {
        if let Some(id) = self.choose_stream(choices) {
            let size = choices.octet();
            self.deliver(id, if size == 0 { usize::MAX } else { size.into() });
        }
    }

    /// Answers a read with what the peer has said; whether something was answered.
    fn deliver(&mut self, id: LinkId, size: usize) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        let Some(max) = stream.reading else { return false };
        let input = if stream.is_over {
            Input::Closed { link: id, cause: Some(ErrorKind::ConnectionReset) }
        } else {
            let Some(data) = stream.peer.read(max.min(size)) else { return false };
            Input::Received { link: id, data }
        };
        stream.reading = None;
        self.machine.handle(self.now, input);
        true
    }

    fn answer_write(&mut self, choices: &mut Choices<'_>) {
        if let Some(id) = self.choose_stream(choices) {
            self.has_written(id);
        }
    }

    /// Answers a write; whether there was one.
    fn has_written(&mut self, id: LinkId) -> bool {
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        if !std::mem::take(&mut stream.is_writing) {
            return false;
        }
        let input = if stream.is_over {
            Input::Closed { link: id, cause: Some(ErrorKind::BrokenPipe) }
        } else {
            Input::Sent { link: id }
        };
        self.machine.handle(self.now, input);
        true
    }

    fn end_stream(&mut self, choices: &mut Choices<'_>) {
        let Some(id) = self.choose_stream(choices) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        // The end shows in the answer to an operation, and there alone.
        if stream.reading.take().is_some() || std::mem::take(&mut stream.is_writing) {
            stream.is_over = true;
            let cause = choices.flag().then_some(ErrorKind::ConnectionReset);
            self.machine.handle(self.now, Input::Closed { link: id, cause });
        }
    }

    fn peer_speaks(&mut self, choices: &mut Choices<'_>) {
        let Some(id) = self.choose_stream(choices) else { return };
        let (scene, streams) = (&mut self.scene, &mut self.streams);
        if let Some(stream) = streams.get_mut(&id) {
            stream.peer.say(choices, |choices| scene.message(id, choices));
        }
    }

    fn peer_babbles(&mut self, choices: &mut Choices<'_>) {
        let Some(id) = self.choose_stream(choices) else { return };
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.peer.babble(choices.few());
            self.scene.babbled();
        }
    }

    fn submit(&mut self, choices: &mut Choices<'_>) {
        let command = self.scene.command(choices);
        let result = self.machine.submit(self.now, command);
        self.scene.answered(result);
    }

    /// An operating system that makes things up.
    fn lie(&mut self, choices: &mut Choices<'_>) {
        let scope = self.scene.scope(choices.octet());
        let serial = choices.octet().into();
        let (link, listener) = (LinkId::new(scope, serial), ListenerId::new(scope, serial));
        let cause = ErrorKind::Other;
        let input = match choices.below(7) {
            0 => Input::Opened { link },
            1 => Input::Sent { link },
            2 => Input::Received { link, data: Bytes::copy_from_slice(choices.few()) },
            3 => Input::Closed { link, cause: None },
            4 => Input::Listening { listener, port: choices.wide() },
            5 => Input::ListenFailed { listener, cause },
            _ => Input::Timeout,
        };
        self.machine.handle(self.now, input);
    }

    fn hear_events(&mut self, most: usize) {
        let bound = EVENTS_MAX + 8 * self.links;
        for count in 0..most {
            let Some(event) = self.machine.poll_event() else { break };
            self.scene.told(&event);
            // What was read and not looked at may hold many messages; nothing else is so rich.
            assert!(count < bound, "events without end");
        }
    }

    fn perform_all(&mut self) {
        let bound = 64 + 8 * (IDLE_STEPS_MAX + 1) + 8 * self.streams.len();
        let mut count = 0;
        while let Some(output) = self.machine.poll_output() {
            self.perform(output);
            count += 1;
            assert!(count <= bound, "operations without end");
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Connect { link, endpoint } => {
                self.links += 1;
                self.openings.push((link, Some(endpoint)));
            }
            Output::Accept { link, .. } => {
                self.links += 1;
                self.openings.push((link, None));
            }
            Output::Listen { listener, .. } => self.listens.push(listener),
            Output::Unlisten { listener } => {
                self.listens.retain(|other| *other != listener);
                self.listeners.retain(|other| *other != listener);
            }
            Output::Read { link, max } => {
                if let Some(stream) = self.streams.get_mut(&link) {
                    stream.reading = Some(max);
                }
            }
            Output::Write { link, data } => {
                if let Some(stream) = self.streams.get_mut(&link) {
                    assert!(!stream.is_finished, "nothing is written to a finished stream");
                    stream.is_writing = true;
                    for received in stream.peer.hear(data) {
                        self.scene.heard(stream.endpoint.as_ref(), link, &received);
                    }
                }
            }
            Output::Finish { link } => {
                if let Some(stream) = self.streams.get_mut(&link) {
                    assert!(!stream.is_writing, "nothing is written to a finished stream");
                    stream.is_finished = true;
                }
            }
            Output::Close { link } => {
                if let Some(stream) = self.streams.get_mut(&link) {
                    stream.is_over = true;
                }
            }
        }
    }

    /// The shutdown comes to its end in time, whatever the peers do; and nothing follows it.
    fn finish(&mut self) {
        let _ = self.machine.submit(self.now, self.scene.shutdown());
        for _ in 0..FINISH_STEPS_MAX {
            self.perform_all();
            self.hear_events(usize::MAX);
            if self.scene.is_stopped() {
                break;
            }
            self.perform_all();
            let deadline = self.machine.next_deadline().expect("a shutdown waits for something");
            assert!(deadline > self.now, "the next deadline is later than now");
            self.now = deadline;
            self.machine.handle(self.now, Input::Timeout);
        }
        assert!(self.scene.is_stopped(), "the shutdown has come to its end");
        self.perform_all();
        self.scene.check(self.machine.machine());
        self.machine.handle(self.now + Duration::from_secs(86_400), Input::Timeout);
        assert!(self.machine.poll_event().is_none() && self.machine.poll_output().is_none());
        assert_eq!(self.machine.next_deadline(), None);
    }

    fn choose_stream(&self, choices: &mut Choices<'_>) -> Option<LinkId> {
        // Of the newest ones: the others have ended, as a rule.
        let newest = self.streams.keys().rev().take(S::NEWEST).copied().collect::<Vec<_>>();
        place(choices, newest.len()).map(|place| newest[place])
    }
}

/// One of so many places, if there are any.
fn place(choices: &mut Choices<'_>, len: usize) -> Option<usize> {
    (len > 0).then(|| choices.below(len.min(256)))
}

/// Of one run; the rest of the choices is left.
const STEPS_MAX: usize = 150;
/// Streams that open while all goes well: at a time, and together with those that are there.
const OPENED_MAX: usize = 5;
const STREAMS_MAX: usize = 10;
const FINISH_STEPS_MAX: usize = 3000;
/// Steps in a row after which the operations are not looked at.
const IDLE_STEPS_MAX: usize = 5;
/// What may be told at once: so many as fit into what was read and not looked at.
const EVENTS_MAX: usize = 20_000;
