//! Bodies that go out in pieces, behind their head.

use bytes::{BufMut, Bytes, BytesMut};

use crate::mongrel2::error::LengthError;

/// A response in octets, or a part of one; made by [`Response::encode`](super::Response::encode) and its
/// like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// What to send as the body of a reply. Parts may have nothing to send: an empty reply would end the
    /// connection.
    pub octets: Bytes,
    /// Whether the connection must be ended after it: by a reply with an empty body.
    pub close: bool,
}

/// The body of a response that has no known length, in pieces; begun by
/// [`Response::stream`](super::Response::stream).
///
/// Each piece is one reply, or a part of one: what is there at one time belongs together, for Mongrel2
/// holds few replies for a browser. To break off, the connection is ended without
/// [`end`](Self::end): then a client of HTTP/1.1 knows that the rest is missing (RFC 9112 8).
///
/// ```
/// use mongrel2_transceiver::mongrel2::http::Response;
/// # use mongrel2_transceiver::client::{Action, Ask, Client, Limits, Origin, Protocol, Received};
/// # use mongrel2_transceiver::mongrel2::{ConnId, Request, Sender};
/// # let origin = Origin::new(Sender::new("5a0c2e6e")?);
/// # let mut browser = Client::new(Protocol::Http, ConnId(1), origin, Limits::default());
/// # browser.act(Action::Request(Ask::get("/count")))?;
/// # let request = Request::parse(browser.poll_delivery().expect("it asks"))?;
/// let (head, stream) = Response::new(200).stream(&request);
/// let replies = [head.octets, stream.piece(b"one, ").octets, stream.piece(b"two").octets];
/// # for reply in replies { browser.reply(reply, false); }
/// let last = stream.end();
/// assert_eq!((&last.octets[..], last.close), (&b"0\r\n\r\n"[..], false));
/// # browser.reply(last.octets, false);
/// # let Some(Received::Response(response)) = browser.poll_received() else { panic!() };
/// # assert_eq!(response.text(), Some("one, two"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Each piece says how long it is; whether the connection ends behind the last.
    Chunked { closes: bool },
    /// The end of the connection is the end of the body.
    UntilEnd,
    /// There is no body: the head was all.
    Nothing,
}

impl Stream {
    pub(super) const fn chunked(closes: bool) -> Self {
        Self { mode: Mode::Chunked { closes } }
    }

    pub(super) const fn until_end() -> Self {
        Self { mode: Mode::UntilEnd }
    }

    pub(super) const fn without_body() -> Self {
        Self { mode: Mode::Nothing }
    }

    /// Whether there is a body at all. The answers to HEAD, and some statuses, have none: then pieces
    /// may be left out, for they write nothing.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        !matches!(self.mode, Mode::Nothing)
    }

    /// The next piece of the body. An empty one writes nothing: an empty chunk would be the last.
    #[must_use]
    pub fn piece(&self, octets: &[u8]) -> Encoded {
        let mut out = BytesMut::with_capacity(octets.len() + CHUNK_EXTRA_MAX);
        self.put(octets, &mut out);
        Encoded { octets: out.freeze(), close: false }
    }

    pub(super) fn put(&self, octets: &[u8], out: &mut BytesMut) {
        match self.mode {
            Mode::Chunked { .. } if !octets.is_empty() => {
                out.put_slice(format!("{:x}\r\n", octets.len()).as_bytes());
                out.put_slice(octets);
                out.put_slice(b"\r\n");
            }
            Mode::UntilEnd => out.put_slice(octets),
            Mode::Chunked { .. } | Mode::Nothing => {}
        }
    }

    /// The end of the body, and of the connection where it is due.
    #[must_use]
    pub fn end(self) -> Encoded {
        match self.mode {
            Mode::Chunked { closes } => {
                Encoded { octets: Bytes::from_static(LAST_CHUNK), close: closes }
            }
            Mode::UntilEnd => Encoded { octets: Bytes::new(), close: true },
            Mode::Nothing => Encoded { octets: Bytes::new(), close: false },
        }
    }
}

/// The body of a response whose length was announced, in pieces; begun by
/// [`Response::sized`](super::Response::sized). The piece that completes it ends the connection where
/// that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizedStream {
    left: u64,
    has_body: bool,
    closes: bool,
}

impl SizedStream {
    pub(super) const fn new(length: u64, has_body: bool, closes: bool) -> Self {
        Self { left: length, has_body, closes }
    }

    /// Octets that are still to come.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Whether there is a body at all: see [`Stream::has_body`]. Pieces count, but write nothing where
    /// there is none.
    #[must_use]
    pub const fn has_body(&self) -> bool {
        self.has_body
    }

    /// The next piece of the body. Nothing is copied.
    ///
    /// # Errors
    /// Where it is longer than what is left: then nothing has changed.
    pub fn piece(&mut self, octets: impl Into<Bytes>) -> Result<Encoded, LengthError> {
        let octets = octets.into();
        let error = LengthError { left: self.left, found: octets.len() };
        self.left = self.left.checked_sub(octets.len() as u64).ok_or(error)?;
        let octets = if self.has_body { octets } else { Bytes::new() };
        Ok(Encoded { octets, close: self.has_body && self.left == 0 && self.closes })
    }

    /// The end of what there is. Where octets are missing it ends the connection, by which the client
    /// knows (RFC 9112 8); else there is nothing left to do.
    #[must_use]
    pub fn end(self) -> Encoded {
        Encoded { octets: Bytes::new(), close: self.has_body && self.left > 0 }
    }
}

/// RFC 9112 7.1, without trailers.
const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// What a chunk has besides its octets: at most 16 digits, and two line ends.
const CHUNK_EXTRA_MAX: usize = 20;

#[cfg(test)]
mod tests;
