//! What a transceiver is told when it is made.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::endpoint::{Endpoint, Host};
use crate::introduction::CONTROL_PORT;
use crate::socket::{self, Heartbeat, Reconnect};
use crate::zmtp::{Oversize, SocketType};

use super::accept::Accept;
use super::admit::Admit;
use super::control;
#[cfg(feature = "deflate")]
use super::deflate::Deflate;
use super::slow::Slow;
use super::uploads::Uploads;

/// How a transceiver behaves. Made by [`Config::default`]; change the fields before it is made.
///
/// ```
/// use std::time::Duration;
/// use mongrel2_transceiver::transceiver::Config;
/// let mut config = Config::default();
/// config.ping_interval = Some(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The seed of its dice (reconnect delays, ping contexts); 0 unless told otherwise, which makes
    /// all handlers come back in the same instant after an outage. Equal seeds and inputs give equal
    /// behaviour. Adapters have a `seed()` from the operating system's entropy.
    pub seed: u64,
    /// Where the control socket (REP) is bound; `tcp://127.0.0.1:9997` unless told otherwise. `None`
    /// switches it off. Of several handlers on one host, only one can have the default: give each its
    /// own. Where it cannot be bound, [`Event::ControlFailed`](super::Event::ControlFailed) tells, and
    /// the handler goes on without it.
    ///
    /// Servers introduce themselves there, and whoever wants to know that the handler lives gets a
    /// `PONG` for a `PING`: see [`introduction`](crate::introduction). Whoever can connect there can add
    /// and remove servers, as far as [`admit`](Self::admit) lets them: keep it on loopback or `ipc://`.
    ///
    /// Pings are for stand-ins: what proves the way to them is a reply to connection -1, which a real
    /// Mongrel2 cannot read, so that it holds up all others for half a second (seen on Mongrel2 1.12.2).
    pub control: Option<Endpoint>,
    /// Which orders the control socket obeys: all of them unless told otherwise.
    pub admit: Admit,
    /// Which WebSockets are taken, and with which subprotocol: all, without one, unless told otherwise.
    /// A page of any origin can connect to a WebSocket, with its visitor's cookies
    /// (RFC 6455 10.2): say [`Accept::origins`] where that matters.
    pub accept: Accept,
    /// Whether WebSockets are compressed where their clients want it; they are not, unless told
    /// otherwise. (With the cargo feature `deflate`.)
    #[cfg(feature = "deflate")]
    pub deflate: Option<Deflate>,
    /// What becomes of a WebSocket whose client reads too slowly: nothing more is taken for it, unless
    /// told otherwise.
    pub slow: Slow,
    /// Which template names the files that servers write large uploads into, if they do
    /// (`upload.temp_store`). Without it the requests that tell of them are not told from those that a
    /// browser makes up, and all come as [`Event::Request`](super::Event::Request).
    pub uploads: Option<Uploads>,
    /// How often each WebSocket is looked at: one that was silent since the last look is sent a ping,
    /// one that is silent then too is closed. Mongrel2 itself drops quiet connections after about 120
    /// seconds, so keep it below half of that. `None` asks nobody for a sign of life (but whether it has
    /// read what it was sent).
    pub ping_interval: Option<Duration>,
    /// How long a client that was sent a ping may go on saying nothing before it is closed: whole
    /// [intervals](Self::ping_interval), up to 255 of them; a part of one counts as one. As long as the
    /// interval, unless told otherwise.
    pub pong_timeout: Option<Duration>,
    /// How long a WebSocket may stay open without a message of its client; pongs do not count. Then it is
    /// closed with 1001. Whole intervals as above. For ever, unless told otherwise.
    pub idle_limit: Option<Duration>,
    /// What becomes of a WebSocket whose handshake this handler did not take, but another one, or this
    /// one before a restart. It is served, unless told otherwise, and [`SessionOpened`] says so. With
    /// `false` it is closed with 1012 (service restart), and the application hears nothing of it.
    ///
    /// [`SessionOpened`]: super::Event::SessionOpened
    pub adopt: bool,
    /// How often the connections that are held ([`Command::Hold`](super::Command::Hold)) are said to be
    /// alive. Keep it well below the server's `limits.min_ping`, which is 120 seconds.
    pub keep_alive_interval: Duration,
    /// How long a client may take to answer our close frame before its connection is ended.
    pub close_timeout: Duration,
    /// How long it waits before it connects to a lost server anew.
    pub reconnect: Reconnect,
    /// How often a server is asked for a sign of life, and when a silent one is given up. On by default: nothing else
    /// finds a link whose other end is gone without a word.
    pub heartbeat: Option<Heartbeat>,
    /// How long a link to a server may take from its connect to the end of the ZMTP handshake. Who comes
    /// to the control socket has as long, and 5 seconds at most.
    pub handshake_timeout: Duration,
    /// How long [`Command::Shutdown`](super::Command::Shutdown) and
    /// [`Command::RemoveServer`](super::Command::RemoveServer) take at most: half of it to part from
    /// the sessions, a quarter for what is still on the wire and for answers to it, a quarter to flush.
    pub linger: Duration,
    /// What it may use at most.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            control: Some(Endpoint::Tcp {
                host: Host::Ip(Ipv4Addr::LOCALHOST.into()),
                port: CONTROL_PORT,
            }),
            admit: Admit::default(),
            accept: Accept::default(),
            #[cfg(feature = "deflate")]
            deflate: None,
            slow: Slow::default(),
            uploads: None,
            ping_interval: Some(Duration::from_secs(30)),
            pong_timeout: None,
            idle_limit: None,
            adopt: true,
            keep_alive_interval: Duration::from_secs(30),
            close_timeout: Duration::from_secs(5),
            reconnect: Reconnect::default(),
            heartbeat: Some(Heartbeat::default()),
            handshake_timeout: Duration::from_secs(10),
            linger: Duration::from_secs(3),
            limits: Limits::default(),
        }
    }
}

