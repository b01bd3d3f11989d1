//! Messages of JSON and XML sockets, and what becomes of their replies.

use interop::http::request;
use interop::mongrel2::Config;
use mongrel2_transceiver::mongrel2::Kind;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Event};

use crate::local::Local;

fn app(event: &Event) -> Vec<Command> {
    let Event::Request { target, request } = event else { return Vec::new() };
    let body = match request.kind() {
        Kind::Json => "json\0",
        Kind::Xml => "<hello/>",
        _ => return vec![Command::respond(*target, request, &Response::text(200, "http"))],
    };
    vec![Command::Reply { target: *target, body: body.into(), close: false }]
}

/// Each in turn on one connection; what is read has to be this.
fn ask_all(config: Config, expected: [&[u8]; 2]) {
    let local = Local::start(config, |_| {}, app);
    let mut client = local.server.client();
    for _ in 0..2 {
        for (asked, expected) in
            [&b"@chat {\"type\":\"hi\"}\0"[..], b"<chat>hi</chat>\0"].iter().zip(expected)
        {
            client.send(asked);
            let reply = client.take(expected.len()).expect("an answer");
            assert_eq!(reply.escape_ascii().to_string(), expected.escape_ascii().to_string());
        }
        client.send(&request("GET", "/", &[], b""));
        client.read_response().expect_echo(b"http");
    }
}

/// Without the NUL at its end, and without anything in its place.
#[test]
fn replies_are_in_base64() {
    ask_all(Config::default(), [b"anNvbg==", b"PGhlbGxvLz4="]);
}

#[test]
fn replies_are_as_they_are_with_raw_payload() {
    ask_all(Config { raw_payload: true, ..Config::default() }, [b"json\0", b"<hello/>"]);
}
