//! Peers written by hand: streams of the standard library, and servers that are nothing but two of them.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::{Command, Event, ServerId};
use mongrel2_transceiver::zmtp::{Engine, Limits, Message, Received, SocketType};

use super::stage::{HUNG, Stage};
use super::wire;

/// Which of a server's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Its PUSH, that the handler pulls requests from.
    Requests,
    /// Its SUB, that the handler publishes replies to.
    Replies,
}

pub(crate) const SIDES: [Side; 2] = [Side::Requests, Side::Replies];

impl Side {
    pub(crate) const fn socket_type(self) -> &'static str {
        match self {
            Self::Requests => "PUSH",
            Self::Replies => "SUB",
        }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Requests => Self::Replies,
            Self::Replies => Self::Requests,
        }
    }
}

/// A server that is nothing but its two ports, and does what the test does.
pub(crate) struct Trap {
    pub(crate) sender: String,
    pub(crate) requests: TcpListener,
    pub(crate) replies: TcpListener,
    pub(crate) id: ServerId,
}

impl Trap {
    /// The handler is told of it, and connects from now on.
    pub(crate) fn new(stage: &Stage) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let sender = format!("trap-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (requests, replies) = (bind(), bind());
        stage.handle.submit(add(&sender, &at(&requests), &at(&replies))).unwrap();
        let id = stage.wait(|event| match event {
            Event::ServerAdded { server, .. } => Some(*server),
            _ => None,
        });
        Self { sender, requests, replies, id }
    }

    pub(crate) fn endpoint(&self, side: Side) -> Endpoint {
        at(self.listener(side))
    }

    fn listener(&self, side: Side) -> &TcpListener {
        match side {
            Side::Requests => &self.requests,
            Side::Replies => &self.replies,
        }
    }

