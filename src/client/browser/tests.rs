//! A handler made by hand on the other side of a browser.

use bytes::BytesMut;

use super::super::ask::Ask;
use super::super::error::Part;
use super::super::violation::{HandshakeError, HeadError, Violation};
use super::*;
use crate::mongrel2::{
    Control, Dialect, Extended, Kind, Request, Sender, encode_control, parse_extended,
};
use crate::websocket::{Close, CloseCode, CloseError, FrameError, Message, handshake};

mod websocket;

fn origin() -> Origin {
    Origin::new(Sender::new("5a0c").unwrap())
}

fn client_with(protocol: Protocol, limits: Limits) -> Client {
    Client::new(protocol, ConnId(7), origin(), limits)
}

fn client(protocol: Protocol) -> Client {
    client_with(protocol, Limits::default())
}

impl Client {
    #[track_caller]
    fn delivered(&mut self) -> Request {
        Request::parse(self.poll_delivery().expect("a message")).unwrap()
    }

    /// The kind and body of all that waits for the handler.
    fn all_delivered(&mut self) -> Vec<(Kind, Bytes)> {
        let raws = std::iter::from_fn(|| self.poll_delivery());
        let requests = raws.map(|raw| Request::parse(raw).unwrap());
        requests.map(|request| (request.kind(), request.body())).collect()
    }

    fn all_received(&mut self) -> Vec<Received> {
        std::iter::from_fn(|| self.poll_received()).collect()
    }

    fn say_hello(&mut self) -> Result<(), ActError> {
        self.act(Action::Send(Message::from("hello")))
    }
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    crate::websocket::encode(opcode, payload, &mut out);
    out.freeze()
}

fn accepted(request: &Request) -> Bytes {
    let mut out = BytesMut::new();
    handshake::response_head(&request.body(), None, &[], &mut out);
    out.freeze()
}

/// A browser with a WebSocket that is open.
fn open_with(limits: Limits) -> Client {
    let mut client = client_with(Protocol::WebSocket, limits);
    client.act(Action::Handshake(Ask::get("/chat"))).unwrap();
    let reply = accepted(&client.delivered());
    client.reply(reply, false);
    let received = client.all_received();
    assert!(matches!(&received[..], [Received::Response(r)] if r.status == 101), "{received:?}");
    assert!(client.is_open());
    client
}

fn open() -> Client {
    open_with(Limits::default())
}

fn close(code: CloseCode) -> Close {
    Close { code: Some(code), ..Close::default() }
}

const NOTICE: &str = r#"5a0c 7 @* 17:{"METHOD":"JSON"},21:{"type":"disconnect"},"#;

#[test]
fn a_request_and_its_response() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::post("/a?b=c", "hi").header("X-Y", "z"))).unwrap();
    assert_eq!(
        client.poll_delivery().unwrap(),
        r#"5a0c 7 /a 219:{"PATH":"/a","x-forwarded-for":"127.0.0.1","host":"localhost","x-y":"z","content-length":"2","METHOD":"POST","VERSION":"HTTP/1.1","URI":"/a?b=c","QUERY":"b=c","PATTERN":"/","URL_SCHEME":"http","REMOTE_ADDR":"127.0.0.1"},2:hi,"#
    );
    let reply = "HTTP/1.1 201 Made\r\nContent-Length: 2\r\n\r\nok";
    for at in 1..reply.len() {
        let mut client = client.clone();
        client.reply(reply[..at].into(), false);
        assert_eq!(client.poll_received(), None, "cut at {at}");
        client.reply(reply[at..].into(), false);
        let Some(Received::Response(response)) = client.poll_received() else { panic!() };
        assert_eq!((response.status, response.text()), (201, Some("ok")));
    }
}

#[test]
fn pipelined_responses_in_one_reply() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::head("/1"))).unwrap();
    client.act(Action::Request(Ask::get("/2"))).unwrap();
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".repeat(2);
    client.reply((both + "ok").into(), false);
    let bodies: Vec<_> = client.all_received().iter().map(Received::size).collect();
    // The same head, and once a body.
    assert_eq!(bodies, [17, 19]);
    client.reply("x".into(), false);
    assert_eq!(client.all_received(), [Received::Violation(Violation::Unasked)]);
}

