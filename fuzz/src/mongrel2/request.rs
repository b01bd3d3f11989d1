//! Requests, read and written.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Kind, Request, encode_request};

use crate::choices::Choices;

/// Names and values, one by one.
pub(super) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// A message from a server. What could be read can be asked anything, agrees with itself, and is
/// read the same when it is written anew in either dialect.
pub fn mongrel2_request(octets: &[u8]) {
    let raw = Bytes::copy_from_slice(octets);
    let head = Request::head(octets);
    let request = match Request::parse(raw.clone()) {
        Ok(request) => request,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(head, Some((request.sender(), request.conn_id())));
    assert_eq!(request.raw(), &raw);
    assert!(raw.starts_with(request.sender()));
    assert!(!request.path().is_empty() && !request.path().contains(&b' '));
    assert_eq!(request.body().len(), request.body_len());
    assert!(raw.ends_with(&[&b":"[..], &request.body(), b","].concat()));
    assert!(!format!("{request:?}").is_empty());
    judge_kind(&request);
    judge_headers(&request);
    judge_response(&request);
    for dialect in [Dialect::Json, Dialect::Tnetstring] {
        judge_rewritten(&request, dialect);
    }
}

fn judge_kind(request: &Request) {
    // What a connection's end looks like; nothing else may be taken for it.
    if request.kind() == Kind::Disconnect {
        assert_eq!(&request.body()[..], br#"{"type":"disconnect"}"#);
        assert_eq!((request.path(), request.method()), (&b"@*"[..], &b"JSON"[..]));
        assert_eq!(request.headers().count(), 1);
    }
}

fn judge_headers(request: &Request) {
    let headers = headers_of(request);
    for (name, _) in &headers {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let values: Vec<Vec<u8>> = request.header_values(name).map(Cow::into_owned).collect();
        let same = headers.iter().filter(|(other, _)| other == name.as_bytes());
        let is_of_server = name.starts_with(|first: char| first.is_ascii_uppercase());
        if is_of_server {
            // The first member alone counts, which may be an empty list.
            let all: Vec<_> = same.map(|(_, value)| value).collect();
            assert!(
                values.len() <= all.len() && values.iter().eq(all.into_iter().take(values.len()))
            );
        } else {
            assert!(values.iter().eq(same.map(|(_, value)| value)), "{name}");
        }
        let first = request.header(name).map(Cow::into_owned);
        assert_eq!(first.as_ref(), values.first());
        let text = first.and_then(|octets| String::from_utf8(octets).ok());
        assert_eq!(request.header_str(name).map(Cow::into_owned), text);
    }
}

/// A response to it is one head, whatever the request says.
fn judge_response(request: &Request) {
    let encoded = Response::text(200, "hello").encode(request);
    let octets = &encoded.octets[..];
    let end = octets.windows(4).position(|four| four == b"\r\n\r\n").expect("a head has an end");
    assert!(octets.starts_with(b"HTTP/1.1 200 OK\r\n"));
    let has_no_body = matches!(request.method(), b"HEAD" | b"CONNECT");
    assert_eq!(&octets[end + 4..], if has_no_body { &b""[..] } else { b"hello" });
}

fn judge_rewritten(request: &Request, dialect: Dialect) {
    let headers = headers_of(request);
    let written = write(
        request.sender(),
        request.conn_id(),
        request.path(),
        &headers,
        dialect,
        &request.body(),
    );
    let again = Request::parse(written).expect("what was written can be read");
    assert_eq!((again.sender(), again.conn_id()), (request.sender(), request.conn_id()));
    assert_eq!((again.path(), again.body()), (request.path(), request.body()));
    assert_eq!((again.dialect(), headers_of(&again)), (dialect, headers));
}

/// Drawn headers, of any octets, are read in both dialects as they were written; and a block of any
/// octets as a tnetstring harms nobody.
pub fn tnetstring(octets: &[u8]) {
    let block = Bytes::copy_from_slice(octets);
    mongrel2_request(&[format!("s 1 / {}:", block.len()).as_bytes(), &block, b"}0:,"].concat());

    let mut choices = Choices::new(octets);
    let sender = word(choices.few());
    let path = word(choices.few());
    let sign = if choices.flag() { -1 } else { 1 };
    let conn_id = ConnId(i64::try_from(choices.number()).unwrap_or(i64::MAX) * sign);
    let members: Vec<(&[u8], Vec<&[u8]>)> = (0..choices.below(6))
        .map(|_| (choices.few(), (0..choices.below(4)).map(|_| choices.few()).collect()))
        .collect();
    let body = choices.some(3000);
    let borrowed: Vec<(&[u8], &[&[u8]])> =
        members.iter().map(|(name, values)| (*name, &values[..])).collect();
    for dialect in [Dialect::Json, Dialect::Tnetstring] {
        let mut out = BytesMut::new();
        encode_request(&sender, conn_id, &path, &borrowed, dialect, &body, &mut out);
        let request = Request::parse(out.freeze()).expect("what was written can be read");
        assert_eq!((request.sender(), request.path()), (&sender[..], &path[..]));
        assert_eq!((request.conn_id(), request.body()), (conn_id, body.clone()));
        let expected: Headers = members
            .iter()
            .flat_map(|(name, values)| values.iter().map(|v| (name.to_vec(), v.to_vec())))
            .collect();
        assert_eq!(headers_of(&request), expected);
        judge_headers(&request);
    }
}

/// A word of these octets: not empty, and without blanks.
fn word(octets: &[u8]) -> Vec<u8> {
    let mut word: Vec<u8> = octets.iter().copied().filter(|octet| *octet != b' ').collect();
    if word.is_empty() {
        word.push(b'x');
    }
    word
}

/// A message with one member for each value.
pub(super) fn write(
    sender: &[u8],
    conn_id: ConnId,
    path: &[u8],
    headers: &Headers,
    dialect: Dialect,
    body: &[u8],
) -> Bytes {
    let values: Vec<[&[u8]; 1]> = headers.iter().map(|(_, value)| [&value[..]]).collect();
    let members: Vec<(&[u8], &[&[u8]])> =
        headers.iter().zip(&values).map(|((name, _), value)| (&name[..], &value[..])).collect();
    let mut out = BytesMut::new();
    encode_request(sender, conn_id, path, &members, dialect, body, &mut out);
    out.freeze()
}

pub(super) fn headers_of(request: &Request) -> Headers {
    request.headers().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
