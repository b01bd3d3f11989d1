//! A server with `download.flow_control` drops a browser for whom more than 102,400 octets wait: what is
//! larger than that goes in parts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

mod inside;

use bytes::Bytes;
use interop::Mongrel2;
use interop::mongrel2::Config;
use interop::websocket::connect;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Event};
use mongrel2_transceiver::websocket::Message;

use inside::Inside;

const LARGE: usize = 5 << 20;

/// Octets that are not the same anywhere.
fn large() -> Bytes {
    (0..LARGE).map(|at| u8::try_from(at * 7919 % 251).unwrap()).collect()
}

fn numbered(number: usize) -> String {
    format!("{number:0>1000}")
}

fn serve() -> (Mongrel2, Inside) {
    let mut config = Config::default();
    config.settings.push(("download.flow_control".to_owned(), 1));
    let server = Mongrel2::start_with(config);
    let send = |target, message| Command::Send { target, message };
    let handler = Inside::start(
        &server,
        // For all three answers at once.
        |config| config.limits.target_bytes_max = 32 << 20,
        move |driver, event| match event {
            Event::Request { target, request } => {
                let response = Response::new(200).body(large());
                driver.submit(Command::respond(target, &request, &response)).unwrap();
            }
            Event::SessionMessage { target, message, .. } if message.text() == Some("large") => {
                driver.submit(send(target, Message::from(large()))).unwrap();
            }
            Event::SessionMessage { target, .. } => {
                for number in 0..2000 {
                    driver.submit(send(target, Message::from(numbered(number)))).unwrap();
                }
            }
            _ => {}
        },
    );
    (server, handler)
}

#[test]
fn a_large_message_and_many_small_ones_arrive() {
    let (server, handler) = serve();
    let mut socket = connect(server.address());
    socket.send("large".into()).unwrap();
    socket.send("many".into()).unwrap();
    socket.send("large".into()).unwrap();
    for is_large in [true, false, true] {
        if is_large {
            assert!(socket.read().unwrap().into_data() == large());
        } else {
            for number in 0..2000 {
                assert_eq!(socket.read().unwrap(), numbered(number).into());
            }
        }
    }
    let reports = handler.stop();
    assert_eq!((reports[0].tally.delivered, reports[0].tally.undelivered), (2002, 0));
}

#[test]
fn a_large_response_arrives_and_the_next_one_behind_it() {
    let (server, handler) = serve();
    let mut client = server.client();
    for _ in 0..3 {
        assert!(client.get("/").body == large());
    }
    handler.stop();
}
