//! The real Mongrel2, with a handler that keeps what it is sent and never answers.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use interop::mongrel2::Config;
use interop::{Mongrel2, PATIENCE, Protocol};
use mongrel2_transceiver::client::Origin;
use mongrel2_transceiver::mongrel2::{Dialect, Request, Sender};
use mongrel2_transceiver::socket::{self, Command, Event, Socket};
use mongrel2_transceiver::zmtp::SocketType;
use mongrel2_transceiver_threads::Driver;

pub(crate) struct Server {
    mongrel2: Mongrel2,
    pull: Driver<Socket>,
    dialect: Dialect,
}

/// How the browser's end of the connection comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It leaves once everything has been handed over.
    Leaves,
    /// The server ends it.
    IsEnded,
}

impl Server {
    pub(crate) fn start(protocol: Protocol) -> Self {
        let mongrel2 = Mongrel2::start_with(Config { protocol, ..Config::default() });
        let config = socket::Config::new(SocketType::Pull);
        let mut pull = Driver::new(Socket::new(Instant::now(), config)).unwrap();
        pull.submit(Command::Connect(mongrel2.send_spec().parse().unwrap())).unwrap();
        let dialect = match protocol {
            Protocol::Json => Dialect::Json,
            Protocol::Tnetstring => Dialect::Tnetstring,
        };
        Self { mongrel2, pull, dialect }
    }

    /// What a client is to know of the server, where `pattern` leads to the handler.
    pub(crate) fn origin(&self, pattern: &'static str) -> Origin {
        let sender = Bytes::copy_from_slice(self.mongrel2.sender().as_bytes());
        let mut origin = Origin::new(Sender::new(sender).unwrap());
        origin.dialect = self.dialect;
        origin.pattern = pattern.into();
        origin
    }

    /// All messages of one connection, with the notice at its end.
    pub(crate) fn send(&mut self, octets: &[u8], end: (End, usize)) -> Vec<Bytes> {
        let (end, count) = end;
        let mut stream = TcpStream::connect(self.mongrel2.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(octets).unwrap();
        let mut messages: Vec<Bytes> = (0..count).map(|_| self.next()).collect();
        if end == End::Leaves {
            stream.shutdown(Shutdown::Both).unwrap();
        }
        messages.push(self.next());
        messages
    }

    /// Whether the server hands nothing over of these octets: then the next message is that of
    /// another browser.
    pub(crate) fn keeps_to_itself(&mut self, octets: &[u8]) -> bool {
        let mut stream = TcpStream::connect(self.mongrel2.address()).unwrap();
        stream.write_all(octets).unwrap();
        // It has looked at them once it answers or ends the connection.
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let answer = std::io::Read::read(&mut stream, &mut [0; 1024]);
        assert!(!matches!(&answer, Err(error) if is_late(error)), "{answer:?}");
        drop(stream);
        let marked = self.send(b"GET /mark HTTP/1.1\r\nHost: x\r\n\r\n", (End::Leaves, 1));
        let first = Request::parse(marked[0].clone()).unwrap();
        if first.path() == b"/mark" {
            return true;
        }
        // What it did hand over, and the notices of both.
        self.next();
        false
    }

    fn next(&mut self) -> Bytes {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(Event::Message { message, .. }) = self.pull.next_event(Some(TURN)).unwrap()
            {
                return message.frames().next().unwrap().bytes();
            }
        }
        panic!("no message came within {PATIENCE:?}; {}", self.mongrel2.log());
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

const TURN: Duration = Duration::from_millis(100);
