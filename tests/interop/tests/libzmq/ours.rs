//! One of our sockets, run by an adapter.

use std::time::{Duration, Instant};

use bytes::Bytes;
use interop::PATIENCE;
use mongrel2_transceiver::socket::{
    Command, Config, DownReason, Event, Reconnect, Refused, Socket,
};
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{Frames, assert_same, frames, message};
use crate::theirs::Theirs;

pub(crate) struct Ours<A> {
    adapter: A,
}

impl<A: Adapter> Ours<A> {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        Self::with(socket_type, |_| {})
    }

    /// A socket of another configuration than usual: one that is in no hurry to end, and in a hurry
    /// to connect anew.
    pub(crate) fn with(socket_type: SocketType, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(socket_type);
        config.linger = PATIENCE;
        config.reconnect =
            Reconnect { delay_min: Duration::from_millis(20), ..Reconnect::default() };
        config.reconnect.delay_max = Duration::from_millis(100);
        change(&mut config);
        Self { adapter: A::start(Socket::new(Instant::now(), config)) }
    }

    /// Binds; returns the address with its real port.
    pub(crate) fn bind(&mut self, address: &str) -> String {
        self.submit(Command::Bind(address.parse().unwrap()));
        self.wait_for(|event| match event {
            Event::Listening { bound, .. } => Some(bound.to_string()),
            event => panic!("{address} cannot be bound: {event:?}"),
        })
    }

    pub(crate) fn connect(&mut self, address: &str) {
        self.submit(Command::Connect(address.parse().unwrap()));
    }

    pub(crate) fn subscribe(&mut self, prefix: &'static [u8]) {
        self.submit(Command::Subscribe(Bytes::from_static(prefix)));
    }

    #[track_caller]
    pub(crate) fn submit(&mut self, command: Command) {
        self.adapter.submit(command).unwrap();
    }

    /// Sends, as soon as there is room.
    #[track_caller]
    pub(crate) fn send(&mut self, frames: &[Bytes]) {
        while let Err(refused) = self.try_send(frames) {
            assert_eq!(refused, Refused::Full);
            self.wait_for(|event| (*event == Event::Room).then_some(()));
        }
    }

    pub(crate) fn try_send(&mut self, frames: &[Bytes]) -> Result<(), Refused> {
        self.adapter.submit(Command::Send(message(frames)))
    }

    #[track_caller]
    pub(crate) fn next(&mut self) -> Event {
        self.adapter.next_event(PATIENCE).expect("an event before the patience is over")
    }

    /// Lets the adapter work for a moment: `None` when nothing is to be told.
    pub(crate) fn turn(&mut self) -> Option<Event> {
        self.adapter.next_event(MOMENT)
    }

    /// Lets the adapter work until something is there elsewhere. Nothing but peers that come may
    /// happen meanwhile.
    #[track_caller]
    pub(crate) fn work_until<T>(&mut self, mut look: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < end, "it did not come before the patience was over");
            if let Some(event) = self.turn() {
                assert_calm(&event);
            }
        }
    }

    /// Lets the adapter work for so long, during which nothing may happen.
    #[track_caller]
    pub(crate) fn expect_silence(&mut self, time: Duration) {
        assert_eq!(self.adapter.next_event(time), None);
    }

    /// Waits for an event. Others are passed over, but for messages.
    #[track_caller]
    pub(crate) fn wait_for<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = self.next();
            if let Some(found) = wanted(&event) {
                return found;
            }
            assert!(!matches!(event, Event::Message { .. }), "a message too early: {event:?}");
        }
    }

    #[track_caller]
    pub(crate) fn wait_up(&mut self) {
        self.wait_for(|event| matches!(event, Event::Up { .. }).then_some(()));
    }

    #[track_caller]
    pub(crate) fn wait_down(&mut self) -> DownReason {
        self.wait_for(|event| match event {
            Event::Down { reason, .. } => Some(reason.clone()),
            _ => None,
        })
    }

    /// Waits until so many subscriptions have come. libzmq subscribes with a new peer while it is
    /// asked for messages.
    #[track_caller]
    pub(crate) fn wait_subscribed(&mut self, count: usize, theirs: &Theirs) {
        let (mut found, end) = (0, Instant::now() + PATIENCE);
        while found < count {
            assert!(Instant::now() < end, "{found} of {count} subscriptions came");
            assert_eq!(theirs.try_receive(), None);
            if let Some(event) = self.turn() {
                assert_calm(&event);
                found += usize::from(matches!(event, Event::Subscribed { .. }));
            }
        }
    }

    /// The next message; nothing but peers that come may happen before.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Frames {
        loop {
            match self.next() {
                Event::Message { message, .. } => return frames(&message),
                event => assert_calm(&event),
            }
        }
    }

    /// Receives exactly these.
    #[track_caller]
    pub(crate) fn expect_all(&mut self, expected: impl Iterator<Item = Frames>) {
        for (number, expected) in expected.enumerate() {
            assert_same(&format!("message {number}"), &self.receive(), &expected);
        }
    }

    /// Ends the socket, which has time to send everything.
    #[track_caller]
    pub(crate) fn shut_down(mut self) {
        self.submit(Command::Shutdown);
        for event in self.until_stopped() {
            let is_expected = matches!(event, Event::Down { reason: DownReason::Ours, .. });
            if !is_expected {
                assert_calm(&event);
            }
        }
    }

    /// What happens during a shutdown, which leaves nothing undelivered.
    #[track_caller]
    pub(crate) fn until_stopped(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.next() {
                Event::Stopped { undelivered } => {
                    assert_eq!(undelivered, 0);
                    return events;
                }
                event => events.push(event),
            }
        }
    }
}

/// Whether this is nothing but ordinary life.
#[track_caller]
pub(crate) fn assert_calm(event: &Event) {
    let is_calm = matches!(event, Event::Up { .. } | Event::Subscribed { .. } | Event::Room);
    assert!(is_calm, "{event:?}");
}

const MOMENT: Duration = Duration::from_millis(1);
