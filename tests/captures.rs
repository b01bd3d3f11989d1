//! Messages that a running Mongrel2 1.12.2 sent and took, against what this library makes of them.
//!
//! `captures/MANIFEST.tsv` says what is in each message from the server, `captures/REPLIES.tsv` what
//! the server did with each message to it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::BytesMut;
use mongrel2_transceiver::mongrel2::{
    ConnId, Control, Dialect, Extended, Kind, ParseError, Reply, ReplyError, Request, Sender,
    encode_control, encode_request, encode_response, parse_extended, parse_response,
};

#[path = "support/captures.rs"]
mod files;

use files::{read, table, unescape};

fn requests() -> impl Iterator<Item = (BTreeMap<String, String>, Request)> {
    table("MANIFEST.tsv").into_iter().map(|row| {
        let request = Request::parse(read(&row["file"]))
            .unwrap_or_else(|error| unreachable!("{}: {error}", row["file"]));
        (row, request)
    })
}

/// The word of the manifest for a kind.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Http => "http",
        Kind::WebSocketHandshake => "ws-handshake",
        Kind::WebSocket(_) => "ws-message",
        Kind::Json => "jssocket",
        Kind::Xml => "xmlsocket",
        Kind::Disconnect => "notice-disconnect",
        Kind::Credits(_) => "notice-credits",
        Kind::StreamFirst => "stream-first",
        Kind::StreamPiece { .. } => "stream-piece",
        Kind::Control | Kind::Unknown | _ => "none that Mongrel2 sends",
    }
}

#[test]
fn every_request_is_what_the_manifest_says() {
    for (row, request) in requests() {
        let file = &row["file"];
        assert_eq!(request.sender(), row["sender"].as_bytes(), "{file}");
        assert_eq!(request.conn_id().to_string(), row["conn_id"], "{file}");
        assert_eq!(request.path(), row["path"].as_bytes(), "{file}");
        assert_eq!(request.method(), row["method"].as_bytes(), "{file}");
        assert_eq!(word(request.kind()), row["kind"], "{file}");
        assert_eq!(request.header_str("FLAGS").unwrap_or_default(), row["flags"], "{file}");
        assert_eq!(request.dialect() == Dialect::Json, row["protocol"] == "json", "{file}");
        let names: BTreeSet<_> = request.headers().map(|(name, _)| name.into_owned()).collect();
        assert_eq!(names.len().to_string(), row["header_count"], "{file}");
        assert_eq!(request.body_len().to_string(), row["body_len"], "{file}");
        // With the length right, this is the only place where the body can be.
        let end = [b":", &request.body()[..], b","].concat();
        assert!(request.raw().ends_with(&end), "{file}");
    }
}

