//! What can be wrong with an order: one variant per way. The texts go back to who sent it.

use std::fmt;

use crate::endpoint::EndpointError;
use crate::mongrel2::{JsonError, ParseError, SenderError};

use super::limits::{ORDER_LENGTH_MAX, TEXT_LENGTH_MAX};

/// Why a message is no [`Order`](super::Order).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrderError {
    /// It is longer than [`ORDER_LENGTH_MAX`](super::ORDER_LENGTH_MAX).
    TooLong {
        /// Its octets.
        length: usize,
    },
    /// It is neither `PING` nor a request.
    Message(ParseError),
    /// Its connection id is not -1.
    ConnId,
    /// It bears the marks of what Mongrel2 sends: it is a browser's request, or a notice.
    Forwarded,
    /// Its sender is no name for a server.
    Sender(SenderError),
    /// Its path is none of those known.
    Path,
    /// Its `METHOD` is another than its path asks for.
    Method {
        /// The right one.
        expected: &'static str,
    },
    /// Its body is no flat JSON object.
    Body(JsonError),
    /// Its body lacks a member.
    Missing {
        /// `push` or `sub`.
        member: &'static str,
    },
    /// Its body has a member twice.
    Twice {
        /// `push` or `sub`.
        member: &'static str,
    },
    /// A member of its body is neither a list of a host and a port nor a text.
    Address {
        /// `push` or `sub`.
        member: &'static str,
    },
    /// A member of its body gives no endpoint.
    Endpoint {
        /// `push` or `sub`.
        member: &'static str,
        /// Why not.
        error: EndpointError,
    },
    /// A member of its body gives an endpoint that can only be bound.
    Wildcard {
        /// `push` or `sub`.
        member: &'static str,
    },
    /// There is no `text=VALUE` in its `QUERY`, or no VALUE behind it.
    NoText,
    /// A `%` in the VALUE is not followed by two hexadecimal digits.
    Escape,
    /// The VALUE is longer than [`TEXT_LENGTH_MAX`](super::TEXT_LENGTH_MAX).
    TextTooLong {
        /// Its octets.
        length: usize,
    },
}

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { length } => {
                write!(f, "it has {length} octets: send at most {ORDER_LENGTH_MAX}")
            }
            Self::Message(error) => write!(
                f,
                "not understood: send PING, or a request as Mongrel2 writes it; as such, {error}"
            ),
            Self::ConnId => f.write_str("orders have the connection id -1: send that"),
            Self::Forwarded => f.write_str(
                "it bears the marks of a browser's request or of a notice, which are no orders: \
                 send METHOD, and QUERY for a ping, and no other header",
            ),
            Self::Sender(error) => write!(f, "name the server by its sender id: {error}"),
            Self::Path => f.write_str(
                "the path is not known: send /__add_connection__, /__remove_connection__, \
                 /__ping__ or /__disconnect_ping__",
            ),
            Self::Method { expected } => {
                write!(f, "the METHOD does not fit the path: send {expected}")
            }
            Self::Body(error) => {
                write!(f, "the body is not the JSON object that it should be: {error}")
            }
            Self::Missing { member } => {
                write!(
                    f,
                    "the body lacks {member}: send {{\"push\": [host, port], \"sub\": [host, port]}}"
                )
            }
            Self::Twice { member } => write!(f, "the body has {member} twice: send it once"),
            Self::Address { member } => {
                write!(f, "{member} is no address: send [host, port], or an endpoint as a string")
            }
            Self::Endpoint { member, error } => write!(f, "{member} is no endpoint: {error}"),
            Self::Wildcard { member } => write!(
                f,
                "{member} has the host * or the port 0: send the address at which this handler \
                 reaches the server"
            ),
            Self::NoText => f.write_str("there is no text: send the header QUERY with text=VALUE"),
            Self::Escape => f.write_str(
                "a % in the text is not followed by two hexadecimal digits: send %25 for a %",
            ),
            Self::TextTooLong { length } => {
                write!(f, "the text has {length} octets: send at most {TEXT_LENGTH_MAX}")
            }
        }
    }
}

impl std::error::Error for OrderError {}
