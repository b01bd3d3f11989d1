//! Plain HTTP replies: the whole response, for Mongrel2 adds nothing to it.
//!
//! Mongrel2 writes a reply to the browser as it is and looks at nothing in it, nor does it ever
//! close by itself (seen on Mongrel2 1.12.2). So the status line, the length, what HEAD and 304
//! leave out, and the end of the connection are all up to the handler: [`Response`] does them. A body
//! that is not there at once goes in pieces, by a [`Stream`] or a [`SizedStream`]; one of events that
//! a page listens to is made of [`sse::Event`]s.

mod connection;
mod response;
pub mod sse;
mod status;
mod stream;

pub use response::Response;
pub(crate) use response::{check_header, refusal};
pub use status::reason_phrase;
pub use stream::{Encoded, SizedStream, Stream};