#[test]
fn the_handler_ends_the_connection() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::get("/").version("HTTP/1.0"))).unwrap();
    client.poll_delivery();
    client.reply("HTTP/1.0 200 OK\r\n\r\nto the end".into(), false);
    assert_eq!(client.poll_received(), None);
    client.reply(Bytes::new(), false);
    let received = client.all_received();
    assert!(
        matches!(&received[..], [Received::Response(r), Received::Ended] if r.body == "to the end")
    );
    assert!(!client.is_connected());
    assert_eq!(client.poll_delivery(), None, "Mongrel2 sends no notice");
    assert_eq!(client.act(Action::Request(Ask::get("/"))), Err(ActError::Gone));
    assert_eq!(client.act(Action::Vanish), Err(ActError::Gone));
    // It tells whoever talks to nobody.
    client.reply("x".into(), false);
    client.reply(Bytes::new(), false);
    assert_eq!(
        (client.poll_delivery(), client.poll_delivery()),
        (Some(NOTICE.into()), Some(NOTICE.into()))
    );
    assert_eq!(client.all_received(), []);
}

#[test]
fn an_end_in_the_middle_is_a_violation() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::get("/"))).unwrap();
    client.reply("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nto".into(), false);
    client.reply(Bytes::new(), false);
    assert_eq!(client.all_received(), [Received::Violation(Violation::Cut)]);
    let mut client = open();
    client.reply(Bytes::from_static(b"\x81\x05hel"), false);
    client.reply(Bytes::new(), false);
    assert_eq!(client.all_received(), [Received::Violation(Violation::Cut)]);
}

#[test]
fn a_violation_sends_the_browser_away() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::get("/"))).unwrap();
    client.poll_delivery();
    client.reply("hello".into(), false);
    let version = Violation::Head(HeadError::Version);
    assert_eq!(client.all_received(), [Received::Violation(version)]);
    assert_eq!(client.poll_delivery(), Some(NOTICE.into()));
    assert_eq!((client.is_connected(), client.poll_delivery()), (false, None));
}

#[test]
fn a_browser_vanishes() {
    let mut client = client(Protocol::Http);
    client.act(Action::Request(Ask::get("/"))).unwrap();
    client.poll_delivery();
    client.act(Action::Vanish).unwrap();
    assert_eq!(client.poll_delivery(), Some(NOTICE.into()));
    assert_eq!(client.act(Action::Vanish), Err(ActError::Gone));
    assert_eq!((client.poll_delivery(), client.poll_received()), (None, None));
    // Nobody has heard of this one.
    let mut client = self::client(Protocol::Http);
    client.act(Action::Vanish).unwrap();
    assert_eq!((client.poll_delivery(), client.is_connected()), (None, false));
}

#[test]
fn notices_in_the_other_dialect() {
    let origin = Origin { dialect: Dialect::Tnetstring, ..origin() };
    let notice = r#"5a0c -1 @* 16:6:METHOD,4:JSON,}21:{"type":"disconnect"},"#;
    assert_eq!(origin.notice(ConnId::NONE), notice);
}

#[test]
fn extended_replies_are_for_the_server() {
    let extended = |controls: &[Control]| {
        let mut out = BytesMut::new();
        encode_control(&Sender::new("s").unwrap(), ConnId(7), controls, &mut out);
        crate::mongrel2::parse_response(&out.freeze()).unwrap().body
    };
    let cancel = extended(&[Control::Cancel]);
    for (body, ends) in [
        (extended(&[Control::KeepAlive, Control::Credits(5)]), false),
        (Bytes::from("nonsense"), false),
        (cancel.clone(), true),
        (Bytes::from("20:6:nosuch,8:1:a,1:b,}]"), true),
    ] {
        for protocol in [Protocol::Mongrel2, Protocol::Http, Protocol::WebSocket] {
            let mut client = client(protocol);
            client.reply(body.clone(), true);
            let mut expected = match parse_extended(&body) {
                Extended::Controls(controls) if protocol == Protocol::Mongrel2 => {
                    vec![Received::Controls(controls)]
                }
                Extended::Controls(_) | Extended::Close | Extended::Ignored => Vec::new(),
            };
            expected.extend(ends.then_some(Received::Ended));
            assert_eq!(client.all_received(), expected, "{body:?}");
            // All but a cancel to nobody is answered.
            client.reply(body.clone(), true);
            let is_notice = client.poll_delivery() == Some(NOTICE.into());
            assert_eq!(is_notice, ends && body != cancel, "{body:?}");
        }
    }
}

