//! Messages from the server, read where they lie.

use std::borrow::Cow;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::conn_id::ConnId;
use super::decimal;
use super::error::ParseError;
use super::headers::{Dialect, Headers, Members, Style, Value};
use super::kind::{Kind, Marks};
use super::{find, plain};

/// One message from Mongrel2 to its handlers, checked, with all its octets left where they were.
///
/// On the wire: `SENDER ID PATH LEN:HEADERS,LEN:BODY,` with the headers in JSON, or `}` in place of
/// the first `,` and the headers as a tnetstring dictionary (Mongrel2 manual). Nothing in it is
/// known to be UTF-8 but what a configuration makes so. Cloning copies no octets.
#[derive(Clone)]
pub struct Request {
    raw: Bytes,
    sender: Span,
    path: Span,
    method: Span,
    headers: Span,
    body: Span,
    conn_id: ConnId,
    style: Style,
    kind: Kind,
    download_credits: Option<u64>,
}

impl Request {
    /// Reads one message, without allocating.
    ///
    /// The headers are checked here once, so that no look-up fails later. Nothing that a browser
    /// can send makes a message unreadable.
    ///
    /// # Errors
    /// Says what is wrong with the message; [`head`](Self::head) may still tell whom to answer.
    pub fn parse(raw: Bytes) -> Result<Self, ParseError> {
        let sender = word(&raw, 0).ok_or(ParseError::Sender)?;
        let id = word(&raw, sender.end + 1).ok_or(ParseError::ConnId)?;
        let conn_id = ConnId::parse(id.of(&raw)).ok_or(ParseError::ConnId)?;
        let path = word(&raw, id.end + 1).ok_or(ParseError::Path)?;
        let (headers, dialect) = headers(&raw, path.end + 1)?;
        let body = body(&raw, headers.end + 1)?;

        let mut marks = Marks::default();
        let style = check(dialect, headers.of(&raw), &mut marks)?;
        let kind = marks.kind(conn_id, path.of(&raw), body.of(&raw));
        let download_credits = marks.download_credits();
        let method = marks.method().map_or(Span { start: 0, end: 0 }, |text| {
            let start = headers.start + text.start;
            Span { start, end: start + text.raw.len() }
        });
        Ok(Self {
            raw,
            sender,
            path,
            method,
            headers,
            body,
            conn_id,
            style,
            kind,
            download_credits,
        })
    }

    /// The sender and the connection id of a message of which only the start is there, or that
    /// cannot be read otherwise.
    #[must_use]
    pub fn head(raw: &[u8]) -> Option<(&[u8], ConnId)> {
        let sender = word(raw, 0)?;
        let id = word(raw, sender.end + 1)?;
        Some((sender.of(raw), ConnId::parse(id.of(raw))?))
    }

    /// With `download.flow_control`: how many octets of replies may wait for this connection, in place
    /// of sixteen replies; in a [`Kind::Credits`] how many were written. On the first request of a
    /// connection, and on all messages of a WebSocket (seen on Mongrel2 1.12.2).
    #[must_use]
    pub const fn download_credits(&self) -> Option<u64> {
        self.download_credits
    }

    /// The server's `send_ident`: which server this came from.
    #[must_use]
    pub fn sender(&self) -> &[u8] {
        self.sender.of(&self.raw)
    }

    /// The browser connection this came over.
    #[must_use]
    pub fn conn_id(&self) -> ConnId {
        self.conn_id
    }

    /// The path as the client sent it, percent-encoding and all, without the query, which is the
    /// header `QUERY`; never empty. Begins with `@` for a
    /// jssocket and `<` for an XML socket; notices have `@*` (Mongrel2 manual).
    #[must_use]
    pub fn path(&self) -> &[u8] {
        self.path.of(&self.raw)
    }

