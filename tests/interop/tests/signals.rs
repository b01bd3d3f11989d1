//! How the echo handlers start and end as processes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::time::Duration;

use interop::handler::{Options, STOP_PATIENCE};
use interop::websocket::{CLOSE, RawSocket, connect};
use interop::{Echo, Handler, Mongrel2, PATIENCE, echo_tests, port, serve};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Error, Message};

echo_tests! {
    open_websockets_are_told_goodbye, stops_without_a_server, stops_when_clients_stay_silent,
    a_second_signal_ends_at_once, a_wrong_address_is_explained, a_taken_control_address_is_explained,
    serves_with_a_control_address,
}

fn open_websockets_are_told_goodbye(echo: Echo) {
    let (server, mut handler) = serve(echo);
    let mut sockets: Vec<_> = (0..5).map(|_| connect(server.address())).collect();
    for socket in &mut sockets {
        socket.send("open".into()).unwrap();
        assert_eq!(socket.read().unwrap(), "open".into());
    }
    handler.terminate();
    for socket in &mut sockets {
        let Message::Close(Some(goodbye)) = socket.read().unwrap() else {
            panic!("no close frame with a code");
        };
        assert_eq!(goodbye.code, CloseCode::Away);
        assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
    }
    handler.expect_orderly_end();
}

fn stops_without_a_server(echo: Echo) {
    let server = Mongrel2::prepare(interop::mongrel2::Config::default());
    let mut handler = Handler::start(echo, &server);
    // Long enough for it to have set up its signals, and tried to connect.
    assert!(handler.wait(Duration::from_millis(500)).is_none());
    handler.stop();
}

fn stops_when_clients_stay_silent(echo: Echo) {
    let (server, mut handler) = serve(echo);
    let mut silent = RawSocket::connect(server.address());
    handler.stop();
    let goodbye = silent.read().expect("a close frame comes before the end");
    assert_eq!((goodbye.first, goodbye.close_code()), (CLOSE, Some(1001)));
    silent.expect_end();
}

fn a_second_signal_ends_at_once(echo: Echo) {
    let (mut server, mut handler) = serve(echo);
    let _sockets: Vec<_> = (0..5).map(|_| connect(server.address())).collect();
    // The goodbyes get nowhere now.
    server.pause();
    handler.terminate();
    handler.terminate();
    assert!(handler.wait(STOP_PATIENCE).is_some(), "the second signal is of no effect");
}

fn a_wrong_address_is_explained(echo: Echo) {
    for (send_spec, recv_spec) in [
        ("nonsense", "tcp://127.0.0.1:9996"),
        ("tcp://127.0.0.1:9997", "carrier-pigeon://127.0.0.1:9996"),
        ("tcp://127.0.0.1:99999", "tcp://127.0.0.1:9996"),
    ] {
        expect_failure(Options::new(echo).addresses("sender", send_spec, recv_spec).start());
    }
}

fn a_taken_control_address_is_explained(echo: Echo) {
    let server = Mongrel2::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", taken.local_addr().unwrap());
    expect_failure(Options::new(echo).server(&server).with("--control", &address).start());
}

fn serves_with_a_control_address(echo: Echo) {
    let server = Mongrel2::start();
    let address = format!("tcp://127.0.0.1:{}", port::free());
    let mut handler = Options::new(echo).server(&server).with("--control", &address).start();
    server.wait_until_served();
    let taken = address.strip_prefix("tcp://").unwrap();
    TcpListener::bind(taken).expect_err("the control address is bound");
    handler.stop();
}

/// Ends by itself, with code 1, and says why.
fn expect_failure(mut handler: Handler) {
    let status = handler.wait(PATIENCE).expect("it does not run on");
    assert_eq!(status.code(), Some(1), "{}", handler.output());
    let output = handler.output();
    assert!(!output.trim().is_empty(), "it ends without a word");
    assert!(!output.contains("panicked"), "{output}");
}
