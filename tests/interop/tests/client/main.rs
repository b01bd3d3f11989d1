//! What the pretended browser of the library sends, next to what the real Mongrel2 sends for the
//! same, header by header.
//!
//! Each [`Case`] is what a browser writes to its socket, octet by octet, and what a
//! [`Client`](mongrel2_transceiver::client::Client) is told instead. The first goes to the real
//! server, whose messages a PULL of ours takes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::panic, reason = "that is how a test fails")]

mod cases;
#[path = "../../../client/parts.rs"]
mod parts;
mod refused;
mod server;

use std::collections::BTreeSet;

use bytes::Bytes;
use interop::Protocol;
use mongrel2_transceiver::client::{Action, Client};
use mongrel2_transceiver::mongrel2::{Kind, Request};

use cases::Case;
use parts::Parts;
use server::Server;

#[test]
fn a_client_sends_what_mongrel2_sends_in_json() {
    compare_all(Protocol::Json);
}

#[test]
fn a_client_sends_what_mongrel2_sends_in_tnetstrings() {
    compare_all(Protocol::Tnetstring);
}

fn compare_all(protocol: Protocol) {
    let mut server = Server::start(protocol);
    let cases = cases::all();
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "each case is another");
    assert!(cases.len() >= 20, "{} cases", cases.len());
    for case in cases {
        interop::process::report("case", case.name);
        compare(&mut server, case);
    }
}

/// The browser says it all and leaves, at the real server and here.
fn compare(server: &mut Server, case: Case) {
    let sent = server.send(&case.octets, case.wire_end);
    let conn_id = Request::parse(sent[0].clone()).unwrap().conn_id();
    let mut client = Client::new(case.protocol, conn_id, server.origin(case.pattern), case.limits);
    for action in case.actions {
        client.act(action).unwrap();
    }
    if client.is_connected() {
        client.act(Action::Vanish).unwrap();
    }
    let made: Vec<Bytes> = std::iter::from_fn(|| client.poll_delivery()).collect();
    assert_eq!(made.len(), sent.len(), "{made:?} and {sent:?}");
    for (made, sent) in made.iter().zip(&sent) {
        assert_eq!(Parts::of(made), Parts::of(sent));
    }
    let last = Request::parse(sent[sent.len() - 1].clone()).unwrap();
    assert_eq!(last.kind(), Kind::Disconnect);
    assert_eq!(made.last(), sent.last(), "octet by octet");
}
