//! Responses in pieces.

use interop::http::{Client, line, request};
use interop::mongrel2::Config;
use mongrel2_transceiver::mongrel2::http::{Response, sse};
use mongrel2_transceiver::transceiver::{Command, Event, Target};

use crate::local::{Local, with};

const PIECES: usize = 1000;

fn piece(number: usize) -> String {
    format!("{number:0>99}\n")
}

/// What answers `/stream` with a thousand pieces, `/sized` with as many of a known length, and all
/// others with their path.
fn app(event: &Event) -> Vec<Command> {
    let Event::Request { target, request } = event else { return Vec::new() };
    let parts = match request.path() {
        b"/stream" => {
            let (head, stream) = Response::new(200).stream(request);
            let pieces = (0..PIECES).map(|number| stream.piece(piece(number).as_bytes()));
            let mut parts: Vec<_> = [head].into_iter().chain(pieces).collect();
            parts.push(stream.end());
            parts
        }
        b"/sized" => {
            let (head, mut stream) = Response::new(200).sized(request, 100_000).unwrap();
            let pieces = (0..PIECES).map(|number| stream.piece(piece(number)).unwrap());
            [head].into_iter().chain(pieces).collect()
        }
        path => {
            let line = format!("GET {}\n", String::from_utf8_lossy(path));
            return vec![Command::respond(*target, request, &Response::text(200, &line))];
        }
    };
    parts.into_iter().filter_map(|part| Command::encoded(*target, part)).collect()
}

fn expected() -> Vec<u8> {
    (0..PIECES).flat_map(|number| piece(number).into_bytes()).collect()
}

/// The next chunk; an empty one is the last.
pub(crate) fn next_chunk(client: &mut Client) -> Vec<u8> {
    let mut size = Vec::new();
    while !size.ends_with(b"\r\n") {
        size.extend(client.take(1).expect("a chunk has a size"));
    }
    let size = std::str::from_utf8(&size).unwrap().trim_end();
    let size = usize::from_str_radix(size, 16).expect("a size is hexadecimal");
    let chunk = client.take(size).expect("a chunk is whole");
    assert_eq!(client.take(2).as_deref(), Some(&b"\r\n"[..]));
    chunk
}

fn chunked_body(client: &mut Client) -> Vec<u8> {
    let chunks = std::iter::from_fn(|| Some(next_chunk(client)));
    chunks.take_while(|chunk| !chunk.is_empty()).flatten().collect()
}

fn everything_once(config: Config) {
    let local = Local::start(config, |_| {}, app);
    let mut client = local.server.client();
    for _ in 0..2 {
        client.send(&request("GET", "/stream", &[], b""));
        let head = client.read_head().expect("an answer");
        assert_eq!(head.header("transfer-encoding"), Some("chunked"));
        assert!(chunked_body(&mut client) == expected());
        // The connection goes on behind it.
        client.get("/next").expect_echo(&line("GET", "/next"));
        client.get("/sized").expect_echo(&expected());
        assert_eq!(client.head("/stream").header("transfer-encoding"), Some("chunked"));
    }
    // Up to the end of the connection.
    let mut old = local.server.client();
    old.send(b"GET /stream HTTP/1.0\r\n\r\n");
    old.read_response().expect_echo(&expected());
}

#[test]
fn a_thousand_pieces_arrive_whole() {
    everything_once(Config::default());
}

#[test]
fn a_thousand_pieces_arrive_whole_with_flow_control() {
    everything_once(with(&[("download.flow_control", 1)]));
}

/// Pages that listen hear what happens later; the server tells when one leaves.
#[test]
fn events_come_when_they_happen() {
    let mut listeners: Vec<Target> = Vec::new();
    let mut stream = None;
    let local = Local::start(
        Config::default(),
        |_| {},
        move |event| match event {
            Event::Request { target, request } if request.path() == b"/events" => {
                let (head, opened) = sse::response().stream(request);
                listeners.push(*target);
                stream = Some(opened);
                Command::encoded(*target, head).into_iter().collect()
            }
            Event::Request { target, request } => {
                let name = String::from_utf8_lossy(request.path()).into_owned();
                let event = sse::Event::new(name).id("1").unwrap().encode();
                let piece = stream.as_ref().unwrap().piece(&event);
                let events = listeners.iter().filter_map(|to| Command::encoded(*to, piece.clone()));
                let thanks = Command::respond(*target, request, &Response::text(200, "thanks"));
                events.chain([thanks]).collect()
            }
            Event::Disconnect { target } => {
                listeners.retain(|listener| listener != target);
                Vec::new()
            }
            _ => Vec::new(),
        },
    );
    let mut pages = [local.server.client(), local.server.client()];
    for page in &mut pages {
        page.send(&request("GET", "/events", &[("accept", "text/event-stream")], b""));
        let head = page.read_head().expect("an answer");
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        assert_eq!(head.header("cache-control"), Some("no-store"));
    }
    let mut other = local.server.client();
    for name in ["/one", "/two"] {
        other.get(name).expect_echo(b"thanks");
        for page in &mut pages {
            let expected = format!("id: 1\ndata: {name}\n\n");
            assert_eq!(next_chunk(page), expected.as_bytes());
        }
    }
    let [left, mut stays] = pages;
    drop(left);
    local.until(|event| matches!(event, Event::Disconnect { .. }));
    other.get("/three").expect_echo(b"thanks");
    assert_eq!(next_chunk(&mut stays), b"id: 1\ndata: /three\n\n");
}
