//! The handler and the demonstration as futures: what the `echo-*` examples for async runtimes share.
//!
//! They include this next to [`echo`](crate::echo). Their module `adapter` has `Driver`, `Handle`,
//! `seed`, and `within`, which gives up a future after a time.

use std::time::{Duration, Instant};

use futures_lite::future::zip;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{Command, Transceiver};

use crate::adapter::{Driver, Handle, seed, within};
use crate::echo::app::{self, App};
use crate::echo::demo::{self, Demo};
use crate::echo::options::Options;
use crate::echo::signals::on_signal;

/// Serves the servers that are asked for, or else the stand-in.
pub(crate) async fn run(mut options: Options) -> Result<(), String> {
    options.config.seed = seed();
    let is_demo = options.is_demo();
    let transceiver = Transceiver::new(Instant::now(), options.config);
    let mut driver = Driver::new(transceiver).map_err(|error| error.to_string())?;
    let handle = driver.handle();
    let stopper = handle.clone();
    on_signal(move || {
        // It may have stopped before.
        let _ = stopper.submit(Command::Shutdown);
    })?;
    if is_demo {
        // Both ends share this thread, as two futures.
        let (served, played) = zip(serve(driver), play(handle)).await;
        return served.and(played);
    }
    for server in options.servers {
        let command = server.into_command();
        driver.submit(command).map_err(|refused| refused.to_string())?;
    }
    serve(driver).await
}

/// Echoes until it is told to stop.
async fn serve(mut driver: Driver<Transceiver>) -> Result<(), String> {
    let mut app = App::default();
    loop {
        let event = driver.next_event().await;
        match app.on_event(event, |command| driver.submit(command)) {
            app::Next::Go => {}
            app::Next::Stopped => return Ok(()),
            app::Next::Failed(message) => return Err(message),
        }
    }
}

/// Plays the stand-in server and its browsers; the handler is told to stop at its end.
async fn play(handler: Handle<Transceiver>) -> Result<(), String> {
    let result = converse(&handler).await;
    // It may have stopped before.
    let _ = handler.submit(Command::Shutdown);
    result
}

async fn converse(handler: &Handle<Transceiver>) -> Result<(), String> {
    let (mut demo, config) = Demo::new(seed())?;
    let server = Server::new(Instant::now(), config);
    let mut driver = Driver::new(server).map_err(|error| error.to_string())?;
    loop {
        let event = within(PATIENCE, driver.next_event()).await;
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
