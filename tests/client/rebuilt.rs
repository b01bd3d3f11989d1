//! Every captured message of the kinds that a client makes, made anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Client, Limits, Origin, Protocol};
use mongrel2_transceiver::mongrel2::{Dialect, Request, Sender};

use crate::captures::{read, table, unescape};
use crate::parts::Parts;
use crate::wire;

type Row = BTreeMap<String, String>;

/// What a client does not pretend, by the names of the cases.
const NOT_PRETENDED: [(&str, &str); 6] = [
    ("upload", "uploads"),
    ("stream", "streams"),
    ("credits", "download credits"),
    ("relaxed-uri", "the setting request.relaxed"),
    ("xff-not-replaced", "the setting no_clobber_xff"),
    ("https-client-cert", "client certificates"),
];

/// An upload's limit is not reached in this one.
const NO_UPLOAD: &str = "upload-limit-edge";

fn is_pretended(row: &Row) -> bool {
    let case = &row["case"];
    case == NO_UPLOAD || !NOT_PRETENDED.iter().any(|(name, _)| case.starts_with(name))
}

/// The octets that the browser sent.
fn sent(row: &Row) -> Vec<u8> {
    let text = row["sent"].split("<TCP").next().unwrap_or_default();
    if is_cut_short(row) {
        let head_len = text.find(r"\r\n\r\n").map_or(r"\x82".len(), |at| at + r"\r\n\r\n".len());
        return unescape(&text[..head_len]);
    }
    let Some((before, (count, octet), behind)) = repeated(text) else { return unescape(text) };
    [unescape(before), octet.repeat(count).into_bytes(), unescape(behind)].concat()
}

/// Whether the table has only the beginning of what was sent. Then [`sent`] gives what stands
/// before the body, which is taken from the message.
fn is_cut_short(row: &Row) -> bool {
    row["sent"].contains("bytes in all, sha256")
}

/// `<N*c>` in a text, and what is around it.
fn repeated(text: &str) -> Option<(&str, (usize, &str), &str)> {
    let (before, rest) = text.split_once('<')?;
    let (count, rest) = rest.split_once('*')?;
    let (octet, behind) = rest.split_once('>')?;
    Some((before, (count.parse().ok()?, octet), behind))
}

/// A server that is configured as the one of the capture.
fn origin(request: &Request) -> Origin {
    let sender = Bytes::copy_from_slice(request.sender());
    let mut origin = Origin::new(Sender::new(sender).expect("a name of A-Z, a-z, 0-9 and -"));
    origin.dialect = request.dialect();
    let setting = |name| request.header(name).map(|value| Bytes::from(value.into_owned()));
    origin.pattern = setting("PATTERN").unwrap_or(origin.pattern);
    origin.url_scheme = setting("URL_SCHEME").unwrap_or(origin.url_scheme);
    origin
}

fn client(protocol: Protocol, request: &Request) -> Client {
    Client::new(protocol, request.conn_id(), origin(request), Limits::default())
}

/// All that the handler gets.
fn deliveries(client: &mut Client, actions: Vec<Action>) -> Vec<Bytes> {
    for action in actions {
        client.act(action).unwrap_or_else(|error| panic!("{error}"));
    }
    std::iter::from_fn(|| client.poll_delivery()).collect()
}

fn made_by_browser(row: &Row, request: &Request) -> Vec<Bytes> {
    let is_mixed = row["case"].starts_with("http-then-json");
    let protocol = match row["kind"].as_str() {
        "http" if !is_mixed => Protocol::Http,
        "ws-handshake" => Protocol::WebSocket,
        _ => Protocol::Mongrel2,
    };
    let mut octets = sent(row);
    if is_cut_short(row) {
        octets.extend_from_slice(&request.body());
    }
    deliveries(&mut client(protocol, request), wire::actions(&octets))
}

/// The handshake that all captured WebSockets began with.
fn handshake(path: &str) -> Vec<Action> {
    let text = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    wire::actions(text.as_bytes())
}

