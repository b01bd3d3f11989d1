//! What a peer can do wrong: one variant per broken rule, sorted by whose fault it is.

use std::fmt;

use bytes::Bytes;

use super::SocketType;

/// Why a link cannot go on. Made by [`Engine::next`](super::Engine::next); final for its link.
///
/// The first group are peers that may be in perfect order but do not fit us
/// ([`is_incompatible`](Self::is_incompatible)): to connect anew will give the same result until one
/// side is changed. The second group are peers that broke the protocol or our limits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The stream does not begin with the signature of ZMTP 2.0 or later: a ZMTP 1.0 peer, or
    /// something else altogether (ZMTP 3.1, RFC 37: `signature`).
    Signature {
        /// Where in the greeting, counted from 0.
        position: usize,
        /// What was there.
        octet: u8,
    },
    /// The peer speaks a version below 3 (ZMTP 3.1, RFC 37: `version`).
    Version {
        /// The major version of the peer; ZMTP 2.0 announces itself as 1.
        major: u8,
    },
    /// The peer asks for a mechanism other than NULL (ZMTP 3.1, RFC 37: `mechanism`).
    Mechanism,
    /// The peer's socket type does not go with ours (ZMTP 3.1, RFC 37: `Socket-Type`).
    SocketType {
        /// What we are.
        ours: SocketType,
        /// What the peer says it is.
        theirs: Bytes,
    },
    /// The peer refused us with an ERROR command during the handshake.
    PeerError {
        /// What it said, at most 255 octets; not to be trusted as text.
        reason: Bytes,
    },

    /// A message frame came before READY.
    MessageBeforeReady,
    /// A command other than READY or ERROR came before READY.
    CommandBeforeReady,
    /// A frame has a reserved bit set (bits 3 to 7 of its flags).
    ReservedFlags {
        /// The octet of flags.
        flags: u8,
    },
    /// A command frame says that more frames follow.
    CommandWithMore,
    /// A frame announces 2^63 octets or more.
    FrameSize {
        /// What it announces.
        size: u64,
    },
    /// A command is larger than [`Limits::command_size_max`](super::Limits::command_size_max).
    CommandTooLarge {
        /// The octets announced.
        size: u64,
        /// The limit.
        max: usize,
    },
    /// A message is larger than [`Limits::message_size_max`](super::Limits::message_size_max).
    MessageTooLarge {
        /// The octets of its frames, up to and with the one that was too much.
        size: u64,
        /// The limit.
        max: usize,
    },
    /// A message has more frames than [`Limits::frames_max`](super::Limits::frames_max).
    TooManyFrames {
        /// The limit.
        max: usize,
    },
    /// A command has no name, or one that is longer than the command.
    CommandName {
        /// The length that the name announces; 0 where there is none.
        announced: usize,
        /// The octets that were left for it.
        left: usize,
    },
    /// A property of READY has no name, or does not end inside the command.
    Property {
        /// Where the property begins, counted from the first one.
        position: usize,
    },
    /// The reason in an ERROR command is missing, or longer than the command.
    ErrorReason {
        /// The length that it announces; 0 where there is none.
        announced: usize,
        /// The octets that were left for it.
        left: usize,
    },
    /// A PING is too short to hold its time to live of two octets.
    PingTooShort {
        /// The octets behind its name.
        size: usize,
    },
}

impl Error {
    /// Whether the peer may be in order but cannot work with us (its version, mechanism or socket
    /// type), as opposed to one that broke a rule or a limit.
    #[must_use]
    pub const fn is_incompatible(&self) -> bool {
        matches!(
            self,
            Self::Signature { .. }
                | Self::Version { .. }
                | Self::Mechanism
                | Self::SocketType { .. }
                | Self::PeerError { .. }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature { position, octet } => write!(
                f,
                "the peer does not speak ZMTP 3: octet {position} of its greeting is {octet:#04x}"
            ),
            Self::Version { major } => {
                write!(f, "the peer speaks an older ZMTP (version octet {major}); 3 is needed")
            }
            Self::Mechanism => f.write_str("the peer asks for a mechanism other than NULL"),
            Self::SocketType { ours, theirs } => {
                write!(f, "a {ours} socket cannot talk to a {} socket", theirs.escape_ascii())
            }
            Self::PeerError { reason } => {
                write!(f, "the peer refused the handshake: \"{}\"", reason.escape_ascii())
            }
            Self::MessageBeforeReady => f.write_str("the peer sent a message before READY"),
            Self::CommandBeforeReady => f.write_str("the peer sent another command before READY"),
            Self::ReservedFlags { flags } => {
                write!(f, "a frame has reserved bits set: flags {flags:#04x}")
            }
            Self::CommandWithMore => f.write_str("a command frame has the MORE bit set"),
            Self::FrameSize { size } => {
                write!(f, "a frame announces {size} octets; sizes end below 2^63")
            }
            Self::CommandTooLarge { size, max } => {
                write!(f, "a command of {size} octets is above the limit of {max}")
            }
            Self::MessageTooLarge { size, max } => {
                write!(f, "a message of at least {size} octets is above the limit of {max}")
            }
            Self::TooManyFrames { max } => {
                write!(f, "a message has more frames than the limit of {max}")
            }
            Self::CommandName { announced, left } => write!(
                f,
                "a command announces a name of {announced} octets, with {left} left for it"
            ),
            Self::Property { position } => {
                write!(f, "the property at octet {position} of READY is malformed")
            }
            Self::ErrorReason { announced, left } => write!(
                f,
                "an ERROR announces a reason of {announced} octets, with {left} left for it"
            ),
            Self::PingTooShort { size } => {
                write!(f, "a PING has {size} octets behind its name; it needs at least 2")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_do_not_fit_are_told_from_those_who_break_rules() {
        for error in [
            Error::Signature { position: 0, octet: 1 },
            Error::Version { major: 1 },
            Error::Mechanism,
            Error::SocketType { ours: SocketType::Pull, theirs: Bytes::new() },
            Error::PeerError { reason: Bytes::new() },
        ] {
            assert!(error.is_incompatible(), "{error}");
        }
        for error in [
            Error::MessageBeforeReady,
            Error::CommandWithMore,
            Error::MessageTooLarge { size: 2, max: 1 },
            Error::Property { position: 0 },
        ] {
            assert!(!error.is_incompatible(), "{error}");
        }
    }

    #[test]
    fn octets_of_the_peer_are_escaped_in_texts() {
        let theirs = Bytes::from_static(b"DEA\x1b[LER");
        let error = Error::SocketType { ours: SocketType::Pull, theirs };
        assert_eq!(error.to_string(), "a PULL socket cannot talk to a DEA\\x1b[LER socket");
    }
}
