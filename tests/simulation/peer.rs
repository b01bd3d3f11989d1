//! A stand-in server, of which some speak ZMTP 3.0: both sides read so in the other's greeting.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::server::{Command, Event, Refused, Server};
use mongrel2_transceiver::{Input, LinkId, Machine, Output};

#[derive(Debug)]
pub(crate) struct Peer {
    server: Server,
    is_old: bool,
    /// Octets of each link that have passed: in, out.
    passed: BTreeMap<LinkId, [usize; 2]>,
}

impl Peer {
    pub(crate) const fn new(server: Server, is_old: bool) -> Self {
        Self { server, is_old, passed: BTreeMap::new() }
    }

    /// The octets with a lower version, where they are those of a greeting.
    fn aged(&mut self, link: LinkId, way: usize, data: Bytes) -> Bytes {
        if !self.is_old {
            return data;
        }
        let passed = &mut self.passed.entry(link).or_default()[way];
        let before = std::mem::replace(passed, *passed + data.len());
        match MINOR_AT.checked_sub(before).filter(|at| *at < data.len()) {
            Some(at) => {
                let mut data = BytesMut::from(&data[..]);
                data[at] = 0;
                data.freeze()
            }
            None => data,
        }
    }
}

impl Machine for Peer {
    type Command = Command;
    type Event = Event;
    type Refused = Refused;

    fn handle(&mut self, now: Instant, input: Input) {
        let input = match input {
            Input::Received { link, data } => {
                Input::Received { link, data: self.aged(link, 0, data) }
            }
            other => other,
        };
        self.server.handle(now, input);
    }

    fn submit(&mut self, now: Instant, command: Command) -> Result<(), Refused> {
        self.server.submit(now, command)
    }

    fn poll_output(&mut self) -> Option<Output> {
        Some(match self.server.poll_output()? {
            Output::Write { link, data } if self.is_old => {
                let data = self.aged(link, 1, data.into_bytes()).into();
                Output::Write { link, data }
            }
            other => other,
        })
    }

    fn poll_event(&mut self) -> Option<Event> {
        self.server.poll_event()
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.server.next_deadline()
    }
}

/// Where the minor version stands in a greeting (RFC 23, version 3.1, 3.2).
const MINOR_AT: usize = 11;
