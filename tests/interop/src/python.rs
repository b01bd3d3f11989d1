//! Python with pyzmq, as `tests/setup` installs it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::PATIENCE;
use crate::process::Process;

/// Runs a script of `python/` to its end, which has to be a good one.
pub fn run(script: &str, arguments: &[&str]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(interpreter(here));
    command.arg(here.join("python").join(script)).args(arguments);
    let mut process = Process::spawn(script, &mut command);
    // It has a patience of its own for each step.
    let status = process.wait(PATIENCE * 10).unwrap_or_else(|| panic!("{script} does not end"));
    assert!(status.success(), "{script} ended with {status}");
}

fn interpreter(here: &Path) -> PathBuf {
    let python = here.join("../../target/interop-python/bin/python");
    assert!(python.exists(), "there is no {}: run tests/setup", python.display());
    python
}
