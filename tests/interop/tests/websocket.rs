//! WebSockets through the real server, with clients that keep to RFC 6455.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use interop::handler::Options;
use interop::websocket::{BINARY, PING, PONG, RawSocket, TEXT, connect, read_message};
use interop::{Echo, Mongrel2, echo_tests, serve};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message};

echo_tests! {
    text_and_binary, every_form_of_length, fragments_are_one_message, ping_is_answered,
    close_is_echoed, close_without_a_code, fifty_clients_at_once, a_silent_client_is_disconnected,
    a_client_that_answers_pings_stays, another_version_is_refused,
}

fn text_and_binary(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = connect(server.address());
    for message in [
        Message::text("hello"),
        Message::text("Grüße, 世界, \u{1F980}"),
        Message::binary(vec![0, 255, 128]),
        Message::text("{\"type\":\"disconnect\"}"),
    ] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
}

fn every_form_of_length(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = connect(server.address());
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 200_000] {
        let octets: Vec<u8> = (0..=250).cycle().take(length).collect();
        let message = Message::binary(octets);
        socket.send(message.clone()).unwrap();
        assert!(read_message(&mut socket) == message, "{length} octets differ");

        let message = Message::text("é".repeat(length / 2));
        socket.send(message.clone()).unwrap();
        assert!(read_message(&mut socket) == message, "{length} octets of text differ");
    }
}

fn fragments_are_one_message(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = RawSocket::connect(server.address());
    // Cut inside a character, with a ping in between (RFC 6455 5.4).
    let text = "three fragmé".as_bytes();
    socket.send(TEXT & 0x0F, &text[..5]);
    socket.send(PING, b"between");
    socket.send(0x00, &text[5..12]);
    socket.send(0x80, &text[12..]);
    let pong = socket.read().expect("control frames overtake the rest");
    assert_eq!((pong.first, &pong.payload[..]), (PONG, &b"between"[..]));
    let whole = socket.read().expect("the message comes back");
    assert_eq!((whole.first, &whole.payload[..]), (TEXT, text));

    socket.send(BINARY & 0x0F, b"");
    socket.send(0x80, b"\xff");
    let whole = socket.read().expect("the message comes back");
    assert_eq!((whole.first, &whole.payload[..]), (BINARY, &b"\xff"[..]));
}

fn ping_is_answered(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = connect(server.address());
    for payload in [vec![], b"are you there".to_vec(), vec![0xEE; 125]] {
        socket.send(Message::Ping(payload.clone().into())).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong(payload.into()));
    }
}

fn close_is_echoed(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = connect(server.address());
    let goodbye = CloseFrame { code: CloseCode::Library(4321), reason: "done, 世界".into() };
    socket.close(Some(goodbye.clone())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(Some(goodbye)));
    // The server ends the stream, not the client (RFC 6455 7.1.1).
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

fn close_without_a_code(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut socket = connect(server.address());
    socket.close(None).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(None));
    assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
}

fn fifty_clients_at_once(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut sockets: Vec<_> = (0..50).map(|_| connect(server.address())).collect();
    for round in 0..4 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send(format!("client {number}, round {round}").into()).unwrap();
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            let expected = Message::text(format!("client {number}, round {round}"));
            assert_eq!(socket.read().unwrap(), expected);
        }
    }
}

fn a_silent_client_is_disconnected(echo: Echo) {
    let server = Mongrel2::start();
    let _handler = Options::new(echo).server(&server).with("--ping-interval", "0.3").start();
    server.wait_until_served();
    let mut silent = RawSocket::connect(server.address());
    let mut pings = 0;
    while let Some(frame) = silent.read() {
        pings += usize::from(frame.first == PING);
        assert!(pings < 20, "it may stay silent for as long as it likes");
    }
    assert!(pings > 0, "it was disconnected without having been asked for a sign of life");
    silent.expect_end();
}

fn a_client_that_answers_pings_stays(echo: Echo) {
    let server = Mongrel2::start();
    let _handler = Options::new(echo).server(&server).with("--ping-interval", "0.3").start();
    server.wait_until_served();
    let mut socket = connect(server.address());
    for _ in 0..6 {
        // Reading sends the pong.
        assert!(matches!(socket.read().unwrap(), Message::Ping(_)));
    }
    socket.send("still here".into()).unwrap();
    let mut next = || socket.read().unwrap();
    let mut echoed = std::iter::repeat_with(&mut next).filter(|message| !message.is_ping());
    assert_eq!(echoed.next(), Some("still here".into()));
}

fn another_version_is_refused(echo: Echo) {
    let (server, _handler) = serve(echo);
    for version in ["12", "14", "nonsense"] {
        let (mut socket, response) = RawSocket::offer(server.address(), version);
        // RFC 6455 4.2.2 and 4.4.
        assert_eq!(response.status, 426, "{version}");
        assert_eq!(response.header("sec-websocket-version"), Some("13"));
        if let Some(length) = response.header("content-length") {
            socket.skip(length.parse().unwrap());
            socket.expect_end();
        }
    }
    let mut socket = connect(server.address());
    socket.send("served".into()).unwrap();
    assert_eq!(socket.read().unwrap(), "served".into());
}
