//! One Mongrel2, and what its clients are told.

use std::collections::BTreeMap;

use tungstenite::protocol::frame::coding::CloseCode;

use crate::options::ServerOptions;
use crate::request::Request;
use crate::websocket::{self, Reaction};

pub(crate) struct Server {
    sender: String,
    pull: zmq::Socket,
    /// XPUB instead of PUB, since it tells when the server has subscribed: what is sent before is
    /// lost.
    publish: zmq::Socket,
    is_subscribed: bool,
    /// The open WebSockets, and how many ping rounds they have been silent for.
    sessions: BTreeMap<i64, u32>,
}

impl Server {
    pub(crate) fn connect(
        context: &zmq::Context,
        options: &ServerOptions,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let socket = |kind, address: &str| {
            let socket = context.socket(kind)?;
            socket.set_linger(1000)?;
            // Else a lost server would look subscribed, and replies to it would be kept.
            socket.set_immediate(true)?;
            socket.connect(address)?;
            Ok::<_, zmq::Error>(socket)
        };
        let explain = |address: &str, error| format!("cannot connect to {address}: {error}");
        let (pull, publish) = (&options.pull, &options.publish);
        [pull, publish].into_iter().try_for_each(|address| check_port(address))?;
        Ok(Self {
            sender: options.sender.clone(),
            pull: socket(zmq::PULL, pull).map_err(|error| explain(pull, error))?,
            publish: socket(zmq::XPUB, publish).map_err(|error| explain(publish, error))?,
            is_subscribed: false,
            sessions: BTreeMap::new(),
        })
    }

    pub(crate) fn poll_items(&self) -> impl Iterator<Item = zmq::PollItem<'_>> {
        let requests = self.is_subscribed.then(|| self.pull.as_poll_item(zmq::POLLIN));
        requests.into_iter().chain([self.publish.as_poll_item(zmq::POLLIN)])
    }

    /// Takes whatever has arrived.
    pub(crate) fn take_all(&mut self) -> Result<(), zmq::Error> {
        while let Some(subscription) = receive(&self.publish)? {
            self.is_subscribed = subscription.first() == Some(&1);
            if !self.is_subscribed {
                // The server has gone, and numbers its clients from 1 when it is back.
                self.sessions.clear();
            }
        }
        while self.is_subscribed {
            let Some(message) = receive(&self.pull)? else { break };
            match Request::parse(&message) {
                Some(request) => self.answer(&request)?,
                None => eprintln!("cannot read {}", message.escape_ascii()),
            }
        }
        Ok(())
    }

    /// Pings the sessions that were silent since the last round, closes those silent for two.
    pub(crate) fn ping_round(&mut self) -> Result<(), zmq::Error> {
        let mut gone = Vec::new();
        for (id, silent) in &mut self.sessions {
            *silent += 1;
            if *silent > 2 {
                gone.push(*id);
            }
        }
        for id in gone {
            self.close(id, CloseCode::Policy)?;
        }
        let ids: Vec<i64> = self.sessions.keys().copied().collect();
        ids.iter().try_for_each(|id| self.reply(*id, &websocket::ping()))
    }

    pub(crate) fn say_goodbye(&mut self) -> Result<(), zmq::Error> {
        let ids: Vec<i64> = self.sessions.keys().copied().collect();
        ids.iter().try_for_each(|id| self.close(*id, CloseCode::Away))
    }

    fn answer(&mut self, request: &Request) -> Result<(), zmq::Error> {
        if request.is_notice() {
            self.sessions.remove(&request.id);
            return Ok(());
        }
        match request.text("METHOD") {
            "WEBSOCKET_HANDSHAKE" => self.open(request),
            "WEBSOCKET" if request.header("FLAGS").is_some() => self.frame(request),
            _ => self.http(request),
        }
    }

    fn http(&self, request: &Request) -> Result<(), zmq::Error> {
        let method = request.text("METHOD");
        let line = format!("{method} {}\n", request.path).into_bytes();
        let body = if request.body.is_empty() { &line } else { &request.body };
        let mut reply =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        if method != "HEAD" {
            reply.extend(body);
        }
        self.reply(request.id, &reply)?;
        let wants_end = request.text("connection").eq_ignore_ascii_case("close");
        if request.text("VERSION") == "HTTP/1.0" || wants_end {
            self.reply(request.id, b"")?;
        }
        Ok(())
    }

    fn open(&mut self, request: &Request) -> Result<(), zmq::Error> {
        if request.text("sec-websocket-version") != "13" {
            self.reply(request.id, websocket::REFUSAL)?;
            return self.reply(request.id, b"");
        }
        self.sessions.insert(request.id, 0);
        self.reply(request.id, &websocket::acceptance(&request.body))
    }

    fn frame(&mut self, request: &Request) -> Result<(), zmq::Error> {
        let Some(silent) = self.sessions.get_mut(&request.id) else {
            return Ok(());
        };
        *silent = 0;
        match websocket::react(request.text("FLAGS"), &request.body) {
            Reaction::Nothing => Ok(()),
            Reaction::Send(frame) => self.reply(request.id, &frame),
            Reaction::Close(code) => self.close(request.id, code),
            Reaction::End(frame) => {
                self.sessions.remove(&request.id);
                self.reply(request.id, &frame)?;
                self.reply(request.id, b"")
            }
        }
    }

    fn close(&mut self, id: i64, code: CloseCode) -> Result<(), zmq::Error> {
        self.sessions.remove(&id);
        self.reply(id, &websocket::close(code))?;
        self.reply(id, b"")
    }

    /// `UUID SIZE:ID, BODY`
    fn reply(&self, id: i64, body: &[u8]) -> Result<(), zmq::Error> {
        let id = id.to_string();
        let mut message = format!("{} {}:{id}, ", self.sender, id.len()).into_bytes();
        message.extend(body);
        self.publish.send(message, 0)
    }
}

/// libzmq takes any port, and never connects.
fn check_port(address: &str) -> Result<(), String> {
    match address.strip_prefix("tcp://").and_then(|rest| rest.rsplit_once(':')) {
        Some((_, port)) if port.parse::<u16>().is_err() => Err(format!("no port in {address}")),
        _ => Ok(()),
    }
}

/// What has arrived, if anything.
fn receive(socket: &zmq::Socket) -> Result<Option<Vec<u8>>, zmq::Error> {
    match socket.recv_bytes(zmq::DONTWAIT) {
        Ok(message) => Ok(Some(message)),
        Err(zmq::Error::EAGAIN) => Ok(None),
        Err(error) => Err(error),
    }
}
