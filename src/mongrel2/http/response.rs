//! Plain HTTP responses (RFC 9110, RFC 9112), framed as the request asks.

use bytes::{BufMut, Bytes, BytesMut};

use super::connection::Connection;
use super::status::reason_phrase;
use super::stream::{Encoded, SizedStream, Stream};
use crate::mongrel2::Request;
use crate::mongrel2::decimal;
use crate::mongrel2::error::{HeaderError, LengthError};

/// A whole HTTP response, made by the application.
///
/// It is written for the request it answers, by [`encode`](Self::encode), which adds the status
/// line, the length and what there is to say about the connection; or only begun, by
/// [`stream`](Self::stream) or [`sized`](Self::sized), with the body in pieces behind it. A server with a clock should send
/// `date` too (RFC 9110 6.6.1); there is no clock here, so that is up to the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: u16,
    /// Whole lines.
    headers: BytesMut,
    body: Bytes,
    closes: bool,
}

impl Response {
    /// A response without headers or body. A `status` that does not have three digits counts as 500.
    #[must_use]
    pub fn new(status: u16) -> Self {
        let status = if (100..=999).contains(&status) { status } else { 500 };
        Self { status, headers: BytesMut::new(), body: Bytes::new(), closes: false }
    }

    /// A response with a text in UTF-8.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        let mut response = Self::new(status).body(Bytes::copy_from_slice(text.as_bytes()));
        response.put_header("content-type", b"text/plain; charset=utf-8");
        response
    }

    /// Adds a header, behind those added before.
    ///
    /// # Errors
    /// Where `name` is no token, `value` holds CR, LF or NUL, or the response writes that header
    /// itself: `content-length`, `transfer-encoding` and `connection` (see [`close`](Self::close)).
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        let value = value.as_ref();
        check_header(name, value)?;
        if RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved)) {
            return Err(HeaderError::Reserved);
        }
        self.put_header(name, value);
        Ok(self)
    }

    /// Its status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Sets the body. Nothing is copied until it is encoded.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Ends the connection after this response, whatever the client asked for.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.closes = true;
        self
    }

    /// Writes the response to `request`.
    ///
    /// An interim response (1xx) leaves the connection as it is, and must not be sent to a client of
    /// HTTP/1.0 (RFC 9110 15.2).
    #[must_use]
    pub fn encode(&self, request: &Request) -> Encoded {
        let framing = self.framing(request.method(), Some(self.body.len() as u64));
        let connection = self.connection(request);
        let mut out = self.head(framing.line, connection);
        if framing.has_body {
            out.put_slice(&self.body);
        }
        Encoded { octets: out.freeze(), close: connection == Connection::Closes }
    }

    /// Writes the head of a response whose body has no known length, and what follows it in pieces: in
    /// chunks for HTTP/1.1 (RFC 9112 7.1); for HTTP/1.0, which has none, up to the end of the
    /// connection. A body that the response has is its first piece.
    #[must_use]
    pub fn stream(&self, request: &Request) -> (Encoded, Stream) {
        let mut framing = self.framing(request.method(), None);
        let mut connection = self.connection(request);
        let is_unframed = framing.line.is_none() && framing.may_have_body;
        if is_unframed && request.header("VERSION").as_deref() == Some(b"HTTP/1.1") {
            framing.line = Some(Line::Chunked);
        } else if is_unframed {
            connection = Connection::Closes;
        }
        let mut out = self.head(framing.line, connection);
        let closes = connection == Connection::Closes;
        let stream = match framing.line {
            _ if !framing.has_body => Stream::without_body(),
            Some(Line::Chunked) => Stream::chunked(closes),
            Some(Line::Length(_)) | None => Stream::until_end(),
        };
        stream.put(&self.body, &mut out);
        let close = closes && !stream.has_body();
        (Encoded { octets: out.freeze(), close }, stream)
    }

    /// Writes the head of a response whose body has so many octets, which follow in pieces. A body that
    /// the response has is its first piece.
    ///
    /// # Errors
    /// Where that alone is longer.
    pub fn sized(
        &self,
        request: &Request,
        length: u64,
    ) -> Result<(Encoded, SizedStream), LengthError> {
        let framing = self.framing(request.method(), Some(length));
        let connection = self.connection(request);
        let mut stream =
            SizedStream::new(length, framing.has_body, connection == Connection::Closes);
        let first = stream.piece(self.body.clone())?;
        let mut octets = self.head(framing.line, connection);
        octets.put_slice(&first.octets);
        let close = first.close || (!framing.has_body && connection == Connection::Closes);
        Ok((Encoded { octets: octets.freeze(), close }, stream))
    }

    /// All that stands before the body.
    fn head(&self, line: Option<Line>, connection: Connection) -> BytesMut {
        let mut out = BytesMut::with_capacity(HEAD_LENGTH + self.headers.len() + self.body.len());
        out.put_slice(b"HTTP/1.1 ");
        decimal::put(self.status.into(), &mut out);
        out.put_u8(b' ');
        out.put_slice(reason_phrase(self.status).as_bytes());
        out.put_slice(b"\r\n");
        out.put_slice(&self.headers);
        match line {
            Some(Line::Length(length)) => {
                out.put_slice(b"content-length: ");
                decimal::put(length, &mut out);
                out.put_slice(b"\r\n");
            }
            Some(Line::Chunked) => put_line("transfer-encoding", b"chunked", &mut out),
            None => {}
        }
        if let Some(option) = connection.option() {
            put_line("connection", option.as_bytes(), &mut out);
        }
        out.put_slice(b"\r\n");
        out
    }

    /// RFC 9112 6.3, RFC 9110 8.6.
    fn framing(&self, method: &[u8], length: Option<u64>) -> Framing {
        let never = Framing { line: None, may_have_body: false, has_body: false };
        match self.status {
            100..=199 | 204 | 304 => never,
            200..=299 if method == b"CONNECT" => never,
            // Never has content, and says so (RFC 9110 15.3.6).
            205 => Framing { line: Some(Line::Length(0)), ..never },
            _ => Framing {
                line: length.map(Line::Length),
                may_have_body: true,
                has_body: method != b"HEAD",
            },
        }
    }

    fn connection(&self, request: &Request) -> Connection {
        match self.status {
            // The final response is still to come.
            100..=199 => Connection::Persists,
            _ if self.closes => Connection::Closes,
            _ => Connection::of(request),
        }
    }

    pub(super) fn put_header(&mut self, name: &str, value: &[u8]) {
        put_line(name, value, &mut self.headers);
    }
}

