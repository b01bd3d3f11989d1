//! Plain HTTP responses (RFC 9110, RFC 9112), framed as the request asks.

use bytes::{BufMut, Bytes, BytesMut};

use super::connection::Connection;
use super::status::reason_phrase;
use crate::mongrel2::Request;
use crate::mongrel2::decimal;
use crate::mongrel2::error::HeaderError;

/// A whole HTTP response, made by the application.
///
/// It is written for the request it answers, by [`encode`](Self::encode), which adds the status
/// line, the length and what there is to say about the connection. A server with a clock should send
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
        let framing = self.framing(request.method());
        let connection = self.connection(request);
        let body: &[u8] = if framing.has_body { &self.body } else { b"" };

        let mut out = BytesMut::with_capacity(HEAD_LENGTH + self.headers.len() + body.len());
        out.put_slice(b"HTTP/1.1 ");
        decimal::put(self.status.into(), &mut out);
        out.put_u8(b' ');
        out.put_slice(reason_phrase(self.status).as_bytes());
        out.put_slice(b"\r\n");
        out.put_slice(&self.headers);
        if let Some(length) = framing.length {
            out.put_slice(b"content-length: ");
            decimal::put_len(length, &mut out);
            out.put_slice(b"\r\n");
        }
        if let Some(option) = connection.option() {
            put_line("connection", option.as_bytes(), &mut out);
        }
        out.put_slice(b"\r\n");
        out.put_slice(body);
        Encoded { octets: out.freeze(), close: connection == Connection::Closes }
    }

    /// RFC 9112 6.3, RFC 9110 8.6.
    fn framing(&self, method: &[u8]) -> Framing {
        match self.status {
            100..=199 | 204 | 304 => Framing { length: None, has_body: false },
            200..=299 if method == b"CONNECT" => Framing { length: None, has_body: false },
            // Never has content, and says so (RFC 9110 15.3.6).
            205 => Framing { length: Some(0), has_body: false },
            _ => Framing { length: Some(self.body.len()), has_body: method != b"HEAD" },
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

    fn put_header(&mut self, name: &str, value: &[u8]) {
        put_line(name, value, &mut self.headers);
    }
}

/// A response in octets, made by [`Response::encode`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// What to send as the body of a reply.
    pub octets: Bytes,
    /// Whether the connection must be ended after it: by a reply with an empty body.
    pub close: bool,
}

struct Framing {
    length: Option<usize>,
    has_body: bool,
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
