//! What a stand-in server is told when it is made.

use bytes::Bytes;

use crate::endpoint::{Endpoint, Host};
use crate::mongrel2::Sender;

/// How a stand-in server behaves. Made by [`Config::new`]; change the fields before it is made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Its name, the first word of every request.
    pub sender: Sender,
    /// Where its PUSH socket is bound; port 9999 of 127.0.0.1 unless told otherwise.
    pub send_spec: Endpoint,
    /// Where its SUB socket is bound; port 9998 of 127.0.0.1 unless told otherwise.
    pub recv_spec: Endpoint,
    /// What it subscribes to; everything unless told otherwise.
    pub recv_ident: Bytes,
    /// The seed of its dice.
    pub seed: u64,
}

impl Config {
    /// The defaults for a server of this name.
    #[must_use]
    pub fn new(sender: Sender) -> Self {
        let at = |port| Endpoint::Tcp { host: Host::Ip([127, 0, 0, 1].into()), port };
        let (send_spec, recv_spec) = (at(9999), at(9998));
        Self { sender, send_spec, recv_spec, recv_ident: Bytes::new(), seed: 0 }
    }

    /// The same on any free ports of 127.0.0.1; [`Event::Listening`](super::Event::Listening) says
    /// which they are.
    #[must_use]
    pub fn on_free_ports(mut self) -> Self {
        self.send_spec = self.send_spec.with_port(0);
        self.recv_spec = self.recv_spec.with_port(0);
        self
    }
}
