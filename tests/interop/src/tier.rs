//! An API and its Nodes as processes: the example of the `threads` adapter.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::handler::{STOP_PATIENCE, build};
use crate::mongrel2::Mongrel2;
use crate::process::Process;
use crate::{PATIENCE, port};

/// One API for one server, and Nodes of it.
#[derive(Debug)]
pub struct Tier {
    /// Where all of them meet.
    addresses: Vec<String>,
    api: Process,
    nodes: Vec<Process>,
}

impl Tier {
    /// An API and so many Nodes, which have come to it.
    #[must_use]
    pub fn start(server: &Mongrel2, nodes: usize, more: &[&str]) -> Self {
        let mut addresses = Vec::new();
        for (name, value) in [("--pull", server.send_spec()), ("--pub", server.recv_spec())] {
            addresses.extend([name.to_owned(), value]);
        }
        addresses.extend(["--sender".to_owned(), server.sender().to_owned()]);
        for name in ["--work", "--announcements", "--receipts"] {
            addresses.extend([name.to_owned(), format!("tcp://127.0.0.1:{}", port::free())]);
        }
        addresses.extend(more.iter().map(ToString::to_string));
        let api = start("api", &addresses);
        let mut tier = Self { addresses, api, nodes: Vec::new() };
        for _ in 0..nodes {
            tier.add_node();
        }
        tier.wait_for(nodes);
        tier
    }

    /// One more Node. It signs its answers with its number, counted from 0.
    pub fn add_node(&mut self) {
        let mut arguments = self.addresses.clone();
        arguments.extend(["--name".to_owned(), self.nodes.len().to_string()]);
        self.nodes.push(start("node", &arguments));
    }

    /// Waits until so many Nodes have come to this API, and hear from the server.
    pub fn wait_for(&self, nodes: usize) {
        let end = Instant::now() + PATIENCE;
        let have_come = || self.api.output().matches("has come").count() >= nodes;
        let are_heard = || {
            let heard = self.nodes.iter().filter(|node| node.output().contains("hears us"));
            heard.count() >= nodes
        };
        while !have_come() || !are_heard() {
            assert!(Instant::now() < end, "the nodes do not come:\n{}", self.api.output());
            thread::sleep(POLL);
        }
    }

    /// Ends a Node as a crash would.
    pub fn kill_node(&mut self, node: usize) {
        self.nodes[node].signal(Signal::KILL);
        assert!(self.nodes[node].wait(PATIENCE).is_some(), "a node outlives SIGKILL");
    }

    /// Ends the API as a crash would, and starts another in its place.
    pub fn replace_api(&mut self) {
        self.api.signal(Signal::KILL);
        assert!(self.api.wait(PATIENCE).is_some(), "the api outlives SIGKILL");
        self.api = start("api", &self.addresses);
    }

    /// What a Node has written so far.
    #[must_use]
    pub fn node_output(&self, node: usize) -> String {
        self.nodes[node].output()
    }

    /// What the API has written so far.
    #[must_use]
    pub fn api_output(&self) -> String {
        self.api.output()
    }

    /// Asks all that still run to stop, and checks that they do so in order.
    pub fn stop(&mut self) {
        let running = self.nodes.iter_mut().chain([&mut self.api]).filter_map(|process| {
            let is_running = process.is_running();
            is_running.then_some(process)
        });
        for process in running {
            process.signal(Signal::TERM);
            let status = process.wait(STOP_PATIENCE).expect("it stops when asked to");
            assert!(status.success(), "{status}: {}", process.output());
        }
    }
}

fn start(role: &str, arguments: &[String]) -> Process {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build("mongrel2-transceiver-threads", "tier-threads"));
    let program = built.clone().unwrap_or_else(|message| panic!("it cannot be built:\n{message}"));
    let mut command = Command::new(program);
    command.arg(role).args(arguments).env("RUST_BACKTRACE", "1");
    Process::spawn(role, &mut command)
}

const POLL: Duration = Duration::from_millis(10);
