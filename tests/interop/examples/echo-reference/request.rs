//! One message of Mongrel2's, as far as an echo needs it.

use std::collections::BTreeMap;

pub(crate) struct Request {
    pub(crate) id: i64,
    pub(crate) path: String,
    /// Of a header that is there several times, the first.
    pub(crate) headers: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// `SENDER ID PATH SIZE:HEADERS,SIZE:BODY,`
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut words = message.splitn(4, |octet| *octet == b' ');
        let (_sender, id, path) = (words.next()?, words.next()?, words.next()?);
        let (headers, kind, rest) = netstring(words.next()?)?;
        let (body, _, _) = netstring(rest)?;
        Some(Self {
            id: std::str::from_utf8(id).ok()?.parse().ok()?,
            path: String::from_utf8(path.to_vec()).ok()?,
            headers: if kind == b'}' {
                tnetstring_headers(headers)?
            } else {
                json_headers(headers)?
            },
            body: body.to_vec(),
        })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name.as_bytes()).map(Vec::as_slice)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        self.header(name).and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default()
    }

    /// Told by the server itself, as it always adds `REMOTE_ADDR` to what a client sends.
    pub(crate) fn is_notice(&self) -> bool {
        self.path == "@*" && self.header("REMOTE_ADDR").is_none()
    }
}

/// The payload, the octet behind it, and what follows.
fn netstring(octets: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let colon = octets.iter().position(|octet| *octet == b':')?;
    let size: usize = std::str::from_utf8(&octets[..colon]).ok()?.parse().ok()?;
    let payload = octets.get(colon + 1..)?.get(..size)?;
    let rest = &octets[colon + 1 + size..];
    Some((payload, *rest.first()?, &rest[1..]))
}

fn tnetstring_headers(mut octets: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut headers = BTreeMap::new();
    while !octets.is_empty() {
        let (name, _, rest) = netstring(octets)?;
        let (value, kind, rest) = netstring(rest)?;
        let value = if kind == b']' { netstring(value)?.0 } else { value };
        headers.insert(name.to_vec(), value.to_vec());
        octets = rest;
    }
    Some(headers)
}

/// Mongrel2 escapes quotes and backslashes, and nothing else.
fn json_headers(octets: &[u8]) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut headers = BTreeMap::new();
    let mut rest = octets.strip_prefix(b"{")?;
    while !rest.starts_with(b"}") {
        let (name, value) = string(rest)?;
        let value = value.strip_prefix(b":")?;
        let (value, next) = match value.strip_prefix(b"[") {
            Some(list) => first_of(list)?,
            None => string(value)?,
        };
        headers.insert(name, value);
        rest = next.strip_prefix(b",").unwrap_or(next);
    }
    Some(headers)
}

/// The first string of a list, and what follows the list.
fn first_of(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (first, mut rest) = string(octets)?;
    while let Some(next) = rest.strip_prefix(b",") {
        rest = string(next)?.1;
    }
    Some((first, rest.strip_prefix(b"]")?))
}

fn string(octets: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = octets.strip_prefix(b"\"")?;
    let mut value = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((value, after)),
            [b'\\', octet, after @ ..] | [octet, after @ ..] => {
                value.push(*octet);
                rest = after;
            }
            [] => return None,
        }
    }
}
