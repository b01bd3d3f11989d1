//! Requests and replies.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Config, Event};

use crate::pair::{Pair, frame, get, handshake};

#[test]
fn a_request_is_answered() {
    let mut pair = Pair::up(1, Config::default());
    pair.deliver(get(7));
    let event = pair.until(|event| matches!(event, Event::Request { .. }));
    let Event::Request { target, request } = event else { unreachable!() };
    assert_eq!(target, pair.target(7));
    pair.submit(Command::respond(target, &request, &Response::text(200, "hello")));
    pair.run_ms(100);
    let replies = pair.replies();
    assert_eq!(replies.len(), 1);
    assert!(replies[0].1.starts_with(b"HTTP/1.1 200 OK\r\n") && replies[0].1.ends_with(b"hello"));
}

#[test]
fn a_websocket_is_opened_echoed_and_closed() {
    let mut pair = Pair::up(2, Config::default());
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { adopted: false, .. }));
    pair.deliver(frame(3, "0x81", b"hi"));
    let event = pair.until(|event| matches!(event, Event::SessionMessage { .. }));
    let Event::SessionMessage { target, message } = event else { unreachable!() };
    pair.submit(Command::Send { target, message });
    pair.run_ms(100);
    let replies = pair.replies();
    assert!(replies[0].1.starts_with(b"HTTP/1.1 101 "));
    assert_eq!(replies[1].1, Bytes::from_static(b"\x81\x02hi"));
    pair.deliver(frame(3, "0x88", b"\x03\xe8bye"));
    pair.until(|event| matches!(event, Event::SessionClosed { .. }));
    pair.run_ms(100);
    let replies = pair.replies();
    assert_eq!(replies[0].1, Bytes::from_static(b"\x88\x05\x03\xe8bye"));
    assert!(replies[1].1.is_empty());
}

#[test]
fn a_shutdown_ends() {
    let mut pair = Pair::up(3, Config::default());
    pair.deliver(handshake(3, "13"));
    pair.until(|event| matches!(event, Event::SessionOpened { .. }));
    pair.submit(Command::Shutdown);
    pair.until(|event| matches!(event, Event::Stopped { undelivered: 0 }));
}
