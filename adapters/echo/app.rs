//! What the handler does about each event.

use std::collections::{BTreeMap, VecDeque};

use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{Kind, Request};
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::transceiver::{Command, Event, Refused, ServerId, Target};
use mongrel2_transceiver::websocket::CloseCode;
use mongrel2_transceiver::zmtp;

/// The echo application, apart from all I/O.
#[derive(Default)]
pub(crate) struct App {
    servers: BTreeMap<ServerId, Server>,
}

/// What the application knows of a server.
#[derive(Default)]
struct Server {
    name: String,
    /// What was refused for want of room, in order.
    held: VecDeque<Command>,
    /// Why it is not there, as far as that was mentioned.
    missing: Vec<DownReason>,
}

/// What comes after an event.
pub(crate) enum Next {
    /// The next event.
    Go,
    /// Nothing: all is over.
    Stopped,
    /// Nothing: this went wrong.
    Failed(String),
}

impl App {
    /// Does what there is to do about an event; `submit` gives commands to the transceiver.
    pub(crate) fn on_event(
        &mut self,
        event: Event,
        submit: impl FnMut(Command) -> Result<(), Refused>,
    ) -> Next {
        match event {
            Event::Request { target, request } => {
                if let Some(reply) = answer(target, &request) {
                    self.server(target.server).say(reply, submit);
                }
            }
            Event::SessionMessage { target, message, .. } => {
                self.server(target.server).say(Command::Send { target, message }, submit);
            }
            Event::Room { server } => self.server(server).say_what_was_held(submit),
            Event::ServerRemoved { server, sender, by, tally } => {
                println!("server {} was removed by {by}", sender.escape_ascii());
                println!("replies to it: {tally}");
                self.servers.remove(&server);
            }
            Event::ControlListening { endpoint } => println!("control socket at {endpoint}"),
            Event::ControlFailed { endpoint, cause } => {
                return Next::Failed(format!(
                    "cannot bind the control socket to {endpoint}: {cause}; --control ADDR binds \
                     another address, --control none does without"
                ));
            }
            Event::Stopped { .. } => return Next::Stopped,
            other => self.mention(&other),
        }
        Next::Go
    }

    /// Tells the person who started it what matters to them.
    fn mention(&mut self, event: &Event) {
        match event {
            Event::ServerAdded { server, sender, by } => {
                let server = self.server(*server);
                server.name = sender.escape_ascii().to_string();
                println!("server {} was added by {by}", server.name);
            }
            Event::ServerUp { server, .. } => {
                let server = self.server(*server);
                server.missing.clear();
                println!("server {} is up", server.name);
            }
            Event::ServerDown { server, reason, .. } => {
                println!("server {} is gone: {reason}", self.server(*server).name);
            }
            Event::ServerUnreachable { server, endpoint, reason, .. } => {
                let server = self.server(*server);
                if !server.missing.contains(reason) {
                    println!("server {}: waiting for {endpoint}: {reason}", server.name);
                    if let DownReason::Protocol(zmtp::Error::SocketType { .. }) = reason {
                        println!("are --pull and --pub in each other's place?");
                    }
                    server.missing.push(reason.clone());
                }
            }
            Event::ServerDeaf { server, subscribed } => println!(
                "server {} will not hear us: its recv_ident is {subscribed:?}; make it empty, or \
                 the same as its send_ident",
                self.server(*server).name
            ),
            Event::Undelivered { targets, reason } => {
                println!("{} replies were not delivered: {reason}", targets.len());
            }
            other => tracing::info!(event = ?other),
        }
    }

    fn server(&mut self, id: ServerId) -> &mut Server {
        self.servers.entry(id).or_default()
    }
}

impl Server {
    /// Submits a command; holds it where there is no room for it, or for others before it.
    fn say(&mut self, command: Command, submit: impl FnMut(Command) -> Result<(), Refused>) {
        self.held.push_back(command);
        if self.held.len() == 1 {
            self.say_what_was_held(submit);
        }
    }

    /// Submits what is held, until there is no more room. `Room` comes once after a refusal, however
    /// many there were. The queue stays short: no requests are read while replies wait.
    fn say_what_was_held(&mut self, mut submit: impl FnMut(Command) -> Result<(), Refused>) {
        while let Some(command) = self.held.front() {
            match submit(command.clone()) {
                Err(Refused::Full) => return,
                Err(Refused::Slow) => part_from_slow(command, &mut submit),
                // Its browser is gone.
                Err(refused) => tracing::info!(%refused, "not taken"),
                Ok(()) => {}
            }
            self.held.pop_front();
        }
    }
}

/// A browser that reads nothing of what it asks for is not waited for.
fn part_from_slow(command: &Command, submit: &mut impl FnMut(Command) -> Result<(), Refused>) {
    let farewell = match *command {
        Command::Send { target, .. } => {
            let (code, reason) = (CloseCode::POLICY, "you read too slowly".into());
            Command::Close { target, code, reason }
        }
        Command::Reply { target, .. } => Command::HangUp { target },
        _ => return,
    };
    if let Err(refused) = submit(farewell) {
        tracing::info!(%refused, "not parted from");
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
