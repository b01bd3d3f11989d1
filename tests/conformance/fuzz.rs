//! Anything at any time: no sequence of inputs and commands breaks the contract of a machine.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, Config, Event, Heartbeat, Socket};
use mongrel2_transceiver::zmtp::{Message, Oversize, SocketType};
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Output};

use crate::support::{Checked, Dice, base};
use crate::wire;

/// One socket under random treatment.
struct Attack {
    dice: Dice,
    socket: Checked<Socket>,
    socket_type: SocketType,
    now: Instant,
    /// What could be answered.
    pending: VecDeque<Output>,
    listeners: Vec<ListenerId>,
    /// What the peers have not finished saying.
    speeches: BTreeMap<LinkId, Bytes>,
    accepted: BTreeSet<LinkId>,
    links_max: usize,
    seen: BTreeSet<&'static str>,
    is_stopped: bool,
    /// Whether operations and events are polled now and then only.
    is_lazy: bool,
}

impl Attack {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let socket_type = dice.pick(&wire::ALL_TYPES);
        let config = config(socket_type, &mut dice);
        let links_max = config.limits.links_max.max(1);
        Self {
            socket: Checked::new(Socket::new(base(), config), base()),
            dice,
            socket_type,
            now: base(),
            pending: VecDeque::new(),
            listeners: Vec::new(),
            speeches: BTreeMap::new(),
            accepted: BTreeSet::new(),
            links_max,
            seen: BTreeSet::new(),
            is_stopped: false,
            is_lazy: seed % 4 == 0,
        }
    }

    fn step(&mut self) {
        self.now = match self.dice.below(20) {
            0 => self.now - Duration::from_secs(2),
            1 => self.now + Duration::from_secs(3),
            2 => self.socket.next_deadline().unwrap_or(self.now),
            3..10 => self.now + self.dice.up_to(Duration::from_millis(20)),
            _ => self.now,
        };
        if self.dice.one_in(4) {
            let command = self.command();
            let _refused = self.socket.submit(self.now, command);
        } else {
            let input = self.input();
            self.socket.handle(self.now, input);
        }
        if self.is_lazy && !self.dice.one_in(5) {
            return;
        }
        self.drain();
        for _ in 0..self.dice.below(4) {
            let Some(event) = self.socket.poll_event() else { break };
            self.seen.insert(kind(&event));
            assert!(!self.is_stopped, "nothing comes after Stopped: {event:?}");
            self.is_stopped = matches!(event, Event::Stopped { .. });
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.socket.poll_output() {
            match &output {
                Output::Listen { listener, .. } => self.listeners.push(*listener),
                Output::Accept { link, .. } => {
                    self.accepted.insert(*link);
                }
                Output::Finish { .. } | Output::Close { .. } | Output::Unlisten { .. } => continue,
                Output::Connect { .. } | Output::Read { .. } | Output::Write { .. } => {}
            }
            self.pending.push_back(output);
        }
        let accepted = self.socket.open_links().filter(|link| self.accepted.contains(link)).count();
        assert!(accepted <= self.links_max, "{accepted} accepted links are open");
    }

    /// Mostly an answer to what was asked for, sometimes anything.
    fn input(&mut self) -> Input {
        if self.is_lazy && self.pending.is_empty() {
            return Input::Timeout;
        }
        // Who polls late may well answer late, but not before the question.
        if !self.is_lazy && (self.pending.is_empty() || self.dice.one_in(8)) {
            return self.any_input();
        }
        let position = self.dice.below(self.pending.len());
        let output = self.pending.remove(position).expect("within the length");
        let fails = self.dice.one_in(10);
        let cause = self.dice.pick(&[None, Some(ErrorKind::ConnectionReset)]);
        match output {
            Output::Connect { link, .. } | Output::Accept { link, .. } if !fails => {
                Input::Opened { link }
            }
            Output::Listen { listener, .. } if fails => {
                Input::ListenFailed { listener, cause: ErrorKind::AddrInUse }
            }
            Output::Listen { listener, .. } => Input::Listening { listener, port: 7 },
            Output::Write { link, .. } if !fails => Input::Sent { link },
            Output::Read { link, max } if !fails => {
                Input::Received { link, data: self.speech(link, max) }
            }
            Output::Connect { link, .. }
            | Output::Accept { link, .. }
            | Output::Read { link, .. }
            | Output::Write { link, .. }
            | Output::Finish { link }
            | Output::Close { link } => Input::Closed { link, cause },
            Output::Unlisten { .. } => Input::Timeout,
        }
    }

    fn any_input(&mut self) -> Input {
        let known: Vec<LinkId> = self.socket.all_links().collect();
        let unknown = LinkId::new(9, self.dice.next());
        let link = match known.len() {
            0 => unknown,
            count if self.dice.one_in(10) => [unknown, known[self.dice.below(count)]][0],
            count => known[self.dice.below(count)],
        };
        let unknown = ListenerId::new(9, self.dice.next());
        let listener = match self.listeners.len() {
            0 => unknown,
            count => self.dice.pick(&[unknown, self.listeners[count - 1], self.listeners[0]]),
        };
        match self.dice.below(7) {
            0 => Input::Timeout,
            1 => Input::Opened { link },
            2 => Input::Sent { link },
            3 => Input::Listening { listener, port: 9 },
            4 => Input::Received { link, data: self.octets() },
            5 => Input::Closed { link, cause: Some(ErrorKind::BrokenPipe) },
            _ => Input::ListenFailed { listener, cause: ErrorKind::Other },
        }
    }

    /// What the peer of a link says next: a handshake, then traffic, each to its end.
    fn speech(&mut self, link: LinkId, max: usize) -> Bytes {
        let handshake = Bytes::from(wire::handshake(self.socket_type));
        let mut speech = self.speeches.remove(&link).unwrap_or(handshake);
        while speech.is_empty() {
            speech = self.octets();
        }
        let data = speech.split_to(max.min(speech.len()));
        self.speeches.insert(link, speech);
        data
    }

    /// What a peer might say: mostly in order, sometimes noise.
    fn octets(&mut self) -> Bytes {
        let mut octets = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let size = self.dice.pick(&[0, 1, 5, 40, 300]);
            let body = self.dice.octets(size);
            let prefix = self.dice.pick(&[&b""[..], b"a", b"ab", b"b"]);
            octets.extend(match self.dice.below(12) {
                0 => wire::handshake(self.socket_type),
                1..4 => wire::message(&[prefix]),
                4 => wire::command("SUBSCRIBE", prefix),
                5 => wire::command("CANCEL", prefix),
                6 => wire::command("PING", &[0, self.dice.pick(&[0, 1, 20]), 7, 7]),
                7 => wire::command("PONG", b""),
                8 => wire::message(&[b"", &body]),
                9 => wire::message(&[&body]),
                10 => wire::message(&[&body, prefix, b"\x01ab"]),
                _ => body,
            });
        }
        if self.dice.one_in(4) {
            let keep = self.dice.below(octets.len() + 1);
            octets.truncate(keep);
        }
        octets.into()
    }

    fn command(&mut self) -> Command {
        let number = self.dice.below(3);
        let endpoint: Endpoint = match number {
            0 => "tcp://127.0.0.1:9".parse(),
            1 => "tcp://*:0".parse(),
            _ => "ipc://@fuzz".parse(),
        }
        .expect("an endpoint");
        let topic = Bytes::from(vec![b'a'; self.dice.below(30)]);
        match self.dice.below(60) {
            0 => Command::Shutdown,
            1..10 => Command::Bind(endpoint),
            10 => Command::Unbind(endpoint),
            11..20 => Command::Connect(endpoint),
            20..23 => Command::Disconnect(endpoint),
            23..26 => Command::Subscribe(topic),
            26 => Command::Cancel(topic),
            27..40 => Command::Send(Message::from("ab")),
            _ => {
                let size = self.dice.pick(&[0, 1, 5, 100, 5000]);
                let frames = self.dice.pick(&[1, 1, 2, 12]);
                let frames = (0..frames).map(|_| self.dice.octets(size).into()).collect();
                Command::Send(Message::from_frames(frames).expect("there are frames"))
            }
        }
    }
}

