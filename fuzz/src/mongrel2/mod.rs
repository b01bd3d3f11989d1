//! The handler protocol: requests, their headers in both dialects, replies.

mod json;
mod reply;
mod request;

pub use json::headers_json;
pub use reply::{control_reply, response};
pub use request::{mongrel2_request, tnetstring};
