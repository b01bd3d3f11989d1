//! What servers say to a handler's control socket, and what they hear there: pure functions between
//! octets and values.
//!
//! A handler may be told by its configuration which servers to serve; or a server, such as the
//! stand-in of a test, introduces itself. It sends an [`Order`] over REQ to the control socket of the
//! handler (REP), and gets an [`Answer`]. The wire format is that of the Python package
//! `mongrel2-transceiver` 0.3.0, so that either side may be either program:
//!
//! | order | message | answer |
//! |---|---|---|
//! | [`Alive`](Order::Alive) | `PING`, in any case | `PONG` |
//! | [`Add`](Order::Add) | a request for `/__add_connection__`, `METHOD` `JSON`, body `{"push": [host, port], "sub": [host, port]}` | `RECEIVED` |
//! | [`Remove`](Order::Remove) | a request for `/__remove_connection__`, `METHOD` `JSON`, body `{}` | `RECEIVED` |
//! | [`Ping`](Order::Ping) | a request for `/__ping__`, `METHOD` `MONGREL2`, `QUERY` `text=VALUE` | `RECEIVED`, and a [`Proof`] with VALUE |
//! | [`DisconnectPing`](Order::DisconnectPing) | a request for `/__disconnect_ping__`, `METHOD` `MONGREL2`, `QUERY` `text=VALUE` or none | `RECEIVED`, and nothing else once the server is removed |
//!
//! A request is one as Mongrel2 writes it ([`encode_request`](crate::mongrel2::encode_request)), with
//! the name of the server as its sender and the connection id -1. In place of `[host, port]` may
//! stand an endpoint: `"tcp://127.0.0.1:9999"` or `"ipc://run/push"`. Whatever cannot be obeyed is
//! answered with `ERROR` and why.
//!
//! Browsers can ask Mongrel2 for the same paths. That is no order, for it does not come over the
//! control socket; and [`Order::parse`] refuses what bears the marks of a browser's request, in case
//! something should forward it there.

mod address;
mod answer;
mod error;
mod limits;
mod order;
mod proof;
mod query;

pub use answer::Answer;
pub use error::OrderError;
pub use limits::{ORDER_LENGTH_MAX, TEXT_LENGTH_MAX};
pub use order::Order;
pub use proof::Proof;

/// Where handlers listen for orders, unless told otherwise.
pub const CONTROL_PORT: u16 = 9997;
