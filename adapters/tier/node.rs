//! What a Node does about each event.

use std::time::Instant;

use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{Kind, Request};
use mongrel2_transceiver::tier::Node;
use mongrel2_transceiver::tier::node::{Command, Config, Event, Refused, Target};

use super::Next;
use super::options::Options;

pub(crate) fn new(seed: u64, options: &Options) -> Node {
    let mut config = Config::default();
    config.seed = seed;
    config.control = options.control.clone();
    config.work = options.work.clone();
    config.announcements = options.announcements.clone();
    config.receipts = options.receipts.clone();
    Node::new(Instant::now(), config)
}

pub(crate) fn on_event(
    name: &str,
    event: Event,
    mut submit: impl FnMut(Command) -> Result<(), Refused>,
) -> Next {
    match event {
        Event::Request { target, request } => {
            let answer = answer(name, target, &request);
            if let Err(refused) = submit(answer) {
                // The API hears that it is not served here, if there still is anybody to answer.
                println!("not answered: {refused}");
                let _ = submit(Command::Decline { target });
            }
        }
        Event::Message { target, message, .. } => {
            if let Err(refused) = submit(Command::Send { target, message }) {
                println!("not answered: {refused}");
                let _ = submit(Command::Decline { target });
            }
        }
        Event::Announcement { topic, body } => {
            println!("heard of {}: {}", topic.escape_ascii(), body.escape_ascii());
        }
        Event::ApiUp => println!("the api is there"),
        Event::ApiDown { reason } => println!("the api is gone: {reason}"),
        Event::ServerUp { .. } => println!("a server hears us"),
        Event::ServerDown { reason, .. } => println!("a server is gone: {reason}"),
        Event::ControlFailed { endpoint, cause } => {
            return Next::Failed(format!("cannot bind {endpoint}: {cause}"));
        }
        Event::Stopped { .. } => return Next::Stopped,
        other => tracing::info!(event = ?other),
    }
    Next::Go
}

fn answer(name: &str, target: Target, request: &Request) -> Command {
    if request.kind() != Kind::Http {
        // JSON and XML sockets speak no HTTP: the octets themselves are the answer.
        return if request.body_len() > 0 {
            Command::Reply { target, body: request.body(), close: false }
        } else {
            Command::Done { target }
        };
    }
    let method = String::from_utf8_lossy(request.method());
    let path = String::from_utf8_lossy(request.path());
    let response = Response::text(200, &format!("{method} {path} by {name}\n"));
    Command::respond(target, request, &response)
}
