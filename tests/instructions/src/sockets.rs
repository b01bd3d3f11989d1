//! A socket by itself, and as much of a peer as shakes hands with it.

use std::time::Instant;

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, Config, Event, Socket};
use mongrel2_transceiver::zmtp::{Engine, Limits, Message, SocketType};
use mongrel2_transceiver::{Input, LinkId, Machine, Output};

/// A socket with one peer that is ready.
pub(crate) struct Pair {
    socket: Socket,
    now: Instant,
    link: LinkId,
}

impl Pair {
    pub(crate) fn new(ours: SocketType, theirs: SocketType) -> Self {
        let now = Instant::now();
        let mut socket = Socket::new(now, Config::new(ours));
        socket.submit(now, Command::Connect("tcp://127.0.0.1:10000".parse().unwrap())).unwrap();
        let Some(Output::Connect { link, .. }) = socket.poll_output() else {
            panic!("it connects");
        };
        socket.handle(now, Input::Opened { link });
        let mut pair = Self { socket, now, link };
        let mut peer = Engine::new(theirs, Limits::default());
        pair.receive(peer.take_output().unwrap().into_bytes());
        peer.receive(pair.written());
        peer.next().unwrap();
        pair.receive(peer.take_output().unwrap().into_bytes());
        pair.written();
        assert!(matches!(pair.socket.poll_event(), Some(Event::Up { .. })));
        pair
    }

    /// Submits messages, and writes them.
    pub(crate) fn send(&mut self, body: &Bytes, count: u32) -> usize {
        for _ in 0..count {
            let message = Message::from(body.clone());
            self.socket.submit(self.now, Command::Send(message)).unwrap();
        }
        self.written().len()
    }

    /// Reads octets, and takes the messages that they bring.
    pub(crate) fn take(&mut self, data: Bytes) -> usize {
        self.receive(data);
        self.written();
        let mut octets = 0;
        while let Some(Event::Message { message, .. }) = self.socket.poll_event() {
            octets += message.size();
        }
        octets
    }

    fn receive(&mut self, data: Bytes) {
        self.socket.handle(self.now, Input::Received { link: self.link, data });
    }

    /// Performs all operations: what is written.
    fn written(&mut self) -> Bytes {
        let mut all = Vec::new();
        while let Some(output) = self.socket.poll_output() {
            if let Output::Write { link, data } = output {
                all.push(data.into_bytes());
                self.socket.handle(self.now, Input::Sent { link });
            }
        }
        match &all[..] {
            [one] => one.clone(),
            several => several.concat().into(),
        }
    }
}
