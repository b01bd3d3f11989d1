//! The head of a response: status, headers, and where its body ends (RFC 9112 4 to 6).

use bytes::Bytes;
use httparse::{EMPTY_HEADER, Error, Header, Status};

use super::super::limits::Limits;
use super::super::received::Response;
use super::super::violation::{FramingError, HeadError, Violation};

/// Where a body ends (RFC 9112 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many octets.
    Sized(usize),
    /// As its chunks say.
    Chunked,
    /// With the connection.
    UntilEnd,
}

/// Whether the octets can become the head of a response; they may be fewer.
pub(super) fn may_begin(octets: &[u8]) -> bool {
    octets.iter().zip(BEGIN).all(|(octet, expected)| octet == expected)
}

const BEGIN: &[u8] = b"HTTP/1.";

/// Reads a head, with the empty line behind it. The response has no body yet.
///
/// `has_body` is false where the request allows none whatever the response says (HEAD).
pub(super) fn parse(
    head: &Bytes,
    has_body: bool,
    limits: &Limits,
) -> Result<(Response, Framing), Violation> {
    let mut headers = vec![EMPTY_HEADER; limits.response_headers_max];
    let mut parsed = httparse::Response::new(&mut headers);
    match parsed.parse(head) {
        Ok(Status::Complete(_)) => {}
        // All lines are there, so one of them is not what it should be.
        Ok(Status::Partial) => return Err(Violation::Head(HeadError::LineEnd)),
        Err(error) => return Err(violation(error, limits)),
    }
    let status = parsed.code.filter(|code| *code >= 100);
    let status = status.ok_or(Violation::Head(HeadError::Status))?;
    let reason = parsed.reason.unwrap_or_default().as_bytes();
    let is_old = parsed.version == Some(0);
    let response = Response {
        status,
        reason: head.slice_ref(reason),
        headers: shared(head, parsed.headers),
        ..Response::default()
    };
    let framing = framing(&response, has_body, is_old)?;
    Ok((response, framing))
}

/// Reads the trailers behind a chunked body, with the empty line behind them.
pub(super) fn parse_trailers(
    block: &Bytes,
    limits: &Limits,
) -> Result<Vec<(Bytes, Bytes)>, Violation> {
    let mut headers = vec![EMPTY_HEADER; limits.response_headers_max];
    match httparse::parse_headers(block, &mut headers) {
        Ok(Status::Complete((_, found))) => Ok(shared(block, found)),
        Ok(Status::Partial) => Err(Violation::Head(HeadError::LineEnd)),
        Err(error) => Err(violation(error, limits)),
    }
}

/// The same, sharing the octets of `head`. Without blanks around values (RFC 9110 5.5).
fn shared(head: &Bytes, headers: &[Header<'_>]) -> Vec<(Bytes, Bytes)> {
    let share = |octets: &[u8]| head.slice_ref(octets);
    let pair =
        |header: &Header<'_>| (share(header.name.as_bytes()), share(header.value.trim_ascii()));
    headers.iter().map(pair).collect()
}

fn violation(error: Error, limits: &Limits) -> Violation {
    Violation::Head(match error {
        Error::HeaderName => HeadError::HeaderName,
        Error::HeaderValue => HeadError::HeaderValue,
        Error::NewLine => HeadError::LineEnd,
        Error::Status => HeadError::Status,
        Error::Token | Error::Version => HeadError::Version,
        Error::TooManyHeaders => {
            return Violation::TooManyHeaders { headers_max: limits.response_headers_max };
        }
    })
}

/// RFC 9112 6.3, in its order.
fn framing(response: &Response, has_body: bool, is_old: bool) -> Result<Framing, Violation> {
    if !has_body || matches!(response.status, 100..=199 | 204 | 304) {
        return Ok(Framing::Sized(0));
    }
    let length = content_length(response).map_err(Violation::Framing)?;
    let encodings = response.header_values("transfer-encoding");
    match (encodings.last(), length) {
        (Some(_), Some(_)) => Err(Violation::Framing(FramingError::LengthAndEncoding)),
        (Some(_), None) if is_old => Err(Violation::Framing(FramingError::Encoding)),
        (Some(encodings), None) if is_chunked(encodings) => Ok(Framing::Chunked),
        (Some(_), None) | (None, None) => Ok(Framing::UntilEnd),
        // More than can be held is above any limit too.
        (None, Some(length)) => Ok(Framing::Sized(usize::try_from(length).unwrap_or(usize::MAX))),
    }
}

/// The one length in all `content-length`; the same may stand there several times.
fn content_length(response: &Response) -> Result<Option<u64>, FramingError> {
    let mut length = None;
    for value in response.header_values("content-length") {
        for text in value.split(|octet| *octet == b',') {
            let found = decimal(text.trim_ascii()).ok_or(FramingError::Length)?;
            if length.is_some_and(|length| length != found) {
                return Err(FramingError::Lengths);
            }
            length = Some(found);
        }
    }
    Ok(length)
}

fn decimal(text: &[u8]) -> Option<u64> {
    let is_plain = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_plain)?.parse().ok()
}

