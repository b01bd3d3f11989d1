//! A handler that serves the page, and lets it chat.

use std::collections::BTreeSet;
use std::thread::{self, JoinHandle};

use interop::Mongrel2;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{Kind, Request};
use mongrel2_transceiver::transceiver::{
    Accept, Command, Deflate, Event, SessionEnd, Target, Transceiver,
};
use mongrel2_transceiver::websocket::{CloseCode, Message};
use mongrel2_transceiver_threads::Handle;

use crate::driver::driver;

/// The handler, on a thread of its own.
pub(crate) struct Chat {
    handle: Handle<Transceiver>,
    /// In the end, how the sessions ended.
    thread: JoinHandle<Vec<SessionEnd>>,
}

impl Chat {
    /// Serves `page` to whoever asks, and takes WebSockets from pages of `origin`.
    pub(crate) fn start(server: &Mongrel2, origin: &str, page: String) -> Self {
        let mut driver = driver(server, |config| {
            config.accept = Accept::origins([origin]);
            let mut deflate = Deflate::default();
            deflate.contexts_max = 2;
            config.deflate = Some(deflate);
        });
        let handle = driver.handle();
        let mut room = Room { page, ..Room::default() };
        let thread = thread::spawn(move || {
            while let Some(event) = driver.next_event(None).unwrap() {
                if matches!(event, Event::Stopped { .. }) {
                    break;
                }
                for command in room.on_event(event) {
                    driver.submit(command).unwrap();
                }
            }
            room.ends
        });
        Self { handle, thread }
    }

    /// Ends it; tells how the sessions ended, in that order.
    pub(crate) fn stop(self) -> Vec<SessionEnd> {
        self.handle.submit(Command::Shutdown).unwrap();
        self.thread.join().unwrap()
    }
}

#[derive(Default)]
struct Room {
    page: String,
    guests: BTreeSet<Target>,
    /// Who waits for the page to have told its outcome.
    held: Vec<(Target, Request)>,
    is_told: bool,
    ends: Vec<SessionEnd>,
}

impl Room {
    fn on_event(&mut self, event: Event) -> Vec<Command> {
        match event {
            Event::Request { target, request } if request.kind() == Kind::Http => {
                self.on_request(target, request)
            }
            Event::SessionOpened { target, .. } => {
                self.guests.insert(target);
                Vec::new()
            }
            Event::SessionMessage { target, message, .. } => vec![self.said(target, message)],
            Event::SessionClosed { target, end } => {
                self.guests.remove(&target);
                self.ends.push(end);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_request(&mut self, target: Target, request: Request) -> Vec<Command> {
        let respond = |response| vec![Command::respond(target, &request, &response)];
        match request.path() {
            b"/" => {
                let page = Response::new(200).header("content-type", "text/html; charset=utf-8");
                respond(page.unwrap().body(self.page.clone()))
            }
            b"/outcome" => {
                self.is_told = true;
                let mut commands = respond(Response::new(204));
                commands.extend(self.let_go());
                commands
            }
            b"/hold" => {
                self.held.push((target, request));
                self.let_go()
            }
            _ => respond(Response::text(404, "not here\n")),
        }
    }

    fn let_go(&mut self) -> Vec<Command> {
        let count = if self.is_told { self.held.len() } else { 0 };
        let held = self.held.drain(..count);
        held.map(|(target, request)| Command::respond(target, &request, &Response::new(204)))
            .collect()
    }

    /// Everybody hears it, who said it included.
    fn said(&self, target: Target, message: Message) -> Command {
        if message == Message::from("throw me out") {
            let code = CloseCode::new(4321).unwrap();
            return Command::Close { target, code, reason: "Schleich dich".into() };
        }
        Command::Broadcast {
            to: self.guests.iter().copied().collect::<Vec<_>>().into(),
            except: None,
            message,
        }
    }
}
