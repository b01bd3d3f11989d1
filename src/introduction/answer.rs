//! What a handler's control socket answers.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

/// The answer to one [`Order`](super::Order).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// `RECEIVED`: the order is obeyed.
    Received,
    /// `PONG`: the handler lives.
    Pong,
    /// `ERROR` and why: the order is not obeyed, and has changed nothing.
    Error(Bytes),
    /// Anything else. No handler of ours says it.
    Other(Bytes),
}

impl Answer {
    /// The order is not obeyed, for this reason.
    #[must_use]
    pub fn error(why: impl fmt::Display) -> Self {
        Self::Error(why.to_string().into())
    }

    /// Reads one message. Words may come in any case, as the Python package takes them.
    #[must_use]
    pub fn parse(raw: Bytes) -> Self {
        if raw.eq_ignore_ascii_case(RECEIVED) {
            return Self::Received;
        }
        if raw.eq_ignore_ascii_case(PONG) {
            return Self::Pong;
        }
        match raw.split_at_checked(ERROR.len()) {
            Some((word, b"")) if word.eq_ignore_ascii_case(ERROR) => Self::Error(Bytes::new()),
            Some((word, [b' ', ..])) if word.eq_ignore_ascii_case(ERROR) => {
                Self::Error(raw.slice(ERROR.len() + 1..))
            }
            _ => Self::Other(raw),
        }
    }

    /// Writes what [`parse`](Self::parse) reads.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Received => Bytes::from_static(RECEIVED),
            Self::Pong => Bytes::from_static(PONG),
            Self::Error(why) => {
                let mut out = BytesMut::from(ERROR);
                out.put_u8(b' ');
                out.put_slice(why);
                out.freeze()
            }
            Self::Other(raw) => raw.clone(),
        }
    }
}

const RECEIVED: &[u8] = b"RECEIVED";
const PONG: &[u8] = b"PONG";
const ERROR: &[u8] = b"ERROR";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read() {
        for (answer, text) in [
            (Answer::Received, "RECEIVED"),
            (Answer::Pong, "PONG"),
            (Answer::error("no such server"), "ERROR no such server"),
            (Answer::Error(Bytes::new()), "ERROR "),
            (Answer::Other("".into()), ""),
            (Answer::Other("NO".into()), "NO"),
        ] {
            assert_eq!(answer.encode(), text);
            assert_eq!(Answer::parse(text.into()), answer);
        }
    }

    #[test]
    fn words_come_in_any_case_and_alone() {
        assert_eq!(Answer::parse("received".into()), Answer::Received);
        assert_eq!(Answer::parse("Pong".into()), Answer::Pong);
        assert_eq!(Answer::parse("error x  y".into()), Answer::Error("x  y".into()));
        assert_eq!(Answer::parse("ERROR".into()), Answer::Error(Bytes::new()));
        for text in ["RECEIVED ", "PONGS", "ERRORS", "ERRO", "ERROR\0x", "HELLO", "HELLO x"] {
            assert_eq!(Answer::parse(text.into()), Answer::Other(text.into()));
        }
    }
}