#[test]
fn numbers_in_marks_are_those_of_the_headers() {
    let mut seen = BTreeSet::new();
    for (row, request) in requests() {
        let number = |name| request.header_str(name).and_then(|text| text.parse::<u64>().ok());
        if let Kind::WebSocket(flags) = request.kind() {
            assert_eq!(format!("0x{flags:X}"), row["flags"]);
        } else if let Kind::Credits(octets) = request.kind() {
            assert_eq!(Some(octets), number("DOWNLOAD_CREDITS"));
        } else if let Kind::StreamPiece { offset, done } = request.kind() {
            assert_eq!(Some(offset), number("UPLOAD_STREAM"));
            assert_eq!(done, number("UPLOAD_STREAM_DONE") == Some(1));
        } else {
            continue;
        }
        seen.insert(word(request.kind()));
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

/// What differs between two captures of one request: routes, and names of temporary files.
const OF_ITS_OWN: [&[u8]; 5] =
    [b"PATH", b"URI", b"PATTERN", b"x-mongrel2-upload-start", b"x-mongrel2-upload-done"];

#[test]
fn both_dialects_carry_the_same_headers() {
    let mut headers = BTreeMap::new();
    let mut pairs = 0;
    for (row, request) in requests() {
        let (_, name) = row["file"].split_once('-').expect("a file begins with its number");
        let name = name.trim_end_matches(".bin").trim_end_matches("-tnet").to_owned();
        let mut set: Vec<_> =
            request.headers().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        for (name, value) in &mut set {
            if OF_ITS_OWN.contains(&name.as_slice()) {
                value.clear();
            }
        }
        // By name alone: the values of one name have an order, which a stable sort keeps.
        set.sort_by(|one, other| one.0.cmp(&other.0));
        let both = (set, request.kind());
        if let Some(other) = headers.insert(name.clone(), both.clone()) {
            assert_eq!(both, other, "{name}");
            pairs += 1;
        }
    }
    assert!(pairs > 50, "{pairs} pairs");
}

#[test]
fn look_ups_agree_with_the_list() {
    for (row, request) in requests() {
        for (name, _) in request.headers() {
            let text =
                std::str::from_utf8(&name).expect("Mongrel2 lets no other octets into names");
            let listed: Vec<_> =
                request.headers().filter(|(n, _)| *n == name).map(|(_, value)| value).collect();
            let found: Vec<_> = request.header_values(text).collect();
            assert_eq!(found, listed, "{}", row["file"]);
            assert_eq!(request.header(text).as_ref(), listed.first(), "{}", row["file"]);
        }
    }
}

#[test]
fn what_is_read_is_written_again() {
    for (row, request) in requests() {
        let mut members: Vec<(Vec<u8>, Vec<Vec<u8>>)> = Vec::new();
        for (name, value) in request.headers() {
            match members.last_mut() {
                Some((last, values)) if *last == *name => values.push(value.into_owned()),
                _ => members.push((name.into_owned(), vec![value.into_owned()])),
            }
        }
        let values: Vec<Vec<&[u8]>> =
            members.iter().map(|(_, values)| values.iter().map(Vec::as_slice).collect()).collect();
        let headers: Vec<(&[u8], &[&[u8]])> =
            members.iter().zip(&values).map(|((name, _), v)| (name.as_slice(), &v[..])).collect();
        let mut out = BytesMut::new();
        encode_request(
            request.sender(),
            request.conn_id(),
            request.path(),
            &headers,
            request.dialect(),
            &request.body(),
            &mut out,
        );
        assert_eq!(out, request.raw(), "{}", row["file"]);
    }
}

/// A few of all sorts, none long.
fn samples() -> impl Iterator<Item = Request> {
    let names = [
        "get-query",
        "duplicate-headers",
        "header-quotes-backslashes",
        "header-json-injection",
        "disconnect-client-close-notice",
        "ws-text",
        "stream-chunked-next3",
        "credits-notice",
    ];
    let is_sample = move |file: &str| {
        let name = file.trim_end_matches(".bin").trim_end_matches("-tnet");
        names.iter().any(|wanted| name[4..] == **wanted)
    };
    let samples: Vec<_> = requests().filter(|(row, _)| is_sample(&row["file"])).collect();
    assert_eq!(samples.len(), 2 * names.len());
    samples.into_iter().map(|(_, request)| request)
}

#[test]
fn no_part_of_a_message_is_a_message() {
    for request in samples() {
        let raw = request.raw();
        for length in 0..raw.len() {
            assert!(Request::parse(raw.slice(..length)).is_err(), "{length} of {request:?}");
        }
        let head_length = raw.iter().position(|octet| *octet == b':').expect("there is a length");
        for length in head_length..raw.len() {
            let head = Request::head(&raw[..length]);
            assert_eq!(head, Some((request.sender(), request.conn_id())));
        }
        for octet in 0..=255 {
            let longer = [&raw[..], &[octet]].concat();
            let error = Err(ParseError::Trailing { length: 1 });
            assert_eq!(Request::parse(longer.into()).map(|_| ()), error);
        }
    }
}

#[test]
fn no_changed_octet_does_harm() {
    // Some of both dialects: each is read anew some hundred thousand times.
    for request in samples().step_by(3) {
        let mut raw = BytesMut::from(&request.raw()[..]);
        for at in 0..raw.len() {
            for octet in 0..=255 {
                raw[at] = octet;
                let frozen = raw.freeze();
                if let Ok(changed) = Request::parse(frozen.clone()) {
                    let listed = changed.headers().count();
                    assert!(changed.header_values("x-forwarded-for").count() <= listed);
                    assert!(listed <= frozen.len());
                }
                raw = frozen.try_into_mut().expect("nobody else holds it");
            }
            raw[at] = request.raw()[at];
        }
    }
}

/// What `parse_response` says Mongrel2 does with the message.
#[derive(Debug, PartialEq)]
enum Outcome {
    Skipped,
    Delivered,
    Closed,
    /// Something that shows nowhere.
    Silent,
}

fn outcome(reply: &Result<Reply, ReplyError>) -> Outcome {
    match reply {
        Err(_) => Outcome::Skipped,
        Ok(reply) if reply.extended => match parse_extended(&reply.body) {
            Extended::Close => Outcome::Closed,
            Extended::Controls(list) if list.contains(&Control::Cancel) => Outcome::Closed,
            Extended::Controls(_) | Extended::Ignored | _ => Outcome::Silent,
        },
        Ok(reply) if reply.body.is_empty() => Outcome::Closed,
        Ok(_) => Outcome::Delivered,
    }
}

#[test]
fn every_reply_is_judged_as_mongrel2_did() {
    for row in table("REPLIES.tsv") {
        let file = &row["file"];
        let reply = parse_response(&read(file));
        let expected = match row["outcome"].as_str() {
            // Only the end of a group shows what became of it.
            "(see last of group)" => continue,
            "delivered" => Outcome::Delivered,
            "closed" | "delivered+closed" => Outcome::Closed,
            // All that the server did was to say that nobody is there.
            "nothing" if !row["notices"].is_empty() || file.contains("-dead") => {
                assert!(reply.is_ok(), "{file}");
                continue;
            }
            // Stopped by the subscription, before anything read it.
            "nothing" if row["target"] == "filt" => continue,
            "nothing" if file.contains("-ext-") && !file.contains("-bad-") => Outcome::Silent,
            "nothing" => Outcome::Skipped,
            other => unreachable!("{file}: {other}"),
        };
        assert_eq!(outcome(&reply), expected, "{file}: {reply:?}");
    }
}

#[test]
fn replies_name_whom_mongrel2_found() {
    let mut notices = 0;
    for row in table("REPLIES.tsv") {
        let Ok(reply) = parse_response(&read(&row["file"])) else { continue };
        let told = row["notices"].split([',', '.']).filter_map(|id| id.parse().ok());
        for id in told {
            assert!(reply.targets.contains(&ConnId(id)), "{id} in {}", row["file"]);
            notices += 1;
        }
        // jssocket replies arrive in base64, and a group's last row shows all of the group.
        if row["outcome"] == "delivered" && row["target"] != "json" {
            let received = unescape(&row["client_received"]);
            assert!(received.ends_with(&reply.body), "{}", row["file"]);
        }
    }
    assert!(notices > 5);
}

#[test]
fn a_bad_extended_reply_swallows_the_next() {
    let judge = |name| parse_response(&read(name)).map_err(ReplyError::swallows_next);
    assert_eq!(judge("reply-069-bad-ext-then-normal-two-1.bin"), Err(true));
    assert!(judge("reply-070-bad-ext-then-normal-two-2.bin").is_ok());
    assert_eq!(judge("reply-067-bad-ext-no-space.bin"), Err(false));
}

#[test]
fn replies_are_written_as_those_that_were_taken() {
    let mut count = 0;
    for row in table("REPLIES.tsv") {
        let raw = read(&row["file"]);
        let Ok(reply) = parse_response(&raw) else { continue };
        let Ok(sender) = Sender::new(reply.sender.clone()) else { continue };
        if reply.targets.contains(&ConnId::NONE) {
            continue;
        }
        let mut out = BytesMut::new();
        if reply.extended {
            let Extended::Controls(controls) = parse_extended(&reply.body) else { continue };
            encode_control(&sender, reply.targets[0], &controls, &mut out);
        } else {
            encode_response(&sender, &reply.targets, &reply.body, &mut out);
        }
        let again = parse_response(&out.freeze()).expect("what we write is taken");
        assert_eq!(again.targets, reply.targets[..again.targets.len()], "{}", row["file"]);
        assert_eq!((again.sender, again.body), (reply.sender, reply.body), "{}", row["file"]);
        count += 1;
    }
    assert!(count > 40, "{count}");
}

#[test]
fn no_changed_octet_of_a_reply_does_harm() {
    for row in table("REPLIES.tsv") {
        let raw = read(&row["file"]);
        for at in 0..raw.len().min(200) {
            let _ = outcome(&parse_response(&raw.slice(..at)));
            for octet in [0, b' ', b',', b':', b'X', b'0', b'9', b']', b'}', 0xFF] {
                let mut changed = raw.to_vec();
                changed[at] = octet;
                let _ = outcome(&parse_response(&changed.into()));
            }
        }
    }
}
