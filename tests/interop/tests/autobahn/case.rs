//! A case: what a client sends, what it hears, and how it ends.

use interop::Mongrel2;
use interop::http::line;
use interop::process::report;
use interop::websocket::{CLOSE, Frame, RawSocket, encode};

/// One case, put together by the methods from [`new`](Self::new) on.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its number in the suite.
    pub(crate) name: String,
    chop: Chop,
    steps: Vec<Step>,
    pub(crate) end: End,
}

#[derive(Debug)]
enum Step {
    /// The octets of a frame, or a part of them.
    Send(Vec<u8>),
    /// This comes, and nothing before it.
    Hear(Frame),
    /// Nothing has come, though the handler has meanwhile answered somebody else.
    Silence,
}

/// How the octets between two other steps are cut into writes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chop {
    /// All in one.
    Gathered,
    /// Each frame is one.
    Frames,
    /// So many octets each.
    Octets(usize),
}

/// How a case ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The client closes with 1000, hears the same, and the connection is ended.
    Normal,
    /// The client has sent its close frame; one with this payload comes back, and the connection is
    /// ended.
    Answered(Vec<u8>),
    /// The handler closes with this code, and the connection is ended.
    Failed(u16),
    /// The server ends the connection, without a close frame. These may have come before, the first
    /// ones of them at least.
    Dropped(Vec<Frame>),
}

impl Case {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), chop: Chop::Gathered, steps: Vec::new(), end: End::Normal }
    }

    pub(crate) fn chop(mut self, chop: Chop) -> Self {
        self.chop = chop;
        self
    }

    /// Octets as they are.
    pub(crate) fn octets(mut self, octets: &[u8]) -> Self {
        self.steps.push(Step::Send(octets.to_vec()));
        self
    }

    /// A masked frame; `first` holds FIN, the reserved bits and the opcode.
    pub(crate) fn send(self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.octets(&encode(first, payload.as_ref(), Some(MASK)))
    }

    /// A message in fragments.
    pub(crate) fn fragments<'a, I>(mut self, first: u8, fragments: I) -> Self
    where
        I: IntoIterator<Item = &'a [u8]>,
    {
        let mut fragments = fragments.into_iter().peekable();
        let mut opcode = first & !FIN;
        while let Some(fragment) = fragments.next() {
            let fin = if fragments.peek().is_none() { FIN } else { 0 };
            self = self.send(fin | opcode, fragment);
            opcode = CONTINUATION;
        }
        self
    }

    pub(crate) fn hear(mut self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Hear(frame(first, payload.as_ref())));
        self
    }

    /// A message that comes back.
    pub(crate) fn echo(self, first: u8, payload: impl AsRef<[u8]>) -> Self {
        self.send(first, payload.as_ref()).hear(first, payload)
    }

    pub(crate) fn silence(mut self) -> Self {
        self.steps.push(Step::Silence);
        self
    }

    pub(crate) fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    /// Plays the client.
    pub(crate) fn run(&self, server: &Mongrel2) {
        report("case", &self.name);
        let mut socket = RawSocket::connect(server.address());
        let mut pending = Vec::new();
        for step in &self.steps {
            match step {
                Step::Send(octets) => pending.push(&octets[..]),
                Step::Hear(expected) => {
                    self.write(&mut pending, &mut socket);
                    assert_eq!(socket.read_answering_pings().as_ref(), Some(expected));
                }
                Step::Silence => {
                    self.write(&mut pending, &mut socket);
                    server.client().get("/meanwhile").expect_echo(&line("GET", "/meanwhile"));
                    assert!(socket.is_silent(), "something came already");
                }
            }
        }
        self.write(&mut pending, &mut socket);
        self.end.check(&mut socket);
    }

    /// Everything that it sends, cut as it is to be written.
    pub(crate) fn writes(&self) -> Vec<Vec<u8>> {
        let sent = self.steps.iter().filter_map(|step| match step {
            Step::Send(octets) => Some(&octets[..]),
            Step::Hear(_) | Step::Silence => None,
        });
        self.chop.cut(&sent.collect::<Vec<_>>())
    }

    fn write(&self, pending: &mut Vec<&[u8]>, socket: &mut RawSocket) {
        for piece in self.chop.cut(pending) {
            socket.send_octets(&piece);
        }
        pending.clear();
    }
}

impl Chop {
    fn cut(self, frames: &[&[u8]]) -> Vec<Vec<u8>> {
        match self {
            Self::Gathered => vec![frames.concat()],
            Self::Frames => frames.iter().map(|frame| frame.to_vec()).collect(),
            Self::Octets(count) => frames.concat().chunks(count).map(<[u8]>::to_vec).collect(),
        }
    }
}

impl End {
    /// The client closed with this code alone, and hears the same.
    pub(crate) fn answered(code: u16) -> Self {
        Self::Answered(code.to_be_bytes().to_vec())
    }

    fn check(&self, socket: &mut RawSocket) {
        let expected = match self {
            Self::Normal => {
                let payload = 1000_u16.to_be_bytes();
                socket.send(CLOSE, &payload);
                frame(CLOSE, &payload)
            }
            Self::Answered(payload) => frame(CLOSE, payload),
            Self::Failed(code) => frame(CLOSE, &code.to_be_bytes()),
            Self::Dropped(before) => {
                let heard: Vec<Frame> =
                    std::iter::from_fn(|| socket.read_answering_pings()).collect();
                assert!(before.starts_with(&heard), "{heard:?}");
                return;
            }
        };
        assert_eq!(socket.read_answering_pings(), Some(expected));
        socket.expect_end();
    }
}

pub(crate) fn frame(first: u8, payload: &[u8]) -> Frame {
    Frame { first, payload: payload.to_vec() }
}

/// The last frame of a message (RFC 6455 5.2).
pub(crate) const FIN: u8 = 0x80;
/// The opcode of a frame that goes on with a message (RFC 6455 5.2).
pub(crate) const CONTINUATION: u8 = 0x00;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