fn config(socket_type: SocketType, dice: &mut Dice) -> Config {
    let mut config = Config::new(socket_type);
    config.seed = dice.next();
    config.immediate = dice.one_in(3);
    config.linger = dice.pick(&[Duration::ZERO, Duration::from_secs(1), Duration::MAX]);
    config.request_timeout = dice.pick(&[None, Some(Duration::ZERO), Some(Duration::from_secs(1))]);
    config.handshake_timeout = dice.pick(&[Duration::ZERO, Duration::from_secs(5), Duration::MAX]);
    let times = [Duration::ZERO, Duration::from_secs(1), Duration::MAX];
    config.reconnect.delay_min = dice.pick(&times);
    config.reconnect.delay_max = dice.pick(&times);
    if dice.one_in(2) {
        let (interval, timeout) = (dice.pick(&times), dice.pick(&times));
        config.heartbeat = Some(Heartbeat { interval, timeout });
    }
    let sizes = [0, 1, 2, 10];
    let limits = &mut config.limits;
    limits.message_size_max = dice.pick(&[0, 10, 1000, 10_000]);
    limits.frames_max = dice.pick(&sizes);
    limits.oversize = dice.pick(&[Oversize::Refuse, Oversize::Skip]);
    limits.links_max = dice.pick(&sizes);
    limits.handshakes_max = dice.pick(&sizes);
    limits.events_max = dice.pick(&sizes);
    limits.send_messages_max = dice.pick(&sizes);
    limits.send_bytes_max = dice.pick(&[0, 10, 1000]);
    limits.subscriptions_max = dice.pick(&sizes);
    limits.read_size = dice.pick(&[0, 1, 100, 10_000]);
    limits.write_size = dice.pick(&[0, 1, 100, 10_000]);
    config
}

/// The name of an event, to see that the attack reaches all corners.
#[expect(clippy::wildcard_enum_match_arm, reason = "what a bare socket never says")]
fn kind(event: &Event) -> &'static str {
    match event {
        Event::Listening { .. } => "listening",
        Event::ListenFailed { .. } => "listen failed",
        Event::Up { .. } => "up",
        Event::Down { .. } => "down",
        Event::ConnectFailed { .. } => "connect failed",
        Event::Message { .. } => "message",
        Event::Oversized { .. } => "oversized",
        Event::Subscribed { .. } => "subscribed",
        Event::Cancelled { .. } => "cancelled",
        Event::Room => "room",
        Event::Dropped { .. } => "dropped",
        Event::NoReply { .. } => "no reply",
        Event::Stopped { .. } => "stopped",
        other => unreachable!("{other:?} is nothing that a bare socket says"),
    }
}

#[test]
fn no_input_breaks_the_contract() {
    let mut seen = BTreeSet::new();
    for seed in 0..2000 {
        let mut attack = Attack::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (0..150).for_each(|_| attack.step());
        }));
        assert!(result.is_ok(), "seed {seed}, {:?}", attack.socket_type);
        seen.append(&mut attack.seen);
    }
    assert_eq!(seen.len(), 13, "the attack does not reach everything: {seen:?}");
}
