//! A chat with rooms on the `threads` adapter, for browsers. `--help` says how to use it.

#![allow(clippy::print_stdout, reason = "a program that talks to a person")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

#[path = "../../chat/mod.rs"]
mod chat;
#[path = "../../echo/mod.rs"]
#[allow(dead_code, reason = "its options, its signals, and what it tells are used here")]
mod echo;

use std::process::ExitCode;
use std::time::Instant;

use chat::{Chat, Hall};
use echo::app::Next;
use echo::options::Options;
use echo::signals::on_signal;
use mongrel2_transceiver::transceiver::{Command, Refused, Transceiver};
use mongrel2_transceiver_threads::{Driver, seed};

fn main() -> ExitCode {
    echo::start(NAME, &chat::about(NAME), run)
}

fn run(mut options: Options) -> Result<(), String> {
    if options.is_demo() {
        return Err(format!(
            "there is nobody to serve: name a server with --sender, --pull and --pub, or let servers \
             come with --control\nTry: {NAME} --help"
        ));
    }
    options.config.seed = seed();
    let transceiver = Transceiver::new(Instant::now(), options.config);
    let mut driver = Driver::new(transceiver).map_err(|error| error.to_string())?;
    let handle = driver.handle();
    on_signal(move || {
        // It may have stopped before.
        let _ = handle.submit(Command::Shutdown);
    })?;
    for server in options.servers {
        driver.submit(server.into_command()).map_err(|refused| refused.to_string())?;
    }
    let mut chat = Chat::default();
    loop {
        let event = driver.next_event(None).map_err(|error| error.to_string())?;
        let Some(event) = event else { continue };
        match chat.on_event(event, &mut driver) {
            Next::Go => {}
            Next::Stopped => return Ok(()),
            Next::Failed(message) => return Err(message),
        }
    }
}

impl Hall for Driver<Transceiver> {
    fn take(&mut self, command: Command) -> Result<(), Refused> {
        self.submit(command)
    }

    fn group_len(&self, group: &[u8]) -> usize {
        self.with(|transceiver| transceiver.group_len(group))
    }
}

const NAME: &str = "chat-threads";
