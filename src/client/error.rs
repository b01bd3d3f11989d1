//! Why a pretended browser does not do what it is told.

use std::fmt;

use crate::websocket::CloseError;

/// Why an [`Action`](super::Action) was not done. Nothing has changed then.
///
/// Most say that no browser can do this, because Mongrel2 would refuse it: then
/// [`Action::Garbage`](super::Action::Garbage) is the way to bring it to the handler all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ActError {
    /// The connection has ended.
    Gone,
    /// Clients of this [`Protocol`](super::Protocol) do not do this.
    Protocol,
    /// So many messages for the handler wait that none may be added.
    Full,
    /// So many requests wait for their responses that none may be added.
    TooManyRequests,
    /// A part holds an octet that Mongrel2 answers with 400.
    Octet {
        /// Where.
        part: Part,
        /// The first such octet.
        octet: u8,
    },
    /// A part is empty that may not be.
    Empty {
        /// Which.
        part: Part,
    },
    /// A part is larger than it may be.
    TooLarge {
        /// Which.
        part: Part,
        /// Its octets.
        size: usize,
        /// What it may have.
        size_max: usize,
    },
    /// The version is neither `HTTP/1.0` nor `HTTP/1.1`.
    Version,
    /// The target is one that no route is found for: it begins with neither `/`, `@` nor
    /// `scheme://`.
    Target,
    /// Mongrel2 would read a body of another length than this one has, from the first
    /// `content-length`.
    BodyLength {
        /// What it would read.
        announced: u64,
    },
    /// A chunked body: Mongrel2 makes an upload of it, which a client does not pretend.
    Chunked,
    /// A header `expect` with anything but `100-continue`: Mongrel2 answers 417.
    Expect,
    /// A handshake that is not the first request of its connection: Mongrel2 ends the connection.
    NotFirst,
    /// The headers do not make a handshake, so Mongrel2 would take it for a plain request.
    NoHandshake,
    /// The headers make a handshake, which a client for HTTP does not do.
    Handshake,
    /// A plain request over what is a WebSocket.
    WebSocket,
    /// The WebSocket is not open: its handshake was not made, not answered, or refused.
    NotOpen,
    /// A close frame was sent, and nothing may follow it.
    Closing,
    /// A close frame that may not be sent.
    Close(CloseError),
    /// The path of a jssocket message does not begin with `@`.
    JsonPath,
    /// The body of a jssocket or XML message is not built as it must be.
    Body,
    /// Mongrel2 answers this itself: the handler never sees it.
    Swallowed,
}

/// A part of what a browser sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The method of a request.
    Method,
    /// The path.
    Path,
    /// What follows the first `?`.
    Query,
    /// What follows the first `#`.
    Fragment,
    /// The name of a header.
    HeaderName,
    /// The value of a header.
    HeaderValue,
    /// The head of a request, or a jssocket or XML message.
    Head,
    /// The body of a request.
    Body,
    /// A WebSocket message, with all its fragments.
    Message,
    /// The payload of a ping or pong.
    Control,
    /// The code of a close frame.
    CloseCode,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Method => "the method",
            Self::Path => "the path",
            Self::Query => "the query",
            Self::Fragment => "the fragment",
            Self::HeaderName => "a header name",
            Self::HeaderValue => "a header value",
            Self::Head => "the head",
            Self::Body => "the body",
            Self::Message => "the message",
            Self::Control => "the payload of a ping or pong",
            Self::CloseCode => "the code before a close reason",
        })
    }
}

impl fmt::Display for ActError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Octet { part, octet } => {
                return write!(f, "{part} holds octet {octet:#04x}, which Mongrel2 does not take");
            }
            Self::Empty { part } => return write!(f, "{part} is empty"),
            Self::TooLarge { part, size, size_max } => {
                return write!(f, "{part} has {size} octets; at most {size_max} may be");
            }
            Self::BodyLength { announced } => {
                return write!(f, "by its content-length the body has {announced} octets");
            }
            Self::Close(error) => return error.fmt(f),
            Self::Gone => "the connection has ended",
            Self::Protocol => "a client of this protocol does not do this",
            Self::Full => "too many messages wait for the handler",
            Self::TooManyRequests => "too many requests wait for their responses",
            Self::Version => "the version is neither HTTP/1.0 nor HTTP/1.1",
            Self::Target => "the target begins with neither '/', '@' nor a scheme and '://'",
            Self::Chunked => "a chunked body is an upload, which a client does not pretend",
            Self::Expect => "Mongrel2 takes no expect but 100-continue",
            Self::NotFirst => "only the first request of a connection can be a handshake",
            Self::NoHandshake => "the headers do not make a WebSocket handshake",
            Self::Handshake => {
                "the headers make a WebSocket handshake, which a client of protocol http does not make"
            }
            Self::WebSocket => "the connection is a WebSocket, which takes no requests",
            Self::NotOpen => {
                "the WebSocket is not open: its handshake was not made, not answered, or refused"
            }
            Self::Closing => "a close frame was sent, and nothing may follow it",
            Self::JsonPath => "the path of a jssocket message begins with '@'",
            Self::Body => "the body is not built as jssocket and XML messages are",
            Self::Swallowed => "Mongrel2 answers this itself, and the handler never sees it",
        })
    }
}

impl std::error::Error for ActError {}
