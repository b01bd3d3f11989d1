//! A handler on a thread of the test.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};

use interop::mongrel2::Config as ServerConfig;
use interop::{Mongrel2, PATIENCE};
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Refused, Transceiver};
use mongrel2_transceiver_threads::{Driver, Handle};

use crate::driver::driver;

/// A server, and a handler for it that does what a test wants. Both end when dropped.
pub(crate) struct Local {
    pub(crate) handle: Handle<Transceiver>,
    pub(crate) server: Mongrel2,
    /// What the handler was told, but for requests to be ready.
    told: Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Local {
    /// Both, and the handler answers. `app` says what to do about each event; what is refused for want
    /// of room is submitted when there is room.
    pub(crate) fn start(
        server: ServerConfig,
        change: impl FnOnce(&mut Config),
        app: impl FnMut(&Event) -> Vec<Command> + Send + 'static,
    ) -> Self {
        let server = Mongrel2::start_with(server);
        let driver = driver(&server, change);
        let handle = driver.handle();
        let (tell, told) = channel();
        let thread = thread::spawn(move || serve(driver, app, |event| drop(tell.send(event))));
        server.wait_until_served();
        let local = Self { handle, server, told, thread: Some(thread) };
        // The client that saw that it is ready has left.
        local.until(|event| matches!(event, Event::Disconnect { .. }));
        local
    }

    /// The next such event.
    pub(crate) fn until(&self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.told.recv_timeout(PATIENCE).expect("what was waited for comes");
            if wanted(&event) {
                return event;
            }
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let _it_may_have_panicked = self.handle.submit(Command::Shutdown);
        let result = self.thread.take().unwrap().join();
        if !thread::panicking() {
            result.expect("the handler does not panic");
        }
    }
}

fn serve(
    mut driver: Driver<Transceiver>,
    mut app: impl FnMut(&Event) -> Vec<Command>,
    tell: impl Fn(Event),
) {
    let mut waiting = VecDeque::new();
    loop {
        let event = driver.next_event(None).unwrap().unwrap();
        match &event {
            Event::Stopped { .. } => return,
            Event::Request { target, request } if request.path() == b"/ready" => {
                let ready = Response::text(200, "ready");
                waiting.push_back(Command::respond(*target, request, &ready));
            }
            event => waiting.extend(app(event)),
        }
        while let Some(command) = waiting.front() {
            match driver.submit(command.clone()) {
                Err(Refused::Full | Refused::Slow) => break,
                Err(refused) => panic!("{refused}: {command:?}"),
                Ok(()) => drop(waiting.pop_front()),
            }
        }
        tell(event);
    }
}

/// A server with further settings.
pub(crate) fn with(settings: &[(&str, u64)]) -> ServerConfig {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    ServerConfig { settings, ..ServerConfig::default() }
}
