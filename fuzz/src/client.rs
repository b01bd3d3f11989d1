//! The pretended browser: any reply to it, and anything that it is told to do.

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Ask, Client, Limits, Origin, Protocol, Received};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Kind, Request, Sender};
use mongrel2_transceiver::websocket::{Close, CloseCode, Message};

use crate::choices::{Choices, cut, singly};

/// Replies of any octets: the pieces that they come in change nothing, nothing is kept beyond the
/// limits, and what the browser answers is in order.
pub fn client_replies(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let limits = limits(&mut choices);
    let begun = begin(&mut choices, limits);
    let sizes = choices.few();
    let said = choices.clone();
    let stream = choices.rest();
    let whole = run(begun.clone(), &[Bytes::copy_from_slice(stream)], &limits);
    for pieces in [cut(stream, sizes), singly(stream)] {
        if begun.protocol() != Protocol::Mongrel2 {
            assert_eq!(run(begun.clone(), &pieces, &limits), whole);
        }
    }
    answer(said);
}

fn limits(choices: &mut Choices<'_>) -> Limits {
    let mut limits = Limits::default();
    if choices.flag() {
        limits.response_head_size_max = choices.below(200);
        limits.response_headers_max = choices.below(5);
        limits.response_body_size_max = choices.below(100);
        limits.message_size_max = choices.below(100);
        limits.received_max = choices.below(5);
        limits.received_size_max = choices.below(200);
        limits.deliveries_max = 1 + choices.below(5);
    }
    limits
}

fn client(protocol: Protocol, dialect: Dialect, limits: Limits) -> Client {
    let mut origin = Origin::new(Sender::new("fuzz").expect("a name"));
    origin.dialect = dialect;
    Client::new(protocol, ConnId(3), origin, limits)
}

/// A browser that has asked for something.
fn begin(choices: &mut Choices<'_>, limits: Limits) -> Client {
    let protocol = choices.pick(&[Protocol::Http, Protocol::WebSocket, Protocol::Mongrel2]);
    let mut client = client(protocol, Dialect::Json, limits);
    let _ = client.act(Action::AnswerPings(!choices.flag()));
    let _ = client.act(Action::AnswerCloses(!choices.flag()));
    match protocol {
        Protocol::Http => {
            for _ in 0..choices.below(4) {
                let method = choices.pick(&["GET", "HEAD", "CONNECT"]);
                client.act(Action::Request(Ask::new(method, "/"))).expect("it is in order");
                client.poll_delivery().expect("it asks");
            }
        }
        Protocol::WebSocket => {
            let ask = Ask::get("/").header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            client.act(Action::Handshake(ask)).expect("it is in order");
            client.poll_delivery().expect("it asks");
            if choices.flag() {
                client.reply(ACCEPTED.into(), false);
                client.poll_received();
            }
        }
        _ => {}
    }
    client
}

const ACCEPTED: &str = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// What the browser makes of the pieces and the end, and what it says to them.
fn run(mut client: Client, pieces: &[Bytes], limits: &Limits) -> (Vec<Received>, Vec<Bytes>) {
    for piece in pieces.iter().chain(&[Bytes::new()]) {
        if client.is_connected() {
            client.reply(piece.clone(), false);
        }
    }
    assert!(!client.is_connected(), "an empty reply ends it");
    let received: Vec<_> = std::iter::from_fn(|| client.poll_received()).collect();
    // One more than there may be says why there are no more.
    assert!(received.len() <= limits.received_max + 1);
    if let Some((last, others)) = received.split_last() {
        assert!(is_last(last) && !others.iter().any(is_last), "{received:?}");
    }
    received.iter().for_each(|received| judge(received, limits));
    let delivered: Vec<_> = std::iter::from_fn(|| client.poll_delivery()).collect();
    // And so does its notice, with a close frame before it.
    assert!(delivered.len() <= limits.deliveries_max + 2);
    for raw in &delivered {
        let request = Request::parse(raw.clone()).expect("what it says is in order");
        assert!(matches!(request.kind(), Kind::WebSocket(0x88 | 0x8A) | Kind::Disconnect));
    }
    (received, delivered)
}

fn is_last(received: &Received) -> bool {
    matches!(received, Received::Ended | Received::Violation(_))
}

fn judge(received: &Received, limits: &Limits) {
    match received {
        Received::Response(response) => {
            assert!((100..1000).contains(&response.status));
            assert!(response.body.len() <= limits.response_body_size_max);
            assert!(response.headers.len() <= limits.response_headers_max.max(3));
            assert!(response.trailers.len() <= limits.response_headers_max);
        }
        Received::Message(message) => assert!(message.len() <= limits.message_size_max),
        Received::Violation(violation) => assert!(!violation.to_string().is_empty()),
        _ => {}
    }
}

/// Responses and frames that are in order are read as they were meant.
fn answer(mut choices: Choices<'_>) {
    let (mut stream, mut bodies) = (Vec::new(), Vec::new());
    let mut browser = client(Protocol::Http, Dialect::Json, Limits::default());
    for _ in 0..choices.below(5) {
        browser.act(Action::Request(Ask::get("/"))).expect("it is in order");
        let body = choices.some(5000);
        put_response(&body, &mut choices, &mut stream);
        bodies.push(body);
    }
    let sizes = choices.few();
    for piece in cut(&stream, sizes) {
        browser.reply(piece, false);
    }
    for body in bodies {
        match browser.poll_received() {
            Some(Received::Response(response)) => assert_eq!(response.body, body),
            other => panic!("{other:?} instead of a response"),
        }
    }
    assert!(browser.is_connected() && browser.poll_received().is_none());
}

