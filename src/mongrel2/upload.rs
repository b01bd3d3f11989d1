//! Uploads that come in pieces.

use std::fmt;

use bytes::Bytes;

use super::conn_id::ConnId;
use super::kind::Kind;
use super::request::Request;

/// The body of an upload that a server with `upload.stream` hands over in pieces: whether they are in
/// order, and when they are all there.
///
/// The first piece is a request with all its headers ([`Kind::StreamFirst`]) and holds what had come
/// with them; the others ([`Kind::StreamPiece`]) hold nothing but octets. Behind the first, Mongrel2
/// hands over no more than it is granted: with [`Command::Grant`](crate::transceiver::Command::Grant),
/// say. A connection has one upload at a time (seen on Mongrel2 1.12.2).
///
/// ```
/// use mongrel2_transceiver::mongrel2::{Request, UploadStream};
/// # let head = r#"{"METHOD":"POST","UPLOAD_STREAM":"0","PATH":"/","PATTERN":"/","URL_SCHEME":"http","REMOTE_ADDR":"::1","VERSION":"HTTP/1.1"}"#;
/// # let first = Request::parse(format!("s 1 / {}:{head},3:abc,", head.len()).into())?;
/// # let more = Request::parse(r#"s 1 / 46:{"UPLOAD_STREAM":"3","UPLOAD_STREAM_DONE":"1"},2:de,"#.into())?;
/// let mut upload = UploadStream::begin(&first).expect("the first piece of an upload");
/// let mut body = first.body().to_vec();
/// body.extend(upload.take(&more)?);
/// assert!(upload.is_done() && body == b"abcde");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadStream {
    conn_id: ConnId,
    received: u64,
    is_done: bool,
}

impl UploadStream {
    /// Begins with the first piece; `None` where this is none.
    #[must_use]
    pub fn begin(first: &Request) -> Option<Self> {
        (first.kind() == Kind::StreamFirst).then(|| Self {
            conn_id: first.conn_id(),
            received: first.body_len() as u64,
            is_done: false,
        })
    }

    /// Takes the next piece: its octets.
    ///
    /// # Errors
    /// Where it is none, or not the next one of this upload. Then nothing has changed, and something is
    /// wrong that cannot be mended: several handlers on one `send_spec`, say, of which each gets some of
    /// the pieces.
    pub fn take(&mut self, piece: &Request) -> Result<Bytes, UploadError> {
        let Kind::StreamPiece { offset, done } = piece.kind() else {
            return Err(UploadError::NoPiece);
        };
        if piece.conn_id() != self.conn_id {
            return Err(UploadError::Stranger);
        }
        if self.is_done {
            return Err(UploadError::Done);
        }
        if offset != self.received {
            return Err(UploadError::Gap { expected: self.received, found: offset });
        }
        self.received += piece.body_len() as u64;
        self.is_done = done;
        Ok(piece.body())
    }

    /// Octets of the body so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Whether the last piece was taken.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_done
    }
}

/// Why a message was not taken by an [`UploadStream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadError {
    /// It is no piece of an upload.
    NoPiece,
    /// It is of another connection.
    Stranger,
    /// The last piece was taken already.
    Done,
    /// It does not begin where the last one ended.
    Gap {
        /// Where it should begin.
        expected: u64,
        /// Where it begins.
        found: u64,
    },
}

impl fmt::Display for UploadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPiece => f.write_str("this is no piece of an upload"),
            Self::Stranger => f.write_str("this piece is of another connection"),
            Self::Done => f.write_str("the last piece of this upload has come before"),
            Self::Gap { expected, found } => {
                write!(f, "this piece begins at octet {found} of the body, not at {expected}")
            }
        }
    }
}

impl std::error::Error for UploadError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(conn_id: i64, headers: &str, body: &str) -> Request {
        let (headers_len, body_len) = (headers.len(), body.len());
        let raw = format!("s {conn_id} /up {headers_len}:{headers},{body_len}:{body},");
        Request::parse(raw.into()).unwrap()
    }

    fn first(body: &str) -> Request {
        let browser = r#""PATH":"/","PATTERN":"/","URL_SCHEME":"http","REMOTE_ADDR":"::1""#;
        message(1, &format!(r#"{{"METHOD":"POST","UPLOAD_STREAM":"0",{browser}}}"#), body)
    }

    fn piece(conn_id: i64, offset: u64, body: &str) -> Request {
        message(conn_id, &format!(r#"{{"UPLOAD_STREAM":"{offset}"}}"#), body)
    }

    fn last(offset: u64, body: &str) -> Request {
        let done = r#""UPLOAD_STREAM_DONE":"1""#;
        message(1, &format!(r#"{{"UPLOAD_STREAM":"{offset}",{done}}}"#), body)
    }

    #[test]
    fn pieces_in_order_make_a_body() {
        let mut upload = UploadStream::begin(&first("ab")).unwrap();
        assert_eq!(upload.take(&piece(1, 2, "cde")).unwrap(), "cde");
        assert!(!upload.is_done() && upload.received() == 5);
        assert_eq!(upload.take(&last(5, "")).unwrap(), "");
        assert!(upload.is_done() && upload.received() == 5);
        assert_eq!(upload.take(&last(5, "")), Err(UploadError::Done));
    }

    #[test]
    fn what_is_not_the_next_piece_changes_nothing() {
        assert_eq!(UploadStream::begin(&piece(1, 0, "")), None);
        let mut upload = UploadStream::begin(&first("")).unwrap();
        let before = upload;
        assert_eq!(upload.take(&first("")), Err(UploadError::NoPiece));
        assert_eq!(upload.take(&piece(2, 0, "x")), Err(UploadError::Stranger));
        let gap = UploadError::Gap { expected: 0, found: 1 };
        assert_eq!(upload.take(&piece(1, 1, "x")), Err(gap));
        assert_eq!(upload, before);
    }
}
