//! What a Mongrel2 server sends to its handlers, as the choices have it.

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, encode_request};
use mongrel2_transceiver::websocket::handshake::accept_key;

use crate::choices::Choices;

/// One message; most are such as the server sends, some are not.
pub(super) fn request(choices: &mut Choices<'_>) -> Bytes {
    let conn_id = match choices.below(8) {
        7 => ConnId::NONE,
        number => ConnId(i64::try_from(number + 1).expect("a small number")),
    };
    let dialect = choices.pick(&[Dialect::Json, Dialect::Tnetstring]);
    let write = |path: &[u8], headers: &[(&str, &[u8])], body: &[u8]| {
        write(conn_id, path, headers, dialect, body)
    };
    match choices.below(12) {
        0 | 1 => {
            let version: &[u8] = choices.pick(&[b"13", b"13", b"13", b"8"]);
            let protocol: &[u8] = choices.pick(&[b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0"]);
            let accept = accept_key(choices.take(2));
            let body = if choices.below(8) == 7 { choices.few() } else { &accept };
            let own: [(&str, &[u8]); 3] = [
                ("METHOD", b"WEBSOCKET_HANDSHAKE"),
                ("VERSION", protocol),
                ("sec-websocket-version", version),
            ];
            write(b"/chat", &[&BROWSER[..], &own[..]].concat(), body)
        }
        2..=5 => {
            let octet = choices.pick(&[0x81, 0x82, 0x88, 0x89, 0x8A, 0x80, 0xC1, 0x01]);
            let flags = format!("0x{octet:X}");
            let own: [(&str, &[u8]); 2] = [("METHOD", b"WEBSOCKET"), ("FLAGS", flags.as_bytes())];
            write(b"/chat", &[&BROWSER[..], &own[..]].concat(), choices.few())
        }
        6 => write(b"@*", &[("METHOD", b"JSON")], br#"{"type":"disconnect"}"#),
        7 => {
            let own: [(&str, &[u8]); 2] = [("METHOD", b"JSON"), ("DOWNLOAD_CREDITS", b"42")];
            write(b"@*", &own, br#"{"type":"credits"}"#)
        }
        8 => {
            let octet = choices.octet();
            if octet >= 0xE0 {
                return upload(conn_id, dialect, octet);
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
fn upload(conn_id: ConnId, dialect: Dialect, octet: u8) -> Bytes {
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
    write(conn_id, b"/", &[&BROWSER[..], own].concat(), dialect, b"")
}

/// The template of those names.
pub(super) const UPLOADS: &str = "up.XXXXXX";

fn write(
    conn_id: ConnId,
    path: &[u8],
    headers: &[(&str, &[u8])],
    dialect: Dialect,
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [*value]).collect();
    let members: Vec<(&[u8], &[&[u8]])> = headers
        .iter()
        .zip(&values)
        .map(|((name, _), value)| (name.as_bytes(), &value[..]))
        .collect();
    let mut out = BytesMut::new();
    encode_request(b"server", conn_id, path, &members, dialect, body, &mut out);
    out.freeze()
}

/// What the server adds to all that browsers send.
const BROWSER: [(&str, &[u8]); 4] =
    [("REMOTE_ADDR", b"127.0.0.1"), ("PATH", b"/chat"), ("PATTERN", b"/"), ("URL_SCHEME", b"http")];
