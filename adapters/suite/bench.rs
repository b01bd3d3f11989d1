//! A driver with a probe, and short words for what tests ask of it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::{Endpoint, LinkId, ListenerId, Output, Segments};

use super::probe::{Ask, Event, Probe};
use crate::adapter::{Driver, next};

pub(crate) struct Bench {
    driver: Driver<Probe>,
    serial: u64,
    /// Events that came before the one that was waited for.
    early: VecDeque<Event>,
}

/// Long after this a test counts as hung.
pub(crate) const HUNG: Duration = Duration::from_secs(60);

impl Bench {
    pub(crate) fn new() -> Self {
        let driver = Driver::new(Probe::default()).unwrap();
        Self { driver, serial: 0, early: VecDeque::new() }
    }

    pub(crate) fn driver(&mut self) -> &mut Driver<Probe> {
        &mut self.driver
    }

    pub(crate) fn perform(&mut self, output: Output) {
        self.driver.submit(Ask::Perform(output)).unwrap();
    }

    pub(crate) fn new_link(&mut self) -> LinkId {
        self.serial += 1;
        LinkId::new(7, self.serial)
    }

    pub(crate) fn connect(&mut self, endpoint: &str) -> LinkId {
        let link = self.new_link();
        self.perform(Output::Connect { link, endpoint: parse(endpoint) });
        link
    }

    pub(crate) fn listen(&mut self, endpoint: &str) -> ListenerId {
        self.serial += 1;
        let listener = ListenerId::new(7, self.serial);
        self.perform(Output::Listen { listener, endpoint: parse(endpoint) });
        listener
    }

    pub(crate) fn accept(&mut self, listener: ListenerId) -> LinkId {
        let link = self.new_link();
        self.perform(Output::Accept { listener, link });
        link
    }

    pub(crate) fn read(&mut self, link: LinkId, max: usize) {
        self.perform(Output::Read { link, max });
    }

    pub(crate) fn write(&mut self, link: LinkId, pieces: impl IntoIterator<Item = Bytes>) {
        let data: Segments = pieces.into_iter().collect();
        self.perform(Output::Write { link, data });
    }

    pub(crate) fn finish(&mut self, link: LinkId) {
        self.perform(Output::Finish { link });
    }

    pub(crate) fn close(&mut self, link: LinkId) {
        self.perform(Output::Close { link });
    }

    pub(crate) fn unlisten(&mut self, listener: ListenerId) {
        self.perform(Output::Unlisten { listener });
    }

    /// The next event, whatever it is.
    pub(crate) fn next(&mut self) -> Event {
        let early = self.early.pop_front();
        early.unwrap_or_else(|| next(&mut self.driver, HUNG).expect("an event"))
    }

    /// Waits for one event, keeping those before it.
    pub(crate) fn wait(&mut self, event: &Event) {
        self.wait_for(|found| (found == event).then_some(()));
    }

    pub(crate) fn wait_for<T>(&mut self, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let mut early = VecDeque::new();
        loop {
            let event = self.next();
            if let Some(found) = wanted(&event) {
                early.append(&mut self.early);
                self.early = early;
                return found;
            }
            early.push_back(event);
        }
    }

    /// Lets the driver work until all that was asked for has been tried. Returns the events.
    pub(crate) fn settle(&mut self) -> Vec<Event> {
        let mark = Duration::from_millis(20);
        self.driver.submit(Ask::Alarm(mark)).unwrap();
        let mut events = Vec::new();
        loop {
            match self.next() {
                Event::Alarm(found) if found == mark => return events,
                event => events.push(event),
            }
        }
    }

    /// Listens; where that worked, the endpoint to connect to.
    pub(crate) fn listening(&mut self, endpoint: &str) -> (ListenerId, String) {
        let listener = self.listen(endpoint);
        let port = self.wait_for(|event| match event {
            Event::Listening(found, port) if *found == listener => Some(*port),
            Event::ListenFailed(found, cause) if *found == listener => panic!("{cause:?}"),
            _ => None,
        });
        (listener, parse(endpoint).with_port(port).to_string())
    }

    pub(crate) fn listen_failed(&mut self, endpoint: &str) -> ErrorKind {
        let listener = self.listen(endpoint);
        self.wait_for(|event| match event {
            Event::Listening(found, _) if *found == listener => panic!("was bound"),
            Event::ListenFailed(found, cause) if *found == listener => Some(*cause),
            _ => None,
        })
    }

    /// A listener, a link connected to it, and its other end.
    pub(crate) fn pair(&mut self, endpoint: &str) -> (ListenerId, LinkId, LinkId) {
        let (listener, endpoint) = self.listening(endpoint);
        let (one, other) = self.connected(listener, &endpoint);
        (listener, one, other)
    }

    pub(crate) fn connected(&mut self, listener: ListenerId, endpoint: &str) -> (LinkId, LinkId) {
        let other = self.accept(listener);
        let one = self.connect(endpoint);
        self.wait(&Event::Opened(one));
        self.wait(&Event::Opened(other));
        (one, other)
    }

    /// Octets from one end to the other.
    pub(crate) fn say(&mut self, from: LinkId, to: LinkId, text: &'static [u8]) {
        self.write(from, [Bytes::from_static(text)]);
        self.read(to, 1000);
        self.wait(&Event::Sent(from));
        self.wait(&Event::Received(to, Bytes::from_static(text)));
    }
}

pub(crate) fn parse(endpoint: &str) -> Endpoint {
    endpoint.parse().unwrap()
}

/// A path that nobody else uses.
pub(crate) fn unused_path() -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("transceiver-{}-{count}", std::process::id()))
}

/// A socket's path that nobody else uses, with its endpoint.
pub(crate) fn unused_ipc() -> (PathBuf, String) {
    let path = unused_path();
    let endpoint = format!("ipc://{}", path.display());
    (path, endpoint)
}

/// An endpoint of each kind that this host has, free to bind.
pub(crate) fn endpoints() -> Vec<String> {
    let mut all =
        vec!["tcp://127.0.0.1:0".to_owned(), "tcp://localhost:0".to_owned(), unused_ipc().1];
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        all.push("tcp://[::1]:0".to_owned());
    }
    if cfg!(target_os = "linux") {
        let name = unused_path();
        all.push(format!("ipc://@{}", name.file_name().unwrap().to_str().unwrap()));
    }
    all
}
