//! What a Mongrel2 server sends to its handlers, as the choices have it.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};
use mongrel2_transceiver::websocket::deflate::Deflater;
use mongrel2_transceiver::websocket::handshake::accept_key;

use crate::choices::Choices;

/// The browsers behind the servers, by the numbers of their connections.
#[derive(Debug, Default)]
pub(super) struct Browsers {
    /// What compresses the messages of each, which may refer to earlier ones.
    deflaters: BTreeMap<ConnId, Deflater>,
}

impl Browsers {
    /// What a server of this name says for one of them. Most is such as servers send, some is not.
    pub(super) fn request(&mut self, sender: &str, choices: &mut Choices<'_>) -> Bytes {
        let conn_id = match choices.below(8) {
            7 => ConnId::NONE,
            number => ConnId(i64::try_from(number + 1).expect("a small number")),
        };
        let dialect = choices.pick(&[Dialect::Json, Dialect::Tnetstring]);
        let of = (sender, conn_id, dialect);
        match choices.below(12) {
            0 | 1 => {
                // A new browser, or another one with its number.
                self.deflaters.remove(&conn_id);
                handshake(of, choices)
            }
            2..=5 => {
                let (flags, payload) = self.frame(conn_id, choices);
                let flags = format!("0x{flags:X}");
                let own: [(&str, &[u8]); 2] =
                    [("METHOD", b"WEBSOCKET"), ("FLAGS", flags.as_bytes())];
                write(of, b"/chat", &[&BROWSER[..], &own[..]].concat(), &payload)
            }
            what => other(of, what, choices),
        }
    }

    /// A frame: the first octet and the payload, compressed or not, and perhaps damaged.
    fn frame(&mut self, conn_id: ConnId, choices: &mut Choices<'_>) -> (u8, Bytes) {
        let octet = choices.octet();
        let first = [0x81, 0x82, 0x88, 0x89, 0x8A, 0x80, 0xC1, 0x01][usize::from(octet) % 8];
        let payload = choices.few();
        // Old inputs mark what is not compressed.
        if first != 0xC1 || octet < 0x10 {
            return (first, Bytes::copy_from_slice(payload));
        }
        let text = payload.repeat(usize::from(octet & 0x30));
        let deflater = self.deflaters.entry(conn_id).or_insert_with(|| Deflater::new(1).takeover());
        let mut packed = deflater.deflate(&text).unwrap_or_default().to_vec();
        match octet >> 6 {
            2 => packed.truncate(packed.len() / 2),
            3 => {
                let place = choices.below(packed.len().clamp(1, 256));
                packed.get_mut(place).into_iter().for_each(|octet| *octet ^= 0x55);
            }
            _ => {}
        }
        (first + u8::from(octet & 8 != 0), packed.into())
    }
}

/// Whose messages they are: the server's name, the connection, and how headers are written.
type Of<'a> = (&'a str, ConnId, Dialect);

fn handshake(of: Of<'_>, choices: &mut Choices<'_>) -> Bytes {
    let octet = choices.octet();
    let version: &[u8] = if octet % 4 == 3 { b"8" } else { b"13" };
    let offer = OFFERS[usize::from(octet >> 2) % OFFERS.len()];
    let protocol: &[u8] = choices.pick(&[b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]);
    let accept = accept_key(choices.take(2));
    let body = if choices.below(8) == 7 { choices.few() } else { &accept };
    let own: [(&str, &[u8]); 4] = [
        ("METHOD", b"WEBSOCKET_HANDSHAKE"),
        ("VERSION", protocol),
        ("sec-websocket-version", version),
        ("sec-websocket-extensions", offer.as_bytes()),
    ];
    let own = if offer.is_empty() { &own[..3] } else { &own[..] };
    write(of, b"/chat", &[&BROWSER[..], own].concat(), body)
}

/// What has nothing to do with WebSockets.
fn other(of: Of<'_>, what: usize, choices: &mut Choices<'_>) -> Bytes {
    let write =
        |path: &[u8], headers: &[(&str, &[u8])], body: &[u8]| write(of, path, headers, body);
    match what {
        6 => write(b"@*", &[("METHOD", b"JSON")], br#"{"type":"disconnect"}"#),
        7 => {
            let own: [(&str, &[u8]); 2] = [("METHOD", b"JSON"), ("DOWNLOAD_CREDITS", b"42")];
            write(b"@*", &own, br#"{"type":"credits"}"#)
        }
        8 => {
            let octet = choices.octet();
            if octet >= 0xE0 {
                return upload(of, octet);
            }
            let method = ["GET", "HEAD", "POST", "JSON"][usize::from(octet) % 4];
            let own: [(&str, &[u8]); 3] =
                [("METHOD", method.as_bytes()), ("VERSION", b"HTTP/1.1"), ("URI", b"/")];
            write(b"/", &[&BROWSER[..], &own[..]].concat(), &choices.some(2500))
        }
        9 => {
            let own: [(&str, &[u8]); 2] = [("UPLOAD_STREAM", b"100"), ("UPLOAD_STREAM_DONE", b"1")];
            write(b"/", &own[..=choices.below(2)], choices.few())
        }
        10 => write(b"@x", &[(&String::from_utf8_lossy(choices.few()), choices.few())], b"{}"),
        _ => choices.some(2500),
    }
}

/// The notice of an upload into a file, or what somebody makes up.
fn upload(of: Of<'_>, octet: u8) -> Bytes {
    let name: &[u8] = if octet & 0x10 == 0 { b"up.abcDEF" } else { b"up.012345" };
    let length: &[u8] = if octet & 7 == 7 { b"1" } else { b"1000" };
    let own: [(&str, &[u8]); 5] = [
        ("METHOD", b"POST"),
        ("VERSION", b"HTTP/1.1"),
        ("content-length", length),
        ("x-mongrel2-upload-start", name),
        ("x-mongrel2-upload-done", if octet & 7 == 5 { b"/etc/passwd" } else { name }),
    ];
    let own = if octet & 1 == 0 { &own[..4] } else { &own[..] };
    write(of, b"/", &[&BROWSER[..], own].concat(), b"")
}

/// The template of those names.
pub(super) const UPLOADS: &str = "up.XXXXXX";

fn write(
    (sender, conn_id, dialect): Of<'_>,
    path: &[u8],
    headers: &[(&str, &[u8])],
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [*value]).collect();
    let members: Vec<(&[u8], &[&[u8]])> = headers
        .iter()
        .zip(&values)
        .map(|((name, _), value)| (name.as_bytes(), &value[..]))
        .collect();
    let mut out = BytesMut::new();
    encode_request(sender.as_bytes(), conn_id, path, &members, dialect, body, &mut out);
    out.freeze()
}

/// What the server adds to all that browsers send.
const BROWSER: [(&str, &[u8]); 4] =
    [("REMOTE_ADDR", b"127.0.0.1"), ("PATH", b"/chat"), ("PATTERN", b"/"), ("URL_SCHEME", b"http")];

/// What browsers want of compression.
const OFFERS: [&str; 8] = [
    "",
    "permessage-deflate",
    "permessage-deflate; client_max_window_bits",
    "permessage-deflate; client_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; server_max_window_bits=9",
    "permessage-deflate; client_max_window_bits=8, permessage-deflate",
    "permessage-deflate; no_such_parameter",
    "x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=16",
];
