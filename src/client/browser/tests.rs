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
fn a_handshake_is_made_and_checked() {
    let mut client = client(Protocol::WebSocket).with_seed(5);
    client.act(Action::Handshake(Ask::get("/chat?room=1").header("Origin", "http://x"))).unwrap();
    let request = client.delivered();
    assert_eq!((request.kind(), request.path()), (Kind::WebSocketHandshake, &b"/chat"[..]));
    let key = request.header("sec-websocket-key").unwrap();
    assert_eq!(&request.body()[..], handshake::accept_key(&key));
    assert!(key.len() == 24 && key.ends_with(b"=="));
    assert_eq!(client.say_hello(), Err(ActError::NotOpen));
    // In pieces, and with a frame right behind it.
    let reply = [&accepted(&request)[..], &frame(Opcode::Text, b"hi")].concat();
    for piece in reply.chunks(1) {
        assert!(client.is_connected());
        client.reply(Bytes::copy_from_slice(piece), false);
    }
    let received = client.all_received();
    assert!(matches!(&received[0], Received::Response(r) if r.status == 101));
    assert_eq!(received[1..], [Received::Message(Message::from("hi"))]);
    client.say_hello().unwrap();
    let message = client.delivered();
    assert_eq!((message.kind(), message.body()), (Kind::WebSocket(0x81), "hello".into()));
    let with_flags = request.headers().count() + 1;
    assert_eq!(message.headers().count(), with_flags, "it repeats the headers");
}

