//! Which WebSockets are taken, and how.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::mongrel2::http::Response;
use crate::mongrel2::{HeaderError, Request, http};
use crate::websocket::handshake;

/// A say in which WebSockets are taken: [`Config::accept`](super::Config::accept). Made by
/// [`Accept::new`] or [`Accept::origins`]; the default takes every well-formed handshake, without a
/// subprotocol.
///
/// ```
/// use mongrel2_transceiver::mongrel2::http::Response;
/// use mongrel2_transceiver::transceiver::{Accept, Config, Opening};
/// let mut config = Config::default();
/// config.accept = Accept::new(|request| {
///     if request.header("cookie").is_none() {
///         return Opening::refuse(Response::text(401, "Log in first.\n"));
///     }
///     Opening::take().protocol(request, &["chat.v2", "chat.v1"])
/// });
/// ```
#[derive(Clone, Default)]
pub struct Accept(Option<Arc<Hook>>);

type Hook = dyn Fn(&Request) -> Opening + Send + Sync;

impl Accept {
    /// Asks `hook` about each handshake that keeps to RFC 6455 4.2.1; others are refused before.
    ///
    /// It is called while the machine works, so it must not wait for anything. What takes longer to
    /// decide is taken first, and closed later.
    #[must_use]
    pub fn new(hook: impl Fn(&Request) -> Opening + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Takes WebSockets from pages of these origins, such as `https://example.com`, and refuses those
    /// of others with a 403 (RFC 6455 10.2). Clients that name no origin are no browsers, could name
    /// any, and are taken.
    #[must_use]
    pub fn origins<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        let origins: Vec<String> = origins.into_iter().map(Into::into).collect();
        Self::new(move |request| {
            let is_known = |origin: &[u8]| {
                origins.iter().any(|known| origin.eq_ignore_ascii_case(known.as_bytes()))
            };
            if request.header_values("origin").all(|origin| is_known(&origin)) {
                Opening::take()
            } else {
                Opening::refuse(Response::text(403, "This page may not connect here.\n"))
            }
        })
    }

    /// What to say to a handshake.
    pub(super) fn ask(&self, request: &Request) -> Opening {
        self.0.as_ref().map_or_else(Opening::take, |hook| hook(request))
    }
}

impl fmt::Debug for Accept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Accept(hook)" } else { "Accept(all)" })
    }
}

/// What is said to the handshake of a WebSocket. Made by the hook of [`Accept::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening(Answer);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Take { protocol: Option<Bytes>, headers: Vec<(Bytes, Bytes)> },
    Refuse(Response),
}

impl Opening {
    /// Takes it.
    #[must_use]
    pub const fn take() -> Self {
        Self(Answer::Take { protocol: None, headers: Vec::new() })
    }

    /// Chooses a subprotocol: the first of `known` that the client offers, or none (RFC 6455 4.2.2).
    #[must_use]
    pub fn protocol(mut self, request: &Request, known: &[&str]) -> Self {
        if let Answer::Take { protocol, .. } = &mut self.0 {
            let chosen = known.iter().find(|name| offers(request, name.as_bytes()));
            *protocol = chosen.map(|name| Bytes::copy_from_slice(name.as_bytes()));
        }
        self
    }

    /// Adds a header to the answer: a cookie, say. A refusal has those of its response alone.
    ///
    /// # Errors
    /// Where `name` is no token, `value` holds CR, LF or NUL, or the handshake writes that header
    /// itself.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, HeaderError> {
        http::check_header(name, value.as_ref())?;
        if handshake::is_reserved(name) {
            return Err(HeaderError::Reserved);
        }
        if let Answer::Take { headers, .. } = &mut self.0 {
            let name = Bytes::copy_from_slice(name.as_bytes());
            headers.push((name, Bytes::copy_from_slice(value.as_ref())));
        }
        Ok(self)
    }

    /// Refuses it with a response, behind which the connection ends. A status that would not be final
    /// (1xx) counts as 500.
    #[must_use]
    pub fn refuse(response: Response) -> Self {
        let response = if response.status() < 200 { Response::new(500) } else { response };
        Self(Answer::Refuse(response.close()))
    }

    /// The octets of the answer, and whether they take the WebSocket.
    ///
    /// What `extensions` agrees upon is said, if anything is.
    pub(super) fn encode(
        &self,
        request: &Request,
        extensions: impl FnOnce() -> Option<Bytes>,
    ) -> (Bytes, bool) {
        match &self.0 {
            Answer::Refuse(response) => (response.encode(request).octets, false),
            Answer::Take { protocol, headers } => {
                let mut head = BytesMut::with_capacity(160);
                let extensions = extensions();
                let agreed = extensions.iter().map(|value| (EXTENSIONS, &value[..]));
                let headers = headers.iter().map(|(name, value)| (&name[..], &value[..]));
                let headers: Vec<(&[u8], &[u8])> = agreed.chain(headers).collect();
                handshake::response_head(&request.body(), protocol.as_deref(), &headers, &mut head);
                (head.freeze(), true)
            }
        }
    }
}

const EXTENSIONS: &[u8] = b"Sec-WebSocket-Extensions";

/// Whether a client offers this subprotocol: the header is a list, and may come several times
/// (RFC 6455 11.3.4).
fn offers(request: &Request, name: &[u8]) -> bool {
    let mut lists = request.header_values("sec-websocket-protocol");
    lists.any(|list| list.split(|octet| *octet == b',').any(|item| item.trim_ascii() == name))
}
