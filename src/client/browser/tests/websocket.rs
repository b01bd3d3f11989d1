//! A handler made by hand on the other side of a browser that speaks WebSocket.

use super::*;

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
