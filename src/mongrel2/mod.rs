//! The handler protocol of Mongrel2: pure functions between octets and values.
//!
//! Mongrel2 pushes what browsers send to its handlers, one ZeroMQ message each, and takes replies
//! by the same way. This module knows what is inside those messages and nothing of sockets:
//!
//! - [`Request::parse`] reads a message from the server where it lies; [`Kind`] says what it is.
//! - [`encode_response`] writes a reply to up to [`TARGETS_MAX`] connections, [`encode_control`]
//!   one to the server itself about a connection, [`encode_extended`] one to a module of it,
//!   [`http::Response`] what goes to a browser that speaks HTTP.
//! - [`UploadStream`] follows a body that comes in pieces.
//! - [`encode_request`], [`parse_response`] and [`parse_extended`] are the other end: what a
//!   stand-in server and tests need.
//!
//! Everything from the wire is octets: paths, header values and bodies may be anything. Names of
//! headers are compared exactly, because the server's own are upper-case and those of browsers
//! lower-case, and only the first can be trusted.

mod conn_id;
mod control;
mod decimal;
mod encode;
mod error;
mod find;
mod headers;
pub mod http;
mod json;
mod kind;
mod object;
mod plain;
mod request;
mod response;
mod sender;
mod text;
mod tnetstring;
mod upload;

pub use conn_id::ConnId;
pub(crate) use control::{CREDITS_MAX, CTL, control_body, extended_body};
pub use control::{
    Control, Extended, encode_control, encode_extended, encode_extended_head, parse_extended,
};
pub use encode::encode_request;
pub use error::{
    HeaderError, JsonError, LengthError, ParseError, ReplyError, SenderError, TnetstringError,
};
pub use headers::{Dialect, Headers};
pub use kind::Kind;
pub(crate) use object::{Member, members};
pub use request::Request;
pub use response::{Reply, TARGETS_MAX, encode_head, encode_response, parse_response};
pub use sender::{SENDER_LENGTH_MAX, Sender};
pub(crate) use text::put_string;
pub use upload::{UploadError, UploadStream};
