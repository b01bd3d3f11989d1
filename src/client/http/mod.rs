//! HTTP responses out of replies (RFC 9112): any number of them in one reply, or one in many.

mod chunk;
mod head;
mod lines;
mod reader;

pub(super) use reader::{Asked, Reader};
