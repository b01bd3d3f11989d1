//! API, Nodes and a stand-in server as processes, on the `threads` adapter. `--help` says how.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]

#[path = "../../echo/signals.rs"]
mod signals;
#[path = "../../tier/mod.rs"]
mod tier;

use std::process::ExitCode;
use std::time::Instant;

use mongrel2_transceiver::tier as library;
use mongrel2_transceiver::{Machine, server};
use mongrel2_transceiver_threads::{Driver, seed};
use signals::on_signal;
use tier::options::{Options, Parsed, Role, parse};
use tier::{Next, api, node};

fn main() -> ExitCode {
    let name = "tier-threads";
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match parse(name, std::env::args_os()) {
        Ok(Parsed::Help(text)) => {
            print!("{text}");
            Ok(())
        }
        Ok(Parsed::Run(role, options)) => run(role, &options),
        Err(message) => Err(format!("{message}\nTry: {name} --help")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role, options: &Options) -> Result<(), String> {
    match role {
        Role::Server => serve(options),
        Role::Api => {
            let (machine, add) = api::new(seed(), options);
            let mut driver = start(machine, || library::api::Command::Shutdown)?;
            driver.submit(add).map_err(|refused| refused.to_string())?;
            work(&mut driver, |driver, event| api::on_event(event, |c| driver.submit(c)))
        }
        Role::Node => {
            let machine = node::new(seed(), options);
            let mut driver = start(machine, || library::node::Command::Shutdown)?;
            work(&mut driver, |driver, event| {
                node::on_event(&options.name, event, |command| driver.submit(command))
            })
        }
    }
}

/// A driver whose machine is shut down by the first signal.
fn start<M>(
    machine: M,
    shutdown: impl FnOnce() -> M::Command + Send + 'static,
) -> Result<Driver<M>, String>
where
    M: Machine + Send + 'static,
{
    let driver = Driver::new(machine).map_err(|error| error.to_string())?;
    let handle = driver.handle();
    on_signal(move || {
        // It may have stopped before.
        let _ = handle.submit(shutdown());
    })?;
    Ok(driver)
}

fn work<M: Machine>(
    driver: &mut Driver<M>,
    mut on_event: impl FnMut(&mut Driver<M>, M::Event) -> Next,
) -> Result<(), String> {
    loop {
        let event = driver.next_event(None).map_err(|error| error.to_string())?;
        let Some(event) = event else { continue };
        match on_event(driver, event) {
            Next::Go => {}
            Next::Stopped => return Ok(()),
            Next::Failed(message) => return Err(message),
        }
    }
}

/// The stand-in server: a browser asks every now and then.
fn serve(options: &Options) -> Result<(), String> {
    let (machine, mut browsers) = tier::server::new(seed(), options);
    let mut driver = start(machine, || server::Command::Shutdown)?;
    let mut next = Instant::now() + tier::server::PAUSE;
    loop {
        let pause = next.saturating_duration_since(Instant::now());
        match driver.next_event(Some(pause)).map_err(|error| error.to_string())? {
            Some(event) => match tier::server::Browsers::on_event(event) {
                Next::Go => {}
                Next::Stopped => return Ok(()),
                Next::Failed(message) => return Err(message),
            },
            None => {
                next = Instant::now() + tier::server::PAUSE;
                browsers.ask(|command| driver.submit(command));
            }
        }
    }
}