fn made_by_websocket(row: &Row, request: &Request) -> Vec<Bytes> {
    let mut client = client(Protocol::WebSocket, request);
    let first = deliveries(&mut client, handshake(&row["path"]));
    assert_eq!(first.len(), 1);
    let octets = sent(row);
    let frames = if is_cut_short(row) {
        vec![Action::Frame { first: octets[0], payload: request.body() }]
    } else {
        wire::frames(&octets)
    };
    deliveries(&mut client, frames)
}

/// Which of the messages of one row's octets it is.
fn index(row: &Row, rows: &[Row]) -> usize {
    let is_same = |other: &&Row| ["conn_id", "config", "sent"].iter().all(|k| other[*k] == row[*k]);
    let of_one = rows.iter().filter(is_same);
    of_one.take_while(|other| other["file"] != row["file"]).count()
}

#[test]
fn every_message_is_made_anew() {
    let rows = table("MANIFEST.tsv");
    let mut compared = BTreeMap::<_, usize>::new();
    for row in rows.iter().filter(|row| is_pretended(row)) {
        let raw = read(&row["file"]);
        let request = Request::parse(raw.clone()).expect("captures are whole");
        let made = match row["kind"].as_str() {
            "http" | "ws-handshake" | "jssocket" | "xmlsocket" => made_by_browser(row, &request),
            "ws-message" => made_by_websocket(row, &request),
            "notice-disconnect" => continue,
            kind => panic!("{kind} is neither made nor left out"),
        };
        let made = made.get(index(row, &rows)).expect("as many messages as were captured");
        assert_eq!(Parts::of(made), Parts::of(&raw), "{}", row["file"]);
        let is_json = request.dialect() == Dialect::Json;
        *compared.entry((row["kind"].clone(), is_json)).or_default() += 1;
    }
    let counts: Vec<_> = compared.iter().map(|((kind, json), n)| (&kind[..], *json, *n)).collect();
    assert_eq!(
        counts,
        [
            ("http", false, 30),
            ("http", true, 72),
            ("jssocket", false, 5),
            ("jssocket", true, 13),
            ("ws-handshake", false, 2),
            ("ws-handshake", true, 8),
            ("ws-message", false, 10),
            ("ws-message", true, 34),
            ("xmlsocket", false, 1),
            ("xmlsocket", true, 2),
        ]
    );
}

#[test]
fn every_notice_is_made_octet_by_octet() {
    let mut count = 0;
    for row in table("MANIFEST.tsv").iter().filter(|row| row["kind"] == "notice-disconnect") {
        let raw = read(&row["file"]);
        let request = Request::parse(raw.clone()).expect("captures are whole");
        // The browser leaves, whom the handler has heard of.
        let mut leaving = client(Protocol::Mongrel2, &request);
        let actions = vec![Action::Garbage(Bytes::new()), Action::Vanish];
        assert_eq!(deliveries(&mut leaving, actions)[1], raw, "{}", row["file"]);
        // The handler replies to one that is gone.
        leaving.reply("late".into(), false);
        assert_eq!(leaving.poll_delivery(), Some(raw), "{}", row["file"]);
        count += 1;
    }
    assert_eq!(count, 24);
}

/// Frames that Mongrel2 ends the connection for.
#[test]
fn wrong_frames_end_as_they_did() {
    let mut count = 0;
    for row in table("MANIFEST.tsv") {
        let name = &row["case"];
        let is_wrong = name.starts_with("ws-protocol-errors");
        // Lengths that cannot be had here.
        if !is_wrong || row["file"].contains("length-2") {
            continue;
        }
        let raw = read(&row["file"]);
        let request = Request::parse(raw.clone()).expect("captures are whole");
        let mut client = client(Protocol::WebSocket, &request);
        deliveries(&mut client, handshake("/ws"));
        assert_eq!(deliveries(&mut client, wire::frames(&sent(&row))), [raw], "{}", row["file"]);
        assert!(!client.is_connected());
        count += 1;
    }
    assert_eq!(count, 4);
}

#[test]
fn nothing_is_left_out_without_a_reason() {
    let rows = table("MANIFEST.tsv");
    let is_used = |name: &str| rows.iter().any(|row| row["case"].starts_with(name));
    assert!(NOT_PRETENDED.iter().all(|(name, _)| is_used(name)));
    let left_out = rows.iter().filter(|row| !is_pretended(row)).count();
    assert_eq!(left_out, 34);
}
