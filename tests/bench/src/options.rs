//! What the command line asks for.

use lexopt::prelude::*;

use crate::handlers::Handler;
use crate::works;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Wanted {
    Help,
    /// All of it, or what is named, as a table.
    Table(Options),
    /// One measurement, in this process.
    One {
        work: String,
        entry: String,
        scale: f64,
    },
    /// To be a handler behind a server, for a measurement of another process.
    Handler(Handler),
}

/// How the table is made.
#[derive(Debug)]
pub(crate) struct Options {
    /// The works that are measured; all where none is named.
    pub(crate) works: Vec<String>,
    /// How often each measurement is made.
    pub(crate) rounds: usize,
    /// How much is done in each measurement: 1 is the usual.
    pub(crate) scale: f64,
    pub(crate) is_json: bool,
}

pub(crate) fn read() -> Result<Wanted, String> {
    read_from(lexopt::Parser::from_env())
        .map_err(|error| format!("{error}; --help tells what there is"))
}

fn read_from(mut arguments: lexopt::Parser) -> Result<Wanted, lexopt::Error> {
    let mut options = Options { works: Vec::new(), rounds: 3, scale: 1.0, is_json: false };
    while let Some(argument) = arguments.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Wanted::Help),
            Long("json") => options.is_json = true,
            Long("rounds") => options.rounds = arguments.value()?.parse()?,
            Long("scale") => options.scale = arguments.value()?.parse()?,
            Long("one") => {
                let work = arguments.value()?.string()?;
                let entry = arguments.value()?.string()?;
                return Ok(Wanted::One { work, entry, scale: options.scale });
            }
            Long("handler") => {
                let stack = arguments.value()?.string()?;
                let send_spec = arguments.value()?.string()?;
                let recv_spec = arguments.value()?.string()?;
                return Ok(Wanted::Handler(Handler { stack, send_spec, recv_spec }));
            }
            Value(work) => {
                let work = work.string()?;
                if works::find(&work).is_none() {
                    return Err(format!("there is no work {work:?}").into());
                }
                options.works.push(work);
            }
            _ => return Err(argument.unexpected()),
        }
    }
    if options.rounds == 0 || options.scale.is_nan() || options.scale <= 0.0 {
        return Err("rounds and scale are above zero".into());
    }
    Ok(Wanted::Table(options))
}

pub(crate) fn help() -> String {
    let mut text = String::from(
        "Usage: tests/bench/run [OPTION]... [WORK]...\n\n\
         Measures the works that are named, or all of them, each in turn on every stack, and prints a\n\
         table with the ratios to the floor and to the best peer. Needs libzmq, and for what happens\n\
         behind the real server mongrel2 and m2sh: `tests/run setup` installs them. On two idle cores\n\
         all of it takes some minutes.\n\n\
         \x20 --json        the same as JSON\n\
         \x20 --rounds N    how often each measurement is made; the median counts (3)\n\
         \x20 --scale X     how much is done in each: 0.1 for a first look (1)\n\
         \x20 --help        this text\n\n\
         Works:\n",
    );
    for work in works::ALL {
        text += &format!("  {:<14}  {}\n", work.name, work.title);
    }
    text
}
