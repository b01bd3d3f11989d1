//! A handler behind the real server, as a process of its own: it says hello over HTTP and echoes what
//! WebSockets say, on one stack or another. All of them say the same octets.

mod floor;
mod libzmq;
mod ours;
mod plain;

use std::process::ExitCode;

/// Who is to be the handler, and of which server.
#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) stack: String,
    pub(crate) send_spec: String,
    pub(crate) recv_spec: String,
}

impl Handler {
    /// Runs until the process is ended.
    pub(crate) fn run(&self) -> ExitCode {
        match self.stack.as_str() {
            "raw" => floor::run(self),
            "libzmq" => libzmq::run(self),
            "threads" => ours::threads(self),
            "smol" => ours::smol(self),
            "tokio" => ours::tokio(self),
            other => {
                eprintln!("bench: there is no handler on {other:?}");
                return ExitCode::FAILURE;
            }
        }
        ExitCode::SUCCESS
    }
}

/// What every request over HTTP is answered.
pub(crate) const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
