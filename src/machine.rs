//! The one vocabulary in which machines and adapters talk: [`Machine`], [`Output`], [`Input`].
//!
//! A *machine* is a value that speaks a protocol. It has no sockets, clock, threads, environment or
//! global state. It asks for **operations** ([`Output`]) and is told what came of them ([`Input`]);
//! the application gives it **commands** and takes its **events**. An *adapter* performs the
//! operations over real sockets, a simulator performs them over pretended ones, and a fuzzer answers
//! them with whatever it likes: all three drive the same machine through this one trait.

use std::fmt;
use std::io;
use std::time::Instant;

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::segments::Segments;

/// A protocol as a value: operations out, their results in, commands in, events out.
///
/// # The contract
/// Both sides keep it; the simulator checks it.
///
/// 1. Every operation is answered once, as its [`Output`] says, at any time: even from inside the
///    loop that drains [`poll_output`](Self::poll_output). A link has at most one `Read` and one
///    `Write` under way, so that two `Closed` may come for one link. Ids are never used twice.
/// 2. An [`Input::Closed`] ends the link: the adapter frees the stream, no [`Output::Close`] follows,
///    and the other operation under way may go unanswered. After an `Output::Close`, which frees the
///    stream as well, answers may be left out, and late ones change nothing. An [`Input::Opened`] for
///    a link that was given up meanwhile is answered by another `Close`.
/// 3. When a call returns, all that it caused can be polled. Nothing waits for the next deadline.
/// 4. After any call with `now`, [`next_deadline`](Self::next_deadline) is `None` or later than
///    `now`. Calling early is harmless; a `now` older than one seen before counts as the newest.
/// 5. No input panics, loops or grows memory past the machine's limits. The work of a call is
///    bounded by the octets given to it plus constants.
/// 6. Polling in any order, or not at all, breaks nothing; it only delays.
/// 7. [`poll_event`](Self::poll_event) may cause operations when it returns `Some` (room for more
///    events lets reads go on), never when it returns `None`. So an adapter that drains the outputs,
///    then finds no event, has nothing left to perform.
pub trait Machine {
    /// What the application may ask for.
    type Command;
    /// What the application is told.
    type Event;
    /// Why a command was not taken.
    type Refused: std::error::Error;

    /// Takes one completed operation, or only the time ([`Input::Timeout`]).
    ///
    /// Never fails: whatever a peer sends ends in events and operations.
    fn handle(&mut self, now: Instant, input: Input);

    /// Takes one wish of the application: refused at once, or accepted for good.
    ///
    /// # Errors
    /// Says why the command was refused; a refused command has changed nothing.
    fn submit(&mut self, now: Instant, command: Self::Command) -> Result<(), Self::Refused>;

    /// The next operation to perform, for the adapter.
    fn poll_output(&mut self) -> Option<Output>;

    /// The next thing to know, for the application.
    fn poll_event(&mut self) -> Option<Self::Event>;

    /// When to call [`handle`](Self::handle) with [`Input::Timeout`] at the latest.
    fn next_deadline(&self) -> Option<Instant>;
}

