//! What the API does about each event.

use std::time::Instant;

use bytes::Bytes;
use mongrel2_transceiver::tier::Api;
use mongrel2_transceiver::tier::api::{Command, Config, Event, Refused};
use mongrel2_transceiver::transceiver;

use super::Next;
use super::options::Options;

/// The API, and the server that it is to serve.
pub(crate) fn new(seed: u64, options: &Options) -> (Api, Command) {
    let mut config = Config::default();
    config.handler.seed = seed;
    config.handler.control = options.control.clone();
    config.work = options.work.clone();
    config.announcements = options.announcements.clone();
    config.receipts = options.receipts.clone();
    config.spread = options.spread;
    // A browser whose Node dies is told so.
    config.answer_lost = true;
    let add = transceiver::Command::AddServer {
        sender: Bytes::copy_from_slice(options.sender.as_bytes()),
        send_spec: options.send_spec.clone(),
        recv_spec: options.recv_spec.clone(),
    };
    (Api::new(Instant::now(), config), add.into())
}

pub(crate) fn on_event(
    event: Event,
    mut submit: impl FnMut(Command) -> Result<(), Refused>,
) -> Next {
    match event {
        Event::NodeUp { node, .. } => println!("node {node} has come"),
        Event::NodeDown { node, reason, unfinished } => {
            println!("node {node} is gone: {reason}; it had {unfinished} unfinished requests");
        }
        Event::NodeLost { node, unfinished, .. } if !unfinished.is_empty() => {
            println!("node {node} has lost {} requests", unfinished.len());
        }
        Event::Unserved { node, targets } => {
            println!("node {node} could not serve {} requests", targets.len());
        }
        Event::Dropped { targets, reason } => {
            println!("{} requests were dropped: {reason}", targets.len());
        }
        Event::Listening { place, endpoint } => println!("{place}: {endpoint}"),
        Event::ListenFailed { place, endpoint, cause } => {
            return Next::Failed(format!("cannot bind {place} to {endpoint}: {cause}"));
        }
        Event::Handler(transceiver::Event::ServerUp { .. }) => println!("the server is up"),
        Event::Handler(transceiver::Event::ServerDown { reason, .. }) => {
            println!("the server is gone: {reason}");
        }
        Event::Handler(transceiver::Event::SessionOpened { target, .. }) => {
            let (topic, body) = (Bytes::from_static(b"sessions"), target.to_string().into());
            if let Err(refused) = submit(Command::Announce { topic, body }) {
                println!("a session has opened, and nobody hears of it: {refused}");
            }
        }
        Event::Stopped { .. } => return Next::Stopped,
        other => tracing::info!(event = ?other),
    }
    Next::Go
}
