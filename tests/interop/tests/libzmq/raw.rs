//! A hand-made peer: octets as a test wants them, over TCP.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use interop::PATIENCE;

pub(crate) struct Raw {
    stream: TcpStream,
}

/// What a peer announces in its greeting.
pub(crate) type Version = (u8, u8);

impl Raw {
    /// Connects to an address of ours.
    pub(crate) fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address.strip_prefix("tcp://").unwrap()).unwrap())
    }

    /// The next of our sockets that connects there.
    pub(crate) fn accept(listener: &TcpListener) -> Self {
        Self::over(listener.accept().unwrap().0)
    }

    fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    pub(crate) fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).unwrap();
    }

    /// Sends the greeting of a version with the NULL mechanism.
    pub(crate) fn send_greeting(&mut self, version: Version) {
        let mut greeting = [0; 64];
        greeting[0] = 0xFF;
        greeting[9] = 0x7F;
        (greeting[10], greeting[11]) = version;
        greeting[12..16].copy_from_slice(b"NULL");
        self.send(&greeting);
    }

    pub(crate) fn send_ready(&mut self, socket_type: &str) {
        self.send_frame(COMMAND, &ready(socket_type));
    }

    /// Sends a short frame.
    pub(crate) fn send_frame(&mut self, flags: u8, body: &[u8]) {
        let size = u8::try_from(body.len()).expect("a short frame");
        self.send(&[&[flags, size], body].concat());
    }

    /// Reads our greeting, which is the same for all.
    #[track_caller]
    pub(crate) fn expect_greeting(&mut self) {
        let mut greeting = [0; 64];
        self.stream.read_exact(&mut greeting).unwrap();
        assert_eq!(greeting[..16], *b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL");
        assert_eq!(greeting[16..], [0; 48]);
    }

    /// Reads our READY, which may say more than the type.
    #[track_caller]
    pub(crate) fn expect_ready(&mut self, socket_type: &str) {
        let (flags, body) = self.read_frame();
        assert_eq!(flags, COMMAND);
        assert!(body.starts_with(&ready(socket_type)), "{}", body.escape_ascii());
    }

    #[track_caller]
    pub(crate) fn expect_frame(&mut self, flags: u8, body: &[u8]) {
        let found = self.read_frame();
        assert_eq!(found, (flags, body.to_vec()), "expected {}", body.escape_ascii());
    }

    /// Reads a short frame.
    #[track_caller]
    fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head).unwrap();
        let mut body = vec![0; usize::from(head[1])];
        self.stream.read_exact(&mut body).unwrap();
        (head[0], body)
    }

    /// Waits for the end of the stream: in order or by a reset, after octets or none.
    pub(crate) fn expect_end(&mut self) {
        let mut rest = Vec::new();
        if let Err(error) = self.stream.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
}

/// A READY that says the type alone.
fn ready(socket_type: &str) -> Vec<u8> {
    let length = u8::try_from(socket_type.len()).expect("types are short");
    [b"\x05READY\x0bSocket-Type\0\0\0", &[length][..], socket_type.as_bytes()].concat()
}

pub(crate) const LAST: u8 = 0;
pub(crate) const MORE: u8 = 1;
pub(crate) const COMMAND: u8 = 4;
