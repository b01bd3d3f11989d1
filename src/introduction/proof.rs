//! What a handler publishes to prove the way to a server.

use bytes::{BufMut, Bytes, BytesMut};

use crate::mongrel2::Sender;

/// The text of a ping on its way back: a reply to connection -1, which no browser has.
///
/// For stand-ins alone: Mongrel2 reads no negative ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The server that asked for it.
    pub sender: Sender,
    /// The text of its ping.
    pub text: Bytes,
}

impl Proof {
    /// Reads a message from a handler; `None` where it is something else, as replies to browsers are.
    #[must_use]
    pub fn parse(raw: &Bytes) -> Option<Self> {
        let blank = raw.iter().position(|octet| *octet == b' ')?;
        raw[blank..].starts_with(ADDRESS).then_some(())?;
        let sender = Sender::new(raw.slice(..blank)).ok()?;
        Some(Self { sender, text: raw.slice(blank + ADDRESS.len()..) })
    }

    /// Writes what [`parse`](Self::parse) reads.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::from(self.sender.as_bytes());
        out.put_slice(ADDRESS);
        out.put_slice(&self.text);
        out.freeze()
    }
}

const ADDRESS: &[u8] = b" 2:-1, ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_read() {
        let proof = Proof { sender: Sender::new("a-1").unwrap(), text: "x y".into() };
        assert_eq!(proof.encode(), "a-1 2:-1, x y");
        assert_eq!(Proof::parse(&proof.encode()), Some(proof));
    }

    #[test]
    fn replies_to_browsers_are_no_proofs() {
        for text in ["", "a", " 2:-1, x", "a_b 2:-1, x", "a 1:1, x", "a 2:-1,x", "a 4:-1 1, x"] {
            assert_eq!(Proof::parse(&text.into()), None, "{text}");
        }
    }
}
