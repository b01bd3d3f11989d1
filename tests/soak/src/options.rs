//! The command line.

use std::ffi::OsString;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt};

use crate::handler::Adapter;

pub(crate) struct Options {
    pub(crate) time: Duration,
    pub(crate) adapter: Adapter,
    pub(crate) seed: u64,
}

pub(crate) const HELP: &str = "\
A handler under load: nothing may be lost, and nothing may grow.

Usage: cargo run --release -p soak -- [OPTION]...

  --minutes NUMBER   for how long [1]
  --adapter NAME     what the handler runs on: threads, smol or tokio [threads]
  --seed NUMBER      what browsers and servers do; threads still take turns as they like [1]
  -h, --help         this text

Each line is of a wave of browsers that has passed: what was answered in a second, what was cut off
by servers that ended, what was lost, and what the process holds when all is quiet. Exit code 0 if
nothing was lost and nothing has grown.";

/// What the command line says; nothing where it asks for help.
///
/// # Errors
/// Says what is wrong with it, for a person.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Option<Options>, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let minute = Duration::from_secs(60);
    let mut options = Options { time: minute, adapter: Adapter::Threads, seed: 1 };
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Short('h') | Long("help") => return Ok(None),
            Long("minutes") => {
                let minutes = text(&mut parser)?.parse().ok().filter(|minutes| *minutes > 0.0);
                let seconds = minutes.map(|minutes: f64| minutes * 60.0);
                let time = seconds.and_then(|time| Duration::try_from_secs_f64(time).ok());
                options.time = time.ok_or("--minutes takes a number above 0")?;
            }
            Long("adapter") => options.adapter = text(&mut parser)?.parse()?,
            Long("seed") => {
                options.seed =
                    text(&mut parser)?.parse().map_err(|_| "--seed takes a number".to_owned())?;
            }
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Some(options))
}

fn text(parser: &mut lexopt::Parser) -> Result<String, String> {
    let value = parser.value().and_then(|value| value.string());
    value.map_err(|error| error.to_string())
}
