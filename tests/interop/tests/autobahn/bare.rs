//! The proof of [`ALONE`]: a handler that keeps what it is sent and never answers.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use interop::process::report;
use interop::websocket::handshake;
use interop::{Mongrel2, PATIENCE};
use mongrel2_transceiver::mongrel2::{Kind, Request};
use mongrel2_transceiver::socket::{self, Command, Event, Socket};
use mongrel2_transceiver::zmtp::SocketType;
use mongrel2_transceiver_threads::Driver;

use crate::alone::{ALONE, Alone, Seen};
use crate::case::{Case, End};

#[test]
fn mongrel2_does_alone_what_the_list_says() {
    let server = Mongrel2::start();
    let config = socket::Config::new(SocketType::Pull);
    let mut pull = Driver::new(Socket::new(Instant::now(), config)).unwrap();
    pull.submit(Command::Connect(server.send_spec().parse().unwrap())).unwrap();
    let cases = crate::all();
    for alone in ALONE {
        for name in alone.cases {
            report(name, alone.why);
            let case = cases.iter().find(|case| case.name == **name).expect("it is a case");
            check(case, alone, &server, &mut pull);
        }
    }
}

/// What no handler decides is in the list, and nothing else.
#[test]
fn the_list_is_complete() {
    let listed: Vec<&str> = ALONE.iter().flat_map(|alone| alone.cases).copied().collect();
    let cases = crate::all();
    let dropped = cases.iter().filter(|case| matches!(case.end, End::Dropped(_)));
    let late = cases.iter().filter(|case| case.name.starts_with("6.4."));
    let found: BTreeSet<&str> = dropped.chain(late).map(|case| &case.name[..]).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), found);
    assert_eq!(listed.len(), found.len(), "some case is listed twice");
}

fn check(case: &Case, alone: &Alone, server: &Mongrel2, pull: &mut Driver<Socket>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&handshake("13")).unwrap();
    assert_eq!(next(pull).kind(), Kind::WebSocketHandshake);
    for octets in case.writes() {
        // It may be gone before the last of them.
        drop(stream.write_all(&octets));
    }
    if let Some((first, payload)) = alone.handed_over {
        let request = next(pull);
        assert_eq!(request.kind(), Kind::WebSocket(first));
        assert_eq!(request.body(), payload);
    }
    if alone.seen == Seen::Waits {
        stream.shutdown(Shutdown::Both).unwrap();
    } else {
        // A handler that never answers has not ended it.
        match stream.read(&mut [0; 64]) {
            Ok(count) => assert_eq!(count, 0, "the server says something by itself"),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}"),
        }
    }
    assert_eq!(next(pull).kind(), Kind::Disconnect, "nothing else is handed over");
}

fn next(pull: &mut Driver<Socket>) -> Request {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(Event::Message { message, .. }) = pull.next_event(Some(TURN)).unwrap() {
            return Request::parse(message.frames().next().unwrap().bytes()).unwrap();
        }
    }
    panic!("no message came within {PATIENCE:?}");
}

const TURN: Duration = Duration::from_millis(100);
