//! The chat example behind the real Mongrel2: its page, its rooms, who comes and goes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpStream;

use interop::websocket::{connect_at, read_message};
use interop::{Handler, Mongrel2};
use tungstenite::{Message, WebSocket};

fn hears(socket: &mut WebSocket<TcpStream>) -> String {
    read_message(socket).into_text().unwrap().to_string()
}

#[test]
fn what_is_said_in_a_room_goes_to_all_that_are_in_it() {
    let server = Mongrel2::start();
    let mut handler = Handler::chat(&server);
    let page = server.client().get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("new WebSocket") && page.trim_end().ends_with("</html>"), "{page}");
    assert_eq!(server.client().get("/elsewhere").status, 404);

    let mut one = connect_at(server.address(), "/chat?room=tea%20room&more=1");
    assert_eq!(hears(&mut one), "you guest-1");
    assert_eq!(hears(&mut one), "came guest-1 1");
    let mut other = connect_at(server.address(), "/chat?room=tea%20room");
    assert_eq!(hears(&mut other), "you guest-2");
    assert_eq!(hears(&mut other), "came guest-2 2");
    assert_eq!(hears(&mut one), "came guest-2 2");
    // Another room, of which they hear nothing.
    let mut stranger = connect_at(server.address(), "/chat");
    assert_eq!(hears(&mut stranger), "you guest-3");
    assert_eq!(hears(&mut stranger), "came guest-3 1");
    stranger.send("is anybody here?".into()).unwrap();
    assert_eq!(hears(&mut stranger), "said guest-3 is anybody here?");

    one.send("Grüß Gott".into()).unwrap();
    for socket in [&mut one, &mut other] {
        assert_eq!(hears(socket), "said guest-1 Grüß Gott");
    }
    other.close(None).unwrap();
    assert_eq!(hears(&mut one), "left guest-2 1");
    // One that leaves without a word is told of as well.
    let third = connect_at(server.address(), "/chat?room=tea%20room");
    assert_eq!(hears(&mut one), "came guest-4 2");
    drop(third);
    assert_eq!(hears(&mut one), "left guest-4 1");

    let mut lost = connect_at(server.address(), "/elsewhere");
    let Message::Close(Some(close)) = read_message(&mut lost) else { panic!("it is not closed") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1008, "the chat is at /chat"));
    handler.stop();
}
