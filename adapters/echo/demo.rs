//! A conversation with a stand-in server: two browsers, one over HTTP, one over a WebSocket.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Sender, encode_request};
use mongrel2_transceiver::server::{Config, Event};
use mongrel2_transceiver::transceiver::Command as HandlerCommand;
use mongrel2_transceiver::websocket::handshake;

use super::options;

/// What is to be done about an event of the stand-in server.
pub(crate) enum Action {
    /// The handler is to serve the stand-in.
    Serve(HandlerCommand),
    /// The stand-in is to deliver this.
    Deliver(Bytes),
    /// Nothing.
    Wait,
    /// All went well: the handler is to stop.
    StopHandler,
    /// The handler has stopped.
    Finished,
    /// It did not.
    Failed(String),
}

/// The conversation, apart from all I/O.
pub(crate) struct Demo {
    sender: Sender,
    /// Which of [`STEPS`] is next, and then waits for its reply.
    step: usize,
}

/// One thing that a browser says, and how the reply to it starts.
struct Step {
    browser: i64,
    says: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    reply: &'static [u8],
}

impl Demo {
    /// The conversation, and the configuration of the stand-in server for it.
    ///
    /// # Errors
    /// Never, in fact: its sender is a good one.
    pub(crate) fn new(seed: u64) -> Result<(Self, Config), String> {
        let sender = Sender::new("stand-in").map_err(|error| error.to_string())?;
        let mut config = Config::new(sender.clone()).on_free_ports();
        config.seed = seed;
        Ok((Self { sender, step: 0 }, config))
    }

    pub(crate) fn on_event(&mut self, event: Event) -> Action {
        match event {
            Event::Listening { send_spec, recv_spec } => {
                println!("stand-in server: requests at {send_spec}, replies at {recv_spec}");
                let sender = self.sender.clone();
                Action::Serve(options::Server { sender, send_spec, recv_spec }.into_command())
            }
            Event::Handlers { requests: 1.., replies: 1.. } if self.step == 0 => self.say(),
            Event::Handlers { requests: 0, replies: 0 } if self.step == STEPS.len() => {
                println!("all as it should be; --help says how to serve a real Mongrel2");
                Action::Finished
            }
            Event::Reply { conn_id, body, .. } => self.hear(conn_id, &body),
            Event::ListenFailed { endpoint, cause } => {
                Action::Failed(format!("the stand-in server cannot bind {endpoint}: {cause}"))
            }
            Event::Malformed { error } => Action::Failed(format!("a malformed reply: {error}")),
            _ => Action::Wait,
        }
    }

    fn say(&self) -> Action {
        let Some(step) = STEPS.get(self.step) else { return Action::StopHandler };
        println!("browser {} ->  {}", step.browser, step.says);
        Action::Deliver(self.encode(step))
    }

    fn hear(&mut self, conn_id: ConnId, body: &Bytes) -> Action {
        println!("browser {conn_id} <-  {}", describe(body));
        let Some(step) = STEPS.get(self.step) else { return Action::Wait };
        let is_expected = body.starts_with(step.reply) && body.is_empty() == step.reply.is_empty();
        if conn_id != ConnId(step.browser) || !is_expected {
            return Action::Failed(format!("expected {}", describe(step.reply)));
        }
        self.step += 1;
        match STEPS.get(self.step) {
            // The close frame comes back first, then the end of the connection.
            Some(next) if next.says.is_empty() => Action::Wait,
            _ => self.say(),
        }
    }

    fn encode(&self, step: &Step) -> Bytes {
        let values: Vec<[&[u8]; 1]> = FROM_THE_SERVER
            .iter()
            .chain(step.headers)
            .map(|(_, value)| [value.as_bytes()])
            .collect();
        let names = FROM_THE_SERVER.iter().chain(step.headers).map(|(name, _)| name.as_bytes());
        let headers: Vec<(&[u8], &[&[u8]])> =
            names.zip(&values).map(|(name, value)| (name, &value[..])).collect();
        let accept = handshake::accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
        let body = if step.body == HANDSHAKE { &accept } else { step.body };
        let (sender, conn_id) = (self.sender.as_bytes(), ConnId(step.browser));
        let mut raw = BytesMut::new();
        encode_request(sender, conn_id, b"/hello", &headers, Dialect::Json, body, &mut raw);
        raw.freeze()
    }
}

/// One line about octets that a browser got.
fn describe(octets: &[u8]) -> String {
    if octets.is_empty() {
        return "(the connection is ended)".to_owned();
    }
    octets.escape_ascii().to_string()
}

/// What Mongrel2 puts into every request.
const FROM_THE_SERVER: [(&str, &str); 6] = [
    ("PATH", "/hello"),
    ("VERSION", "HTTP/1.1"),
    ("URI", "/hello"),
    ("PATTERN", "/"),
    ("URL_SCHEME", "http"),
    ("REMOTE_ADDR", "127.0.0.1"),
];

/// Stands for the accept key, which Mongrel2 works out.
const HANDSHAKE: &[u8] = b"(accept key)";

const STEPS: [Step; 8] = [
    Step {
        browser: 1,
        says: "GET /hello",
        headers: &[("METHOD", "GET"), ("host", "localhost")],
        body: b"",
        reply: b"HTTP/1.1 200 OK\r\n",
    },
    Step {
        browser: 1,
        says: "POST /hello, 'Good morning'",
        headers: &[("METHOD", "POST"), ("host", "localhost"), ("content-length", "12")],
        body: b"Good morning",
        reply: b"HTTP/1.1 200 OK\r\n",
    },
    Step {
        browser: 2,
        says: "opening handshake of a WebSocket",
        headers: &[("METHOD", "WEBSOCKET_HANDSHAKE"), ("sec-websocket-version", "13")],
        body: HANDSHAKE,
        reply: b"HTTP/1.1 101 Switching Protocols\r\n",
    },
    Step {
        browser: 2,
        says: "text 'Hello, world'",
        headers: &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x81")],
        body: b"Hello, world",
        reply: b"\x81\x0cHello, world",
    },
    Step {
        browser: 2,
        says: "binary 01 02 03",
        headers: &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x82")],
        body: b"\x01\x02\x03",
        reply: b"\x82\x03\x01\x02\x03",
    },
    Step {
        browser: 2,
        says: "ping 'still there?'",
        headers: &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x89")],
        body: b"still there?",
        reply: b"\x8a\x0cstill there?",
    },
    Step {
        browser: 2,
        says: "close 1000 'bye'",
        headers: &[("METHOD", "WEBSOCKET"), ("FLAGS", "0x88")],
        body: b"\x03\xe8bye",
        reply: b"\x88\x05\x03\xe8bye",
    },
    // Nothing more is said: the end of the connection answers the close, too.
    Step { browser: 2, says: "", headers: &[], body: b"", reply: b"" },
];
