//! What a pretended browser gets.

use bytes::Bytes;

use super::violation::Violation;
use crate::mongrel2::Control;
use crate::websocket::{Close, Message};

/// What a browser has got; from [`Client::poll_received`](super::Client::poll_received).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A reply as it is, to a client that speaks [`Protocol::Mongrel2`](super::Protocol::Mongrel2).
    Raw(Bytes),
    /// What Mongrel2 itself is asked to do with the connection, to a client that speaks
    /// [`Protocol::Mongrel2`](super::Protocol::Mongrel2): so a test sees that a connection is held, or
    /// that credits are granted, which no browser does. The same again is received once until it is
    /// taken.
    Controls(Vec<Control>),
    /// A response. The one to an opening handshake has the status 101 where the WebSocket is open
    /// now, everything checked (RFC 6455 4.1); any other status refuses it.
    Response(Response),
    /// A message over the WebSocket.
    Message(Message),
    /// A ping, which has been answered unless
    /// [`AnswerPings`](super::Action::AnswerPings) says otherwise.
    Ping(Bytes),
    /// A pong, with the payload of our ping or any other.
    Pong(Bytes),
    /// A close frame. It has been answered where it was not itself the answer, unless
    /// [`AnswerCloses`](super::Action::AnswerCloses) says otherwise. The handler is to end the
    /// connection now.
    Close(Close),
    /// The connection has ended, and not by the browser: the handler ended it, or Mongrel2 did, as
    /// it does after a frame that it does not take. The last that is received.
    Ended,
    /// The handler broke HTTP, RFC 6455 or a limit. The browser has left, as browsers do, with a
    /// notice to the handler, unless the handler ended the connection itself
    /// ([`Violation::Cut`]). The last that is received.
    Violation(Violation),
}

impl Received {
    /// How many octets it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Raw(octets) | Self::Ping(octets) | Self::Pong(octets) => octets.len(),
            Self::Response(response) => response.size(),
            Self::Message(message) => message.len(),
            Self::Controls(controls) => size_of_val(&controls[..]),
            Self::Close(close) => close.reason.len(),
            Self::Ended | Self::Violation(_) => 0,
        }
    }
}

/// An HTTP response (RFC 9112), with its body whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Response {
    /// The status code, from 100 to 999.
    pub status: u16,
    /// What stands behind it, for people; perhaps nothing.
    pub reason: Bytes,
    /// Names as they were written and values without blanks around them, in their order.
    pub headers: Vec<(Bytes, Bytes)>,
    /// The body, without what chunks add to it. A response to HEAD, and one with a status of 1xx,
    /// 204 or 304, has none.
    pub body: Bytes,
    /// What stood behind a chunked body, like headers.
    pub trailers: Vec<(Bytes, Bytes)>,
}

impl Response {
    /// The first value of a header; names are compared without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.header_values(name).next()
    }

    /// All values of a header; names are compared without regard to case.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &Bytes> {
        let is_wanted = move |found: &Bytes| found.eq_ignore_ascii_case(name.as_bytes());
        self.headers.iter().filter(move |(found, _)| is_wanted(found)).map(|(_, value)| value)
    }

    /// The body as text; `None` where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }

    fn size(&self) -> usize {
        let fields = self.headers.iter().chain(&self.trailers);
        let fields: usize = fields.map(|(name, value)| name.len() + value.len()).sum();
        self.reason.len() + fields + self.body.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case() {
        let pair = |name: &'static str, value: &'static str| (name.into(), value.into());
        let headers = vec![pair("Set-Cookie", "a"), pair("x", "y"), pair("set-cookie", "b")];
        let response = Response { headers, body: "hi".into(), ..Response::default() };
        assert_eq!(response.header("SET-COOKIE"), Some(&Bytes::from("a")));
        assert_eq!(response.header_values("set-cookie").count(), 2);
        assert_eq!(response.header("set"), None);
        assert_eq!(response.text(), Some("hi"));
        assert_eq!(Received::Response(response).size(), 26);
    }
}
