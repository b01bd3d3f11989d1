//! The name that a reply starts with.

use std::fmt;

use bytes::Bytes;

use super::error::SenderError;

/// The name at the start of every reply: a server's `send_ident`, checked.
///
/// Mongrel2 reads `A-Z`, `a-z`, `0-9` and `-` there and skips the whole reply, stalling all others
/// for up to half a second, where it finds anything else (seen on Mongrel2 1.12.2). A server whose
/// `send_ident` holds other octets can be read from, but only be answered under another name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sender(Bytes);

impl Sender {
    /// Takes a name that Mongrel2 will accept, of at most [`SENDER_LENGTH_MAX`] octets.
    ///
    /// # Errors
    /// Says what is wrong with the name.
    pub fn new(name: impl Into<Bytes>) -> Result<Self, SenderError> {
        let name = name.into();
        if name.is_empty() {
            return Err(SenderError::Empty);
        }
        if name.len() > SENDER_LENGTH_MAX {
            return Err(SenderError::TooLong { length: name.len() });
        }
        match name.iter().find(|octet| !is_sender_octet(**octet)) {
            Some(&octet) => Err(SenderError::Octet { octet }),
            None => Ok(Self(name)),
        }
    }

    /// The name as it goes on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({self})")
    }
}

/// What Mongrel2 accepts in the name at the start of a reply (seen on Mongrel2 1.12.2).
pub(super) const fn is_sender_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet == b'-'
}

/// The most octets in a [`Sender`]: what ZeroMQ allows in an identity, which `send_ident` is too.
pub const SENDER_LENGTH_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_a_name() {
        let sender = Sender::new("5a0c2e6e-0000-4a00-8a00-0000000000a1").unwrap();
        assert_eq!(sender.to_string(), "5a0c2e6e-0000-4a00-8a00-0000000000a1");
        assert_eq!(format!("{:?}", Sender::new("A-9").unwrap()), "Sender(A-9)");
    }

    #[test]
    fn each_mistake_has_its_error() {
        assert_eq!(Sender::new(""), Err(SenderError::Empty));
        assert_eq!(Sender::new("a_b"), Err(SenderError::Octet { octet: b'_' }));
        assert_eq!(Sender::new("a b"), Err(SenderError::Octet { octet: b' ' }));
        assert_eq!(Sender::new("é"), Err(SenderError::Octet { octet: 0xC3 }));
        assert!(Sender::new("x".repeat(255)).is_ok());
        assert_eq!(Sender::new("x".repeat(256)), Err(SenderError::TooLong { length: 256 }));
    }
}
