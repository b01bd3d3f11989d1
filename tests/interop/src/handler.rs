//! An echo handler as a process.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Signal;

use crate::mongrel2::Mongrel2;
use crate::process::Process;

/// The echo handlers that every test runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// The example of the `smol` adapter.
    Smol,
    /// The example of the `threads` adapter.
    Threads,
    /// The example of the `tokio` adapter.
    Tokio,
    /// The example of this package, over libzmq and tungstenite: the check of the tests themselves.
    Reference,
}

impl Echo {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Smol, Self::Threads, Self::Tokio, Self::Reference];

    const fn package_and_example(self) -> (&'static str, &'static str) {
        match self {
            Self::Smol => ("mongrel2-transceiver-smol", "echo-smol"),
            Self::Threads => ("mongrel2-transceiver-threads", "echo-threads"),
            Self::Tokio => ("mongrel2-transceiver-tokio", "echo-tokio"),
            Self::Reference => ("interop", "echo-reference"),
        }
    }

    /// The program, built when it is asked for first. The environment variable `INTEROP_HANDLER`
    /// names another program to take instead of all of them.
    fn program(self) -> PathBuf {
        if let Some(program) = env::var_os("INTEROP_HANDLER") {
            return program.into();
        }
        static BUILT: [OnceLock<Result<PathBuf, String>>; Echo::ALL.len()] =
            [const { OnceLock::new() }; Echo::ALL.len()];
        let (package, example) = self.package_and_example();
        let built = BUILT[self as usize].get_or_init(|| build(package, example));
        built.clone().unwrap_or_else(|message| panic!("{self:?} cannot be built:\n{message}"))
    }
}

/// A running echo handler. Killed when dropped.
#[derive(Debug)]
pub struct Handler {
    process: Process,
}

/// What to tell an echo handler on its command line.
#[derive(Clone, Debug)]
pub struct Options {
    echo: Echo,
    arguments: Vec<String>,
}

impl Handler {
    /// Starts a handler for one server, without waiting for anything.
    #[must_use]
    pub fn start(echo: Echo, server: &Mongrel2) -> Self {
        Options::new(echo).server(server).start()
    }

    /// Starts the chat of the `threads` adapter for one server, without waiting for anything.
    ///
    /// # Panics
    /// When it cannot be built.
    #[must_use]
    pub fn chat(server: &Mongrel2) -> Self {
        let program = build("mongrel2-transceiver-threads", "chat-threads");
        let program = program.unwrap_or_else(|message| panic!("it cannot be built:\n{message}"));
        // It takes the options of the echo handlers.
        let options = Options::new(Echo::Threads).server(server);
        let mut command = Command::new(program);
        command.args(&options.arguments).env("RUST_BACKTRACE", "1");
        Self { process: Process::spawn("the chat", &mut command) }
    }

    /// Asks it to stop.
    pub fn terminate(&mut self) {
        self.process.signal(Signal::TERM);
    }

    /// Waits for its end: `None` when it runs on after `patience`.
    pub fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.process.wait(patience)
    }

    /// Asks it to stop, and checks that it does so in order.
    pub fn stop(&mut self) {
        self.terminate();
        self.expect_orderly_end();
    }

    /// Checks that it ends within [`STOP_PATIENCE`], with code 0.
    pub fn expect_orderly_end(&mut self) {
        let status = self.wait(STOP_PATIENCE).expect("the handler stops when asked to");
        assert!(status.success(), "the handler stopped with {status}:\n{}", self.output());
    }

    /// Whether it has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// What it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }
}

impl Options {
    /// No servers yet, and no control port.
    #[must_use]
    pub fn new(echo: Echo) -> Self {
        Self { echo, arguments: Vec::new() }.with("--control", "none")
    }

    /// One more server to serve.
    #[must_use]
    pub fn server(self, server: &Mongrel2) -> Self {
        self.addresses(server.sender(), &server.send_spec(), &server.recv_spec())
    }

    /// One more server to serve, by its name and addresses.
    #[must_use]
    pub fn addresses(self, sender: &str, send_spec: &str, recv_spec: &str) -> Self {
        self.with("--sender", sender).with("--pull", send_spec).with("--pub", recv_spec)
    }

    /// One more option. Of one that may stand once only the last holds.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if !matches!(name, "--sender" | "--pull" | "--pub") {
            if let Some(at) = self.arguments.iter().position(|argument| argument == name) {
                self.arguments.drain(at..at + 2);
            }
        }
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// One more option that takes no value.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.arguments.push(name.to_owned());
        self
    }

    /// Starts the handler, without waiting for anything.
    #[must_use]
    pub fn start(self) -> Handler {
        let mut command = Command::new(self.echo.program());
        command.args(&self.arguments).env("RUST_BACKTRACE", "1");
        Handler {
            process: Process::spawn(&format!("the {:?} echo handler", self.echo), &mut command),
        }
    }
}

/// Asks cargo for the example, in the same profile and target directory as the running test.
pub(crate) fn build(package: &str, example: &str) -> Result<PathBuf, String> {
    let test = env::current_exe().map_err(|error| error.to_string())?;
    // TARGET/PROFILE/deps/test-binary
    let profile = test.ancestors().nth(2).ok_or("the test is not below a target directory")?;
    let target = profile.parent().ok_or("the test is not below a target directory")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", package, "--example", example]);
    command.arg("--target-dir").arg(target).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")));
    if profile.ends_with("release") {
        command.arg("--release");
    }
    let done = command.output().map_err(|error| error.to_string())?;
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    Ok(profile.join("examples").join(example))
}

/// How long a handler may take to say goodbye.
pub const STOP_PATIENCE: Duration = Duration::from_secs(5);
