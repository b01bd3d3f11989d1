//! What can be wrong with a message: one variant per way.

use std::fmt;

/// Why a message from Mongrel2 could not be read as a [`Request`](super::Request).
///
/// [`Request::head`](super::Request::head) may still say whom it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// It does not start with a sender and a blank.
    Sender,
    /// The second word is no connection id: a decimal number of 64 bits, behind at most one `-`.
    ConnId,
    /// The third word, the path, is empty or not ended by a blank.
    Path,
    /// The headers do not start with a decimal length and `:`.
    HeadersLength,
    /// The message ends before the headers do.
    HeadersCut {
        /// Octets that the headers should have, with the one that tells their dialect.
        expected: usize,
        /// Octets that are there.
        found: usize,
    },
    /// The octet behind the headers is neither `,` (JSON) nor `}` (tnetstring).
    Dialect {
        /// The octet found.
        octet: u8,
    },
    /// The headers claim to be JSON and are not.
    Json(JsonError),
    /// The headers claim to be a tnetstring dictionary and are not.
    Tnetstring(TnetstringError),
    /// The body does not start with a decimal length and `:`.
    BodyLength,
    /// The message ends before the body and its `,` do.
    BodyCut {
        /// Octets that the body should have, with its `,`.
        expected: usize,
        /// Octets that are there.
        found: usize,
    },
    /// The octet behind the body is not `,`.
    BodyEnd {
        /// The octet found.
        octet: u8,
    },
    /// Something follows the body.
    Trailing {
        /// How many octets.
        length: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sender => f.write_str("the message does not start with a sender and a blank"),
            Self::ConnId => f.write_str("the connection id is not a decimal number of 64 bits"),
            Self::Path => f.write_str("the path is empty or not ended by a blank"),
            Self::HeadersLength => {
                f.write_str("the headers do not start with a decimal length and a colon")
            }
            Self::HeadersCut { expected, found } => {
                write!(f, "the headers should have {expected} octets, but only {found} are there")
            }
            Self::Dialect { octet } => write!(
                f,
                "octet {octet:#04x} behind the headers is neither ',' for JSON nor '}}' for a \
                 tnetstring"
            ),
            Self::Json(error) => write!(f, "the headers are not JSON: {error}"),
            Self::Tnetstring(error) => write!(f, "the headers are no tnetstring: {error}"),
            Self::BodyLength => {
                f.write_str("the body does not start with a decimal length and a colon")
            }
            Self::BodyCut { expected, found } => {
                write!(f, "the body should have {expected} octets, but only {found} are there")
            }
            Self::BodyEnd { octet } => {
                write!(f, "octet {octet:#04x} behind the body should be ','")
            }
            Self::Trailing { length } => write!(f, "{length} octets follow the body"),
        }
    }
}

impl std::error::Error for ParseError {}

impl From<JsonError> for ParseError {
    fn from(error: JsonError) -> Self {
        Self::Json(error)
    }
}

impl From<TnetstringError> for ParseError {
    fn from(error: TnetstringError) -> Self {
        Self::Tnetstring(error)
    }
}

/// Why a header block is not the flat JSON that handlers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// It does not start with `{`.
    NoObject,
    /// Where a name should start there is no `"`.
    Name,
    /// No `:` between a name and its value.
    Colon,
    /// A value is no string, list, number, `true`, `false` or `null`.
    Value,
    /// An object, or a list in a list: headers are flat.
    Nested,
    /// No `,` between two members, or between two items of a list.
    Comma,
    /// A string has no end.
    Unterminated,
    /// It ends before the last `}`.
    Cut,
    /// Something other than blanks follows the last `}`.
    Trailing,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoObject => "an object starts with '{'",
            Self::Name => "a name starts with '\"'",
            Self::Colon => "a ':' must stand between a name and its value",
            Self::Value => "a value is no string, list, number, true, false or null",
            Self::Nested => "a value is an object, or a list within a list",
            Self::Comma => "a ',' must stand between two members or items",
            Self::Unterminated => "a string has no end",
            Self::Cut => "it ends before the last '}'",
            Self::Trailing => "something follows the last '}'",
        })
    }
}

impl std::error::Error for JsonError {}

/// Why octets are not the tnetstring that should be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TnetstringError {
    /// An element does not start with a decimal length and `:`.
    Length,
    /// An element is longer than what holds it.
    Cut,
    /// A name is not a string (`,`).
    Name,
    /// A name has no value behind it.
    NoValue,
    /// A value is neither a string (`,`), a list of them (`]`), nor a number or other scalar.
    Value {
        /// The octet that tells its type.
        octet: u8,
    },
}

