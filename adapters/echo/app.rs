//! What the handler does about each event.

use std::collections::VecDeque;

use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{Kind, Request};
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::{Command, Event, Refused, ServerId, Target};

/// The echo application, apart from all I/O.
#[derive(Default)]
pub(crate) struct App {
    /// What was refused for want of room.
    held: VecDeque<Command>,
    /// Servers whose absence was mentioned, so that it is mentioned once.
    missing: Vec<(ServerId, DownReason)>,
}

/// What is to be done about an event.
pub(crate) enum Action {
    /// To submit this, if anything; [`App::refused`] takes it back.
    Go(Option<Command>),
    /// To end, because all is over.
    Stopped,
    /// To end, because this went wrong.
    Failed(String),
}

impl App {
    pub(crate) fn on_event(&mut self, event: Event) -> Action {
        let command = match event {
            Event::Request { target, request } => answer(target, &request),
            Event::SessionMessage { target, message } => Some(Command::Send { target, message }),
            Event::Room { .. } => self.held.pop_front(),
            Event::ServerUp { server, .. } => {
                self.missing.retain(|(missing, _)| *missing != server);
                println!("server {server} is up");
                None
            }
            Event::ServerDown { server, reason, .. } => {
                println!("server {server} is gone: {reason}");
                None
            }
            Event::ServerUnreachable { server, endpoint, reason, .. } => {
                let missing = (server, reason.clone());
                if !self.missing.contains(&missing) {
                    println!("server {server}: waiting for {endpoint}: {reason}");
                    self.missing.push(missing);
                }
                None
            }
            Event::ServerDeaf { server, subscribed } => {
                println!(
                    "server {server} will not hear us: its recv_ident is {subscribed:?}; make it \
                     empty, or the same as its send_ident"
                );
                None
            }
            Event::Undelivered { targets, reason } => {
                println!("{} replies were not delivered: {reason}", targets.len());
                None
            }
            Event::ControlListening { endpoint } => {
                println!("control socket at {endpoint}");
                None
            }
            Event::ControlFailed { endpoint, cause } => {
                return Action::Failed(format!(
                    "cannot bind the control socket to {endpoint}: {cause}; --control ADDR binds \
                     another address, --control none does without"
                ));
            }
            Event::Stopped { undelivered: 0 } => return Action::Stopped,
            Event::Stopped { undelivered } => {
                println!("{undelivered} replies were not delivered in time");
                return Action::Stopped;
            }
            other => {
                tracing::info!(event = ?other);
                None
            }
        };
        Action::Go(command)
    }

    /// A command was refused: it waits for room where that is the reason, and is dropped where its
    /// browser is gone.
    pub(crate) fn refused(&mut self, command: Command, refused: Refused) {
        if refused == Refused::Full {
            self.held.push_back(command);
        } else {
            tracing::info!(%refused, "not taken");
        }
    }
}

fn answer(target: Target, request: &Request) -> Option<Command> {
    let response = match request.kind() {
        Kind::Http if request.body_len() > 0 => Response::new(200).body(request.body()),
        Kind::Http => {
            let method = String::from_utf8_lossy(request.method());
            let path = String::from_utf8_lossy(request.path());
            Response::text(200, &format!("{method} {path}\n"))
        }
        // JSON and XML sockets speak no HTTP: the octets themselves are the answer.
        Kind::Json | Kind::Xml if request.body_len() > 0 => {
            return Some(Command::Reply { target, body: request.body(), close: false });
        }
        _ => return None,
    };
    Some(Command::respond(target, request, &response))
}
