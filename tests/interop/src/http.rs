//! An HTTP client that sends the octets it is given, and reads replies strictly.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::PATIENCE;

/// One connection to a server.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// Received, not used up.
    buffer: Vec<u8>,
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A new connection.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
        stream.set_write_timeout(Some(PATIENCE)).expect("the time is not zero");
        stream.set_nodelay(true).expect("the stream is open");
        Self { stream, buffer: Vec::new() }
    }

    /// Sends octets as they are.
    pub fn send(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).expect("the server takes the octets");
    }

    /// Sends octets to a peer that may have gone already.
    pub fn send_regardless(&mut self, octets: &[u8]) {
        drop(self.stream.write_all(octets));
    }

    /// `GET path`, and its reply.
    pub fn get(&mut self, path: &str) -> Response {
        self.send(&request("GET", path, &[], b""));
        self.read_response()
    }

    /// `POST path`, and its reply.
    pub fn post(&mut self, path: &str, body: &[u8]) -> Response {
        self.send(&request("POST", path, &[], body));
        self.read_response()
    }

    /// `HEAD path`, and its reply, which has no body whatever its length says.
    pub fn head(&mut self, path: &str) -> Response {
        self.send(&request("HEAD", path, &[], b""));
        self.read_head().expect("the server replies")
    }

    /// The next reply, with its body.
    pub fn read_response(&mut self) -> Response {
        let mut response = self.read_head().expect("the server replies");
        self.read_body(&mut response);
        response
    }

    /// The next reply, if one begins within `patience`.
    pub fn try_read_response(&mut self, patience: Duration) -> Option<Response> {
        self.stream.set_read_timeout(Some(patience)).expect("the time is not zero");
        let head = self.read_head();
        self.stream.set_read_timeout(Some(PATIENCE)).expect("the time is not zero");
        let mut response = head?;
        self.read_body(&mut response);
        Some(response)
    }

    /// Whether nothing has come that was not taken, and the connection is open as far as can be seen.
    pub fn is_silent(&mut self) -> bool {
        self.stream.set_nonblocking(true).expect("the stream is open");
        let is_there = self.try_receive();
        self.stream.set_nonblocking(false).expect("the stream is open");
        is_there.is_none() && self.buffer.is_empty()
    }

    /// Checks that the server ends the connection, and has nothing more to say before.
    pub fn expect_end(&mut self) {
        while self.receive() {}
        assert!(self.buffer.is_empty(), "unexpected: {:?}", self.buffer.escape_ascii().to_string());
    }

    /// The next `count` octets, or `None` when the connection ends before.
    pub fn take(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < count {
            if !self.receive() {
                return None;
            }
        }
        Some(self.buffer.drain(..count).collect())
    }

    /// A head alone; `None` when the connection ends or the time is up before it begins.
    pub fn read_head(&mut self) -> Option<Response> {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.try_receive().unwrap_or(false) {
                assert!(self.buffer.is_empty(), "half a head: {}", self.buffer.escape_ascii());
                return None;
            }
        };
        let head: Vec<u8> = self.buffer.drain(..end).collect();
        Some(parse_head(std::str::from_utf8(&head).expect("a head of our handlers is text")))
    }

    fn read_body(&mut self, response: &mut Response) {
        response.body = match response.header("content-length") {
            Some(length) => {
                let length = length.parse().expect("the content-length is a number");
                self.take(length).expect("the body is as long as it says")
            }
            None => {
                while self.receive() {}
                std::mem::take(&mut self.buffer)
            }
        };
    }

    /// More octets into the buffer: `false` at the end of the connection.
    fn receive(&mut self) -> bool {
        self.try_receive().unwrap_or_else(|| panic!("nothing came within {PATIENCE:?}"))
    }

    /// The same, or `None` when the time is up.
    fn try_receive(&mut self) -> Option<bool> {
        let mut piece = vec![0; 65536];
        match self.stream.read(&mut piece) {
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Some(count > 0)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Some(false),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                None
            }
            Err(error) => panic!("cannot read: {error}"),
        }
    }
}

impl Response {
    /// The value of the first header of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_str())
    }

    /// Checks that this is what the echo handlers answer: 200 with `body`.
    pub fn expect_echo(&self, body: &[u8]) {
        assert_eq!(self.status, 200, "{self:?}");
        assert!(self.body == body, "{} octets are not {}", self.body.len(), body.len());
    }
}

/// The octets of a request with a `host`, and a `content-length` where it has a body.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut octets = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n").into_bytes();
    for (name, value) in headers {
        octets.extend(format!("{name}: {value}\r\n").into_bytes());
    }
    if !body.is_empty() {
        octets.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    octets.extend(b"\r\n");
    octets.extend(body);
    octets
}

/// What the echo handlers answer to a request without a body.
#[must_use]
pub fn line(method: &str, path: &str) -> Vec<u8> {
    format!("{method} {path}\n").into_bytes()
}

fn parse_head(head: &str) -> Response {
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let code = status_line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    let status = code.and_then(|digits| digits.parse().ok());
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':').expect("a header has a colon");
        (name.to_ascii_lowercase(), value.trim().to_owned())
    });
    Response {
        status: status.unwrap_or_else(|| panic!("no status line: {status_line:?}")),
        headers: headers.collect(),
        body: Vec::new(),
    }
}
