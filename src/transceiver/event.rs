//! What a transceiver tells the application.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::mongrel2::{ParseError, Request};
use crate::socket::DownReason;
use crate::websocket::{Close, FrameError, Message};

use super::report::{Report, Tally};
use super::target::{ServerId, Target};

/// Something to know. Polled with [`Machine::poll_event`](crate::Machine::poll_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A server was added; connecting has begun.
    ServerAdded {
        /// Its name here.
        server: ServerId,
        /// Its own name.
        sender: Bytes,
        /// Who wanted it.
        by: Initiator,
    },
    /// An attempt to connect to a server failed; another follows. Of several that nobody took, the
    /// last.
    ServerUnreachable {
        /// Which.
        server: ServerId,
        /// The endpoint that was tried.
        endpoint: Endpoint,
        /// Why it failed.
        reason: DownReason,
        /// When the next attempt starts, counted from this one.
        retry_in: Duration,
    },
    /// A server is subscribed to something that does not cover our replies, and would hear none of
    /// them: its `recv_ident` is neither empty nor the start of its `send_ident`. Nothing is read
    /// from it until that is mended in its configuration.
    ServerDeaf {
        /// Which.
        server: ServerId,
        /// What it is subscribed to.
        subscribed: Bytes,
    },
    /// A server can be served: both links are ready, and its subscription covers our replies, so that
    /// not even the first is lost. Its requests follow. (Where a server was restarted while nothing
    /// could be read from it, the end of its former life may be found only now; its last requests
    /// then come with it, and their replies are reported as undelivered.)
    ServerUp {
        /// Which.
        server: ServerId,
        /// Which life of it; see [`Target`].
        life: u32,
    },
    /// The life of a server is over, as far as we can know: both links are lost. Its sessions end, and
    /// nothing more is sent to its targets. Connecting goes on.
    ServerDown {
        /// Which.
        server: ServerId,
        /// Which life of it.
        life: u32,
        /// Why the last link ended.
        reason: DownReason,
    },
    /// A server was removed, and everything about it forgotten.
    ServerRemoved {
        /// Which.
        server: ServerId,
        /// Its own name.
        sender: Bytes,
        /// Who wanted it; a shutdown is the application's wish.
        by: Initiator,
        /// What became of what was said to its browsers.
        tally: Tally,
    },
    /// A request over HTTP, or another message that belongs to no WebSocket:
    /// [`Request::kind`](crate::mongrel2::Request::kind) says whether it is `Http`, `Json`, `Xml`, a
    /// piece of a stream, or nothing known. To be answered with
    /// [`Command::Reply`](super::Command::Reply), for HTTP by way of
    /// [`Command::respond`](super::Command::respond); a browser without an answer waits.
    ///
    /// - The body of a `StreamFirst` (with `upload.stream`) goes on in `StreamPiece`s, as far as
    ///   [`Command::Grant`](super::Command::Grant) lets it;
    ///   [`UploadStream`](crate::mongrel2::UploadStream) follows them.
    /// - What looks like the notice of an upload, by the headers `x-mongrel2-upload-start` and
    ///   `-done`, and comes as this event, is not to be believed: a browser may have sent it. See
    ///   [`UploadStarted`](Self::UploadStarted).
    /// - Replies to `Json` and `Xml` are messages of their own: Mongrel2 writes each in base64 and
    ///   without an end, unless the handler has `raw_payload=1` in its configuration; then as it is, so
    ///   that a NUL at its end is up to the application. What it was asked last counts: a
    ///   connection may change between these sockets and HTTP (seen on Mongrel2 1.12.2).
    Request {
        /// Who asks.
        target: Target,
        /// What.
        request: Request,
    },
    /// Where [`Config::uploads`](super::Config::uploads) has them: a server has begun to write the
    /// body of a request into a file. To refuse it, answer with
    /// [`Command::Reply`](super::Command::Reply) and `close`; else the answer follows
    /// [`UploadDone`](Self::UploadDone). Where the browser leaves, a
    /// [`Disconnect`](Self::Disconnect) comes instead, and the server removes the file.
    UploadStarted {
        /// Who uploads.
        target: Target,
        /// The request, without its body.
        /// [`content_length`](crate::mongrel2::Request::content_length) says how much is to come,
        /// unless it comes in chunks.
        request: Request,
        /// The name of the file, as the server's template makes it: relative to the server's
        /// directory, if that is, and inside of its `chroot`.
        path: String,
    },
    /// A body is in its file. The request is the same as that of its
    /// [`UploadStarted`](Self::UploadStarted), and to be answered now; the file is the application's,
    /// which removes it when it needs it no more.
    UploadDone {
        /// Who has uploaded.
        target: Target,
        /// The request, without its body.
        request: Request,
        /// The name of the file.
        path: String,
    },
    /// A connection that is no session has ended; or a reply went to one that does not exist. May come
    /// twice, or for connections never heard of (Mongrel2 manual).
    Disconnect {
        /// Which.
        target: Target,
    },
    /// A WebSocket is open: its handshake was taken, as [`Config::accept`](super::Config::accept) has
    /// it. What takes longer to decide is decided here, and closed with
    /// [`Command::Close`](super::Command::Close).
    SessionOpened {
        /// Which.
        target: Target,
        /// The handshake; where `adopted`, the message that made it known.
        request: Request,
        /// Whether another handler, or this one before a restart, took its handshake.
        adopted: bool,
    },
    /// A WebSocket's message.
    SessionMessage {
        /// Who sends.
        target: Target,
        /// What.
        message: Message,
        /// The octets that it came in, for whoever passes them on; of a compressed message those that it
        /// would have come in without compression;
        /// [`Request::parse`](crate::mongrel2::Request::parse) reads them.
        raw: Bytes,
    },
    /// A WebSocket has ended. Comes once for each that was opened.
    SessionClosed {
        /// Which.
        target: Target,
        /// How.
        end: SessionEnd,
    },
    /// A request above [`Limits::message_size_max`](super::Limits::message_size_max) was skipped; its
    /// browser was told so and its connection ended.
    TooLarge {
        /// Whose, as far as its start could be read.
        target: Option<Target>,
        /// Octets of the whole request.
        size: u64,
    },
    /// A message that could not be read. Where its start could, its browser was told so and its
    /// connection ended.
    Unreadable {
        /// From which server.
        server: ServerId,
        /// Whose, as far as its start could be read.
        target: Option<Target>,
        /// Why not.
        error: ParseError,
    },
    /// Messages that were accepted may not have arrived, and never will: they were not in the operating
    /// system's buffer when their link or their server was lost, or their browser did not read what
    /// came before. (What is lost out of that buffer nobody tells.) Told by their targets alone:
    /// whoever wants to say it again has to keep it.
    Undelivered {
        /// Whom they were for; one who misses several is named as often.
        targets: Vec<Target>,
        /// Why.
        reason: Loss,
    },
    /// After commands were refused as [`Refused::Full`](super::Refused::Full): the server has room
    /// again. Comes once, however many were refused: submit what was held until one is refused again.
    Room {
        /// Which.
        server: ServerId,
    },
    /// After commands for a target were refused as [`Refused::Slow`](super::Refused::Slow): its browser
    /// has read some, and there is room again.
    TargetRoom {
        /// Whose.
        target: Target,
    },
    /// The control socket is bound.
    ControlListening {
        /// Where, with the port that it really has.
        endpoint: Endpoint,
    },
    /// The control socket could not be bound. The transceiver goes on without it.
    ControlFailed {
        /// Where.
        endpoint: Endpoint,
        /// Why.
        cause: io::ErrorKind,
    },
    /// All is over after a shutdown. Nothing happens after this.
    Stopped {
        /// Messages that were accepted and may not have arrived, all told.
        undelivered: usize,
        /// What became of all messages, for each server that was there when the shutdown began.
        reports: Vec<Report>,
    },
}

