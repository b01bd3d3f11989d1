//! What a peer may get wrong.

use std::fmt;

use super::{CONTROL_PAYLOAD_LEN_MAX, CloseCode, CloseError, Utf8Error};

/// A frame that RFC 6455 or our limits forbid. The connection is to be failed (7.1.7): a close
/// frame with the code of [`answer`](Self::answer), then the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// A reserved bit is set, and no extension was agreed upon that would use it (5.2).
    ReservedBits {
        /// The three bits, from 1 to 7.
        rsv: u8,
    },
    /// The opcode is reserved (5.2).
    ReservedOpcode {
        /// Its number.
        number: u8,
    },
    /// A control frame without FIN (5.5).
    FragmentedControl,
    /// A control frame with more than 125 octets (5.5).
    ControlTooLong {
        /// Its octets.
        len: u64,
    },
    /// The length would fit a shorter form (5.2).
    LengthNotShortest {
        /// The length.
        len: u64,
    },
    /// The length is 2^63 or above (5.2).
    LengthTooLong {
        /// The length.
        len: u64,
    },
    /// A continuation without a message to continue (5.4).
    UnexpectedContinuation,
    /// A message begun and not finished: a new one starts between its fragments (5.4), or FIN is
    /// missing where only whole messages come.
    UnfinishedMessage,
    /// A frame from a client without a mask (5.1).
    Unmasked,
    /// A frame from a server with a mask (5.1).
    Masked,
    /// A message larger than we accept.
    TooLarge {
        /// The octets of all its fragments so far.
        size: u64,
        /// The limit.
        size_max: usize,
    },
    /// A text that is not UTF-8 (8.1).
    Text(Utf8Error),
    /// A malformed close frame (5.5.1).
    Close(CloseError),
    /// A compressed message that cannot be inflated (RFC 7692 6.2).
    Inflate(InflateError),
}

/// Why a compressed message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InflateError {
    /// It is not what a compressor makes (RFC 1951), or refers to what was never sent.
    Corrupt,
    /// It is cut into so many blocks that it was made to take time.
    TooManyBlocks,
    /// It may refer to earlier messages of its client that did not come here.
    HistoryLost,
}

impl FrameError {
    /// The code of the close frame to answer with (RFC 6455 7.4.1).
    #[must_use]
    pub const fn answer(&self) -> CloseCode {
        match self {
            Self::TooLarge { .. } => CloseCode::TOO_BIG,
            Self::Text(_) => CloseCode::INVALID_PAYLOAD,
            Self::Close(error) => error.answer(),
            Self::Inflate(error) => error.answer(),
            Self::ReservedBits { .. }
            | Self::ReservedOpcode { .. }
            | Self::FragmentedControl
            | Self::ControlTooLong { .. }
            | Self::LengthNotShortest { .. }
            | Self::LengthTooLong { .. }
            | Self::UnexpectedContinuation
            | Self::UnfinishedMessage
            | Self::Unmasked
            | Self::Masked => CloseCode::PROTOCOL_ERROR,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBits { rsv } => {
                write!(f, "the reserved bits are {rsv:03b}, and no extension was agreed upon")
            }
            Self::ReservedOpcode { number } => write!(f, "the opcode {number} is reserved"),
            Self::FragmentedControl => f.write_str("a control frame is fragmented"),
            Self::ControlTooLong { len } => {
                write!(
                    f,
                    "a control frame has {len} octets; at most {CONTROL_PAYLOAD_LEN_MAX} may be"
                )
            }
            Self::LengthNotShortest { len } => {
                write!(f, "the length {len} is not written in its shortest form")
            }
            Self::LengthTooLong { len } => write!(f, "the length {len} is not below 2^63"),
            Self::UnexpectedContinuation => f.write_str("a continuation has nothing to continue"),
            Self::UnfinishedMessage => f.write_str("a message was begun and not finished"),
            Self::Unmasked => f.write_str("a frame from a client has no mask"),
            Self::Masked => f.write_str("a frame from a server has a mask"),
            Self::TooLarge { size, size_max } => {
                write!(f, "a message has {size} octets or more; at most {size_max} are accepted")
            }
            Self::Text(error) => write!(f, "the text is {error}"),
            Self::Close(error) => error.fmt(f),
            Self::Inflate(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FrameError {}

impl InflateError {
    /// The code of the close frame to answer with. RFC 7692 leaves it open. What is corrupt is data
    /// that is not of its message's type (RFC 6455 7.4.1); a client whose earlier messages went
    /// elsewhere is asked to come anew, as after a restart.
    #[must_use]
    pub const fn answer(&self) -> CloseCode {
        match self {
            Self::Corrupt => CloseCode::INVALID_PAYLOAD,
            Self::TooManyBlocks => CloseCode::POLICY,
            Self::HistoryLost => CloseCode::SERVICE_RESTART,
        }
    }
}

impl fmt::Display for InflateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Corrupt => "a compressed message is not what a compressor makes",
            Self::TooManyBlocks => "a compressed message is cut into too many blocks",
            Self::HistoryLost => "a compressed message may refer to others that did not come here",
        })
    }
}

impl std::error::Error for InflateError {}

impl From<InflateError> for FrameError {
    fn from(error: InflateError) -> Self {
        Self::Inflate(error)
    }
}

impl From<Utf8Error> for FrameError {
    fn from(error: Utf8Error) -> Self {
        Self::Text(error)
    }
}

impl From<CloseError> for FrameError {
    fn from(error: CloseError) -> Self {
        Self::Close(error)
    }
}