#[test]
fn the_same_controls_wait_once() {
    let mut client = client(Protocol::Mongrel2);
    let keep_alive = |client: &mut Client| {
        let body = crate::mongrel2::control_body(&[Control::KeepAlive]);
        (0..100_000).for_each(|_| client.reply(body.clone(), true));
    };
    let kept_alive = Received::Controls(vec![Control::KeepAlive]);
    keep_alive(&mut client);
    client.reply("x".into(), false);
    keep_alive(&mut client);
    let raw = Received::Raw("x".into());
    assert_eq!(client.all_received(), [kept_alive.clone(), raw, kept_alive]);
    // Those that ask for nothing are not worth a word; too many others are one too many.
    client.reply(crate::mongrel2::control_body(&[]), true);
    assert_eq!(client.all_received(), []);
    let mut client =
        client_with(Protocol::Mongrel2, Limits { received_max: 2, ..Limits::default() });
    (1..=3).for_each(|n| client.reply(crate::mongrel2::control_body(&[Control::Credits(n)]), true));
    assert_eq!(client.all_received().last(), Some(&Received::Violation(Violation::Overflow)));
}

#[test]
fn each_protocol_has_its_actions() {
    let json = || Action::Json { path: "@chat".into(), body: "{}".into() };
    let xml = || Action::Xml { body: "<a/>".into() };
    let plain = || Action::Mongrel2 { path: "/".into(), headers: vec![], body: Bytes::new() };
    for protocol in [Protocol::Http, Protocol::WebSocket] {
        for action in [json(), xml(), plain()] {
            assert_eq!(client(protocol).act(action), Err(ActError::Protocol));
        }
    }
    let mut http = client(Protocol::Http);
    assert_eq!(http.act(Action::Handshake(Ask::get("/"))), Err(ActError::Handshake));
    assert_eq!(http.say_hello(), Err(ActError::NotOpen));
    let mut websocket = client(Protocol::WebSocket);
    assert_eq!(websocket.act(Action::Request(Ask::get("/"))), Err(ActError::Protocol));
    let bare = Action::Handshake(Ask::get("/").bare());
    assert_eq!(websocket.act(bare), Err(ActError::NoHandshake));
    websocket.act(Action::Handshake(Ask::get("/"))).unwrap();
    assert_eq!(websocket.act(Action::Handshake(Ask::get("/"))), Err(ActError::NotFirst));
    let mut any = client(Protocol::Mongrel2);
    for action in [json(), xml(), plain(), Action::Request(Ask::get("/"))] {
        any.act(action).unwrap();
    }
    assert_eq!(any.act(Action::Handshake(Ask::get("/"))), Err(ActError::NotFirst));
    let mut raw = client(Protocol::Mongrel2);
    raw.act(Action::Handshake(Ask::get("/"))).unwrap();
    raw.say_hello().unwrap();
    assert_eq!(raw.act(json()), Err(ActError::WebSocket));
    assert_eq!(raw.act(Action::Request(Ask::get("/"))), Err(ActError::WebSocket));
    raw.reply("any octets".into(), false);
    assert_eq!(raw.all_received(), [Received::Raw("any octets".into())]);
}

#[test]
fn a_request_that_makes_a_handshake_is_one() {
    let ask = Ask::get("/")
        .header("Upgrade", "WebSocket")
        .header("Connection", "keep-alive, UPGRADE")
        .header("Sec-WebSocket-Key", "")
        .header("Sec-WebSocket-Version", "8");
    let mut client = client(Protocol::Mongrel2);
    client.act(Action::Request(ask)).unwrap();
    assert_eq!(client.delivered().kind(), Kind::WebSocketHandshake);
}

#[test]
fn without_any_header_of_a_handshake_it_is_a_request() {
    let headers = [
        ("Host", "localhost"),
        ("Upgrade", "websocket"),
        ("Connection", "upgrade"),
        ("Sec-WebSocket-Key", "x"),
        ("Sec-WebSocket-Version", "13"),
    ];
    for left_out in 0..=headers.len() {
        let mut ask = Ask::get("/").bare();
        for (at, (name, value)) in headers.into_iter().enumerate() {
            if at != left_out {
                ask = ask.header(name, value);
            }
        }
        let mut client = client(Protocol::Mongrel2);
        client.act(Action::Request(ask)).unwrap();
        let is_whole = left_out == headers.len();
        let expected = if is_whole { Kind::WebSocketHandshake } else { Kind::Http };
        assert_eq!(client.delivered().kind(), expected, "without header {left_out}");
    }
}

