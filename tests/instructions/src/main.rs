//! How many instructions the steps that matter take, so that a change that makes them slower is seen at
//! once, whatever else the machine does: `cargo run --release -p instructions`.
//!
//! Each step is run twice under valgrind, which counts; once more often than the other time, so that what
//! comes before and after the steps cancels out. Figures are in `figures.txt` beside `src`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a person")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a count that fails is none")]
#![allow(clippy::disallowed_methods, reason = "it looks at its arguments")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what matters here is named")]

mod count;
mod figures;
mod sockets;
#[path = "../../../benches/sessions/stage.rs"]
mod stage;
mod steps;

use std::process::ExitCode;

use lexopt::prelude::*;

const HELP: &str = "Usage: cargo run --release -p instructions -- [OPTION]

Counts the instructions of the steps that matter, and fails where one takes 5 % more or less than
tests/instructions/figures.txt says (25 % where the compiler is another one). Needs valgrind, which
tests/setup installs.

  --renew   writes the figures anew; say in the commit why they changed
  --help    this text
";

enum Wanted {
    Help,
    Compare,
    Renew,
    /// So many steps in this process, which valgrind watches.
    Steps {
        name: String,
        times: u32,
    },
}

fn main() -> ExitCode {
    let done = match wanted() {
        Ok(Wanted::Help) => {
            print!("{HELP}");
            Ok(())
        }
        Ok(Wanted::Steps { name, times }) => steps::run(&name, times),
        Ok(Wanted::Compare) => count::all().and_then(|counts| figures::compare(&counts)),
        Ok(Wanted::Renew) => count::all().and_then(|counts| figures::renew(&counts)),
        Err(error) => Err(format!("{error}; --help tells what there is")),
    };
    if let Err(message) = done {
        eprintln!("instructions: {message}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn wanted() -> Result<Wanted, lexopt::Error> {
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next()? {
        None => Ok(Wanted::Compare),
        Some(Short('h') | Long("help")) => Ok(Wanted::Help),
        Some(Long("renew")) => Ok(Wanted::Renew),
        Some(Long("steps")) => {
            let name = arguments.value()?.string()?;
            let times = arguments.value()?.parse()?;
            Ok(Wanted::Steps { name, times })
        }
        Some(argument) => Err(argument.unexpected()),
    }
}