/// By its length or in chunks.
fn put_response(body: &[u8], choices: &mut Choices<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    if choices.flag() {
        out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
        return out.extend_from_slice(body);
    }
    out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
    for chunk in body.chunks(1 + choices.below(200)) {
        out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        out.extend_from_slice(chunk);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Anything that a browser may be told: it is refused with a reason and changes nothing, or the
/// handler gets one message of the right kind.
pub fn client_actions(octets: &[u8]) {
    let mut choices = Choices::new(octets);
    let protocol = choices.pick(&[Protocol::Http, Protocol::WebSocket, Protocol::Mongrel2]);
    let dialect = choices.pick(&[Dialect::Json, Dialect::Tnetstring]);
    let mut client = client(protocol, dialect, Limits::default());
    while !choices.is_empty() {
        let action = action(&mut choices);
        let is_ask = matches!(action, Action::Request(_) | Action::Handshake(_));
        let is_raw = matches!(action, Action::Garbage(_) | Action::Mongrel2 { .. });
        match client.act(action) {
            Ok(()) => {
                let delivered: Vec<_> = std::iter::from_fn(|| client.poll_delivery()).collect();
                assert!(delivered.len() <= 1);
                assert!(!is_ask || delivered.len() == 1);
                if let (Some(raw), false) = (delivered.first(), is_raw) {
                    judge_delivery(raw, dialect, client.is_connected());
                }
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                assert!(client.poll_delivery().is_none());
            }
        }
        if choices.below(8) == 0 {
            let octets = choices.few();
            client.reply(Bytes::copy_from_slice(octets), choices.flag());
            while client.poll_received().is_some() || client.poll_delivery().is_some() {}
        }
    }
}

fn judge_delivery(raw: &Bytes, dialect: Dialect, is_connected: bool) {
    let request = Request::parse(raw.clone()).expect("what a browser says is in order");
    assert_eq!((request.sender(), request.conn_id()), (&b"fuzz"[..], ConnId(3)));
    assert_eq!(request.dialect(), dialect);
    match request.kind() {
        Kind::Disconnect => assert!(!is_connected),
        Kind::Http | Kind::WebSocketHandshake | Kind::WebSocket(_) | Kind::Json | Kind::Xml => {
            assert_eq!(request.header("REMOTE_ADDR").as_deref(), Some(&b"127.0.0.1"[..]));
            assert_eq!(request.header("PATH").as_deref(), Some(request.path()));
        }
        kind => panic!("no browser makes {kind:?}"),
    }
}

fn action(choices: &mut Choices<'_>) -> Action {
    let some = |choices: &mut Choices<'_>| Bytes::copy_from_slice(choices.few());
    match choices.below(15) {
        0 => Action::Request(ask(choices)),
        1 => Action::Handshake(Ask::get(choices.pick(&["/", "/a?b", "/chat#d"]))),
        2 => Action::Handshake(ask(choices)),
        3 => Action::Send(Message::Binary(some(choices))),
        4 => Action::Ping(some(choices)),
        5 => Action::Pong(some(choices)),
        6 => Action::Close(Close { code: CloseCode::new(choices.wide()), ..Close::default() }),
        7 => Action::Frame { first: choices.octet(), payload: some(choices) },
        8 => Action::Json { path: [b"@", choices.few()].concat().into(), body: some(choices) },
        9 => Action::Xml { body: some(choices) },
        10 => Action::Mongrel2 {
            path: some(choices),
            headers: (0..choices.below(4)).map(|_| (some(choices), some(choices))).collect(),
            body: some(choices),
        },
        11 => Action::Garbage(some(choices)),
        12 => Action::AnswerPings(choices.flag()),
        13 => Action::AnswerCloses(choices.flag()),
        _ => Action::Vanish,
    }
}

fn ask(choices: &mut Choices<'_>) -> Ask {
    let some = |choices: &mut Choices<'_>| Bytes::copy_from_slice(choices.few());
    let target = [b"/", choices.few()].concat();
    let mut ask = match choices.below(4) {
        0 => Ask::get(target),
        1 => Ask::post(target, some(choices)),
        2 => Ask::new(some(choices), target).version(some(choices)),
        _ => Ask::head(target).bare(),
    };
    for _ in 0..choices.below(4) {
        ask = ask.header(some(choices), some(choices));
    }
    ask
}

#[cfg(test)]
mod tests {
    use mongrel2_transceiver::websocket::{Opcode, encode};

    use super::*;

    #[test]
    fn an_open_websocket_is_reached() {
        let mut frame = bytes::BytesMut::new();
        encode(Opcode::Text, b"hi", &mut frame);
        // Default limits; a WebSocket; pings and closes answered; open; no cuts.
        let octets = [&[0, 1, 0, 0, 1, 0][..], &frame].concat();
        let mut choices = Choices::new(&octets);
        let limits = limits(&mut choices);
        let client = begin(&mut choices, limits);
        assert!(client.is_open());
        choices.few();
        let (received, _) = run(client, &[Bytes::copy_from_slice(choices.rest())], &limits);
        assert_eq!(received, [Received::Message(Message::from("hi")), Received::Ended]);
    }
}