/// Whether the last of several encodings is `chunked`.
fn is_chunked(encodings: &[u8]) -> bool {
    let last = encodings.rsplit(|octet| *octet == b',').next().unwrap_or_default();
    last.trim_ascii().eq_ignore_ascii_case(b"chunked")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &'static str) -> Result<(Response, Framing), Violation> {
        parse(&head.into(), true, &Limits::default())
    }

    #[test]
    fn what_is_in_a_head() {
        let (response, _) =
            read("HTTP/1.1 404 Not  Found\r\nX-A:  b c \t\r\nEmpty:\r\n\r\n").unwrap();
        assert_eq!((response.status, &response.reason[..]), (404, &b"Not  Found"[..]));
        let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
        assert_eq!(response.headers, [pair("X-A", "b c"), pair("Empty", "")]);
        for reasonless in ["HTTP/1.1 200\r\n\r\n", "HTTP/1.0 200 \r\n\r\n", "HTTP/1.1 200 OK\n\n"] {
            assert_eq!(read(reasonless).unwrap().0.status, 200, "{reasonless:?}");
        }
    }

    #[test]
    fn where_bodies_end() {
        use Framing::*;
        for (headers, framing) in [
            ("", UntilEnd),
            ("Content-Length: 0\r\n", Sized(0)),
            ("content-length: 17\r\nCONTENT-LENGTH: 17\r\n", Sized(17)),
            ("Content-Length: 17, 17\r\n", Sized(17)),
            ("Transfer-Encoding: chunked\r\n", Chunked),
            ("Transfer-Encoding: gzip, Chunked\r\n", Chunked),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Chunked),
            ("Transfer-Encoding: chunked, gzip\r\n", UntilEnd),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            let read = |has_body| parse(&text.clone().into(), has_body, &Limits::default());
            assert_eq!(read(true).unwrap().1, framing, "{headers:?}");
            assert_eq!(read(false).unwrap().1, Sized(0), "{headers:?}");
        }
        for status in [100, 101, 103, 199, 204, 304] {
            let text = format!("HTTP/1.1 {status} X\r\nContent-Length: 5\r\n\r\n");
            let found = parse(&text.into(), true, &Limits::default());
            assert_eq!(found.unwrap().1, Sized(0), "{status}");
        }
    }

    #[test]
    fn nobody_can_tell_where_these_end() {
        use FramingError::*;
        for (headers, error) in [
            ("Content-Length:\r\n", Length),
            ("Content-Length: +1\r\n", Length),
            ("Content-Length: 1x\r\n", Length),
            ("Content-Length: 99999999999999999999\r\n", Length),
            ("Content-Length: 1,\r\n", Length),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", Lengths),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", LengthAndEncoding),
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n");
            let found = parse(&text.into(), true, &Limits::default());
            assert_eq!(found, Err(Violation::Framing(error)), "{headers:?}");
        }
        let old = read("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(old, Err(Violation::Framing(Encoding)));
    }

    #[test]
    fn what_is_no_head() {
        use HeadError::*;
        for (head, error) in [
            ("HTTP/2.0 200 OK\r\n\r\n", Version),
            ("HTTP/1.1 20 OK\r\n\r\n", Status),
            ("HTTP/1.1 099 OK\r\n\r\n", Status),
            ("HTTP/1.1 200 a\x01\r\n\r\n", Status),
            ("HTTP/1.1 200 OK\r\na b: c\r\n\r\n", HeaderName),
            ("HTTP/1.1 200 OK\r\na : c\r\n\r\n", HeaderName),
            ("HTTP/1.1 200 OK\r\n: c\r\n\r\n", HeaderName),
            ("HTTP/1.1 200 OK\r\na\r\n\r\n", HeaderName),
            ("HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n", HeaderName),
            ("HTTP/1.1 200 OK\r\na: b\x00\r\n\r\n", HeaderValue),
        ] {
            assert_eq!(read(head).map(|_| ()), Err(Violation::Head(error)), "{head:?}");
        }
        assert!(may_begin(b"") && may_begin(b"HTT") && may_begin(b"HTTP/1.1 200"));
        assert!(!may_begin(b"\r") && !may_begin(b"HTTQ") && !may_begin(b"HTTP/2"));
    }

    #[test]
    fn headers_have_a_limit() {
        let limits = Limits { response_headers_max: 2, ..Limits::default() };
        let read = |count: usize| {
            let headers = "a: b\r\n".repeat(count);
            let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n").into();
            (
                parse(&head, true, &limits).map(|_| ()),
                parse_trailers(&(headers + "\r\n").into(), &limits).map(|_| ()),
            )
        };
        assert_eq!(read(2), (Ok(()), Ok(())));
        let error = Err(Violation::TooManyHeaders { headers_max: 2 });
        assert_eq!(read(3), (error, error));
    }
}
