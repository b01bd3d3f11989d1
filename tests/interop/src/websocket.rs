//! WebSocket clients: tungstenite, and a raw one for what tungstenite will not do.

use std::net::{SocketAddr, TcpStream};

use tungstenite::{Message, WebSocket};

use crate::PATIENCE;
use crate::http::{Client, Response, request};

/// An open WebSocket of tungstenite's, which answers pings and closes whenever it reads.
///
/// # Panics
/// When it is not opened.
#[must_use]
pub fn connect(address: SocketAddr) -> WebSocket<TcpStream> {
    connect_at(address, "/chat")
}

/// The same at another path, which may have a query.
///
/// # Panics
/// When it is not opened.
#[must_use]
pub fn connect_at(address: SocketAddr, path: &str) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("the server accepts");
    stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
    stream.set_nodelay(true).expect("the stream is open");
    let (socket, response) = tungstenite::client(format!("ws://{address}{path}"), stream)
        .unwrap_or_else(|error| panic!("the WebSocket is not opened: {error}"));
    assert_eq!(response.status().as_u16(), 101);
    socket
}

/// The next message that is no ping of the handler's, which reading answers.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn read_message(socket: &mut WebSocket<TcpStream>) -> Message {
    let mut messages = std::iter::repeat_with(|| socket.read().expect("there is more"));
    messages.find(|message| !message.is_ping()).expect("the iterator does not end")
}

/// A WebSocket that does nothing by itself: it answers no ping, unless it is told to, and no close.
#[derive(Debug)]
pub struct RawSocket {
    client: Client,
}

/// A frame as it was received.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// FIN, the reserved bits and the opcode.
    pub first: u8,
    /// The payload.
    pub payload: Vec<u8>,
}

impl RawSocket {
    /// An open one.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let (socket, response) = Self::offer(address, "13");
        assert_eq!(response.status, 101, "{response:?}");
        assert_eq!(response.header("sec-websocket-accept"), Some(ACCEPT));
        socket
    }

    /// Sends an opening handshake of the given version, and reads the head of the answer.
    #[must_use]
    pub fn offer(address: SocketAddr, version: &str) -> (Self, Response) {
        let mut client = Client::connect(address);
        client.send(&handshake(version));
        let response = client.read_head().expect("the handshake is answered");
        (Self { client }, response)
    }

    /// Sends one masked frame. `first` holds FIN, the reserved bits and the opcode.
    pub fn send(&mut self, first: u8, payload: &[u8]) {
        self.client.send_regardless(&encode(first, payload, Some(MASK)));
    }

    /// Sends one frame without the mask that every client must use.
    pub fn send_unmasked(&mut self, first: u8, payload: &[u8]) {
        self.client.send_regardless(&encode(first, payload, None));
    }

    /// Sends octets as they are.
    pub fn send_octets(&mut self, octets: &[u8]) {
        self.client.send_regardless(octets);
    }

    /// The next frame, or `None` at the end of the connection.
    pub fn read(&mut self) -> Option<Frame> {
        let head = self.client.take(2)?;
        assert!(head[1] < 128, "a server sends without a mask");
        let length = match head[1] {
            126 => self.number(2)?,
            127 => self.number(8)?,
            short => u64::from(short),
        };
        let length = usize::try_from(length).expect("lengths of our handlers fit");
        Some(Frame { first: head[0], payload: self.client.take(length)? })
    }

    /// The next frame that is no ping of the handler's.
    pub fn read_past_pings(&mut self) -> Option<Frame> {
        std::iter::from_fn(|| self.read()).find(|frame| frame.first != PING)
    }

    /// The next frame that is no ping of the handler's, each of which is answered.
    pub fn read_answering_pings(&mut self) -> Option<Frame> {
        loop {
            let frame = self.read()?;
            if frame.first != PING {
                return Some(frame);
            }
            self.send(PONG, &frame.payload);
        }
    }

    /// Whether nothing has come that was not read, and the connection is open as far as can be seen.
    pub fn is_silent(&mut self) -> bool {
        self.client.is_silent()
    }

    /// Checks that the next frame is a close with this code, and that the connection ends there.
    pub fn expect_close(&mut self, code: u16) {
        let frame = self.read_past_pings().expect("a close frame comes before the end");
        assert_eq!(frame.close_code(), Some(code), "{frame:?}");
        self.expect_end();
    }

    /// Takes all frames up to the end of the connection.
    pub fn read_to_end(&mut self) {
        while self.read().is_some() {}
    }

    /// Takes the body of a refusal.
    pub fn skip(&mut self, octets: usize) {
        self.client.take(octets).expect("the body is as long as it says");
    }

    /// Checks that the server ends the connection, and sends nothing more before.
    pub fn expect_end(&mut self) {
        self.client.expect_end();
    }

    fn number(&mut self, octets: usize) -> Option<u64> {
        let octets = self.client.take(octets)?;
        Some(octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet)))
    }
}

impl Frame {
    /// The code of a close frame.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        let code = self.payload.first_chunk().filter(|_| self.first == CLOSE)?;
        Some(u16::from_be_bytes(*code))
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = &self.payload[..self.payload.len().min(32)];
        write!(f, "{:#x} {} octets \"{}\"", self.first, self.payload.len(), shown.escape_ascii())
    }
}

/// The octets of an opening handshake (RFC 6455 4.1).
#[must_use]
pub fn handshake(version: &str) -> Vec<u8> {
    let headers = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-key", KEY),
        ("sec-websocket-version", version),
    ];
    request("GET", "/chat", &headers, b"")
}

/// The octets of one frame (RFC 6455 5.2).
#[must_use]
pub fn encode(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut octets = vec![first];
    match payload.len() {
        length @ ..126 => octets.push(masked | u8::try_from(length).expect("below 126")),
        length @ ..65536 => {
            octets.push(masked | 126);
            octets.extend(u16::try_from(length).expect("below 65536").to_be_bytes());
        }
        length => {
            octets.push(masked | 127);
            octets.extend((length as u64).to_be_bytes());
        }
    }
    octets.extend(mask.unwrap_or_default().into_iter().filter(|_| mask.is_some()));
    let key = mask.unwrap_or_default().into_iter().cycle();
    octets.extend(payload.iter().zip(key).map(|(octet, key)| octet ^ key));
    octets
}

/// A whole text message.
pub const TEXT: u8 = 0x81;
/// A whole binary message.
pub const BINARY: u8 = 0x82;
/// A close frame.
pub const CLOSE: u8 = 0x88;
/// A ping.
pub const PING: u8 = 0x89;
/// A pong.
pub const PONG: u8 = 0x8A;

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
/// The example of RFC 6455 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