/// One operation that a machine asks its adapter for.
///
/// Exhaustive on purpose: a new operation must break adapters rather than hang them.
#[derive(Clone, Debug)]
pub enum Output {
    /// Open a stream to `endpoint`. Answer: [`Input::Opened`] or [`Input::Closed`].
    Connect {
        /// The name of the stream from here on.
        link: LinkId,
        /// Where to; never a wildcard.
        endpoint: Endpoint,
    },
    /// Bind `endpoint`. Answer: [`Input::Listening`] or [`Input::ListenFailed`].
    Listen {
        /// The name of the listener from here on.
        listener: ListenerId,
        /// Where; may be a wildcard.
        endpoint: Endpoint,
    },
    /// Take one stream from a listener. Answer: [`Input::Opened`] or [`Input::Closed`].
    Accept {
        /// The listener to take it from.
        listener: ListenerId,
        /// The name of the stream from here on.
        link: LinkId,
    },
    /// Read at least one octet. Answer: [`Input::Received`] or [`Input::Closed`].
    Read {
        /// The stream to read from.
        link: LinkId,
        /// The most octets to hand over, at least 1.
        max: usize,
    },
    /// Write all of `data`. Answer: [`Input::Sent`] once the last octet was taken by the operating
    /// system, or [`Input::Closed`].
    Write {
        /// The stream to write to.
        link: LinkId,
        /// What to write; never empty.
        data: Segments,
    },
    /// Say that nothing more will be written: the peer finds the end of the stream behind all that was
    /// written before, while what it says goes on to be read. No write is under way, and none follows.
    /// No answer.
    Finish {
        /// The stream to write no more to.
        link: LinkId,
    },
    /// End a stream at once, whatever is under way on it. No answer.
    Close {
        /// The stream to end, or the connect or accept to give up.
        link: LinkId,
    },
    /// Unbind a listener, with any accept under way. No answer.
    Unlisten {
        /// The listener to end.
        listener: ListenerId,
    },
}

/// What came of one operation, or only the time.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing but the time: a deadline was reached.
    Timeout,
    /// A [`Output::Connect`] or [`Output::Accept`] has a stream.
    Opened {
        /// The stream.
        link: LinkId,
    },
    /// A [`Output::Write`] was taken whole.
    Sent {
        /// The stream.
        link: LinkId,
    },
    /// A [`Output::Listen`] succeeded.
    Listening {
        /// The listener.
        listener: ListenerId,
        /// The port really bound (of interest when 0 was asked for); 0 for `ipc://`.
        port: u16,
    },
    /// A [`Output::Read`] found octets: at least 1, at most what was asked for.
    Received {
        /// The stream.
        link: LinkId,
        /// What was read.
        data: Bytes,
    },
    /// The stream has ended, or never came to be.
    Closed {
        /// The stream.
        link: LinkId,
        /// `None` where the peer ended it in order.
        cause: Option<io::ErrorKind>,
    },
    /// A [`Output::Listen`] failed, or a listener ended by itself.
    ListenFailed {
        /// The listener.
        listener: ListenerId,
        /// Why.
        cause: io::ErrorKind,
    },
}

impl Input {
    /// The part of a machine that this input is for: the scope of its link or listener. `None` for
    /// the time, which is for all.
    #[must_use]
    pub const fn scope(&self) -> Option<u32> {
        match self {
            Self::Timeout => None,
            Self::Opened { link }
            | Self::Sent { link }
            | Self::Received { link, .. }
            | Self::Closed { link, .. } => Some(link.scope()),
            Self::Listening { listener, .. } | Self::ListenFailed { listener, .. } => {
                Some(listener.scope())
            }
        }
    }
}

/// Names one byte stream, our end of it. Made by machines; adapters keep and compare it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId {
    /// The part of a machine that made it, so that inputs find their way without a look-up.
    scope: u32,
    serial: u64,
}

impl LinkId {
    /// A new name. `serial` must not have been used in the same machine before; `scope` is the
    /// machine's own affair.
    #[must_use]
    pub const fn new(scope: u32, serial: u64) -> Self {
        Self { scope, serial }
    }

    /// The part of the machine that made this name.
    #[must_use]
    pub const fn scope(self) -> u32 {
        self.scope
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link-{}", self.serial)
    }
}

/// Names one listener. Made by machines; adapters keep and compare it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListenerId {
    scope: u32,
    serial: u64,
}

impl ListenerId {
    /// A new name, under the rules of [`LinkId::new`].
    #[must_use]
    pub const fn new(scope: u32, serial: u64) -> Self {
        Self { scope, serial }
    }

    /// The part of the machine that made this name.
    #[must_use]
    pub const fn scope(self) -> u32 {
        self.scope
    }
}

impl fmt::Debug for ListenerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "listener-{}", self.serial)
    }
}