/// Whose wish something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Initiator {
    /// The application's, by a command.
    Application,
    /// That of somebody who came to the control socket.
    Control,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The client closed it in order.
    ByClient(Close),
    /// We closed it, by command.
    ByHandler {
        /// Whether the client answered the close frame in time.
        answered: bool,
    },
    /// We closed it, or were closing it, when its server was removed or the transceiver shut down.
    ServerRemoved {
        /// Whether the client answered the close frame in time.
        answered: bool,
    },
    /// The client's connection ended without a close frame.
    Disconnected,
    /// The client did not answer a ping.
    Silent,
    /// The client sent no message for as long as [`Config::idle_limit`](super::Config::idle_limit) has
    /// it.
    Idle,
    /// The client broke a rule; it was told which with a close frame.
    Violation(FrameError),
    /// A message of it could not be taken (too large, or unreadable); it was told with a close frame.
    Refused,
    /// The client was slow to read, and [`Config::slow`](super::Config::slow) has it that such are
    /// closed.
    Slow,
    /// The client was sent a part of a message, and a link was lost before the rest: it could make no
    /// sense of anything else. (Parts are sent where a server counts octets, and a message has more than
    /// may wait there.)
    Broken,
    /// Its server is gone.
    ServerLost,
}

/// Why messages were not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// The reply link was lost while they were written: they may have arrived.
    LinkLost,
    /// Their server's life is over.
    ServerLost,
    /// They were no open sessions.
    NotOpen,
    /// The time to flush them was over.
    ShutDown,
    /// Their browser did not read what it was sent before.
    Slow,
    /// Their connection ended before they could be sent.
    Disconnected,
    /// Their connection was cancelled while they waited.
    Cancelled,
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Application => "the application",
            Self::Control => "the control socket",
        })
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByClient(close) => match close.code {
                Some(code) => write!(f, "closed by the client: {code} {}", close.reason.as_str()),
                None => f.write_str("closed by the client"),
            },
            Self::ByHandler { answered: true } => f.write_str("closed by the handler"),
            Self::ByHandler { answered: false } => {
                f.write_str("closed by the handler, without an answer")
            }
            Self::ServerRemoved { answered: true } => f.write_str("its server was removed"),
            Self::ServerRemoved { answered: false } => {
                f.write_str("its server was removed, and it did not answer the farewell")
            }
            Self::Disconnected => f.write_str("disconnected without a close"),
            Self::Silent => f.write_str("no answer to a ping"),
            Self::Idle => f.write_str("no message for long"),
            Self::Violation(error) => write!(f, "{error}"),
            Self::Refused => f.write_str("a message could not be taken"),
            Self::Slow => f.write_str("too slow to read what it was sent"),
            Self::Broken => f.write_str("a message was lost in the midst of it"),
            Self::ServerLost => f.write_str("its server is gone"),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLost => "the link was lost while they were written",
            Self::ServerLost => "their server is gone",
            Self::NotOpen => "they were no open sessions",
            Self::ShutDown => "the time to flush them was over",
            Self::Slow => "their browser was too slow to read what came before",
            Self::Disconnected => "their connection ended first",
            Self::Cancelled => "their connection was cancelled",
        })
    }
}
