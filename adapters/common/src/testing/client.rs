//! [`Client`]: a pretended browser at a stand-in server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Ask, Protocol, Received, Response};
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server::{ClientId, Command};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message, Utf8Bytes};

use super::hub::Hub;
use super::{Error, Pending, Wanted};

/// A pretended browser, with one connection to a stand-in server. Made by
/// [`Server::client`](super::Server::client).
///
/// What it says goes out at once; what it waits for is a [`Pending`], and comes in time or is an
/// [`Error::TimedOut`]. Pings and close frames are answered unless it is told otherwise, by
/// [`Action::AnswerPings`]. Dropped, it vanishes as a browser does that is closed.
pub struct Client {
    hub: Arc<Hub>,
    id: ClientId,
    protocol: Protocol,
    /// Zero until it is ready.
    pub(super) conn_id: ConnId,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(hub: Arc<Hub>, id: ClientId, protocol: Protocol) -> Self {
        Self { hub, id, protocol, conn_id: ConnId(0), timeout: TIMEOUT }
    }

    /// What it speaks.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The number of its connection, as the handler knows it.
    #[must_use]
    pub const fn conn_id(&self) -> ConnId {
        self.conn_id
    }

    /// How long it waits for what it is to receive: ten seconds, unless told otherwise.
    pub const fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// Lets it do anything that a browser may do, or may not.
    ///
    /// # Errors
    /// [`Error::Refused`] says why it cannot.
    pub fn act(&mut self, action: Action) -> Result<(), Error> {
        self.hub.submit(Command::Act { client: self.id, action })
    }