    /// What this message is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How its headers are written.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.style.dialect()
    }

    /// The value of `METHOD`: the client's method, or Mongrel2's word for the kind of message.
    /// Empty where there is none, as in later pieces of a stream.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        self.method.of(&self.raw)
    }

    /// The first value of a header.
    ///
    /// Names are compared octet by octet. Those of client headers are lower-case, those of the
    /// server are upper-case (seen on Mongrel2 1.12.2), and `path` is not `PATH`: a browser may send
    /// the first. The server's for HTTP are `PATH`, `METHOD`, `VERSION`, `URI`, `QUERY` (where there
    /// is one), `PATTERN` (its route), `URL_SCHEME` and `REMOTE_ADDR`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        self.members().values(name.as_bytes()).next()
    }

    /// All values of a header, in the client's order. Mongrel2 passes on at most five (seen on
    /// Mongrel2 1.12.2).
    ///
    /// Where a name stands several times in one block, which Mongrel2 does not do, the first one
    /// counts if the name is upper-case; else they are put together.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = Cow<'_, [u8]>> {
        self.members().values(name.as_bytes())
    }

    /// The first value of a header as text; `None` also where it is not UTF-8.
    #[must_use]
    pub fn header_str(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.header(name)? {
            Cow::Borrowed(octets) => std::str::from_utf8(octets).ok().map(Cow::Borrowed),
            Cow::Owned(octets) => String::from_utf8(octets).ok().map(Cow::Owned),
        }
    }

    /// How long the body is to be, by the client's word: the first `content-length`, where it is a
    /// number. It says what is still to come of an upload, and nothing of
    /// [`body_len`](Self::body_len): Mongrel2 hands over the headers of a client as they are, and
    /// counts what is above 2147483647 as 0 (seen on Mongrel2 1.12.2).
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        let value = self.header("content-length")?;
        // Mongrel2 leaves blanks behind a value where they are.
        let is_blank = |octet: &&u8| matches!(octet, b' ' | b'\t');
        let blanks = value.iter().rev().take_while(is_blank).count();
        decimal::parse_padded(&value[..value.len() - blanks])
    }

    /// All headers, one item for each value.
    #[must_use]
    pub fn headers(&self) -> Headers<'_> {
        Headers::new(self.members())
    }

    /// The body, sharing the octets of the message.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.raw.slice(self.body.start..self.body.end)
    }

    /// How many octets the body has.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.body.end - self.body.start
    }

    /// The whole message as it came.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The octets that this message of a WebSocket would have come in with these `FLAGS` and this body,
    /// and the body among them: for one that came compressed.
    pub(crate) fn rewritten(&self, flags: u8, body: &[u8]) -> (Bytes, Bytes) {
        let head = &self.raw[..=self.headers.end];
        let mut raw = BytesMut::with_capacity(head.len() + body.len() + LENGTH_MAX);
        raw.put_slice(head);
        let text = format!("0x{flags:02X}");
        let found = self.members().find_map(|(name, value)| match value {
            Value::One(found) if name.is(b"FLAGS") => Some(found),
            Value::One(_) | Value::JsonList(_) | Value::TnetstringList(_) => None,
        });
        // A mark takes two digits, as does what is left of it.
        if let Some(found) = found.filter(|found| found.raw.len() == text.len()) {
            let start = self.headers.start + found.start;
            raw[start..start + text.len()].copy_from_slice(text.as_bytes());
        }
        decimal::put_len(body.len(), &mut raw);
        raw.put_u8(b':');
        let start = raw.len();
        raw.put_slice(body);
        raw.put_u8(b',');
        let raw = raw.freeze();
        let body = raw.slice(start..start + body.len());
        (raw, body)
    }

    fn members(&self) -> Members<'_> {
        Members::new(self.style, self.headers.of(&self.raw))
    }
}

/// Short: headers and body may be large, and a secret.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("sender", &format_args!("{}", self.sender().escape_ascii()))
            .field("conn_id", &self.conn_id.0)
            .field("kind", &self.kind)
            .field("method", &format_args!("{}", self.method().escape_ascii()))
            .field("path", &format_args!("{}", self.path().escape_ascii()))
            .field("headers_len", &(self.headers.end - self.headers.start))
            .field("body_len", &self.body_len())
            .finish()
    }
}

/// What the length of a body and the octets around it take at most.
const LENGTH_MAX: usize = 22;

/// A part of the message.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    fn of(self, raw: &[u8]) -> &[u8] {
        &raw[self.start..self.end]
    }
}

/// The word that begins at `start`: at least one octet, and a blank behind it.
fn word(raw: &[u8], start: usize) -> Option<Span> {
    let length = find::first(raw.get(start..)?, b' ')?;
    (length > 0).then_some(Span { start, end: start + length })
}

/// The headers, of which the length begins at `start`, without the octet behind them.
fn headers(raw: &[u8], start: usize) -> Result<(Span, Dialect), ParseError> {
    let (length, prefix) = decimal::parse_length(&raw[start..]).ok_or(ParseError::HeadersLength)?;
    let start = start + prefix;
    let found = raw.len() - start;
    if length >= found {
        return Err(ParseError::HeadersCut { expected: length.saturating_add(1), found });
    }
    let span = Span { start, end: start + length };
    let octet = raw[span.end];
    let dialect = Dialect::from_mark(octet).ok_or(ParseError::Dialect { octet })?;
    Ok((span, dialect))
}

/// Checks a header block, and notes what it says of its message: how it is to be read.
fn check<'a>(
    dialect: Dialect,
    block: &'a [u8],
    marks: &mut Marks<'a>,
) -> Result<Style, ParseError> {
    if dialect == Dialect::Json {
        if plain::check(block, |member| marks.note_plain(&member)) {
            return Ok(Style::Plain);
        }
        *marks = Marks::default();
    }
    let style = Style::of(dialect);
    let mut members = Members::new(style, block);
    while let Some((name, value)) = members.check_next()? {
        marks.note(&name, &value);
    }
    Ok(style)
}

/// The body, of which the length begins at `start`: the rest of the message but for its `,`.
fn body(raw: &[u8], start: usize) -> Result<Span, ParseError> {
    let (length, prefix) = decimal::parse_length(&raw[start..]).ok_or(ParseError::BodyLength)?;
    let start = start + prefix;
    let found = raw.len() - start;
    if length >= found {
        return Err(ParseError::BodyCut { expected: length.saturating_add(1), found });
    }
    let span = Span { start, end: start + length };
    match &raw[span.end..] {
        [b','] => Ok(span),
        [b',', trailing @ ..] => Err(ParseError::Trailing { length: trailing.len() }),
        rest => Err(ParseError::BodyEnd { octet: rest[0] }),
    }
}

#[cfg(test)]
mod tests;