impl fmt::Display for TnetstringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => f.write_str("an element starts with a decimal length and a colon"),
            Self::Cut => f.write_str("an element is longer than what holds it"),
            Self::Name => f.write_str("a name is not a string"),
            Self::NoValue => f.write_str("a name has no value"),
            Self::Value { octet } => {
                write!(f, "type {octet:#04x} is no string, list of strings, or scalar")
            }
        }
    }
}

impl std::error::Error for TnetstringError {}

/// Why a text is no [`Sender`](super::Sender).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SenderError {
    /// It is empty.
    Empty,
    /// It is longer than [`SENDER_LENGTH_MAX`](super::SENDER_LENGTH_MAX).
    TooLong {
        /// Its octets.
        length: usize,
    },
    /// It holds an octet that Mongrel2 does not accept in replies.
    Octet {
        /// The first such octet.
        octet: u8,
    },
}

impl fmt::Display for SenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a sender has at least one octet"),
            Self::TooLong { length } => {
                write!(f, "a sender has at most 255 octets, this one has {length}")
            }
            Self::Octet { octet } => write!(
                f,
                "Mongrel2 takes replies only under a sender of A-Z, a-z, 0-9 and '-', not with \
                 octet {octet:#04x}: choose another send_ident"
            ),
        }
    }
}

impl std::error::Error for SenderError {}

/// Why Mongrel2 would skip a message instead of taking it as a reply.
///
/// It then also sleeps for up to half a second, with all other replies waiting (seen on Mongrel2
/// 1.12.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyError {
    /// It does not start with a name of `A-Z`, `a-z`, `0-9`, `-` and a blank.
    Sender,
    /// The length of the id list is missing or no decimal number.
    Length,
    /// The id list, or what stands before the body, is not built as it must be.
    Targets,
    /// The id list has another length than the one before it.
    LengthMismatch {
        /// Octets announced.
        expected: u64,
        /// Octets found.
        found: usize,
        /// Whether the list began with `X `: then Mongrel2 swallows the next good message too.
        extended: bool,
    },
    /// There is no id.
    NoTargets,
    /// There are more ids than [`TARGETS_MAX`](super::TARGETS_MAX).
    TooManyTargets {
        /// Whether the list began with `X `: then Mongrel2 swallows the next good message too.
        extended: bool,
    },
}

impl ReplyError {
    /// Whether Mongrel2 also swallows the next good message.
    ///
    /// Seen on Mongrel2 1.12.2 where the list of an extended reply (`X`) had another length than
    /// announced or too many ids.
    #[must_use]
    pub const fn swallows_next(self) -> bool {
        match self {
            Self::LengthMismatch { extended, .. } | Self::TooManyTargets { extended } => extended,
            Self::Sender | Self::Length | Self::Targets | Self::NoTargets => false,
        }
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sender => f.write_str("a reply starts with a sender of A-Z, a-z, 0-9 and '-'"),
            Self::Length => f.write_str("the id list starts with its decimal length and a colon"),
            Self::Targets => f.write_str(
                "the ids are not decimal numbers with one blank between them, then ', '",
            ),
            Self::LengthMismatch { expected, found, .. } => {
                write!(f, "the id list should have {expected} octets, but has {found}")
            }
            Self::NoTargets => f.write_str("a reply names at least one id"),
            Self::TooManyTargets { .. } => f.write_str("a reply names at most 128 ids"),
        }
    }
}

impl std::error::Error for ReplyError {}

/// Why a header was not taken into an [`http::Response`](super::http::Response).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is no token (RFC 9110 5.6.2).
    Name,
    /// The value holds CR, LF or NUL (RFC 9110 5.5).
    Value,
    /// The response writes it itself: `content-length`, `transfer-encoding` and `connection`; in the
    /// answer to a WebSocket's handshake also `upgrade` and what begins with `sec-websocket-`.
    Reserved,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => {
                "a header name is one or more of A-Z a-z 0-9 ! # $ % & ' * + - . ^ _ ` | ~"
            }
            Self::Value => "a header value holds no CR, LF or NUL",
            Self::Reserved => {
                "the response writes this header itself, as it does with all that frames it"
            }
        })
    }
}

impl std::error::Error for HeaderError {}

/// Why a piece was not taken by a [`SizedStream`](super::http::SizedStream): the body would be longer
/// than was announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LengthError {
    /// Octets that are left of the body.
    pub left: u64,
    /// Octets of the piece.
    pub found: usize,
}

impl fmt::Display for LengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { left, found } = self;
        write!(f, "{left} octets are left of the body that was announced; this piece has {found}")
    }
}

impl std::error::Error for LengthError {}
