//! What a message is, by marks that no browser can make.

use super::conn_id::ConnId;
use super::decimal;
use super::headers::Value;
use super::plain;
use super::text::Text;

/// What a [`Request`](super::Request) is.
///
/// Decided by the server's own keys, which are upper-case, while the names of client headers
/// arrive in lower case: so no browser can forge a mark (seen on Mongrel2 1.12.2). Paths and bodies
/// alone decide nothing, for a browser chooses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A request over HTTP, whatever its method: `JSON`, `XML`, `WEBSOCKET` and `MONGREL2` are
    /// words that a browser may send there. Its marks are `METHOD`, `VERSION`, `PATH`, `PATTERN`,
    /// `URL_SCHEME` and `REMOTE_ADDR`, which a request made for a test has to have, too.
    Http,
    /// The opening handshake of a WebSocket. The body is the finished `Sec-WebSocket-Accept` value.
    /// The server reads frames from here on, even where the handshake is refused.
    WebSocketHandshake,
    /// A message of a WebSocket, joined from its fragments and unmasked. The octet is `FLAGS`: the
    /// first octet of its first frame with FIN set (RFC 6455 5.2).
    WebSocket(u8),
    /// A message of a jssocket: `@path {…}`. The body need not be JSON.
    Json,
    /// A message of an XML socket: `<name …>`.
    Xml,
    /// The server's notice that a connection is gone or does not exist. Never to be answered: an
    /// answer brings the next notice.
    Disconnect,
    /// The server's notice that it has written so many octets to the connection (with
    /// `download.flow_control`). Never to be answered.
    Credits(u64),
    /// The start of a streamed upload (with `upload.stream`): all headers, and the start of the
    /// body.
    StreamFirst,
    /// A later piece of a streamed upload, without the request's headers.
    StreamPiece {
        /// Where in the uploaded body this piece begins, in octets.
        offset: u64,
        /// Whether it is the last one.
        done: bool,
    },
    /// What a Connector sends: connection id -1 or method `MONGREL2`, and none of `REMOTE_ADDR`,
    /// `PATTERN` and `URL_SCHEME`, which the server adds to all that browsers send. Worth something only on a socket of its own, for whoever
    /// can connect can send it.
    Control,
    /// Nothing that Mongrel2 was seen to send.
    Unknown,
}

/// Those headers that tell a [`Kind`], found while a block is checked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks<'a> {
    names: usize,
    method: Mark<'a>,
    flags: Mark<'a>,
    download_credits: Mark<'a>,
    upload_stream: Mark<'a>,
    upload_stream_done: Mark<'a>,
    remote_addr: bool,
    path: bool,
    pattern: bool,
    url_scheme: bool,
    version: bool,
    uri: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mark<'a> {
    #[default]
    Absent,
    Plain(Text<'a>),
    /// A list, or written with escapes: nothing that Mongrel2 does.
    Odd,
}

impl<'a> Mark<'a> {
    /// The first member of a name counts. `plain` is its value, unless that is odd.
    fn note(&mut self, plain: Option<Text<'a>>) {
        if matches!(self, Self::Absent) {
            *self = plain.map_or(Self::Odd, Self::Plain);
        }
    }

    fn text(&self) -> Option<&'a [u8]> {
        match self {
            Self::Plain(text) => Some(text.raw),
            Self::Absent | Self::Odd => None,
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

impl<'a> Marks<'a> {
    /// Takes the next member of the block.
    pub(super) fn note(&mut self, name: &Text<'a>, value: &Value<'a>) {
        let plain = match value {
            Value::One(text) if !text.escaped => Some(*text),
            Value::One(_) | Value::JsonList(_) | Value::TnetstringList(_) => None,
        };
        if name.escaped {
            self.note_escaped(name, plain);
        } else {
            self.note_by(name.raw.first().copied(), || (name.raw, plain));
        }
    }

    /// Mongrel2 escapes no name of its own, but another program may.
    #[cold]
    fn note_escaped(&mut self, name: &Text<'a>, plain: Option<Text<'a>>) {
        let name = name.into_cow();
        self.note_by(name.first().copied(), || (&name, plain));
    }

    /// Takes the next member of a plain block.
    #[inline]
    pub(super) fn note_plain(&mut self, member: &plain::Member<'a>) {
        self.note_by(member.first(), || (member.name(), member.value()));
    }

    /// Looks at a member only if its name begins like those that the server makes: those of client headers are
    /// lower-case.
    #[inline]
    fn note_by<'b>(
        &mut self,
        first: Option<u8>,
        member: impl FnOnce() -> (&'b [u8], Option<Text<'a>>),
    ) {
        self.names += 1;
        if first.is_some_and(|first| first.is_ascii_uppercase()) {
            let (name, plain) = member();
            self.note_own(name, plain);
        }
    }

    fn note_own(&mut self, name: &[u8], plain: Option<Text<'a>>) {
        match name {
            b"METHOD" => self.method.note(plain),
            b"FLAGS" => self.flags.note(plain),
            b"DOWNLOAD_CREDITS" => self.download_credits.note(plain),
            b"UPLOAD_STREAM" => self.upload_stream.note(plain),
            b"UPLOAD_STREAM_DONE" => self.upload_stream_done.note(plain),
            b"REMOTE_ADDR" => self.remote_addr = true,
            b"PATH" => self.path = true,
            b"PATTERN" => self.pattern = true,
            b"URL_SCHEME" => self.url_scheme = true,
            b"VERSION" => self.version = true,
            b"URI" => self.uri = true,
            _ => {}
        }
    }

    /// The value of `METHOD`, where it is one plain text.
    pub(super) fn method(&self) -> Option<Text<'a>> {
        match self.method {
            Mark::Plain(text) => Some(text),
            Mark::Absent | Mark::Odd => None,
        }
    }

