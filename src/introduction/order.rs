//! What a server may ask of a handler.

use bytes::{Bytes, BytesMut};

use crate::endpoint::Endpoint;
use crate::mongrel2::{ConnId, Dialect, Kind, Request, Sender, encode_request, members};

use super::error::OrderError;
use super::limits::ORDER_LENGTH_MAX;
use super::{address, query};

/// One message to a handler's control socket: see the [module](super) for their forms.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Say that you live.
    Alive,
    /// Serve this server.
    Add {
        /// Its name.
        sender: Sender,
        /// Where its PUSH socket is bound, and the handler pulls requests from.
        send_spec: Endpoint,
        /// Where its SUB socket is bound, and the handler publishes replies to.
        recv_spec: Endpoint,
    },
    /// Serve this server no longer.
    Remove {
        /// Its name.
        sender: Sender,
    },
    /// Publish a text to this server, to prove the way to it.
    Ping {
        /// Its name.
        sender: Sender,
        /// What to publish: 1 to [`TEXT_LENGTH_MAX`](super::TEXT_LENGTH_MAX) octets.
        text: Bytes,
    },
    /// Publish a text to this server if it is still served, to prove that it no longer is.
    DisconnectPing {
        /// Its name.
        sender: Sender,
        /// What to publish: 1 to [`TEXT_LENGTH_MAX`](super::TEXT_LENGTH_MAX) octets.
        text: Bytes,
    },
}

impl Order {
    /// Reads one message.
    ///
    /// # Errors
    /// Says what is wrong with it, in words that tell its sender what to send instead.
    pub fn parse(raw: Bytes) -> Result<Self, OrderError> {
        if raw.len() > ORDER_LENGTH_MAX {
            return Err(OrderError::TooLong { length: raw.len() });
        }
        if raw.eq_ignore_ascii_case(ALIVE) {
            return Ok(Self::Alive);
        }
        let request = Request::parse(raw).map_err(OrderError::Message)?;
        if request.conn_id() != ConnId::NONE {
            return Err(OrderError::ConnId);
        }
        if request.kind() != Kind::Control {
            return Err(OrderError::Forwarded);
        }
        // A copy: the name outlives the message.
        let sender = Bytes::copy_from_slice(request.sender());
        let sender = Sender::new(sender).map_err(OrderError::Sender)?;
        match request.path() {
            ADD => {
                expect_method(&request, JSON)?;
                let (send_spec, recv_spec) = address::parse(&request.body())?;
                Ok(Self::Add { sender, send_spec, recv_spec })
            }
            REMOVE => {
                expect_method(&request, JSON)?;
                members(&request.body())
                    .try_for_each(|member| member.map(drop))
                    .map_err(OrderError::Body)?;
                Ok(Self::Remove { sender })
            }
            PING => {
                expect_method(&request, MONGREL2)?;
                let text = text(&request)?.ok_or(OrderError::NoText)?;
                Ok(Self::Ping { sender, text })
            }
            DISCONNECT_PING => {
                expect_method(&request, MONGREL2)?;
                let text = text(&request)?.unwrap_or(Bytes::from_static(DISCONNECT_TEXT));
                Ok(Self::DisconnectPing { sender, text })
            }
            _ => Err(OrderError::Path),
        }
    }

    /// Writes what [`parse`](Self::parse) reads. It refuses endpoints with a host `*` or a port 0, and
    /// texts that are empty or too long.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Alive => Bytes::from_static(ALIVE),
            Self::Add { sender, send_spec, recv_spec } => {
                request(sender, ADD, JSON, None, &address::encode(send_spec, recv_spec))
            }
            Self::Remove { sender } => request(sender, REMOVE, JSON, None, b"{}"),
            Self::Ping { sender, text } => {
                request(sender, PING, MONGREL2, Some(&query::encode(text)), b"")
            }
            Self::DisconnectPing { sender, text } => {
                request(sender, DISCONNECT_PING, MONGREL2, Some(&query::encode(text)), b"")
            }
        }
    }

    /// The server that it is about; none for [`Alive`](Self::Alive).
    #[must_use]
    pub const fn sender(&self) -> Option<&Sender> {
        match self {
            Self::Alive => None,
            Self::Add { sender, .. }
            | Self::Remove { sender }
            | Self::Ping { sender, .. }
            | Self::DisconnectPing { sender, .. } => Some(sender),
        }
    }
}

fn expect_method(request: &Request, expected: &'static str) -> Result<(), OrderError> {
    if request.method() == expected.as_bytes() {
        return Ok(());
    }
    Err(OrderError::Method { expected })
}

fn text(request: &Request) -> Result<Option<Bytes>, OrderError> {
    request.header("QUERY").map_or(Ok(None), |query| query::text(&query))
}

fn request(sender: &Sender, path: &[u8], method: &str, query: Option<&[u8]>, body: &[u8]) -> Bytes {
    let method: &[&[u8]] = &[method.as_bytes()];
    let query = query.map(|query| [query]);
    let mut headers: Vec<(&[u8], &[&[u8]])> = vec![(b"METHOD", method)];
    headers.extend(query.as_ref().map(|query| (&b"QUERY"[..], &query[..])));
    let mut out = BytesMut::new();
    let name = sender.as_bytes();
    encode_request(name, ConnId::NONE, path, &headers, Dialect::Json, body, &mut out);
    out.freeze()
}

const ALIVE: &[u8] = b"PING";
const ADD: &[u8] = b"/__add_connection__";
const REMOVE: &[u8] = b"/__remove_connection__";
const PING: &[u8] = b"/__ping__";
const DISCONNECT_PING: &[u8] = b"/__disconnect_ping__";
const JSON: &str = "JSON";
const MONGREL2: &str = "MONGREL2";
const DISCONNECT_TEXT: &[u8] = b"disconnect_ping";

#[cfg(test)]
mod tests;
