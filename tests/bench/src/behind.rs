//! A handler behind the real Mongrel2 with browsers in front: how much, and at which cost for the handler.

use std::env;
use std::net::TcpStream;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use interop::http::request;
use interop::mongrel2::{Config, Mongrel2};
use interop::websocket;

use crate::cpu;
use crate::handlers::HELLO;
use crate::load::{self, Talk};
use crate::works::Figure;

/// The first word of all that the server says.
pub(crate) const SENDER: &str = "bench-server";

/// Who talks to the server, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    browsers: usize,
    /// The octets of a WebSocket message; `None` over HTTP.
    echo: Option<usize>,
}

pub(crate) const HTTP: Front = Front { browsers: 32, echo: None };
pub(crate) const ECHO_64: Front = Front { browsers: 64, echo: Some(64) };
pub(crate) const ECHO_16000: Front = Front { browsers: 64, echo: Some(16_000) };

/// How long browsers talk.
const TIME: Duration = Duration::from_secs(4);

/// The rate of answers, and the microseconds of CPU that the handler took for each.
pub(crate) fn measure(entry: &str, front: Front, scale: f64) -> Result<Vec<Figure>, String> {
    let server = Mongrel2::start_with(config());
    let handler = Handler::start(entry, &server)?;
    server.wait_until_served();
    let talk = front.talk();
    let time = TIME.mul_f64(scale);
    // All are warm: what is measured comes second.
    load::run(server.address(), front.browsers, &talk, time / 8)?;
    let before = cpu::used_by(handler.0.id())?;
    let begin = Instant::now();
    let answers = load::run(server.address(), front.browsers, &talk, time)?;
    let took = begin.elapsed();
    let used = cpu::used_by(handler.0.id())? - before;
    Ok(vec![
        Figure::new("rate", answers as f64 / took.as_secs_f64()),
        Figure::new("cpu", used.as_secs_f64() * 1e6 / answers.max(1) as f64),
    ])
}

/// A server that spends nothing on logs, and ends nobody for what its statistics say.
fn config() -> Config {
    let settings = [
        ("zeromq.threads", 1),
        ("disable.access_logging", 1),
        ("limits.min_ping", 0),
        ("limits.min_read_rate", 0),
        ("limits.min_write_rate", 0),
        ("limits.kill_limit", 0),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Config { sender: SENDER.to_owned(), settings, ..Config::default() }
}

impl Front {
    fn talk(self) -> Talk {
        let Some(size) = self.echo else {
            let question = request("GET", "/", &[], b"");
            return Talk { first: None, question, answer: HELLO.to_vec(), is_websocket: false };
        };
        let text = vec![b'x'; size];
        Talk {
            first: Some((websocket::handshake("13"), b"\r\n\r\n")),
            question: websocket::encode(0x81, &text, Some([0; 4])),
            answer: websocket::encode(0x81, &text, None),
            is_websocket: true,
        }
    }
}

/// This program as a handler. Ended when dropped.
struct Handler(Child);

impl Handler {
    fn start(stack: &str, server: &Mongrel2) -> Result<Self, String> {
        // Who writes ZMTP by hand tries once.
        for endpoint in [server.send_spec(), server.recv_spec()] {
            wait_for(endpoint.trim_start_matches("tcp://"))?;
        }
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let handler = Command::new(program)
            .args(["--handler", stack, &server.send_spec(), &server.recv_spec()])
            .spawn()
            .map_err(|error| format!("the handler cannot be started: {error}"))?;
        Ok(Self(handler))
    }
}

impl Drop for Handler {
    fn drop(&mut self) {
        let _it_has_ended_by_itself = self.0.kill();
        let _nobody_waits = self.0.wait();
    }
}

/// Waits until somebody listens there.
fn wait_for(address: &str) -> Result<(), String> {
    for _ in 0..1000 {
        if TcpStream::connect(address).is_ok() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(10));
    }
    Err(format!("nobody listens at {address}"))
}
