//! What an application says: text or octets.

use bytes::{Bytes, BytesMut};

use super::{Opcode, Utf8Bytes, frame};

/// A whole message (RFC 6455 5.6). Cheap to clone: the payload is shared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// UTF-8 text.
    Text(Utf8Bytes),
    /// Any octets.
    Binary(Bytes),
}

impl Message {
    /// The opcode of its frame.
    #[must_use]
    pub const fn opcode(&self) -> Opcode {
        match self {
            Self::Text(_) => Opcode::Text,
            Self::Binary(_) => Opcode::Binary,
        }
    }

    /// The octets.
    #[must_use]
    pub const fn payload(&self) -> &Bytes {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(octets) => octets,
        }
    }

    /// The text; `None` where it is binary.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            Self::Binary(_) => None,
        }
    }

    /// How many octets of payload there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.payload().len()
    }

    /// Whether the payload is empty, which is a message all the same.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.payload().is_empty()
    }

    /// Writes it as one unmasked frame, as a server sends it.
    pub fn encode(&self, out: &mut BytesMut) {
        frame::encode(self.opcode(), self.payload(), out);
    }
}

impl From<Utf8Bytes> for Message {
    fn from(text: Utf8Bytes) -> Self {
        Self::Text(text)
    }
}

impl From<&'static str> for Message {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<Bytes> for Message {
    fn from(octets: Bytes) -> Self {
        Self::Binary(octets)
    }
}

impl From<&'static [u8]> for Message {
    fn from(octets: &'static [u8]) -> Self {
        Self::Binary(octets.into())
    }
}

impl From<Vec<u8>> for Message {
    fn from(octets: Vec<u8>) -> Self {
        Self::Binary(octets.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_are_read_as_text() {
        assert_eq!(Message::from("Hello").text(), Some("Hello"));
        assert_eq!(Message::from(&b"Hello"[..]).text(), None);
    }

    #[test]
    fn text_and_octets_have_their_opcodes() {
        for (message, encoded) in [
            (Message::from("Hello"), &b"\x81\x05Hello"[..]),
            (Message::from(String::from("Hello")), b"\x81\x05Hello"),
            (Message::from(Utf8Bytes::new()), b"\x81\x00"),
            (Message::from(vec![0, 255]), b"\x82\x02\x00\xFF"),
            (Message::from(&b"\x01"[..]), b"\x82\x01\x01"),
            (Message::from(Bytes::new()), b"\x82\x00"),
        ] {
            let mut out = BytesMut::new();
            message.encode(&mut out);
            assert_eq!(out, encoded);
            assert_eq!(message.payload(), &encoded[2..]);
            assert_eq!(
                (message.len(), message.is_empty()),
                (encoded.len() - 2, encoded.len() == 2)
            );
        }
    }
}
