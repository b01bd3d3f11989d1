//! The real Mongrel2, in a directory of its own.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::PATIENCE;
use crate::http::Client;
use crate::port;
use crate::process::{Process, report};

/// How Mongrel2 writes the headers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Flat JSON.
    Json,
    /// A tnetstring dictionary.
    Tnetstring,
}

/// Which socket addresses the handler and the server meet at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `tcp://` on loopback.
    Tcp,
    /// `ipc://` in the server's directory.
    Ipc,
}

/// What a server is to be like. [`Mongrel2::start`] takes the defaults.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its `send_ident`, the first word of its requests.
    pub sender: String,
    /// How it writes headers.
    pub protocol: Protocol,
    /// Where its handler sockets are.
    pub transport: Transport,
    /// Further settings, in the words of the Mongrel2 manual.
    pub settings: Vec<(String, u64)>,
    /// The template of files that uploads are written into (`upload.temp_store`), below its directory.
    pub temp_store: Option<String>,
    /// Whether replies to JSON and XML sockets are written as they are (`raw_payload`).
    pub raw_payload: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sender: "interop-server".to_owned(),
            protocol: Protocol::Json,
            transport: Transport::Tcp,
            settings: vec![("limits.content_length".to_owned(), 1024 * 1024)],
            temp_store: None,
            raw_payload: false,
        }
    }
}

/// One Mongrel2. Ended, and its directory removed, when dropped.
#[derive(Debug)]
pub struct Mongrel2 {
    config: Config,
    directory: PathBuf,
    http_port: u16,
    /// Where it sends requests; our PULL connects to it.
    send_spec: String,
    /// Where it receives replies; our PUB connects to it.
    recv_spec: String,
    process: Option<Process>,
}

