//! [`Server`]: a stand-in server that runs beside a test.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mongrel2_transceiver::client::Protocol;
use mongrel2_transceiver::mongrel2::{ReplyError, Sender};
use mongrel2_transceiver::server::{ClientId, Command, Config, Handler, Server as Machine};
use mongrel2_transceiver::{Endpoint, Host};

use super::board::Board;
use super::client::Client;
use super::hub::Hub;
use super::{Error, Pending, Runner};

/// A stand-in Mongrel2 that runs beside a test. `R` is the adapter that it runs on.
///
/// Dropping it takes it off every handler that it was introduced to, and waits until it has ended; not
/// for longer than its [`Config::patience`] and a few seconds, and not at all while a test panics.
/// Where the handler needs this very thread, as within an executor of one thread, that takes all of the
/// patience, each time: [`stop`](Self::stop) it before.
pub struct Server<R: Runner> {
    hub: Arc<Hub>,
    runner: R,
    /// `None` once it has ended.
    worker: Mutex<Option<R::Worker>>,
    sender: Sender,
    specs: (Endpoint, Endpoint),
    /// Whether handlers have to be told a host, because the sockets are bound to all interfaces.
    wants_host: bool,
    /// How long its end may take.
    limit: Duration,
}

impl<R: Runner + Default> Server<R> {
    /// Starts a server for the handler whose control socket is bound there: with a name that nobody else
    /// has, on any free ports of 127.0.0.1, so that any number of tests run side by side.
    ///
    /// # Errors
    /// [`Error::Start`], where the operating system grants no thread.
    pub fn for_handler(control: &Endpoint) -> Pending<'static, Result<Self, Error>> {
        Self::for_handler_on(&R::default(), control)
    }

    /// Starts a server of which the test says more, and waits until both of its sockets are bound.
    ///
    /// # Errors
    /// [`Error::Listen`] where a port is taken: [`Config::on_free_ports`] takes any that is free.
    pub fn start(config: Config) -> Pending<'static, Result<Self, Error>> {
        Self::start_on(&R::default(), config)
    }
}

