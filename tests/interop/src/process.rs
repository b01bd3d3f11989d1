//! A child process whose output is kept, and which does not outlive its owner.

use std::fmt;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A running child. Its output is shown when the test that owns it fails.
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Mutex<Vec<u8>>>,
    /// Those that gather the output, until it has ended.
    gatherers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `command` and gathers what it writes to both its outputs.
    #[must_use]
    pub fn spawn(name: &str, command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}; see tests/setup"));
        let output = Arc::new(Mutex::new(Vec::new()));
        let gatherers = vec![
            gather(child.stdout.take(), Arc::clone(&output)),
            gather(child.stderr.take(), Arc::clone(&output)),
        ];
        Self { name: name.to_owned(), child, output, gatherers }
    }

    /// Sends a signal. A child that has ended already is left alone.
    pub fn signal(&mut self, signal: Signal) {
        if self.is_running() {
            // Not reaped, so that its id cannot be another process's.
            kill_process(Pid::from_child(&self.child), signal).expect("the child can be signalled");
        }
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the child can be waited for").is_none()
    }

    /// Waits for its end: `None` when it runs on after `patience`. After an end the output
    /// is whole.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + patience;
        loop {
            let status = self.child.try_wait().expect("the child can be waited for");
            if status.is_some() {
                // The pipes end with the process, unless a child of its own holds them.
                let gathered = || self.gatherers.iter().all(JoinHandle::is_finished);
                while !gathered() && Instant::now() < end {
                    thread::sleep(POLL);
                }
                return status;
            }
            if Instant::now() >= end {
                return None;
            }
            thread::sleep(POLL);
        }
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&output).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.is_running() {
            // It may end by itself meanwhile, which is as good.
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if thread::panicking() {
            report(&format!("output of {}", self.name), &self.output());
        }
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (process {})", self.name, self.child.id())
    }
}

/// Shows a text among the output of the running test.
#[allow(clippy::print_stderr, reason = "only this reaches the captured output of a test")]
pub fn report(title: &str, text: &str) {
    eprintln!("---- {title} ----\n{}", text.trim_end());
}

fn gather<R: Read + Send + 'static>(
    pipe: Option<R>,
    output: Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<()> {
    let mut pipe = pipe.expect("the output is piped");
    thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut piece) {
            let mut all = output.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend_from_slice(&piece[..count]);
        }
    })
}

const POLL: Duration = Duration::from_millis(5);