#[test]
fn another_program_speaks() {
    let mut client = client(Protocol::Mongrel2);
    let headers = vec![("QUERY".into(), "text=hi".into()), ("QUERY".into(), "2".into())];
    let action = Action::Mongrel2 { path: "/__ping__".into(), headers, body: "x".into() };
    client.act(action).unwrap();
    let expected = r#"5a0c 7 /__ping__ 45:{"METHOD":"MONGREL2","QUERY":["text=hi","2"]},1:x,"#;
    assert_eq!(client.poll_delivery().unwrap(), expected);
    let headers = vec![("METHOD".into(), "JSON".into())];
    client.act(Action::Mongrel2 { path: "@*".into(), headers, body: "{}".into() }).unwrap();
    let expected = r#"5a0c 7 @* 17:{"METHOD":"JSON"},2:{},"#;
    assert_eq!(client.poll_delivery().unwrap(), expected, "it has one of its own");
    for path in ["", "a b"] {
        let action = Action::Mongrel2 { path: path.into(), headers: vec![], body: Bytes::new() };
        assert!(client.act(action).is_err());
    }
}

#[test]
fn garbage_goes_out_as_it_is() {
    let mut client = client(Protocol::Http);
    client.act(Action::Garbage("no message".into())).unwrap();
    assert_eq!(client.poll_delivery(), Some("no message".into()));
    client.act(Action::Vanish).unwrap();
    client.act(Action::Garbage("late".into())).unwrap();
    assert_eq!(
        (client.poll_delivery(), client.poll_delivery()),
        (Some(NOTICE.into()), Some("late".into()))
    );
}

#[test]
fn what_waits_is_bounded() {
    let limits = Limits {
        requests_max: 2,
        deliveries_max: 3,
        received_max: 2,
        request_body_size_max: 5,
        ..Limits::default()
    };
    let mut client = client_with(Protocol::Http, limits);
    let get = || Action::Request(Ask::get("/"));
    client.act(get()).unwrap();
    client.act(get()).unwrap();
    assert_eq!(client.act(get()), Err(ActError::TooManyRequests));
    client.act(Action::Garbage(Bytes::new())).unwrap();
    assert_eq!(client.act(Action::Garbage(Bytes::new())), Err(ActError::Full));
    assert_eq!(client.act(get()), Err(ActError::Full));
    client.poll_delivery();
    let large = Err(ActError::TooLarge { part: Part::Body, size: 6, size_max: 5 });
    assert_eq!(client.act(Action::Request(Ask::post("/", "larger"))), large);

    let mut client = open_with(limits);
    client.reply(frame(Opcode::Text, b"x").repeat(3).into(), false);
    let message = Received::Message(Message::from("x"));
    let overflow = Received::Violation(Violation::Overflow);
    assert_eq!(client.all_received(), [message.clone(), message, overflow]);
    assert!(!client.is_connected());

    // Answers that nobody takes, and notices.
    let mut client = open_with(Limits { received_max: 99, ..limits });
    client.reply(frame(Opcode::Ping, b"x").repeat(4).into(), false);
    assert_eq!(client.all_received().last(), Some(&Received::Violation(Violation::Overflow)));
    (0..9).for_each(|_| client.reply("x".into(), false));
    assert_eq!(client.all_delivered().len(), 4);
}

#[test]
fn refused_actions_change_nothing() {
    let mut client = client(Protocol::Http);
    for (ask, error) in [
        (Ask::get("/ "), ActError::Octet { part: Part::Path, octet: b' ' }),
        (Ask::get("/").method("get"), ActError::Octet { part: Part::Method, octet: b'g' }),
        (Ask::get("/").version("HTTP/2"), ActError::Version),
        (Ask::get("*"), ActError::Target),
        (Ask::get("/").header("a b", ""), ActError::Octet { part: Part::HeaderName, octet: b' ' }),
        (
            Ask::get("/").header("a", "\r"),
            ActError::Octet { part: Part::HeaderValue, octet: b'\r' },
        ),
    ] {
        assert_eq!(client.act(Action::Request(ask)), Err(error));
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(client.poll_delivery(), None);
    client.reply("x".into(), false);
    assert_eq!(client.all_received(), [Received::Violation(Violation::Unasked)]);
}
