//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use bytes::Bytes;
use lexopt::prelude::{Long, Short, ValueExt};
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::transceiver::{Accept, Command, Config};

/// What the command line asks for.
pub(crate) enum Parsed {
    /// To be told what there is to say.
    Help(String),
    /// To serve.
    Run(Box<Options>),
}

/// How to serve, and whom.
pub(crate) struct Options {
    pub(crate) config: Config,
    pub(crate) servers: Vec<Server>,
}

impl Options {
    /// Whether the stand-in is to be served: no server is named, and none can introduce itself.
    pub(crate) fn is_demo(&self) -> bool {
        self.servers.is_empty() && self.config.control.is_none()
    }
}

/// One Mongrel2 server to serve.
pub(crate) struct Server {
    pub(crate) sender: Sender,
    pub(crate) send_spec: Endpoint,
    pub(crate) recv_spec: Endpoint,
}

impl Server {
    pub(crate) fn into_command(self) -> Command {
        Command::AddServer {
            sender: Bytes::copy_from_slice(self.sender.as_bytes()),
            send_spec: self.send_spec,
            recv_spec: self.recv_spec,
        }
    }
}

/// Reads the command line. The help starts with what the program is about.
///
/// # Errors
/// Says what is wrong with it, for a person.
pub(crate) fn parse(
    about: &str,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Parsed, String> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let mut config = Config::default();
    let mut control = None;
    let mut origins = Vec::new();
    let (mut senders, mut pulls, mut pubs) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(Parsed::Help(help(about))),
            Long("sender") => senders.push(sender(&text(&mut parser)?)?),
            Long("pull") => pulls.push(endpoint("--pull", &text(&mut parser)?)?),
            Long("pub") => pubs.push(endpoint("--pub", &text(&mut parser)?)?),
            Long("control") => {
                control = Some(match text(&mut parser)?.as_str() {
                    "none" => None,
                    address => Some(endpoint("--control", address)?),
                });
            }
            Long("origin") => origins.push(text(&mut parser)?),
            Long("deflate") => drop(config.deflate.get_or_insert_default()),
            Long("deflate-contexts") => {
                let contexts = number("--deflate-contexts", &text(&mut parser)?)?;
                config.deflate.get_or_insert_default().contexts_max = contexts;
            }
            Long("ping-interval") => {
                config.ping_interval = Some(seconds("--ping-interval", &text(&mut parser)?)?);
            }
            Long("handshake-timeout") => {
                config.handshake_timeout = seconds("--handshake-timeout", &text(&mut parser)?)?;
            }
            Long("message-size-max") => {
                allow_messages_of(octets("--message-size-max", &text(&mut parser)?)?, &mut config);
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    if !origins.is_empty() {
        config.accept = Accept::origins(origins);
    }
    let servers = pair_up(senders, pulls, pubs)?;
    let default = if servers.is_empty() { None } else { DEFAULT_CONTROL.parse().ok() };
    config.control = control.unwrap_or(default);
    Ok(Parsed::Run(Box::new(Options { config, servers })))
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().and_then(|value| value.string());
    value.map_err(|error| error.to_string())
}

fn sender(text: &str) -> Result<Sender, String> {
    let octets = Bytes::copy_from_slice(text.as_bytes());
    Sender::new(octets).map_err(|error| format!("--sender '{text}': {error}"))
}

fn endpoint(flag: &str, text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error| format!("{flag} '{text}': {error}"))
}

fn number(flag: &str, text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("{flag} '{text}': this takes a number"))
}

fn seconds(flag: &str, text: &str) -> Result<Duration, String> {
    let parsed = text.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    let is_sensible = |time: &Duration| !time.is_zero();
    parsed.filter(is_sensible).ok_or_else(|| {
        format!("{flag} '{text}': this takes a number of seconds above 0, such as 30 or 0.5")
    })
}

