//! What a stand-in server is told when it is made.

use std::time::Duration;

use bytes::Bytes;

use crate::client::{self, Origin};
use crate::endpoint::{Endpoint, Host};
use crate::mongrel2::{Dialect, Sender};

use super::uuid;

/// How a stand-in server behaves. Made by [`Config::new`] or [`Config::from_seed`]; change the fields
/// before it is made.
///
/// ```
/// use mongrel2_transceiver::server::{Config, Handler};
/// let mut config = Config::from_seed(7).on_free_ports();
/// config.handlers.push(Handler::new("tcp://127.0.0.1:9997".parse()?));
/// # Ok::<(), mongrel2_transceiver::EndpointError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Its name, the first word of every request.
    pub sender: Sender,
    /// Where its PUSH socket is bound; port 9999 of 127.0.0.1 unless told otherwise.
    pub send_spec: Endpoint,
    /// Where its SUB socket is bound; port 9998 of 127.0.0.1 unless told otherwise.
    pub recv_spec: Endpoint,
    /// What it subscribes to; everything unless told otherwise.
    pub recv_ident: Bytes,
    /// The seed of its dice: reconnect delays, and the texts that prove the way to a handler. Equal
    /// seeds and inputs give equal behaviour.
    pub seed: u64,
    /// The handlers that it introduces itself to when the first client is opened; none unless told
    /// otherwise.
    pub handlers: Vec<Handler>,
    /// The host that handlers are told to connect to where a socket is bound to all interfaces, unless
    /// [`Handler::advertise`] says another. Adapters guess it from the route where it is not set; a
    /// machine cannot.
    pub advertise: Option<Host>,
    /// How long one introduction, and one parting, may take at most; 5 seconds unless told otherwise.
    pub patience: Duration,
    /// How the headers of requests are written.
    pub dialect: Dialect,
    /// The route that requests of clients matched: their header `PATTERN`.
    pub pattern: Bytes,
    /// The header `URL_SCHEME` of clients' requests; `http` unless told otherwise.
    pub url_scheme: Bytes,
    /// The header `REMOTE_ADDR` of clients' requests; `127.0.0.1` unless told otherwise.
    pub remote_addr: Bytes,
    /// Whether a handler is told that a connection does not exist.
    pub notices: Notices,
    /// What it may use at most.
    pub limits: Limits,
}

/// A handler that a server introduces itself to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Handler {
    /// Where its control socket is bound. This is its name, too: one server knows one handler there.
    pub control: Endpoint,
    /// The host by which this handler reaches the server, where [`Config::advertise`] does not fit it.
    pub advertise: Option<Host>,
}

impl Handler {
    /// The handler whose control socket is bound there.
    #[must_use]
    pub const fn new(control: Endpoint) -> Self {
        Self { control, advertise: None }
    }
}

impl From<Endpoint> for Handler {
    fn from(control: Endpoint) -> Self {
        Self::new(control)
    }
}

impl From<&Endpoint> for Handler {
    fn from(control: &Endpoint) -> Self {
        Self::new(control.clone())
    }
}

/// Whether a reply to a connection that does not exist (any more) is answered with a disconnect
/// notice, as Mongrel2 answers each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notices {
    /// Only once a client was opened: before that, whoever runs the server plays the browsers, and it
    /// cannot know which there are.
    #[default]
    WithClients,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a stand-in server may use at most. Zero anywhere counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Clients at one time.
    pub clients_max: usize,
    /// Handlers that it knows of.
    pub handlers_max: usize,
    /// Messages of clients that wait for a handler to take them, besides what the handlers' queues
    /// hold.
    pub waiting_max: usize,
    /// Octets of these.
    pub waiting_bytes_max: usize,
    /// Events that may wait for the application before reading stops.
    pub events_max: usize,
    /// What one client may use.
    pub client: client::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients_max: 65_536,
            handlers_max: 1024,
            waiting_max: 1000,
            waiting_bytes_max: 16 << 20,
            events_max: 1024,
            client: client::Limits::default(),
        }
    }
}

impl Config {
    /// The defaults for a server of this name.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        let at = |port| Endpoint::Tcp { host: Host::Ip([127, 0, 0, 1].into()), port };
        Self {
            sender,
            send_spec: at(9999),
            recv_spec: at(9998),
            recv_ident: Bytes::new(),
            seed: 0,
            handlers: Vec::new(),
            advertise: None,
            patience: Duration::from_secs(5),
            dialect: Dialect::Json,
            pattern: Bytes::from_static(b"/"),
            url_scheme: Bytes::from_static(b"http"),
            remote_addr: Bytes::from_static(b"127.0.0.1"),
            notices: Notices::default(),
            limits: Limits::default(),
        }
    }

    /// The defaults for a server whose name is a random UUID (RFC 9562, version 4) drawn from the seed
    /// of its dice. Adapters have a `seed()` from the operating system's entropy.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self { seed, ..Self::new(uuid::draw(seed)) }
    }

    /// The same on any free ports of 127.0.0.1; [`Event::Listening`](super::Event::Listening) says
    /// which they are.
    #[must_use]
    pub fn on_free_ports(mut self) -> Self {
        self.send_spec = self.send_spec.with_port(0);
        self.recv_spec = self.recv_spec.with_port(0);
        self
    }

    /// What it adds to whatever a client says.
    pub(super) fn origin(&self) -> Origin {
        let mut origin = Origin::new(self.sender.clone());
        origin.dialect = self.dialect;
        origin.pattern = self.pattern.clone();
        origin.url_scheme = self.url_scheme.clone();
        origin.remote_addr = self.remote_addr.clone();
        origin
    }

    /// The same with one more handler to introduce itself to.
    #[must_use]
    pub fn with_handler(mut self, control: Endpoint) -> Self {
        self.handlers.push(Handler::new(control));
        self
    }
}