    /// How many octets may wait for the connection, where the server says so.
    pub(super) fn download_credits(&self) -> Option<u64> {
        self.download_credits.text().and_then(decimal::parse)
    }

    /// What a message with these marks is.
    pub(super) fn kind(&self, conn_id: ConnId, path: &[u8], body: &[u8]) -> Kind {
        let method = self.method.text();
        let is_browser =
            self.remote_addr && self.path && self.pattern && self.url_scheme && method.is_some();
        let kind = if self.method.is_absent() && !self.upload_stream.is_absent() {
            self.stream_piece()
        } else if path == b"@*" && !self.has_client_key() {
            self.notice(body)
        } else if is_browser {
            self.browser(path)
        } else {
            self.control(conn_id)
        };
        kind.unwrap_or(Kind::Unknown)
    }

    /// Whether any of the keys is there that stand in all that browsers send, and in nothing else.
    fn has_client_key(&self) -> bool {
        self.remote_addr || self.pattern || self.url_scheme
    }

    fn notice(&self, body: &[u8]) -> Option<Kind> {
        if self.method.text()? != b"JSON" {
            return None;
        }
        match (self.names, body) {
            (1, br#"{"type":"disconnect"}"#) => Some(Kind::Disconnect),
            (2, br#"{"type":"credits"}"#) => self.download_credits().map(Kind::Credits),
            _ => None,
        }
    }

    fn stream_piece(&self) -> Option<Kind> {
        let offset = decimal::parse(self.upload_stream.text()?)?;
        let done = match self.upload_stream_done {
            Mark::Absent => false,
            Mark::Plain(Text { raw: b"1", .. }) => true,
            Mark::Plain(_) | Mark::Odd => return None,
        };
        Some(Kind::StreamPiece { offset, done })
    }

    fn browser(&self, path: &[u8]) -> Option<Kind> {
        let is_http = self.version;
        let is_bare = !self.version && !self.uri;
        match self.method.text()? {
            b"WEBSOCKET_HANDSHAKE" => Some(Kind::WebSocketHandshake),
            b"WEBSOCKET" if !self.flags.is_absent() => {
                self.flags.text().and_then(parse_flags).map(Kind::WebSocket)
            }
            _ if !self.upload_stream.is_absent() => {
                (self.upload_stream.text()? == b"0").then_some(Kind::StreamFirst)
            }
            b"JSON" if is_bare && path.starts_with(b"@") => Some(Kind::Json),
            b"XML" if is_bare && path.starts_with(b"<") => Some(Kind::Xml),
            _ => is_http.then_some(Kind::Http),
        }
    }

    fn control(&self, conn_id: ConnId) -> Option<Kind> {
        let is_meant = conn_id == ConnId::NONE || self.method.text() == Some(b"MONGREL2");
        (is_meant && !self.has_client_key()).then_some(Kind::Control)
    }
}

/// Reads `0x81` and the like: `0x%X` of one octet (seen on Mongrel2 1.12.2).
fn parse_flags(text: &[u8]) -> Option<u8> {
    let digit = |octet: u8| u8::try_from(char::from(octet).to_digit(16)?).ok();
    match *text {
        [b'0', b'x', low] => digit(low),
        [b'0', b'x', high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