    /// Asks for a path with GET, and waits for the response. (A client that speaks
    /// [`Protocol::Mongrel2`] gets no responses: it has [`act`](Self::act) and [`reply`](Self::reply).)
    ///
    /// # Errors
    /// See [`request`](Self::request).
    pub fn get(&mut self, path: &str) -> Pending<'_, Result<Response, Error>> {
        self.request(Ask::get(path.to_owned()))
    }

    /// Asks for something, and waits for the response.
    ///
    /// # Errors
    /// What [`act`](Self::act) and [`response`](Self::response) say.
    pub fn request(&mut self, ask: Ask) -> Pending<'_, Result<Response, Error>> {
        let this = &*self;
        this.hub.pending(async move {
            this.hub.submit(Command::Act { client: this.id, action: Action::Request(ask) })?;
            this.next_response().await
        })
    }

    /// Opens a WebSocket at a path, and waits until it is open.
    ///
    /// # Errors
    /// See [`handshake`](Self::handshake).
    pub fn open(&mut self, path: &str) -> Pending<'_, Result<Response, Error>> {
        self.handshake(Ask::get(path.to_owned()))
    }

    /// Opens a WebSocket by a request of which the test says more, such as an `origin`, and waits until
    /// it is open. What the handler answered is returned: a 101.
    ///
    /// # Errors
    /// [`Error::NotOpened`] where the handler answers something else; what [`act`](Self::act) and
    /// [`response`](Self::response) say.
    pub fn handshake(&mut self, ask: Ask) -> Pending<'_, Result<Response, Error>> {
        let this = &*self;
        this.hub.pending(async move {
            this.hub.submit(Command::Act { client: this.id, action: Action::Handshake(ask) })?;
            let response = this.next_response().await?;
            if response.status == 101 {
                Ok(response)
            } else {
                Err(Error::NotOpened(Box::new(response)))
            }
        })
    }

    /// Sends a message over the WebSocket.
    ///
    /// Nothing is waited for, so many in a row may be more than the handler takes meanwhile. What it has
    /// not taken is bounded; so receive in between, or await something else.
    ///
    /// # Errors
    /// What [`act`](Self::act) says; [`Refused::Full`](mongrel2_transceiver::server::Refused::Full) within it, where too much waits: then nothing was
    /// sent, and it may be tried again.
    pub fn send(&mut self, message: impl Into<Message>) -> Result<(), Error> {
        self.act(Action::Send(message.into()))
    }

    /// Waits for the next message over the WebSocket. Pings and pongs on the way are passed over.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Closed`] where a close frame comes instead, [`Error::Ended`] where
    /// the connection ends, [`Error::Violation`] where the handler breaks a rule.
    pub fn receive(&mut self) -> Pending<'_, Result<Message, Error>> {
        let this = &*self;
        this.hub.pending(async move {
            this.next(Wanted::Message, |received| {
                if let Received::Message(message) = received { Ok(message) } else { Err(received) }
            })
            .await
        })
    }

    /// Waits for the next response, where several requests were made at once.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Unexpected`] where something else comes, [`Error::Ended`] where the
    /// connection ends, [`Error::Violation`] where the handler breaks a rule.
    pub fn response(&mut self) -> Pending<'_, Result<Response, Error>> {
        let this = &*self;
        this.hub.pending(this.next_response())
    }

    /// Waits for the next reply to a client that speaks [`Protocol::Mongrel2`], as it is. What is for
    /// Mongrel2 itself is passed over; [`received`](Self::received) shows it.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Unexpected`] where something else comes, [`Error::Ended`] where the
    /// connection ends.
    pub fn reply(&mut self) -> Pending<'_, Result<Bytes, Error>> {
        let this = &*self;
        this.hub.pending(async move {
            this.next(Wanted::Raw, |received| {
                if let Received::Raw(octets) = received { Ok(octets) } else { Err(received) }
            })
            .await
        })
    }

    /// Waits for whatever comes next, pings and the end included.
    ///
    /// # Errors
    /// [`Error::TimedOut`]; [`Error::Ended`] behind the last.
    pub fn received(&mut self) -> Pending<'_, Result<Received, Error>> {
        let this = &*self;
        this.hub.pending(this.hub.receive(this.id, Wanted::Anything, this.timeout))
    }

    /// Closes the WebSocket in order: sends a close frame, passes over what still comes, and waits for
    /// the handler's close frame, which is returned.
    ///
    /// # Errors
    /// What [`act`](Self::act) says; [`Error::TimedOut`], [`Error::Ended`] or [`Error::Violation`] where
    /// the handler does not close it in order.
    pub fn close(&mut self, code: CloseCode, reason: &str) -> Pending<'_, Result<Close, Error>> {
        let this = &*self;
        let close = Close { code: Some(code), reason: Utf8Bytes::from(reason.to_owned()) };
        this.hub.pending(async move {
            this.hub.submit(Command::Act { client: this.id, action: Action::Close(close) })?;
            loop {
                let found = this.next(Wanted::Close, |received| {
                    if let Received::Close(close) = received {
                        Ok(Some(close))
                    } else if matches!(received, Received::Message(_)) {
                        Ok(None)
                    } else {
                        Err(received)
                    }
                });
                if let Some(close) = found.await? {
                    return Ok(close);
                }
            }
        })
    }

    /// Leaves without a word, as a browser that is closed. The handler gets a notice. Nothing more can
    /// be done with it.
    ///
    /// # Errors
    /// What [`act`](Self::act) says: it may have gone before.
    pub fn vanish(&mut self) -> Result<(), Error> {
        self.act(Action::Vanish)
    }

    async fn next_response(&self) -> Result<Response, Error> {
        self.next(Wanted::Response, |received| {
            if let Received::Response(response) = received { Ok(response) } else { Err(received) }
        })
        .await
    }

    /// The next thing but pings, pongs and controls, in time.
    async fn next<T>(
        &self,
        wanted: Wanted,
        pick: impl Fn(Received) -> Result<T, Received>,
    ) -> Result<T, Error> {
        let start = self.hub.clock.now();
        loop {
            let passed = self.hub.clock.now().saturating_duration_since(start);
            let left = self.timeout.saturating_sub(passed);
            let received = self.hub.receive(self.id, wanted, left).await;
            // For a report, what was given is of interest, not what was left.
            let timed_out = Error::TimedOut { wanted, within: self.timeout };
            let received =
                received.map_err(|error| if error.is_timeout() { timed_out } else { error })?;
            return match pick(received) {
                Ok(found) => Ok(found),
                Err(Received::Ping(_) | Received::Pong(_) | Received::Controls(_)) => continue,
                Err(Received::Close(close)) => Err(Error::Closed(close)),
                Err(Received::Ended) => Err(Error::Ended),
                Err(Received::Violation(violation)) => Err(Error::Violation(violation)),
                Err(received) => Err(Error::Unexpected { wanted, received: Box::new(received) }),
            };
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.hub.forget(self.id);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("protocol", &self.protocol)
            .field("conn_id", &self.conn_id)
            .finish_non_exhaustive()
    }
}

/// How long a client waits, unless told otherwise: long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(10);