    /// The handler connects, for the first time or anew.
    pub(crate) fn accept(&self, side: Side) -> Peer {
        let end = Instant::now() + HUNG;
        loop {
            if let Some(peer) = self.try_accept(side) {
                return peer;
            }
            assert!(Instant::now() < end, "the handler connects to {side:?}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn try_accept(&self, side: Side) -> Option<Peer> {
        let listener = self.listener(side);
        listener.set_nonblocking(true).unwrap();
        match listener.accept() {
            Ok((stream, _)) => Some(Peer::new(stream)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Accepts, and does what a server does, which on the side of the replies is to subscribe to all.
    pub(crate) fn greet(&self, side: Side) -> Peer {
        let mut peer = self.accept(side);
        peer.says(&greeting(side));
        peer
    }

    /// Both links, in order, until a browser of this server was answered.
    pub(crate) fn up(&self, stage: &Stage) -> Both {
        self.up_with(stage, None, None)
    }

    /// The same, where one link or both were greeted already.
    pub(crate) fn up_with(
        &self,
        stage: &Stage,
        mut requests: Option<Peer>,
        mut replies: Option<Peer>,
    ) -> Both {
        loop {
            let work = || {
                for (side, peer) in [(Side::Requests, &mut requests), (Side::Replies, &mut replies)]
                {
                    if let Some(mut newer) = self.try_accept(side) {
                        newer.says(&greeting(side));
                        *peer = Some(newer);
                    }
                    let _is_open = peer.as_mut().is_some_and(Peer::pongs);
                }
            };
            let life = stage.wait_while(work, |event| match event {
                Event::ServerUp { server, life } => (*server == self.id).then_some(*life),
                _ => None,
            });
            // Else one of the two is a link from before, that the handler will yet find to be lost.
            if let (Some(_), Some(_)) = (&requests, &replies) {
                let mut both =
                    Both { requests: requests.unwrap(), replies: replies.unwrap(), life };
                both.asks(self, 1);
                return both;
            }
        }
    }

    /// Why its life ended.
    pub(crate) fn wait_down(&self, stage: &Stage) -> DownReason {
        stage.wait(|event| match event {
            Event::ServerDown { server, reason, .. } => {
                (*server == self.id).then(|| reason.clone())
            }
            _ => None,
        })
    }

    /// Why a connect to it failed.
    pub(crate) fn wait_unreachable(&self, stage: &Stage, side: Side) -> DownReason {
        let ours = self.endpoint(side);
        stage.wait(|event| match event {
            Event::ServerUnreachable { endpoint, reason, .. } => {
                (*endpoint == ours).then(|| reason.clone())
            }
            _ => None,
        })
    }

    /// What it tells of a browser that asks for a path.
    pub(crate) fn get(&self, conn_id: i64) -> Bytes {
        get(&self.sender, conn_id)
    }
}

/// What a server tells of a browser that asks for a path.
fn get(sender: &str, conn_id: i64) -> Bytes {
    let headers: [(&[u8], &[&[u8]]); 7] = [
        (b"PATH", &[b"/"]),
        (b"VERSION", &[b"HTTP/1.1"]),
        (b"URI", &[b"/"]),
        (b"PATTERN", &[b"/"]),
        (b"URL_SCHEME", &[b"http"]),
        (b"REMOTE_ADDR", &[b"127.0.0.1"]),
        (b"METHOD", &[b"GET"]),
    ];
    let mut raw = BytesMut::new();
    let (sender, conn_id) = (sender.as_bytes(), ConnId(conn_id));
    encode_request(sender, conn_id, b"/", &headers, Dialect::Json, b"", &mut raw);
    raw.freeze()
}

pub(crate) fn add(sender: &str, send_spec: &Endpoint, recv_spec: &Endpoint) -> Command {
    let sender = Bytes::copy_from_slice(sender.as_bytes());
    Command::AddServer { sender, send_spec: send_spec.clone(), recv_spec: recv_spec.clone() }
}

fn at(listener: &TcpListener) -> Endpoint {
    format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap()
}

/// What a server says first.
pub(crate) fn greeting(side: Side) -> Vec<u8> {
    let subscription = match side {
        Side::Requests => Vec::new(),
        Side::Replies => wire::command("SUBSCRIBE", b""),
    };
    [wire::greeting(), wire::ready(side.socket_type()), subscription].concat()
}

/// Both links of a server that is up.
pub(crate) struct Both {
    pub(crate) requests: Peer,
    pub(crate) replies: Peer,
    pub(crate) life: u32,
}

impl Both {
    /// A browser asks, and is answered: the links are in order.
    pub(crate) fn asks(&mut self, trap: &Trap, conn_id: i64) {
        self.asks_as(&trap.sender, conn_id);
    }

    /// The same, for a server of this name.
    pub(crate) fn asks_as(&mut self, sender: &str, conn_id: i64) {
        self.requests.says(&wire::message(&[&get(sender, conn_id)]));
        let start = format!("{sender} {}:{conn_id}, ", conn_id.to_string().len());
        let end = Instant::now() + HUNG;
        loop {
            // Before it answers, the handler may ask either link for a proof that it is not half-open.
            assert!(self.requests.pongs() && self.replies.pongs(), "ended before the answer");
            if self.replies.has_heard(start.as_bytes()) {
                return;
            }
            assert!(Instant::now() < end, "no answer");
            thread::sleep(Duration::from_micros(200));
        }
    }
}

/// One stream to a handler, from a peer that does what the test does.
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    /// What was heard and not asked about.
    heard: Vec<u8>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(false).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(HUNG)).unwrap();
        stream.set_write_timeout(Some(HUNG)).unwrap();
        Self { stream, heard: Vec::new() }
    }

    /// Somebody who comes to a control socket.
    pub(crate) fn at(control: &Endpoint) -> Self {
        let address = control.to_string();
        let address: SocketAddr = address.strip_prefix("tcp://").unwrap().parse().unwrap();
        Self::new(TcpStream::connect(address).unwrap())
    }

    /// Says octets, as far as anybody takes them: whether all of them were taken.
    pub(crate) fn says(&mut self, octets: &[u8]) -> bool {
        match self.stream.write_all(octets) {
            Ok(()) => true,
            Err(error) => {
                assert!(!is_late(error.kind()), "nobody reads: {error}");
                false
            }
        }
    }

    /// Says one octet after the other, with a pause before each, as long as anybody takes them.
    pub(crate) fn drips(&mut self, octets: &[u8], pause: Duration) -> bool {
        octets.iter().all(|octet| {
            thread::sleep(pause);
            self.says(&[*octet])
        })
    }

    /// Says nothing more.
    pub(crate) fn ends(&self) {
        let _it_may_have_ended = self.stream.shutdown(Shutdown::Write);
    }

    /// Waits until the other end has ended the stream, whatever it says before.
    pub(crate) fn is_ended(&mut self) {
        let (mut octets, end) = (vec![0; 64 << 10], Instant::now() + HUNG);
        while matches!(self.stream.read(&mut octets), Ok(1..)) || self.is_open() {
            assert!(Instant::now() < end, "the stream was not ended");
        }
    }

    /// Whether the stream goes on, as far as one can tell without waiting. Forgets what it hears.
    pub(crate) fn is_open(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let mut octets = [0; 4096];
        let is_open = loop {
            match self.stream.read(&mut octets) {
                Ok(0) => break false,
                Ok(_) => {}
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.stream.set_nonblocking(false).unwrap();
        is_open
    }

    /// Answers the PINGs that have come so far (ZMTP 3.1, RFC 37). Whether the stream goes on.
    fn pongs(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let mut octets = [0; 4096];
        let is_open = loop {
            match self.stream.read(&mut octets) {
                Ok(0) => break false,
                Ok(count) => self.heard.extend_from_slice(&octets[..count]),
                Err(error) => break error.kind() == ErrorKind::WouldBlock,
            }
        };
        self.stream.set_nonblocking(false).unwrap();
        let (start, ttl_size, context_size) = (b"\x04\x0f\x04PING", 2, 8);
        let size = start.len() + ttl_size + context_size;
        while let Some(at) = self.heard.windows(start.len()).position(|octets| octets == start) {
            let Some(ping) = self.heard.get(at..at + size) else { break };
            let pong = wire::command("PONG", &ping[size - context_size..]);
            self.heard.drain(at..at + size);
            self.says(&pong);
        }
        is_open
    }

    /// Whether these octets have come; forgets what came up to them.
    fn has_heard(&mut self, wanted: &[u8]) -> bool {
        let found = self.heard.windows(wanted.len()).position(|octets| octets == wanted);
        if let Some(at) = found {
            self.heard.drain(..at + wanted.len());
        }
        found.is_some()
    }

    /// Waits until these octets have come, and forgets what came up to them.
    pub(crate) fn hears(&mut self, wanted: &[u8]) {
        let mut octets = [0; 64 << 10];
        loop {
            if self.has_heard(wanted) {
                return;
            }
            // Only the end can be the start of it.
            let useless = self.heard.len().saturating_sub(wanted.len() - 1);
            self.heard.drain(..useless);
            let count = self.stream.read(&mut octets).expect("octets in time");
            assert_ne!(count, 0, "ended before {:?}", wanted.escape_ascii().to_string());
            self.heard.extend_from_slice(&octets[..count]);
        }
    }
}

/// A peer that keeps to the rules as long as the test lets it.
pub(crate) struct Fair {
    pub(crate) peer: Peer,
    engine: Engine,
}

impl Fair {
    /// Somebody who comes to a control socket with a REQ, and has shaken hands.
    pub(crate) fn at(control: &Endpoint) -> Self {
        Self::over(Peer::at(control), SocketType::Req).expect("it shakes hands")
    }

    /// The same, where it may be refused.
    pub(crate) fn over(peer: Peer, socket_type: SocketType) -> Option<Self> {
        let mut fair = Self { peer, engine: Engine::new(socket_type, Limits::default()) };
        fair.flush();
        while !fair.engine.is_ready() {
            fair.receive()?;
        }
        fair.flush();
        Some(fair)
    }

    /// A request, with the empty frame before it that REQ writes.
    pub(crate) fn asks(&mut self, text: impl AsRef<[u8]>) -> Option<Bytes> {
        self.peer.says(&wire::message(&[b"", text.as_ref()]));
        self.hears_message().map(|message| message.frames().last().unwrap().bytes())
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) fn hears_message(&mut self) -> Option<Message> {
        loop {
            if let Some(Received::Message(message)) = self.receive()? {
                return Some(message);
            }
        }
    }

    /// What was received, or what comes when octets do; `None` within where these say nothing whole.
    fn receive(&mut self) -> Option<Option<Received>> {
        let received = self.engine.next().expect("the handler keeps to the rules");
        if let Some(Received::Ping { context, .. }) = &received {
            self.engine.pong(context);
        }
        self.flush();
        if received.is_some() {
            return Some(received);
        }
        let mut octets = vec![0; 64 << 10];
        match self.peer.stream.read(&mut octets) {
            Ok(0) => None,
            Ok(count) => {
                octets.truncate(count);
                self.engine.receive(octets.into());
                Some(None)
            }
            Err(error) => {
                assert!(!is_late(error.kind()), "nothing came in time");
                None
            }
        }
    }

    fn flush(&mut self) {
        if let Some(output) = self.engine.take_output() {
            self.peer.says(&output.into_bytes());
        }
    }
}

/// What the timeouts of a stream are told as, by one operating system or another.
fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
