//! What the application says to handshakes: subprotocols, headers, refusals. Behind the real server.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

mod inside;

use std::net::TcpStream;

use interop::{Mongrel2, PATIENCE};
use mongrel2_transceiver::mongrel2::http::Response as Refusal;
use mongrel2_transceiver::transceiver::{Accept, Command, Event, Opening};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::client::Response;
use tungstenite::{Error, HandshakeError, WebSocket};

use inside::Inside;

/// Takes those with a cookie, in the best protocol that both know.
fn serve(server: &Mongrel2) -> Inside {
    let accept = Accept::new(|request| {
        if request.header("cookie").is_none() {
            return Opening::refuse(Refusal::text(401, "Log in first.\n"));
        }
        let opening = Opening::take().protocol(request, &["chat.v2", "chat.v1"]);
        opening.header("set-cookie", "seen=yes").unwrap()
    });
    Inside::start(
        server,
        |config| config.accept = accept,
        |driver, event| {
            if let Event::SessionMessage { target, message, .. } = event {
                driver.submit(Command::Send { target, message }).unwrap();
            }
        },
    )
}

/// The answer to a handshake with these headers; and the WebSocket, if it was taken.
fn shake_hands(
    server: &Mongrel2,
    headers: &[(&'static str, &str)],
) -> (Response, Option<WebSocket<TcpStream>>) {
    let address = server.address();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{address}/chat").into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match tungstenite::client(request, stream) {
        Ok((socket, response)) => (response, Some(socket)),
        Err(HandshakeError::Failure(Error::Http(response))) => (*response, None),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_subprotocol_is_chosen_and_headers_are_added() {
    let server = Mongrel2::start();
    let handler = serve(&server);
    for (offered, chosen) in [("chat.v1, chat.v2", "chat.v2"), ("superchat, chat.v1", "chat.v1")] {
        let headers = [("cookie", "a=1"), ("sec-websocket-protocol", offered)];
        let (response, socket) = shake_hands(&server, &headers);
        assert_eq!(response.headers()["sec-websocket-protocol"], chosen);
        assert_eq!(response.headers()["set-cookie"], "seen=yes");
        let mut socket = socket.unwrap();
        socket.send("hello".into()).unwrap();
        assert_eq!(socket.read().unwrap(), "hello".into());
    }
    let (response, _socket) = shake_hands(&server, &[("cookie", "a=1")]);
    assert!(!response.headers().contains_key("sec-websocket-protocol"));
    handler.stop();
}

#[test]
fn a_refusal_has_its_status_and_its_text() {
    let server = Mongrel2::start();
    let handler = serve(&server);
    let (response, socket) = shake_hands(&server, &[]);
    assert!(socket.is_none());
    assert_eq!(response.status().as_u16(), 401);
    assert_eq!(response.body().as_deref(), Some(&b"Log in first.\n"[..]));
    handler.stop();
}