/// What a transceiver may use at most. Zero anywhere counts as one.
///
/// Memory for what peers say and have not finished is at most two reads and one `message_size_max` for each
/// server, and two reads and 64 KiB for each of the 64 peers that the control socket has; frames that wait
/// for the rest of their message take some 100 octets each besides, of 1024 and 64 at most. For what waits
/// for the application it is `event_bytes_max` and one message; of messages above 64 KiB the blocks that they
/// were read in, which are 256 KiB in the adapters that come with this, and 64 more such blocks for the first
/// of the others. For what waits for a server it is what `send_messages_max` and `send_bytes_max` say below.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of one message from a server, headers included, or of one body to a browser. A larger request is skipped, its
    /// browser gets a 413 or a close 1009, and [`Event::TooLarge`](super::Event::TooLarge) tells.
    pub message_size_max: usize,
    /// Octets of one WebSocket message from a client; a larger one ends its session with 1009.
    pub websocket_size_max: usize,
    /// Servers at one time.
    pub servers_max: usize,
    /// Sessions of one server; more handshakes are refused with a 503. As many connections that have
    /// ended are remembered for a while, because the server may still hand over frames of them.
    pub sessions_max: usize,
    /// Connections of one server that are held at one time; more are refused.
    pub holds_max: usize,
    /// Uploads into files of one server that are under way at one time. Of more, the one of the oldest
    /// connection is forgotten: its end will not be believed.
    pub uploads_max: usize,
    /// Groups of sessions; one that has members at several servers counts for each of these.
    pub groups_max: usize,
    /// Memberships of sessions in groups, of all groups together. Each takes some 50 octets.
    pub memberships_max: usize,
    /// Octets of the name of a group.
    pub group_name_max: usize,
    /// Events that may wait for the application before reading stops.
    pub events_max: usize,
    /// Octets of the events that may wait for the application before reading stops.
    pub event_bytes_max: usize,
    /// High-water mark: messages that wait for one server. Answers that nobody commands (handshakes,
    /// pongs, closes) are not refused; they have a bound of 65536 of their own, if that is more.
    pub send_messages_max: usize,
    /// High-water mark: octets that wait for one server; 16 MiB for answers that nobody commands, if
    /// that is more.
    pub send_bytes_max: usize,
    /// High-water mark: messages that wait for one browser, because it is slow to read what it was sent
    /// before. All slow ones together may have as much as sixteen of them, or as the server where that
    /// is more: above that, no more is taken for those who are slow; above twice that, for nobody.
    pub target_messages_max: usize,
    /// High-water mark: octets that wait for one browser.
    pub target_bytes_max: usize,
    /// Octets asked for by one read.
    pub read_size: usize,
    /// Octets joined into one write, which ends with the message that reaches it. Where that makes more
    /// than twice as many, they are written in pieces of this size, but of 4 KiB at least and 256 KiB at
    /// most.
    pub write_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size_max: 16 << 20,
            websocket_size_max: 1 << 20,
            servers_max: 1024,
            sessions_max: 1 << 20,
            holds_max: 1 << 16,
            uploads_max: 1 << 16,
            groups_max: 64 << 10,
            memberships_max: 4 << 20,
            group_name_max: 256,
            events_max: 1024,
            event_bytes_max: 64 << 20,
            send_messages_max: 16 << 10,
            send_bytes_max: 64 << 20,
            target_messages_max: 16 << 10,
            target_bytes_max: 4 << 20,
            read_size: 64 << 10,
            write_size: 64 << 10,
        }
    }
}

impl Config {
    /// For the PULL socket to a server.
    pub(super) fn for_requests(&self) -> socket::Config {
        let mut config = self.for_server(SocketType::Pull);
        // Cutting the link because of one browser would punish all the others.
        config.limits.oversize = Oversize::Skip;
        config
    }

    /// For the PUB socket to a server. The outbox before it judges sizes and has the high-water
    /// marks; what it hands over has a head besides, and is not to be refused.
    pub(super) fn for_replies(&self) -> socket::Config {
        let mut config = self.for_server(SocketType::Pub);
        config.limits.message_size_max = usize::MAX;
        config.limits.send_messages_max = usize::MAX;
        config.limits.send_bytes_max = usize::MAX;
        config
    }

    /// For the control socket.
    pub(super) fn for_control(&self) -> socket::Config {
        let mut config = control::socket_config(self.linger / 2, self.heartbeat);
        config.handshake_timeout = self.handshake_timeout.min(CONTROL_HANDSHAKE_TIMEOUT);
        config
    }

    fn for_server(&self, socket_type: SocketType) -> socket::Config {
        let mut config = socket::Config::new(socket_type);
        config.reconnect = self.reconnect;
        config.heartbeat = self.heartbeat;
        config.handshake_timeout = self.handshake_timeout;
        config.linger = self.linger / 2;
        config.limits.message_size_max = self.limits.message_size_max;
        config.limits.read_size = self.limits.read_size;
        config.limits.write_size = self.limits.write_size;
        config
    }
}

/// How long a peer of the control socket may take for its handshake at most.
const CONTROL_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