#[test]
fn seeds_make_keys() {
    let key = |client: &mut Client| {
        client.act(Action::Handshake(Ask::get("/"))).unwrap();
        client.delivered().header("sec-websocket-key").unwrap().into_owned()
    };
    let of_seed = |seed| key(&mut client(Protocol::WebSocket).with_seed(seed));
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
    assert_eq!(key(&mut client(Protocol::WebSocket)), of_seed(7), "the id is the seed");
    let mut client = client(Protocol::WebSocket);
    let given = Ask::get("/").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    client.act(Action::Handshake(given)).unwrap();
    assert_eq!(client.delivered().body(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn a_refused_handshake_is_a_response() {
    let mut client = client(Protocol::WebSocket);
    client.act(Action::Handshake(Ask::get("/"))).unwrap();
    client.reply("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".into(), false);
    client.reply(Bytes::new(), false);
    let received = client.all_received();
    assert!(matches!(&received[..], [Received::Response(r), Received::Ended] if r.status == 403));
    assert_eq!(client.say_hello(), Err(ActError::Gone));
}

#[test]
fn a_wrong_accept_key_is_a_violation() {
    let mut client = client(Protocol::WebSocket);
    client.act(Action::Handshake(Ask::get("/"))).unwrap();
    let mut reply = BytesMut::new();
    handshake::response_head(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", None, &[], &mut reply);
    client.reply(reply.freeze(), false);
    let violation = Violation::Handshake(HandshakeError::Accept);
    assert_eq!(client.all_received(), [Received::Violation(violation)]);
}

#[test]
fn messages_in_any_pieces() {
    let mut stream = BytesMut::from(&b"\x01\x03one\x89\x01p\x80\x03two\x82\x00\x8A\x02po"[..]);
    stream.extend_from_slice(&frame(Opcode::Close, b"\x03\xE8bye"));
    let bye = Close::new(CloseCode::NORMAL, "bye").unwrap();
    let expected = [
        Received::Ping("p".into()),
        Received::Message(Message::from("onetwo")),
        Received::Message(Message::from(Bytes::new())),
        Received::Pong("po".into()),
        Received::Close(bye),
    ];
    for at in 0..=stream.len() {
        let mut client = open();
        for piece in [&stream[..at], &stream[at..]].into_iter().filter(|piece| !piece.is_empty()) {
            client.reply(Bytes::copy_from_slice(piece), false);
        }
        assert_eq!(client.all_received(), expected, "cut at {at}");
        let answers = [
            (Kind::WebSocket(0x8A), "p".into()),
            (Kind::WebSocket(0x88), Bytes::from_static(b"\x03\xE8")),
        ];
        assert_eq!(client.all_delivered(), answers, "cut at {at}");
    }
}

#[test]
fn pings_and_closes_are_left_alone_when_it_is_told_so() {
    let mut client = open();
    client.act(Action::AnswerPings(false)).unwrap();
    client.act(Action::AnswerCloses(false)).unwrap();
    client.reply(frame(Opcode::Ping, b"p"), false);
    client.reply(frame(Opcode::Close, b""), false);
    assert_eq!(
        client.all_received(),
        [Received::Ping("p".into()), Received::Close(Close::default())]
    );
    assert_eq!(client.all_delivered(), []);
    // It may still say what it had begun to say (RFC 6455 5.5.1).
    client.say_hello().unwrap();
    client.act(Action::Close(close(CloseCode::GOING_AWAY))).unwrap();
    assert_eq!(client.all_delivered().len(), 2);
}

#[test]
fn the_browser_closes() {
    let mut client = open();
    let bye = Close::new(CloseCode::NORMAL, "bye").unwrap();
    client.act(Action::Close(bye)).unwrap();
    assert_eq!(
        client.all_delivered(),
        [(Kind::WebSocket(0x88), Bytes::from_static(b"\x03\xE8bye"))]
    );
    for action in [
        Action::Send(Message::from("x")),
        Action::Ping(Bytes::new()),
        Action::Pong(Bytes::new()),
        Action::Close(Close::default()),
    ] {
        assert_eq!(client.act(action), Err(ActError::Closing));
    }
    // What was on its way still comes; a ping needs no answer any more.
    client.reply(frame(Opcode::Text, b"late"), false);
    client.reply(frame(Opcode::Ping, b"late"), false);
    client.reply(frame(Opcode::Close, b"\x03\xE8"), false);
    client.reply(Bytes::new(), false);
    let expected = [
        Received::Message(Message::from("late")),
        Received::Ping("late".into()),
        Received::Close(close(CloseCode::NORMAL)),
        Received::Ended,
    ];
    assert_eq!((client.all_received(), client.all_delivered()), (expected.to_vec(), vec![]));
}

#[test]
fn a_close_that_may_not_be_sent_is_refused() {
    let mut client = open();
    let illegal = close(CloseCode::NO_STATUS);
    assert_eq!(client.act(Action::Close(illegal)), Err(ActError::Close(CloseError::Code(1005))));
    let long = Close { code: Some(CloseCode::NORMAL), reason: "x".repeat(124).into() };
    let error = ActError::Close(CloseError::ReasonTooLong { len: 124 });
    assert_eq!(client.act(Action::Close(long)), Err(error));
    let codeless = Close { code: None, reason: "why".into() };
    let error = ActError::Empty { part: Part::CloseCode };
    assert_eq!(client.act(Action::Close(codeless)), Err(error));
    client.say_hello().unwrap();
    let payload = Bytes::from_static(b"\x03\xED");
    client.act(Action::Frame { first: 0x88, payload }).unwrap();
    assert_eq!(client.say_hello(), Err(ActError::Closing));
}

#[test]
fn a_close_needs_no_code() {
    let mut client = open();
    client.act(Action::Close(Close::default())).unwrap();
    assert_eq!(client.all_delivered(), [(Kind::WebSocket(0x88), Bytes::new())]);
}

#[test]
fn a_violation_is_answered_where_a_close_would_be() {
    let violation = [Received::Violation(Violation::Frame(FrameError::Masked))];
    let closes_of = |mut client: Client| {
        client.reply(Bytes::from_static(b"\x81\x80abcd"), false);
        assert_eq!(client.all_received(), violation);
        let delivered = client.all_delivered();
        assert_eq!(delivered.last().map(|(kind, _)| *kind), Some(Kind::Disconnect));
        delivered.iter().filter(|(kind, _)| *kind == Kind::WebSocket(0x88)).count()
    };
    assert_eq!(closes_of(open()), 1);
    let mut unwilling = open();
    unwilling.act(Action::AnswerCloses(false)).unwrap();
    assert_eq!(closes_of(unwilling), 0);
    let mut closing = open();
    closing.act(Action::Close(Close::default())).unwrap();
    assert_eq!(closes_of(closing), 1, "it has said so already");
    let mut full = open_with(Limits { deliveries_max: 1, ..Limits::default() });
    full.say_hello().unwrap();
    assert_eq!(closes_of(full), 0, "there is no room for it");
}

#[test]
fn frames_against_the_rules() {
    for (octets, error) in [
        (&b"\x81\x80abcd"[..], FrameError::Masked),
        (b"\xC1\x00", FrameError::ReservedBits { rsv: 4 }),
        (b"\x83\x00", FrameError::ReservedOpcode { number: 3 }),
        (b"\x80\x00", FrameError::UnexpectedContinuation),
    ] {
        let mut client = open();
        client.reply(Bytes::copy_from_slice(octets), false);
        assert_eq!(client.all_received(), [Received::Violation(Violation::Frame(error))]);
        let answers = client.all_delivered();
        let close = (Kind::WebSocket(0x88), Bytes::from_static(b"\x03\xEA"));
        assert_eq!(answers[0], close);
        assert_eq!((answers[1].0, answers.len()), (Kind::Disconnect, 2));
    }
    let mut client = open();
    client.reply(Bytes::from_static(b"\x88\x00\x81\x01x"), false);
    let expected = [Received::Close(Close::default()), Received::Violation(Violation::BehindClose)];
    assert_eq!(client.all_received(), expected);
}

#[test]
fn any_frame_goes_out() {
    let mut client = client(Protocol::WebSocket);
    let frame = |first, payload: &'static str| Action::Frame { first, payload: payload.into() };
    assert_eq!(client.act(frame(0x81, "x")), Err(ActError::NotOpen));
    client.act(Action::Handshake(Ask::get("/"))).unwrap();
    client.poll_delivery();
    // Before it is answered; frames that no browser sends; fragments; and behind a close.
    for (first, payload) in [(0x81, "hasty"), (0xC3, "odd"), (0x02, "a"), (0x88, ""), (0x80, "b")] {
        client.act(frame(first, payload)).unwrap();
    }
    let flags: Vec<_> = client.all_delivered();
    let kinds = [(0x81, "hasty"), (0xC3, "odd"), (0x88, ""), (0x82, "ab")];
    assert_eq!(flags, kinds.map(|(flags, body)| (Kind::WebSocket(flags), body.into())));
    // Mongrel2 takes no continuation of nothing.
    client.act(frame(0x80, "stray")).unwrap();
    assert_eq!(client.poll_delivery(), Some(NOTICE.into()));
    assert_eq!(client.all_received(), [Received::Ended]);
    assert_eq!(client.act(frame(0x81, "x")), Err(ActError::Gone));
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
