//! What a pretended browser does.

use bytes::Bytes;

use super::ask::Ask;
use crate::websocket::{Close, Message};

/// What a browser, or another program, is to do; for [`Client::act`](super::Client::act).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// A request over HTTP. Several may go out before the first is answered.
    Request(Ask),
    /// An opening handshake (RFC 6455 4.1). The headers that it takes are put behind those of the
    /// [`Ask`], but for those that it has. Only the first request of a connection can be one.
    Handshake(Ask),
    /// A message, once the WebSocket is open.
    Send(Message),
    /// A ping, once the WebSocket is open.
    Ping(Bytes),
    /// A pong, once the WebSocket is open.
    Pong(Bytes),
    /// A close frame, once the WebSocket is open: the last that the browser says. One that may not
    /// be sent ([`Close::new`]) goes out as a [`Frame`](Self::Frame).
    Close(Close),
    /// A frame as it is, right or wrong, at any time after the handshake request. Mongrel2 joins
    /// fragments, and ends the connection where their order is wrong or a control frame is
    /// fragmented or too long; all else it hands over (seen on Mongrel2 1.12.2).
    Frame {
        /// FIN, three reserved bits, opcode (RFC 6455 5.2).
        first: u8,
        /// What the browser masks and Mongrel2 unmasks.
        payload: Bytes,
    },
    /// A jssocket message, from a client that speaks
    /// [`Protocol::Mongrel2`](super::Protocol::Mongrel2). The real server writes replies to it in
    /// base64; here they stay as they are.
    Json {
        /// Begins with `@`.
        path: Bytes,
        /// Begins with `{` and ends with `}`; need not be JSON otherwise.
        body: Bytes,
    },
    /// An XML socket message, from a client that speaks
    /// [`Protocol::Mongrel2`](super::Protocol::Mongrel2); its path is the name of the element.
    Xml {
        /// Begins with `<` and a name, and ends with `>`; need not be XML otherwise.
        body: Bytes,
    },
    /// A message of another program that speaks as Mongrel2 does, from a client that speaks
    /// [`Protocol::Mongrel2`](super::Protocol::Mongrel2). It has the headers that are here and no others,
    /// and by them a handler tells its [`Kind`](crate::mongrel2::Kind): it is a request over HTTP only
    /// with all the marks of [`Kind::Http`](crate::mongrel2::Kind::Http), which
    /// [`Request`](Self::Request) puts in.
    Mongrel2 {
        /// Not empty, and without blanks.
        path: Bytes,
        /// All headers, in this order; values of one name are put together. `METHOD` is `MONGREL2`
        /// unless it is here.
        headers: Vec<(Bytes, Bytes)>,
        /// Any octets.
        body: Bytes,
    },
    /// Octets to the handler as they are, whatever they are; also after the end.
    Garbage(Bytes),
    /// Leave without a word: Mongrel2 tells the handler with a notice, if the handler knows the
    /// connection at all.
    Vanish,
    /// Whether pings are answered; they are unless told otherwise. To a handler, a browser that does
    /// not answer them reads nothing: it is the slow one, and then the silent one. Pings that came
    /// meanwhile are not answered later: to see what a handler says to the slow one at last, answer the
    /// newest of [`Received::Ping`](super::Received::Ping) by an [`Action::Pong`].
    AnswerPings(bool),
    /// Whether close frames are answered; they are unless told otherwise.
    AnswerCloses(bool),
}