struct Framing {
    line: Option<Line>,
    /// Whether the answer to GET would have a body.
    may_have_body: bool,
    has_body: bool,
}

/// What the head says about the end of the body.
#[derive(Clone, Copy)]
enum Line {
    Length(u64),
    Chunked,
}

fn put_line(name: &str, value: &[u8], out: &mut BytesMut) {
    out.put_slice(name.as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// A response that says a status and nothing else, with which the connection ends; `header` is one
/// line more, or none.
pub(crate) fn refusal(status: u16, header: &str) -> Bytes {
    let phrase = reason_phrase(status);
    let head = format!(
        "HTTP/1.1 {status} {phrase}\r\nconnection: close\r\ncontent-length: 0\r\n{header}\r\n"
    );
    head.into()
}

/// Whether a header can be written as it is.
pub(crate) fn check_header(name: &str, value: &[u8]) -> Result<(), HeaderError> {
    if name.is_empty() || !name.bytes().all(is_token_octet) {
        return Err(HeaderError::Name);
    }
    if value.iter().any(|octet| matches!(octet, b'\r' | b'\n' | b'\0')) {
        return Err(HeaderError::Value);
    }
    Ok(())
}

/// RFC 9110 5.6.2.
const fn is_token_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

const RESERVED: [&str; 3] = ["content-length", "transfer-encoding", "connection"];

/// Enough for the status line and the headers that are added.
const HEAD_LENGTH: usize = 128;

#[cfg(test)]
mod tests;
