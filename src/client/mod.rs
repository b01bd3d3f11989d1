//! A pretended browser behind Mongrel2, for tests: [`Client`].
//!
//! A client is one connection of a browser, together with what Mongrel2 does about it. What it says
//! becomes the messages that Mongrel2 would hand to a handler, header by header; what a handler
//! replies is read as a browser would read it. There is no I/O in it and no time, so it serves
//! tests that play Mongrel2 by hand and the stand-in [`server`](crate::server) alike.
//!
//! Tests of handlers do not need it by itself: the module `testing` of each adapter has a `Client` that
//! runs one, with methods such as `get`, `open`, `send` and `receive`. What it says and gets is made of
//! [`Ask`], [`Action`], [`Received`] and [`Response`] all the same.
//!
//! ```
//! use mongrel2_transceiver::client::{Ask, Action, Client, Limits, Origin, Protocol, Received};
//! use mongrel2_transceiver::mongrel2::{ConnId, Request, Sender};
//!
//! let origin = Origin::new(Sender::new("5a0c2e6e")?);
//! let mut browser = Client::new(Protocol::Http, ConnId(1), origin, Limits::default());
//! browser.act(Action::Request(Ask::get("/hello?to=you")))?;
//!
//! // What the handler gets.
//! let request = Request::parse(browser.poll_delivery().expect("it asks"))?;
//! assert_eq!(request.path(), b"/hello");
//! assert_eq!(request.header("QUERY").as_deref(), Some(&b"to=you"[..]));
//!
//! // What it answers, in two replies, and what the browser makes of them.
//! browser.reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel".into(), false);
//! assert_eq!(browser.poll_received(), None);
//! browser.reply("lo".into(), false);
//! let Some(Received::Response(response)) = browser.poll_received() else { panic!() };
//! assert_eq!((response.status, response.text()), (200, Some("hello")));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Over a WebSocket it checks the handshake, reads messages, and answers pings and closes unless
//! it is told not to:
//!
//! ```
//! use mongrel2_transceiver::client::{Ask, Action, Client, Limits, Origin, Protocol, Received};
//! use mongrel2_transceiver::mongrel2::{ConnId, Request, Sender};
//! use mongrel2_transceiver::websocket::{Message, handshake};
//!
//! let origin = Origin::new(Sender::new("5a0c2e6e")?);
//! let mut browser = Client::new(Protocol::WebSocket, ConnId(2), origin, Limits::default());
//! browser.act(Action::Handshake(Ask::get("/chat")))?;
//! let request = Request::parse(browser.poll_delivery().expect("it asks"))?;
//! assert_eq!(request.method(), b"WEBSOCKET_HANDSHAKE");
//!
//! let mut accepted = bytes::BytesMut::new();
//! handshake::response_head(&request.body(), None, &[], &mut accepted);
//! browser.reply(accepted.freeze(), false);
//! assert!(matches!(browser.poll_received(), Some(Received::Response(r)) if r.status == 101));
//!
//! browser.act(Action::Send(Message::from("hello")))?;
//! let request = Request::parse(browser.poll_delivery().expect("it says something"))?;
//! assert_eq!((request.method(), &request.body()[..]), (&b"WEBSOCKET"[..], &b"hello"[..]));
//!
//! browser.reply("\u{1}\u{2}hi".into(), false); // A fragment, of which more may come,
//! browser.reply(bytes::Bytes::from_static(b"\x80\x01!"), false); // and the last.
//! assert_eq!(browser.poll_received(), Some(Received::Message(Message::from("hi!"))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What Mongrel2 does not do for a client here: uploads and streams (bodies above its
//! `limits.content_length`, and chunked ones), credits, its own `100 Continue`, base64 for jssocket
//! replies, and the end of a browser for which more than 16 replies wait.

mod action;
mod ask;
mod browser;
mod check;
mod error;
mod frames;
mod handshake;
mod http;
mod inbox;
mod limits;
mod origin;
mod protocol;
mod received;
mod request;
mod violation;

pub use action::Action;
pub use ask::Ask;
pub use browser::Client;
pub use error::{ActError, Part};
pub use limits::Limits;
pub use origin::Origin;
pub use protocol::{Protocol, UnknownProtocol};
pub use received::{Received, Response};
pub use violation::{FramingError, HandshakeError, HeadError, Violation};