fn octets(flag: &str, text: &str) -> Result<usize, String> {
    let parsed = text.parse().ok().filter(|octets| (1..=MESSAGE_SIZE_MAX).contains(octets));
    parsed.ok_or_else(|| {
        format!("{flag} '{text}': this takes a number of octets from 1 to {MESSAGE_SIZE_MAX}")
    })
}

/// Lets WebSocket messages of so many octets in, and their echo out: the other limits grow where they
/// would be in the way.
fn allow_messages_of(octets: usize, config: &mut Config) {
    let limits = &mut config.limits;
    limits.websocket_size_max = octets;
    let with_head = octets + HEAD_ROOM;
    limits.message_size_max = limits.message_size_max.max(with_head);
    limits.target_bytes_max = limits.target_bytes_max.max(with_head);
    limits.send_bytes_max = limits.send_bytes_max.max(with_head);
}

/// The first `--sender`, `--pull` and `--pub` are one server, the second of each another.
fn pair_up(
    senders: Vec<Sender>,
    pulls: Vec<Endpoint>,
    pubs: Vec<Endpoint>,
) -> Result<Vec<Server>, String> {
    if pulls.len() != pubs.len() || senders.len() != pulls.len() {
        let (s, l, b) = (senders.len(), pulls.len(), pubs.len());
        return Err(format!(
            "a server takes one each of --sender, --pull and --pub; there are {s}, {l} and {b}"
        ));
    }
    let pairs = senders.into_iter().zip(pulls.into_iter().zip(pubs));
    let servers = pairs.map(|(sender, (send_spec, recv_spec))| {
        for (flag, endpoint) in [("--pull", &send_spec), ("--pub", &recv_spec)] {
            if endpoint.is_wildcard() {
                return Err(format!("{flag} '{endpoint}': this is for binding, not connecting"));
            }
        }
        Ok(Server { sender, send_spec, recv_spec })
    });
    servers.collect()
}

fn help(about: &str) -> String {
    let default_size = Config::default().limits.websocket_size_max;
    format!(
        "\
{about}

Options:
  --sender ID                 send_ident of the handler in Mongrel2's configuration
  --pull ADDR                 its send_spec, as tcp://HOST:PORT or ipc://PATH
  --pub ADDR                  its recv_spec
                              (repeat all three, in pairs, to serve several servers)
  --control ADDR|none         where to bind the control socket, at which servers can be
                              added and removed while it runs, by whoever can connect
                              [{DEFAULT_CONTROL}; none with the stand-in]
  --origin ORIGIN             take WebSockets from pages of this origin alone, as
                              https://example.com; may be repeated [all]. Clients that
                              name no origin are no browsers, and are taken
  --deflate                   compress WebSockets where clients want it, as browsers
                              do (those of the stand-in do not)
  --deflate-contexts NUMBER   the same, and let so many sessions refer to their earlier
                              messages, or ask for a small window [0]
  --ping-interval SECONDS     how often silent WebSockets are pinged [30]
  --handshake-timeout SECONDS how long a link to a server may take to come up [10]
  --message-size-max OCTETS   how large a message from a WebSocket may be; a larger one
                              ends it with 1009 [{default_size}]
  -h, --help                  this text

Environment:
  RUST_LOG                    what to log to stderr, such as debug or
                              mongrel2_transceiver=trace [off]

SIGINT and SIGTERM close all WebSockets, flush, and end; a second one ends at once.
Exit code: 0 after an orderly end, 1 where it cannot run.
"
    )
}

const DEFAULT_CONTROL: &str = "tcp://127.0.0.1:9997";

/// Mongrel2 hands over no frame of 2^31 octets or more (seen on 1.12.2).
const MESSAGE_SIZE_MAX: usize = (1 << 31) - 1;
/// Octets that a request has besides its body, and a reply besides its message: more than the head
/// of a request may have in Mongrel2 (`limits.buffer_size` is 4096 unless it is set).
const HEAD_ROOM: usize = 64 << 10;
