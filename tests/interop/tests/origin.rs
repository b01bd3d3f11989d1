//! An allow-list of origins, behind the real server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::net::{SocketAddr, TcpStream};

use interop::handler::Options;
use interop::{Echo, Mongrel2, PATIENCE};
use tungstenite::client::IntoClientRequest;
use tungstenite::{Error, HandshakeError, Message, WebSocket};

const KNOWN: &str = "https://example.com";

fn pages_of_other_origins_are_refused(echo: Echo) {
    let server = Mongrel2::start();
    let _handler = Options::new(echo).server(&server).with("--origin", KNOWN).start();
    server.wait_until_served();
    let mut socket = connect(server.address(), Some(KNOWN)).unwrap();
    socket.send("hello".into()).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    assert!(connect(server.address(), None).is_ok(), "no browser");
    for origin in ["https://evil.example", "null"] {
        assert_eq!(connect(server.address(), Some(origin)).err(), Some(403), "{origin}");
    }
}

/// An open WebSocket, or the status of the refusal.
fn connect(address: SocketAddr, origin: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{address}/chat").into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    match tungstenite::client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(Error::Http(response))) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn threads() {
    pages_of_other_origins_are_refused(Echo::Threads);
}

#[test]
fn smol() {
    pages_of_other_origins_are_refused(Echo::Smol);
}

#[test]
fn tokio() {
    pages_of_other_origins_are_refused(Echo::Tokio);
}
