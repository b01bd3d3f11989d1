//! Browsers that ask the next thing as soon as they are answered, all in one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use interop::websocket;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// What each of them says, and is to hear.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    /// What is said before all else, with the end of what is heard then.
    pub(crate) first: Option<(Vec<u8>, &'static [u8])>,
    pub(crate) question: Vec<u8>,
    pub(crate) answer: Vec<u8>,
    /// Whether pings may come between (RFC 6455 5.5.2).
    pub(crate) is_websocket: bool,
}

/// How many answers came within the time, each of them as it was to be.
pub(crate) fn run(
    address: SocketAddr,
    browsers: usize,
    talk: &Talk,
    time: Duration,
) -> Result<usize, String> {
    let mut all: Vec<_> =
        (0..browsers).map(|_| Browser::new(address, talk)).collect::<Result<_, _>>()?;
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    for (number, browser) in all.iter_mut().enumerate() {
        let registry = poll.registry();
        registry
            .register(&mut browser.stream, Token(number), Interest::READABLE)
            .map_err(|error| error.to_string())?;
        browser.say(&talk.question)?;
    }
    let mut events = Events::with_capacity(browsers);
    let end = Instant::now() + time;
    let mut answers = 0;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    {
        poll.poll(&mut events, Some(left)).map_err(|error| error.to_string())?;
        for event in &events {
            answers += all[event.token().0].hear(talk)?;
        }
    }
    Ok(answers)
}

struct Browser {
    stream: TcpStream,
    octets: Vec<u8>,
    /// How many of them were heard.
    count: usize,
}

impl Browser {
    /// One whose first word was answered.
    fn new(address: SocketAddr, talk: &Talk) -> Result<Self, String> {
        let mut stream =
            std::net::TcpStream::connect(address).map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        if let Some((first, end)) = &talk.first {
            stream.write_all(first).map_err(|error| error.to_string())?;
            let mut heard = Vec::new();
            while !heard.ends_with(end) {
                let mut octet = [0];
                stream.read_exact(&mut octet).map_err(|error| format!("handshake: {error}"))?;
                heard.push(octet[0]);
            }
        }
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        // Room for an answer and a ping on either side.
        let octets = vec![0; talk.answer.len() + 256];
        Ok(Self { stream: TcpStream::from_std(stream), octets, count: 0 })
    }

    /// Reads until there is nothing more: how many answers came.
    fn hear(&mut self, talk: &Talk) -> Result<usize, String> {
        let mut answers = 0;
        loop {
            match self.stream.read(&mut self.octets[self.count..]) {
                Ok(0) => return Err("the server ended a connection".to_owned()),
                Ok(more) => self.count += more,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(answers),
                Err(error) => return Err(format!("a connection failed: {error}")),
            }
            let is_full = self.count == self.octets.len();
            while self.take_ping(talk)? {}
            if self.count >= talk.answer.len() {
                if self.octets[..talk.answer.len()] != talk.answer {
                    return Err(format!(
                        "wrong: {:?}",
                        self.octets[..self.count].escape_ascii().to_string()
                    ));
                }
                self.drop(talk.answer.len());
                answers += 1;
                while self.take_ping(talk)? {}
                self.say(&talk.question)?;
            }
            if !is_full {
                // What comes from now on is told of.
                return Ok(answers);
            }
        }
    }

    /// Answers a ping if that is what was heard first. Whether it was.
    fn take_ping(&mut self, talk: &Talk) -> Result<bool, String> {
        let ping = self.octets[..self.count].split_first_chunk::<2>();
        let Some(([0x89, size], rest)) = ping.filter(|_| talk.is_websocket) else {
            return Ok(false);
        };
        let Some(payload) = rest.get(..usize::from(*size)) else { return Ok(false) };
        let pong = websocket::encode(0x8A, payload, Some([0; 4]));
        let size = 2 + payload.len();
        self.drop(size);
        self.say(&pong)?;
        Ok(true)
    }

    fn drop(&mut self, count: usize) {
        self.octets.copy_within(count..self.count, 0);
        self.count -= count;
    }

    /// One question is under way at a time, for which there is always room.
    fn say(&mut self, octets: &[u8]) -> Result<(), String> {
        self.stream
            .write_all(octets)
            .map_err(|error| format!("a connection takes nothing: {error}"))
    }
}
