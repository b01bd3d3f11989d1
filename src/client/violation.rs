//! What a handler may get wrong.

use std::fmt;

use crate::websocket::FrameError;

/// How a handler broke HTTP (RFC 9112), RFC 6455 or a limit of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// Octets, but no request waits for a response.
    Unasked,
    /// What should be the head of a response is none (RFC 9112 4 and 5).
    Head(HeadError),
    /// A head, or the trailers behind a chunked body, larger than the limit.
    HeadTooLarge {
        /// The limit.
        size_max: usize,
    },
    /// More headers than the limit.
    TooManyHeaders {
        /// The limit.
        headers_max: usize,
    },
    /// The headers leave open where the body ends (RFC 9112 6.3).
    Framing(FramingError),
    /// A body larger than the limit.
    BodyTooLarge {
        /// The limit.
        size_max: usize,
    },
    /// A chunk that is none (RFC 9112 7.1).
    Chunk,
    /// The connection ended in the middle of a response or a frame.
    Cut,
    /// A `101` that does not open the WebSocket (RFC 6455 4.1).
    Handshake(HandshakeError),
    /// A frame, or a message, that RFC 6455 or the limit does not allow.
    Frame(FrameError),
    /// Octets behind a close frame (RFC 6455 5.5.1).
    BehindClose,
    /// More than the client may keep for somebody to take.
    Overflow,
}

/// What is wrong with the head of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// It does not begin with `HTTP/1.0` or `HTTP/1.1` and a blank.
    Version,
    /// The status is not three digits, from 100 up, or the reason behind it holds control octets.
    Status,
    /// A header's name is no token, or no `:` follows it at once.
    HeaderName,
    /// A header's value holds control octets.
    HeaderValue,
    /// A line does not end as it must.
    LineEnd,
}

/// Why nobody can tell where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FramingError {
    /// A `content-length` is no decimal number of 64 bits.
    Length,
    /// There are several lengths.
    Lengths,
    /// There are both `content-length` and `transfer-encoding`.
    LengthAndEncoding,
    /// A `transfer-encoding` in a response of HTTP/1.0, which has none (RFC 9112 6.1).
    Encoding,
}

/// Why a `101` does not open the WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Nobody asked for one.
    Unasked,
    /// `upgrade` is not `websocket`.
    Upgrade,
    /// `connection` does not say `upgrade`.
    Connection,
    /// `sec-websocket-accept` is not what the key asks for.
    Accept,
    /// `sec-websocket-protocol` is not one of those offered.
    Protocol,
    /// `sec-websocket-extensions` has what was not offered.
    Extensions,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked => f.write_str("a reply, but no request waits for a response"),
            Self::Head(error) => write!(f, "the head of a response is malformed: {error}"),
            Self::HeadTooLarge { size_max } => {
                write!(f, "the head of a response has more than {size_max} octets")
            }
            Self::TooManyHeaders { headers_max } => {
                write!(f, "a response has more than {headers_max} headers")
            }
            Self::Framing(error) => {
                write!(f, "the headers leave open where the body ends: {error}")
            }
            Self::BodyTooLarge { size_max } => {
                write!(f, "the body of a response has more than {size_max} octets")
            }
            Self::Chunk => f.write_str("a chunked body is malformed"),
            Self::Cut => f.write_str("the connection ended in the middle of something"),
            Self::Handshake(error) => write!(f, "a 101 does not open the WebSocket: {error}"),
            Self::Frame(error) => write!(f, "a frame is wrong: {error}"),
            Self::BehindClose => f.write_str("something follows a close frame"),
            Self::Overflow => f.write_str("more was received than the client may keep"),
        }
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "it does not begin with HTTP/1.0 or HTTP/1.1",
            Self::Status => "the status is not three digits, or the reason holds control octets",
            Self::HeaderName => "a header name is no token, or no colon follows it",
            Self::HeaderValue => "a header value holds control octets",
            Self::LineEnd => "a line does not end as it must",
        })
    }
}

impl std::error::Error for HeadError {}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a content-length is no decimal number",
            Self::Lengths => "there are several lengths",
            Self::LengthAndEncoding => "there are both content-length and transfer-encoding",
            Self::Encoding => "HTTP/1.0 has no transfer-encoding",
        })
    }
}

impl std::error::Error for FramingError {}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unasked => "nobody asked for it",
            Self::Upgrade => "upgrade is not websocket",
            Self::Connection => "connection does not say upgrade",
            Self::Accept => "sec-websocket-accept does not fit the key",
            Self::Protocol => "sec-websocket-protocol was not offered",
            Self::Extensions => "sec-websocket-extensions was not offered",
        })
    }
}

impl std::error::Error for HandshakeError {}
