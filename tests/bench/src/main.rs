//! How fast the library is, side by side with other stacks in one run: `tests/bench/run`.
//!
//! Each measurement is a process of its own, so that none is in another's way; they take turns, and the
//! median of all rounds counts. What matters are the ratios: a floor that does the same system calls and
//! nothing else, and the best of the peers.

mod alone;
mod behind;
mod cpu;
mod handlers;
mod load;
mod measure;
mod micro;
mod options;
mod stacks;
#[path = "../../../benches/sessions/stage.rs"]
mod stage;
mod table;
mod wire;
mod works;

use std::process::ExitCode;

use crate::options::Wanted;

fn main() -> ExitCode {
    match options::read() {
        Ok(Wanted::Help) => {
            print!("{}", options::help());
            ExitCode::SUCCESS
        }
        Ok(Wanted::Table(options)) => match measure::all(&options) {
            Ok(results) if options.is_json => {
                print!("{}", table::json(&results));
                ExitCode::SUCCESS
            }
            Ok(results) => {
                print!("{}", table::markdown(&results));
                ExitCode::SUCCESS
            }
            Err(message) => failed(&message),
        },
        Ok(Wanted::One { work, entry, scale }) => match works::run(&work, &entry, scale) {
            Ok(figures) => {
                figures.iter().for_each(|figure| println!("{figure}"));
                ExitCode::SUCCESS
            }
            Err(message) => failed(&message),
        },
        Ok(Wanted::Handler(handler)) => handler.run(),
        Err(message) => failed(&message),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("bench: {message}");
    ExitCode::FAILURE
}
