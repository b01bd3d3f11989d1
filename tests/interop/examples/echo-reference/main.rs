//! An echo handler over libzmq and tungstenite's frames, with the command line of our examples.
//!
//! It shares no line with our library, so that it checks the end-to-end tests themselves: what
//! fails against it as well is no fault of ours. It is for tests, on loopback, and no model: it has
//! no limits and trusts Mongrel2.

#![allow(clippy::print_stderr, reason = "a program tells its user what is wrong there")]

mod options;
mod request;
mod server;
mod websocket;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use options::Options;
use server::Server;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

fn main() -> ExitCode {
    let served = Options::parse(std::env::args().skip(1)).and_then(|options| serve(&options));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("echo-reference: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let stop = stop_flag()?;
    let context = zmq::Context::new();
    let control = context.socket(zmq::REP)?;
    if let Some(address) = &options.control {
        control.bind(address).map_err(|error| format!("cannot bind {address}: {error}"))?;
    }
    let servers = options.servers.iter().map(|one| Server::connect(&context, one));
    let mut servers = servers.collect::<Result<Vec<_>, _>>()?;
    let mut ping_at = Instant::now() + options.ping_interval;
    while !stop.load(Ordering::Relaxed) {
        wait(&servers)?;
        for server in &mut servers {
            server.take_all()?;
        }
        if Instant::now() >= ping_at {
            ping_at = Instant::now() + options.ping_interval;
            servers.iter_mut().try_for_each(Server::ping_round)?;
        }
    }
    servers.iter_mut().try_for_each(Server::say_goodbye)?;
    Ok(())
}

/// Set by the first signal; a second one ends the process at once.
fn stop_flag() -> Result<Arc<AtomicBool>, std::io::Error> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

/// Until something can be read; and not for long, since signals and pings are looked at in between.
fn wait(servers: &[Server]) -> Result<(), zmq::Error> {
    let mut items: Vec<_> = servers.iter().flat_map(Server::poll_items).collect();
    match zmq::poll(&mut items, 20) {
        Err(error) if error != zmq::Error::EINTR => Err(error),
        _ => Ok(()),
    }
}
