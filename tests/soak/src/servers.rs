//! Stand-in servers that come and go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Duration;

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::server::Config;
use mongrel2_transceiver_memory::Dice;
use mongrel2_transceiver_threads::testing::{Client, Error, Server};

pub(crate) struct Servers {
    control: Mutex<Endpoint>,
    slots: Vec<Slot>,
}

/// A place for a server.
struct Slot {
    server: RwLock<Option<Server>>,
    /// How many have been here. Counted before one ends, so that whoever is cut off knows, and with the
    /// lock: a browser of one that is about to end is to have the number of that one.
    lives: AtomicU64,
}

/// A browser, and which server it is one of.
pub(crate) struct Visit<'a> {
    pub(crate) client: Client,
    slot: &'a Slot,
    life: u64,
}

impl Visit<'_> {
    /// Whether its server may have ended meanwhile.
    pub(crate) fn is_over(&self) -> bool {
        self.slot.lives.load(Ordering::SeqCst) != self.life
    }
}

impl Servers {
    pub(crate) fn new(control: &Endpoint) -> Self {
        let slots = (0..SLOTS).map(|_| Slot {
            server: RwLock::new(Some(introduced(control))),
            lives: AtomicU64::new(0),
        });
        Self { control: Mutex::new(control.clone()), slots: slots.collect() }
    }

    /// A browser of some server; none where that is about to be another.
    pub(crate) fn visit(&self, protocol: &str, dice: &mut Dice) -> Option<Visit<'_>> {
        let slot = &self.slots[dice.below(SLOTS)];
        let server = slot.server.read().unwrap_or_else(PoisonError::into_inner);
        let life = slot.lives.load(Ordering::SeqCst);
        match server.as_ref()?.client(protocol).wait() {
            Ok(mut client) => {
                client.set_timeout(PATIENCE);
                Some(Visit { client, slot, life })
            }
            Err(error) => panic!("no client: {error}"),
        }
    }

    /// One of them ends, in one way or another, and another takes its place.
    pub(crate) fn disturb(&self, dice: &mut Dice) {
        let slot = &self.slots[dice.below(SLOTS)];
        let Some(server) = slot.take() else { return };
        let next = if dice.below(3) == 0 {
            // It is killed, and comes up again under its name.
            let mut config = Config::new(server.sender().clone());
            config.send_spec = server.send_spec().clone();
            config.recv_spec = server.recv_spec().clone();
            server.kill();
            started(config)
        } else {
            server.stop().wait();
            introduced(&self.control())
        };
        slot.put(next);
    }

    /// All of them make way for servers of another handler.
    pub(crate) fn replace_all(&self, control: &Endpoint) {
        *self.control.lock().unwrap_or_else(PoisonError::into_inner) = control.clone();
        for slot in &self.slots {
            slot.take().into_iter().for_each(Server::kill);
            slot.put(introduced(control));
        }
    }

    pub(crate) fn stop_all(&self) {
        self.slots.iter().filter_map(Slot::take).for_each(|server| server.stop().wait());
    }

    fn control(&self) -> Endpoint {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Slot {
    fn take(&self) -> Option<Server> {
        let mut server = self.server.write().unwrap_or_else(PoisonError::into_inner);
        self.lives.fetch_add(1, Ordering::SeqCst);
        server.take()
    }

    fn put(&self, server: Server) {
        *self.server.write().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }
}

/// Known to the handler: one that is killed before that would come up again as a stranger to it.
fn introduced(control: &Endpoint) -> Server {
    let server = Server::for_handler(control).wait();
    let server = server.unwrap_or_else(|error| panic!("no server: {error}"));
    let client = server.client("mongrel2").wait();
    drop(client.unwrap_or_else(|error| panic!("no client: {error}")));
    server
}

/// Its port may be taken for a moment.
fn started(config: Config) -> Server {
    let failed = |error: Error| panic!("no server: {error}");
    Server::start(config).wait().unwrap_or_else(failed)
}

const SLOTS: usize = 3;

/// A handler tries a server that has ended every five seconds, by each of two links.
const PATIENCE: Duration = Duration::from_secs(30);