impl<R: Runner> Server<R> {
    /// [`for_handler`](Server::for_handler), where there is something to run on, such as a network in
    /// memory.
    ///
    /// # Errors
    /// As with [`for_handler`](Server::for_handler).
    pub fn for_handler_on(runner: &R, control: &Endpoint) -> Pending<'static, Result<Self, Error>> {
        let config = Config::from_seed(runner.seed()).on_free_ports();
        Self::start_on(runner, config.with_handler(control.clone()))
    }

    /// [`start`](Server::start), where there is something to run on, such as a network in memory.
    ///
    /// # Errors
    /// As with [`start`](Server::start).
    pub fn start_on(runner: &R, config: Config) -> Pending<'static, Result<Self, Error>> {
        let (runner, blocking) = (runner.clone(), runner.clone());
        Pending::new(Arc::new(move |future| blocking.block_on(future)), async move {
            let mut server = Self::launch(runner, config)?;
            let board = Arc::clone(&server.hub.board);
            server.specs = std::future::poll_fn(|context| board.poll_bound(context)).await?;
            Ok(server)
        })
    }

    fn launch(runner: R, mut config: Config) -> Result<Self, Error> {
        let wants_host = config.advertise.is_none()
            && [&config.send_spec, &config.recv_spec].into_iter().any(is_everywhere);
        for handler in &mut config.handlers {
            advertise(&runner, wants_host, handler);
        }
        let (sender, clock) = (config.sender.clone(), runner.clock());
        let limit = config.patience.saturating_add(FLUSH);
        let specs = (config.send_spec.clone(), config.recv_spec.clone());
        let board = Arc::new(Board::default());
        let machine = Machine::new(clock.now(), config);
        let started = runner.run(machine, board.desk());
        let (handle, worker) = started.map_err(|error| Error::Start(error.kind()))?;
        let blocking = runner.clone();
        let hub = Hub {
            handle,
            board,
            clock,
            block: Arc::new(move |future| blocking.block_on(future)),
            clients_ever: AtomicU64::new(0),
        };
        let (hub, worker) = (Arc::new(hub), Mutex::new(Some(worker)));
        Ok(Self { hub, runner, worker, sender, specs, wants_host, limit })
    }

    /// Its name.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Where handlers pull requests from, with the port that is bound.
    #[must_use]
    pub const fn send_spec(&self) -> &Endpoint {
        &self.specs.0
    }

    /// Where handlers publish replies to, with the port that is bound.
    #[must_use]
    pub const fn recv_spec(&self) -> &Endpoint {
        &self.specs.1
    }

    /// The links of handlers that take requests, and those that bring replies.
    #[must_use]
    pub fn links(&self) -> (usize, usize) {
        self.hub.board.lock().links
    }

    /// What handlers said that Mongrel2 would not have understood, and would have stalled on: the last
    /// hundred.
    #[must_use]
    pub fn malformed(&self) -> Vec<ReplyError> {
        self.hub.board.lock().malformed.iter().cloned().collect()
    }

    /// How many requests were lost with links to handlers.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.hub.board.lock().lost
    }

    /// A client that speaks `mongrel2`, `http` or `websocket`, as a name or as a [`Protocol`]. The
    /// server is introduced to its handlers first, and the way there and back is proven: who has a client
    /// knows that the connection works.
    ///
    /// # Errors
    /// [`Error::Handler`] names the handler and the step that failed; [`Error::Protocol`] where there is
    /// no such protocol.
    pub fn client(&self, protocol: impl TryInto<Protocol>) -> Pending<'_, Result<Client, Error>> {
        let unknown = mongrel2_transceiver::client::UnknownProtocol;
        let protocol = protocol.try_into().map_err(|_| Error::Protocol(unknown));
        self.hub.pending(async move {
            let protocol = protocol?;
            let client = ClientId(self.hub.clients_ever.fetch_add(1, Ordering::Relaxed));
            // From here on, for it may be given up before it is ready.
            let mut opened = Client::new(Arc::clone(&self.hub), client, protocol);
            opened.conn_id = self.hub.open(Command::Open { client, protocol }, client).await?;
            Ok(opened)
        })
    }

    /// Introduces the server to one more handler, by its control socket, and proves the way there and
    /// back. Blocks while the name of a host is looked up, if the server is bound to all interfaces.
    ///
    /// # Errors
    /// [`Error::Handler`] names the step that failed.
    pub fn connect(&self, handler: impl Into<Handler>) -> Pending<'_, Result<(), Error>> {
        let mut handler = handler.into();
        self.hub.pending(async move {
            advertise(&self.runner, self.wants_host, &mut handler);
            let control = handler.control.clone();
            self.hub.introduce(Command::Connect { handler }, control).await
        })
    }

    /// Takes the server off a handler, and proves that it is off.
    ///
    /// # Errors
    /// [`Error::Handler`] names the step that failed.
    pub fn disconnect(&self, control: &Endpoint) -> Pending<'_, Result<(), Error>> {
        self.hub.pending(self.hub.part(control.clone()))
    }

    /// Takes the server off every handler, and ends it: what dropping does, without blocking a thread.
    pub fn stop(mut self) -> Pending<'static, ()> {
        let hub = Arc::clone(&self.hub);
        let block = Arc::clone(&hub.block);
        Pending::new(block, async move {
            let _it_may_have_ended = hub.submit(Command::Shutdown);
            std::future::poll_fn(|context| hub.board.poll_over(context)).await;
            self.join();
        })
    }

    /// Ends the server at once, without a word to any handler: as when its process is killed.
    ///
    /// The handlers still serve a server of its name, and try its addresses again and again. So to restart
    /// it, [`start`](Server::start) one with the [`sender`](Self::sender) and the two addresses of this
    /// one, and without [`Config::handlers`]: to be introduced again, it would be refused, for its name is
    /// served. Its clients' requests wait for the handlers' links.
    ///
    /// ```
    /// # use mongrel2_transceiver::server::Config;
    /// # use mongrel2_transceiver_adapter::testing::{Error, Runner, Server};
    /// async fn restart<R: Runner + Default>(server: Server<R>) -> Result<Server<R>, Error> {
    ///     let mut config = Config::new(server.sender().clone());
    ///     config.send_spec = server.send_spec().clone();
    ///     config.recv_spec = server.recv_spec().clone();
    ///     server.kill();
    ///     Server::start(config).await
    /// }
    /// ```
    pub fn kill(mut self) {
        self.hub.board.abandon();
        self.join();
    }

    fn join(&mut self) {
        let worker = self.worker.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let ends = worker.is_none_or(|worker| self.runner.join(worker, self.limit));
        if !ends {
            self.hub.board.abandon();
        }
    }
}

impl<R: Runner> Drop for Server<R> {
    fn drop(&mut self) {
        let _it_may_have_ended = self.hub.submit(Command::Shutdown);
        if !std::thread::panicking() {
            self.join();
        }
    }
}

impl<R: Runner> fmt::Debug for Server<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("sender", &self.sender)
            .field("send_spec", &self.specs.0)
            .field("recv_spec", &self.specs.1)
            .finish_non_exhaustive()
    }
}

/// Says by which host a handler reaches the server, where that has to be said and can be guessed.
fn advertise<R: Runner>(runner: &R, wants_host: bool, handler: &mut Handler) {
    if wants_host && handler.advertise.is_none() {
        handler.advertise = runner.host_towards(&handler.control);
    }
}

/// Whether this is bound to all interfaces.
fn is_everywhere(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp { host: Host::Any, .. } => true,
        Endpoint::Tcp { host: Host::Ip(address), .. } => address.is_unspecified(),
        Endpoint::Tcp { host: Host::Name(_), .. } | Endpoint::Ipc { .. } => false,
    }
}

/// How long the end of a server may take besides the parting from its handlers.
const FLUSH: Duration = Duration::from_secs(10);
