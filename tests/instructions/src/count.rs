//! Counts the instructions of each step, with valgrind's cachegrind.

use std::env;
use std::process::Command;

use crate::steps::{self, Step};

/// A step, and the instructions that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Count {
    pub(crate) name: String,
    pub(crate) instructions: f64,
}

pub(crate) fn all() -> Result<Vec<Count>, String> {
    steps::ALL.iter().map(one).collect()
}

fn one(step: &Step) -> Result<Count, String> {
    let [few, many] = [step.few, step.many].map(|times| of_process(step.name, times));
    let units = f64::from(step.many - step.few) * f64::from(step.units);
    Ok(Count { name: step.name.to_owned(), instructions: (many? - few?) / units })
}

/// All instructions of a process that takes so many steps.
fn of_process(name: &str, times: u32) -> Result<f64, String> {
    let program = env::current_exe().map_err(|error| format!("where is this program? {error}"))?;
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"])
        .arg(program)
        .args(["--steps", name, &times.to_string()])
        .output()
        .map_err(|error| {
            format!("valgrind cannot be started ({error}); tests/setup installs it")
        })?;
    let said = String::from_utf8_lossy(&output.stderr);
    // "I refs:", with more or fewer blanks.
    let counted = said.lines().find_map(|line| line.split_once("refs:").map(|(_, count)| count));
    let counted = counted.filter(|_| output.status.success());
    let digits = counted.map(|count| count.trim().replace(',', ""));
    digits
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("{name} {times} under valgrind said:\n{said}"))
}
