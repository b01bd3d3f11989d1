//! The echo handler, but for its adapter: what the `echo-*` examples share.
//!
//! - [`options`]: the command line.
//! - [`app`]: what the handler does about each event.
//! - [`demo`]: a conversation with a stand-in server, for those who have no Mongrel2 at hand.
//! - [`signals`]: SIGINT and SIGTERM end it in order, a second one at once.
//!
//! Next to this, `futures.rs` is what the examples for async runtimes share besides.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

pub(crate) mod app;
pub(crate) mod demo;
pub(crate) mod options;
pub(crate) mod signals;

use std::process::ExitCode;

use options::{Parsed, parse};
use tracing_subscriber::EnvFilter;

/// Parses the command line, runs the handler or the demonstration, and says what went wrong.
pub(crate) fn main(
    name: &str,
    run: impl FnOnce(options::Options) -> Result<(), String>,
) -> ExitCode {
    start(name, &about(name), run)
}

/// The same of a program that is about something else, which its help starts with.
pub(crate) fn start(
    name: &str,
    about: &str,
    run: impl FnOnce(options::Options) -> Result<(), String>,
) -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match parse(about, std::env::args_os()) {
        Ok(Parsed::Help(text)) => {
            print!("{text}");
            Ok(())
        }
        Ok(Parsed::Run(options)) => run(*options),
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

fn about(name: &str) -> String {
    format!(
        "\
A Mongrel2 handler that echoes: HTTP requests get their own body back, or one line
METHOD PATH where they have none; WebSockets get their messages back.

Usage: {name} [OPTIONS]

Without options it starts a stand-in server inside the process, sends itself HTTP
requests and a WebSocket conversation, and prints what passes. With --control alone it
waits for servers to introduce themselves."
    )
}
