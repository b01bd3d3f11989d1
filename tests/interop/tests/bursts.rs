//! Bursts to one client, behind the real server. With its default settings it drops a client for whom
//! more than 16 replies wait, with `download.flow_control` one for whom more than 102,400 octets do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;

use interop::http::{Client, request};
use interop::mongrel2::Config;
use interop::websocket::{connect, read_message};
use interop::{Echo, Handler, Mongrel2, serve};
use tungstenite::Message;

const MESSAGES: usize = 10_000;

/// All are on their way to the handler before the first answer is read.
fn a_burst_of_messages_comes_back_in_order(echo: Echo, server: Mongrel2) {
    let _handler = Handler::start(echo, &server);
    server.wait_until_served();
    let mut socket = connect(server.address());
    let mut other = connect(server.address());
    for number in 0..MESSAGES {
        socket.write(Message::text(numbered(number))).unwrap();
    }
    let writer = thread::spawn(move || {
        socket.flush().unwrap();
        socket
    });
    other.send("meanwhile".into()).unwrap();
    assert_eq!(other.read().unwrap(), "meanwhile".into());
    let mut socket = writer.join().unwrap();
    for number in 0..MESSAGES {
        assert_eq!(read_message(&mut socket), Message::text(numbered(number)));
    }
}

fn with_flow_control() -> Mongrel2 {
    let mut config = Config::default();
    config.settings.push(("download.flow_control".to_owned(), 1));
    Mongrel2::start_with(config)
}

/// A hundred octets.
fn numbered(number: usize) -> String {
    format!("{number:0>100}")
}

/// A hundred requests in one write: their answers are ready at one time.
fn a_burst_of_requests_is_answered_in_order(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = Client::connect(server.address());
    let all: Vec<u8> =
        (0..100).flat_map(|number| request("GET", &format!("/{number}"), &[], b"")).collect();
    client.send(&all);
    for number in 0..100 {
        let response = client.read_response();
        assert_eq!(response.body, format!("GET /{number}\n").into_bytes());
    }
}

macro_rules! burst_tests {
    ($($name:ident: $echo:expr),* $(,)?) => {
        $(mod $name {
            #[test]
            fn messages() {
                super::a_burst_of_messages_comes_back_in_order($echo, super::Mongrel2::start());
            }

            #[test]
            fn messages_with_flow_control() {
                super::a_burst_of_messages_comes_back_in_order($echo, super::with_flow_control());
            }

            #[test]
            fn requests() {
                super::a_burst_of_requests_is_answered_in_order($echo);
            }
        })*
    };
}

burst_tests! { threads: super::Echo::Threads, smol: super::Echo::Smol, tokio: super::Echo::Tokio }
