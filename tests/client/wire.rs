//! What a browser writes, read back into what a client is told to do.

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Ask};

/// The requests, jssocket and XML messages in a stream, one by one.
pub(crate) fn actions(mut stream: &[u8]) -> Vec<Action> {
    let mut actions = Vec::new();
    while let Some(first) = stream.first() {
        let (action, rest) = match first {
            b'@' => json(stream),
            b'<' => xml(stream),
            _ => request(stream),
        };
        actions.push(action);
        stream = rest;
    }
    actions
}

/// Splits behind the first `end`, which is left out.
fn split<'a>(stream: &'a [u8], end: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = stream.windows(end.len()).position(|part| part == end)?;
    Some((&stream[..at], &stream[at + end.len()..]))
}

fn bytes(octets: &[u8]) -> Bytes {
    Bytes::copy_from_slice(octets)
}

fn json(stream: &[u8]) -> (Action, &[u8]) {
    let (path, rest) = split(stream, b" ").expect("a blank behind the path");
    let (body, rest) = split(rest, b"}\0").expect("an end");
    (Action::Json { path: bytes(path), body: [body, b"}"].concat().into() }, rest)
}

fn xml(stream: &[u8]) -> (Action, &[u8]) {
    let (body, rest) = split(stream, b">\0").expect("an end");
    (Action::Xml { body: [body, b">"].concat().into() }, rest)
}

fn request(stream: &[u8]) -> (Action, &[u8]) {
    let line_end = if split(stream, b"\r\n").is_some() { &b"\r\n"[..] } else { b"\n" };
    let (head, mut rest) = split(stream, &line_end.repeat(2)).expect("an empty line");
    let (line, mut fields) = split(head, line_end).unwrap_or((head, b""));
    let words: Vec<_> = line.split(|octet| *octet == b' ').collect();
    let [method, target, version] = words[..] else { panic!("{}", line.escape_ascii()) };
    let mut ask = Ask::new(bytes(method), bytes(target)).version(bytes(version)).bare();
    let mut length = None;
    while !fields.is_empty() {
        let (field, behind) = split(fields, line_end).unwrap_or((fields, b""));
        let (name, value) = split(field, b":").expect("a colon");
        if name.eq_ignore_ascii_case(b"content-length") && length.is_none() {
            length = Some(leading_number(value));
        }
        ask = ask.header(bytes(name), bytes(value));
        fields = behind;
    }
    let length = length.unwrap_or_default().min(rest.len());
    ask = ask.body(bytes(&rest[..length]));
    rest = &rest[length..];
    (Action::Request(ask), rest)
}

/// As Mongrel2 reads it.
fn leading_number(value: &[u8]) -> usize {
    let text = value.trim_ascii();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    let digits = digits.iter().take_while(|octet| octet.is_ascii_digit());
    let number: String = digits.map(|octet| char::from(*octet)).collect();
    number.parse().ok().filter(|length| *length < 1 << 31).unwrap_or_default()
}

/// The frames in a stream, all of them masked (RFC 6455 5.2).
pub(crate) fn frames(mut stream: &[u8]) -> Vec<Action> {
    let mut actions = Vec::new();
    while let [first, second, rest @ ..] = stream {
        let long = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let (size, rest) = rest.split_at(long);
        let size = if long == 0 {
            u64::from(second & 0x7F)
        } else {
            size.iter().fold(0, |size, octet| size << 8 | u64::from(*octet))
        };
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(usize::try_from(size).expect("a size"));
        let payload = payload.iter().zip(mask.iter().cycle()).map(|(octet, key)| octet ^ key);
        actions.push(Action::Frame { first: *first, payload: payload.collect() });
        stream = rest;
    }
    actions
}
