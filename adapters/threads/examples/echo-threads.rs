//! An echo handler on the `threads` adapter. `--help` says how to use it.

#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

#[path = "../../echo/mod.rs"]
mod echo;

use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use echo::app::{self, App};
use echo::demo::{self, Demo};
use echo::options::Options;
use echo::signals::on_signal;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Transceiver};
use mongrel2_transceiver_threads::{Driver, Handle, seed};

fn main() -> ExitCode {
    echo::main("echo-threads", run)
}

fn run(mut options: Options) -> Result<(), String> {
    options.config.seed = seed();
    let is_demo = options.is_demo();
    let transceiver = Transceiver::new(Instant::now(), options.config);
    let mut driver = Driver::new(transceiver).map_err(|error| error.to_string())?;
    let handle = driver.handle();
    let demo = is_demo.then(|| start_demo(handle.clone()));
    on_signal(move || {
        // It may have stopped before.
        let _ = handle.submit(Command::Shutdown);
    })?;
    for server in options.servers {
        let command = server.into_command();
        driver.submit(command).map_err(|refused| refused.to_string())?;
    }
    serve(&mut driver)?;
    demo.map_or(Ok(()), |result| result.recv().map_err(|_| "the demonstration broke".to_owned())?)
}

/// Echoes until it is told to stop.
fn serve(driver: &mut Driver<Transceiver>) -> Result<(), String> {
    let mut app = App::default();
    loop {
        let event = driver.next_event(None).map_err(|error| error.to_string())?;
        let Some(event) = event else { continue };
        match app.on_event(event, |command| driver.submit(command)) {
            app::Next::Go => {}
            app::Next::Stopped => return Ok(()),
            app::Next::Failed(message) => return Err(message),
        }
    }
}

/// Runs the stand-in server on a thread of its own; the handler is told to stop at its end.
fn start_demo(handler: Handle<Transceiver>) -> Receiver<Result<(), String>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        // Nobody waits for the result where the handler failed first.
        let _ = send.send(play(&handler));
        let _ = handler.submit(Command::Shutdown);
    });
    receive
}

fn play(handler: &Handle<Transceiver>) -> Result<(), String> {
    let (mut demo, config) = Demo::new(seed())?;
    let server = Server::new(Instant::now(), config);
    let mut driver = Driver::new(server).map_err(|error| error.to_string())?;
    loop {
        let event = driver.next_event(Some(PATIENCE)).map_err(|error| error.to_string())?;
        match demo.on_event(event.ok_or("no answer within 10 seconds")?) {
            demo::Action::Serve(command) => {
                handler.submit(command).map_err(|refused| refused.to_string())?;
            }
            demo::Action::Deliver(raw) => {
                let command = server::Command::Deliver(raw);
                driver.submit(command).map_err(|refused| refused.to_string())?;
            }
            demo::Action::Wait => {}
            demo::Action::StopHandler => {
                // It may have stopped before, by a signal.
                let _ = handler.submit(Command::Shutdown);
            }
            demo::Action::Finished => return Ok(()),
            demo::Action::Failed(message) => return Err(message),
        }
    }
}

/// How long the demonstration waits for each answer.
const PATIENCE: Duration = Duration::from_secs(10);
