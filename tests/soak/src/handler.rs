//! The handler: it sends back what it gets, on the adapter that was chosen.

use std::fmt;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::mongrel2::{Kind, http::Response};
use mongrel2_transceiver::transceiver::{Command, Config, Event, Loss, Refused, Transceiver};
use mongrel2_transceiver_threads::{Handle, SubmitError};

/// What it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adapter {
    Threads,
    Smol,
    Tokio,
}

impl FromStr for Adapter {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "threads" => Ok(Self::Threads),
            "smol" => Ok(Self::Smol),
            "tokio" => Ok(Self::Tokio),
            other => Err(format!("there is no adapter '{other}': threads, smol or tokio")),
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threads => "threads",
            Self::Smol => "smol",
            Self::Tokio => "tokio",
        })
    }
}

pub(crate) struct Handler {
    control: Endpoint,
    handle: Handle<Transceiver>,
    thread: JoinHandle<usize>,
}

/// What it tells when it is up.
type Up = (Endpoint, Handle<Transceiver>);

impl Handler {
    pub(crate) fn start(adapter: Adapter) -> Self {
        let mut config = Config::default();
        config.control = Some("tcp://127.0.0.1:*".parse().unwrap());
        config.ping_interval = Some(Duration::from_secs(5));
        config.seed = mongrel2_transceiver_threads::seed();
        let machine = Transceiver::new(Instant::now(), config);
        let (up, is_up): (Sender<Up>, Receiver<Up>) = channel();
        let thread = thread::spawn(move || match adapter {
            Adapter::Threads => on_threads(machine, &up),
            Adapter::Smol => on_smol(machine, &up),
            Adapter::Tokio => on_tokio(machine, &up),
        });
        let (control, handle) = is_up.recv().expect("it can bind a free port");
        Self { control, handle, thread }
    }

    pub(crate) const fn control(&self) -> &Endpoint {
        &self.control
    }

    /// Ends it in order: how many messages were not delivered though nobody had ended.
    pub(crate) fn stop(self) -> usize {
        match self.handle.submit(Command::Shutdown) {
            Ok(()) => self.thread.join().unwrap(),
            Err(SubmitError::Refused(refused)) => panic!("{refused}"),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn on_threads(machine: Transceiver, up: &Sender<Up>) -> usize {
    let mut driver = mongrel2_transceiver_threads::Driver::new(machine).unwrap();
    let (handle, mut lost) = (driver.handle(), 0);
    loop {
        let event = driver.next_event(None).unwrap().expect("it waits for one");
        if let Some(lost) = answer(event, &handle, up, &mut lost, |c| driver.submit(c)) {
            return lost;
        }
    }
}

fn on_smol(machine: Transceiver, up: &Sender<Up>) -> usize {
    let mut driver = mongrel2_transceiver_smol::Driver::new(machine).unwrap();
    let (handle, mut lost) = (driver.handle(), 0);
    block_on(async {
        loop {
            let event = driver.next_event().await;
            if let Some(lost) = answer(event, &handle, up, &mut lost, |c| driver.submit(c)) {
                return lost;
            }
        }
    })
}

fn on_tokio(machine: Transceiver, up: &Sender<Up>) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut driver = mongrel2_transceiver_tokio::Driver::new(machine).unwrap();
        let (handle, mut lost) = (driver.handle(), 0);
        loop {
            let event = driver.next_event().await;
            if let Some(lost) = answer(event, &handle, up, &mut lost, |c| driver.submit(c)) {
                return lost;
            }
        }
    })
}

/// What is done about an event: at the end, how much was not delivered though nobody had ended.
fn answer(
    event: Event,
    handle: &Handle<Transceiver>,
    up: &Sender<Up>,
    lost: &mut usize,
    submit: impl FnOnce(Command) -> Result<(), Refused>,
) -> Option<usize> {
    let command = match event {
        Event::ControlListening { endpoint } => {
            up.send((endpoint, handle.clone())).expect("somebody waits for it");
            return None;
        }
        Event::ControlFailed { endpoint, cause } => panic!("cannot bind {endpoint}: {cause}"),
        Event::Request { target, request } if request.kind() == Kind::Http => {
            Command::respond(target, &request, &Response::new(200).body(request.body()))
        }
        Event::SessionMessage { target, message, .. } => Command::Send { target, message },
        // Servers are killed, and browsers leave.
        Event::Undelivered {
            reason: Loss::LinkLost | Loss::ServerLost | Loss::Disconnected,
            ..
        } => {
            return None;
        }
        Event::Undelivered { targets, reason } => {
            eprintln!("soak: {} messages are not delivered: {reason}", targets.len());
            *lost += targets.len();
            return None;
        }
        Event::Stopped { .. } => return Some(*lost),
        _ => return None,
    };
    // A browser that has gone meanwhile gets nothing.
    let _refused = submit(command);
    None
}
