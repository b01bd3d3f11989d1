//! A handler that peers do their worst to, and a healthy client beside them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{Kind, http};
use mongrel2_transceiver::socket::{Heartbeat, Reconnect};
use mongrel2_transceiver::transceiver::{Command, Config, Event, ServerId, Transceiver};
use mongrel2_transceiver::websocket::Message;
use mongrel2_transceiver::{Endpoint, server};

use crate::adapter::{Client, Handle, Server, seed};
use crate::place::{Kill, Place};

/// Long after this a test counts as hung.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

/// A handler in this process that sends back what it gets, and a client of a healthy server that talks
/// to it without a pause.
pub(crate) struct Stage {
    place: Place,
    pub(crate) handle: Handle<Transceiver>,
    pub(crate) control: Endpoint,
    events: Receiver<Event>,
    kill: Kill,
    healthy: Healthy,
    /// The healthy server, as the handler knows it.
    healthy_id: ServerId,
}

/// Nobody waits long before it connects anew, and nothing else has a deadline unless the test sets one.
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    config.seed = seed();
    config.control = Some("tcp://127.0.0.1:0".parse().unwrap());
    config.reconnect =
        Reconnect { delay_min: Duration::from_millis(2), delay_max: Duration::from_millis(10) };
    config.handshake_timeout = HUNG;
    config.heartbeat = Some(Heartbeat { interval: HUNG, timeout: HUNG });
    config.linger = Duration::from_millis(400);
    config
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let place = Place::new();
        let (handle, events, kill) = echo(&place, config);
        let mut control = None;
        while control.is_none() {
            control = match events.recv_timeout(HUNG).unwrap() {
                Event::ControlListening { endpoint } => Some(endpoint),
                event => panic!("{event:?}"),
            };
        }
        let control = control.unwrap();
        let healthy = Healthy::start(&control);
        let mut healthy_id = None;
        while healthy_id.is_none() {
            healthy_id = match events.recv_timeout(HUNG).unwrap() {
                Event::ServerUp { server, .. } => Some(server),
                _ => None,
            };
        }
        let healthy_id = healthy_id.unwrap();
        Self { place, handle, control, events, kill, healthy, healthy_id }
    }

    /// Waits for something that the handler tells, and forgets what comes before it.
    pub(crate) fn wait<T>(&self, wanted: impl FnMut(&Event) -> Option<T>) -> T {
        self.wait_while(|| {}, wanted)
    }

    /// The same, with something to do meanwhile, again and again.
    pub(crate) fn wait_while<T>(
        &self,
        mut work: impl FnMut(),
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> T {
        let end = Instant::now() + HUNG;
        let mut before = Vec::new();
        loop {
            work();
            let Ok(event) = self.events.recv_timeout(Duration::from_millis(1)) else {
                assert!(Instant::now() < end, "it did not come; what came: {before:#?}");
                continue;
            };
            self.check(&event);
            if let Some(found) = wanted(&event) {
                return found;
            }
            if before.len() < 20 && !matches!(event, Event::SessionMessage { .. }) {
                before.push(event);
            }
        }
    }

    /// Ends it in order, and checks that the healthy client was served all the time.
    pub(crate) fn end(self) {
        self.healthy.end();
        self.handle.submit(Command::Shutdown).unwrap();
        let end = Instant::now() + HUNG;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if matches!(self.events.recv_timeout(left).unwrap(), Event::Stopped { .. }) {
                break;
            }
        }
        self.kill.now();
        let _it_outlives_all = self.place;
    }

    /// What a peer does is nothing to the healthy ones.
    fn check(&self, event: &Event) {
        if let Event::ServerDown { server, .. } = event {
            assert_ne!(*server, self.healthy_id, "the healthy server was given up: {event:?}");
        }
    }
}

/// Runs a handler that sends back what it gets.
pub(crate) fn echo(place: &Place, config: Config) -> (Handle<Transceiver>, Receiver<Event>, Kill) {
    let machine = Transceiver::new(place.now(), config);
    let (sender, events): (Sender<Event>, _) = channel();
    let (handle, kill) = place.serve(machine, move |handle, event| {
        let goes_on = !matches!(event, Event::Stopped { .. });
        if let Some(answer) = answer(&event) {
            // Whom a peer floods or cuts off is refused: the healthy client would miss its answer.
            let _may_be_refused = handle.submit(answer);
        }
        let _nobody_may_listen = sender.send(event);
        goes_on
    });
    (handle, events, kill)
}

fn answer(event: &Event) -> Option<Command> {
    match event {
        Event::Request { target, request } if request.kind() == Kind::Http => {
            let response = http::Response::new(200).body(Bytes::from_static(b"here"));
            Some(Command::respond(*target, request, &response))
        }
        Event::SessionMessage { target, message, .. } => {
            Some(Command::Send { target: *target, message: message.clone() })
        }
        _ => None,
    }
}

/// A healthy server with a client that says something and awaits it back, again and again, in a thread
/// of its own.
pub(crate) struct Healthy {
    is_over: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    rounds_before: usize,
    thread: thread::JoinHandle<()>,
}

impl Healthy {
    /// Returns once the first message was there and back.
    pub(crate) fn start(control: &Endpoint) -> Self {
        let (is_over, rounds) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let (told, count, control) = (Arc::clone(&is_over), Arc::clone(&rounds), control.clone());
        let (sender, begun) = channel();
        let thread = thread::spawn(move || {
            let mut config = server::Config::from_seed(seed()).on_free_ports();
            config.patience = HUNG;
            let server = Server::start(config.with_handler(control)).wait().unwrap();
            let mut client = server.client("websocket").wait().unwrap();
            client.set_timeout(HUNG);
            assert_eq!(client.open("/").wait().unwrap().status, 101);
            while !told.load(Ordering::SeqCst) {
                says(&mut client, count.fetch_add(1, Ordering::SeqCst));
                let _nobody_may_listen = sender.send(());
                thread::sleep(Duration::from_millis(1));
            }
            // The server was as healthy as its client.
            assert_eq!((server.links(), server.lost()), ((1, 1), 0));
        });
        begun.recv_timeout(HUNG).expect("the healthy client is served");
        let rounds_before = rounds.load(Ordering::SeqCst);
        Self { is_over, rounds, rounds_before, thread }
    }

    /// It has gone on to be served, and is.
    pub(crate) fn end(self) {
        let now = self.rounds.load(Ordering::SeqCst);
        let end = Instant::now() + HUNG;
        while self.rounds.load(Ordering::SeqCst) < now + 3 && !self.thread.is_finished() {
            assert!(Instant::now() < end, "the healthy client waits");
            thread::sleep(Duration::from_millis(1));
        }
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.join().expect("the healthy client was served from the first to the last");
        assert!(self.rounds.load(Ordering::SeqCst) > self.rounds_before);
    }
}

fn says(client: &mut Client, round: usize) {
    let message = Message::from(format!("round {round}"));
    client.send(message.clone()).unwrap();
    assert_eq!(client.receive().wait().unwrap(), message);
}
