//! A stand-in Mongrel2 with browsers that ask without end.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Sender, encode_request};
use mongrel2_transceiver::server::{Command, Config, Event, Refused, Server};

use super::Next;
use super::options::Options;

/// The browsers.
pub(crate) struct Browsers {
    sender: Sender,
    asked: i64,
}

pub(crate) fn new(seed: u64, options: &Options) -> (Server, Browsers) {
    let mut config = Config::new(options.sender.clone());
    config.seed = seed;
    config.send_spec = options.send_spec.clone();
    config.recv_spec = options.recv_spec.clone();
    let browsers = Browsers { sender: options.sender.clone(), asked: 0 };
    (Server::new(Instant::now(), config), browsers)
}

impl Browsers {
    /// The next one asks.
    pub(crate) fn ask(&mut self, submit: impl FnOnce(Command) -> Result<(), Refused>) {
        self.asked += 1;
        if let Err(refused) = submit(Command::Deliver(self.request())) {
            println!("browser {} goes away: {refused}", self.asked);
        }
    }

    pub(crate) fn on_event(event: Event) -> Next {
        match event {
            Event::Listening { send_spec, recv_spec } => {
                println!("requests at {send_spec}, replies at {recv_spec}");
            }
            Event::Reply { conn_id, body, .. } if !body.is_empty() => {
                let text = String::from_utf8_lossy(&body);
                println!("browser {conn_id} <- {}", text.lines().last().unwrap_or_default());
            }
            Event::ListenFailed { endpoint, cause } => {
                return Next::Failed(format!("cannot bind {endpoint}: {cause}"));
            }
            Event::Stopped => return Next::Stopped,
            _ => {}
        }
        Next::Go
    }

    fn request(&self) -> Bytes {
        let path = format!("/{}", self.asked);
        let headers: [(&[u8], &[&[u8]]); 7] = [
            (b"PATH", &[path.as_bytes()]),
            (b"METHOD", &[b"GET"]),
            (b"VERSION", &[b"HTTP/1.1"]),
            (b"URI", &[path.as_bytes()]),
            (b"PATTERN", &[b"/"]),
            (b"URL_SCHEME", &[b"http"]),
            (b"REMOTE_ADDR", &[b"127.0.0.1"]),
        ];
        let (sender, conn_id) = (self.sender.as_bytes(), ConnId(self.asked));
        let mut raw = BytesMut::new();
        encode_request(sender, conn_id, path.as_bytes(), &headers, Dialect::Json, b"", &mut raw);
        raw.freeze()
    }
}

/// How long between two requests.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);