impl Mongrel2 {
    /// A running server with the default [`Config`].
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Config::default())
    }

    /// A running server.
    #[must_use]
    pub fn start_with(config: Config) -> Self {
        let mut server = Self::prepare(config);
        server.run();
        server
    }

    /// A server that has its directory and its ports, but does not run yet.
    #[must_use]
    pub fn prepare(config: Config) -> Self {
        let directory = make_directory();
        let mut server = Self {
            config,
            directory,
            http_port: 0,
            send_spec: String::new(),
            recv_spec: String::new(),
            process: None,
        };
        server.choose_addresses();
        server.load();
        server
    }

    /// Starts the server, and waits until its HTTP port accepts.
    pub fn run(&mut self) {
        assert!(self.process.is_none(), "it runs already");
        let mut command = Command::new("mongrel2");
        // Mongrel2 looks its user up by name to drop its privileges.
        command.args([DATABASE, UUID]).current_dir(&self.directory).env("LOGNAME", user_name());
        let mut process = Process::spawn("mongrel2", &mut command);
        let end = Instant::now() + PATIENCE;
        while TcpStream::connect(self.address()).is_err() {
            assert!(
                process.is_running(),
                "mongrel2 ended at once:\n{}{}",
                process.output(),
                self.log()
            );
            assert!(Instant::now() < end, "mongrel2 does not listen:\n{}", self.log());
            thread::sleep(POLL);
        }
        self.process = Some(process);
    }

    /// Ends the server as a crash would: nothing is said to anybody. It can [`run`](Self::run)
    /// again, at the same addresses.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.signal(Signal::KILL);
            assert!(process.wait(PATIENCE).is_some(), "mongrel2 outlives SIGKILL");
        }
        remove_if_there(&self.directory.join("run/mongrel2.pid"));
    }

    /// Stops the clock of the server: its sockets stay, nothing is read or written.
    pub fn pause(&mut self) {
        self.process.as_mut().expect("it runs").signal(Signal::STOP);
    }

    /// Asks the server to end, and waits for it.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.signal(Signal::TERM);
        assert!(process.wait(PATIENCE).is_some(), "mongrel2 does not stop");
    }

    /// Waits until a handler answers: one connection at a time, so that the ids of the clients
    /// after it can be foretold as long as the first try succeeds.
    pub fn wait_until_served(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut client = Client::connect(self.address());
            client.send(b"GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
            if client.try_read_response(TRY).is_some_and(|response| response.status == 200) {
                return;
            }
            assert!(Instant::now() < end, "no handler answers");
        }
    }

    /// Where browsers connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.http_port).into()
    }

    /// A new HTTP client of this server.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::connect(self.address())
    }

    /// The address of the sockets that hand requests out.
    #[must_use]
    pub fn send_spec(&self) -> String {
        self.seen_from_outside(&self.send_spec)
    }

    /// The address of the sockets that take replies.
    #[must_use]
    pub fn recv_spec(&self) -> String {
        self.seen_from_outside(&self.recv_spec)
    }

    /// The first word of its requests.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.config.sender
    }

    /// A file below its directory, by the name that the server has for it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// What it wrote to its error log.
    #[must_use]
    pub fn log(&self) -> String {
        let log = fs::read(self.directory.join("logs/error.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The server may have locked itself into its directory, so that its paths are relative.
    fn seen_from_outside(&self, spec: &str) -> String {
        match spec.strip_prefix("ipc://") {
            Some(path) => format!("ipc://{}", self.directory.join(path).display()),
            None => spec.to_owned(),
        }
    }

    fn choose_addresses(&mut self) {
        self.http_port = port::free();
        (self.send_spec, self.recv_spec) = match self.config.transport {
            Transport::Tcp => (tcp_spec(), tcp_spec()),
            Transport::Ipc => ("ipc://run/send".to_owned(), "ipc://run/recv".to_owned()),
        };
    }

    fn load(&self) {
        let file = self.directory.join("mongrel2.conf");
        fs::write(&file, self.config_text()).expect("the directory can be written to");
        let done = Command::new("m2sh")
            .args(["load", "-config", "mongrel2.conf", "-db", DATABASE])
            .current_dir(&self.directory)
            .output()
            .unwrap_or_else(|error| panic!("m2sh does not start: {error}; see tests/setup"));
        assert!(
            done.status.success() && self.directory.join(DATABASE).exists(),
            "m2sh refuses the configuration:\n{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
    }

    fn config_text(&self) -> String {
        let Self { http_port, send_spec, recv_spec, .. } = self;
        let Config { sender, protocol, settings, temp_store, raw_payload, .. } = &self.config;
        let protocol = match protocol {
            Protocol::Json => "json",
            Protocol::Tnetstring => "tnetstring",
        };
        let mut settings: String =
            settings.iter().map(|(name, value)| format!(", \"{name}\": {value}")).collect();
        if let Some(template) = temp_store {
            settings.push_str(&format!(", \"upload.temp_store\": \"{template}\""));
        }
        let raw_payload = u8::from(*raw_payload);
        format!(
            r#"
echo = Handler(send_spec="{send_spec}", send_ident="{sender}",
               recv_spec="{recv_spec}", recv_ident="", protocol="{protocol}",
               raw_payload={raw_payload})
server = Server(
    uuid="{UUID}", name="interop", default_host="localhost",
    chroot="./", access_log="/logs/access.log", error_log="/logs/error.log",
    pid_file="/run/mongrel2.pid", bind_addr="127.0.0.1", port={http_port},
    hosts=[Host(name="localhost", routes={{
        "/": echo, "@chat": echo, "@*": echo, "<chat": echo
    }})]
)
servers = [server]
settings = {{"server.daemonize": 0, "disable.access_logging": 1{settings}}}
"#
        )
    }
}

impl Drop for Mongrel2 {
    fn drop(&mut self) {
        self.process = None;
        if thread::panicking() {
            report("error log of mongrel2", &self.log());
        }
        drop(fs::remove_dir_all(&self.directory));
    }
}

fn make_directory() -> PathBuf {
    static SERIAL: AtomicU32 = AtomicU32::new(0);
    let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
    let name = format!("mongrel2-interop-{}-{serial}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    // One may be left from a run that was killed.
    drop(fs::remove_dir_all(&directory));
    for inner in ["run", "logs", "tmp"] {
        fs::create_dir_all(directory.join(inner)).expect("temporary files can be made");
    }
    directory
}

fn tcp_spec() -> String {
    format!("tcp://127.0.0.1:{}", port::free())
}

fn user_name() -> String {
    std::env::var("LOGNAME")
        .or_else(|_| std::env::var("USER"))
        .unwrap_or_else(|_| "root".to_owned())
}

fn remove_if_there(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            panic!("{}: {error}", path.display())
        }
        _ => {}
    }
}

const DATABASE: &str = "config.sqlite";
const UUID: &str = "5a0cf000-0000-4000-8000-000000000001";
const POLL: Duration = Duration::from_millis(10);
/// A request may be lost with a server or a handler that has just ended; then another is sent.
const TRY: Duration = Duration::from_secs(3);
