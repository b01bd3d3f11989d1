//! Handlers and servers in processes of their own, to be stopped, killed, or kept short of something.
//!
//! Such a process is this program again, told by its environment what to play; the test that starts it
//! is the one that it runs, and begins with [`play`].

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use mongrel2_transceiver::{Endpoint, server};

use super::stage;
use crate::adapter::{Server, seed};
use crate::place::Place;

/// What a process is to play, and is told besides.
const ROLE: &str = "HOSTILE_ROLE";
const CONTROL: &str = "HOSTILE_CONTROL";

/// What stands before what a process says, in a line of all that a test program writes.
const SAYS: &str = "says: ";

/// Plays the role that this process was started for; false where it is the one that runs the tests.
pub(crate) fn play() -> bool {
    let Ok(role) = std::env::var(ROLE) else { return false };
    match role.as_str() {
        "handler" => play_handler(),
        "server" => play_server(),
        role => panic!("no such role: {role}"),
    }
    true
}

/// A handler that sends back what it gets, with small limits, until nobody needs it.
fn play_handler() {
    let place = Place::new();
    let mut config = stage::config();
    config.limits.message_size_max = SIZE_MAX;
    config.limits.event_bytes_max = SIZE_MAX;
    config.limits.send_bytes_max = SIZE_MAX;
    let (_handle, events, kill) = stage::echo(&place, config);
    loop {
        let event = events.recv_timeout(stage::HUNG).unwrap();
        if let mongrel2_transceiver::transceiver::Event::ControlListening { endpoint } = event {
            say(&endpoint.to_string());
            break;
        }
    }
    // Nobody is told of events, so that they do not heap up.
    drop(events);
    wait_for_the_end();
    kill.now();
}

/// What a handler that plays its role has as limits in octets.
pub(crate) const SIZE_MAX: usize = 1 << 20;

fn play_server() {
    let control: Endpoint = std::env::var(CONTROL).unwrap().parse().unwrap();
    let mut config = server::Config::from_seed(seed()).on_free_ports();
    config.patience = stage::HUNG;
    let server = Server::start(config.with_handler(control.clone())).wait().unwrap();
    server.connect(&control).wait().unwrap();
    say(&format!("{} {} {}", server.sender(), server.send_spec(), server.recv_spec()));
    wait_for_the_end();
    server.kill();
}

fn say(text: &str) {
    // Not by `println`, which the test program keeps to itself.
    let mut out = io::stdout().lock();
    writeln!(out, "{SAYS}{text}").unwrap();
    out.flush().unwrap();
}

fn wait_for_the_end() {
    let _it_ends_with_who_started_it = io::stdin().read_to_end(&mut Vec::new());
}

/// A process that plays a role. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    _ends_it: ChildStdin,
    /// What it said first.
    pub(crate) said: String,
}

impl Process {
    /// A handler, which may have so many descriptors. Says where its control socket is.
    pub(crate) fn handler(test: &str, descriptors: usize) -> Self {
        Self::start(test, &[(ROLE, "handler")], descriptors)
    }

    /// A server that has introduced itself to a handler. Says its name and its two addresses.
    pub(crate) fn server(test: &str, control: &Endpoint) -> Self {
        Self::start(test, &[(ROLE, "server"), (CONTROL, &control.to_string())], 1000)
    }

    /// `test` is the whole name of the test that runs in it.
    fn start(test: &str, told: &[(&str, &str)], descriptors: usize) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$1\" && shift && exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .arg(descriptors.to_string())
            .args(["--exact", test, "--nocapture", "--test-threads=1"])
            .envs(told.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (ends_it, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let mut said = lines.filter_map(|line| line.split_once(SAYS).map(|(_, text)| text.into()));
        let said = said.next().expect("it plays its role");
        Self { child, _ends_it: ends_it, said }
    }

    /// Stops it, as debuggers, terminals and hosts that are put to sleep do; or lets it go on.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// How many descriptors it has at the moment; where the system tells.
    pub(crate) fn descriptors(&self) -> Option<usize> {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).ok()?;
        Some(folder.count())
    }

    /// The most memory that it ever had at one time, in octets; where the system tells.
    pub(crate) fn memory_max(&self) -> Option<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes << 10)
    }

    /// Ends it as nothing else does: it has no say in it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _it_may_have_ended = self.child.wait();
    }
}

/// The whole name of a test of a module, as the test program knows it.
pub(crate) fn test_name(module: &str, test: &str) -> String {
    let (_program, module) = module.split_once("::").unwrap();
    format!("{module}::{test}")
}
