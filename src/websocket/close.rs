//! Close frames: why a peer ends the conversation (RFC 6455 5.5.1 and 7.4).

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{self, CONTROL_PAYLOAD_LEN_MAX};
use super::{Opcode, Utf8Bytes, Utf8Error};

/// The status code of a close frame, from 1000 to 4999 (RFC 6455 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(u16);

impl CloseCode {
    /// 1000: the purpose of the conversation is fulfilled.
    pub const NORMAL: Self = Self(1000);
    /// 1001: the server goes down, or the browser leaves the page.
    pub const GOING_AWAY: Self = Self(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self(1002);
    /// 1003: a kind of data that this end cannot accept.
    pub const UNSUPPORTED: Self = Self(1003);
    /// 1005: there was a close frame without a code. Never sent.
    pub const NO_STATUS: Self = Self(1005);
    /// 1006: there was no close frame. Never sent.
    pub const ABNORMAL: Self = Self(1006);
    /// 1007: a payload that does not fit its kind, such as text that is not UTF-8.
    pub const INVALID_PAYLOAD: Self = Self(1007);
    /// 1008: against the policy of this end, where no other code says more.
    pub const POLICY: Self = Self(1008);
    /// 1009: a message too big to process.
    pub const TOO_BIG: Self = Self(1009);
    /// 1010: a client misses an extension that it needs.
    pub const EXTENSION: Self = Self(1010);
    /// 1011: something unforeseen at the server.
    pub const INTERNAL: Self = Self(1011);
    /// 1012: the service restarts (IANA registry).
    pub const SERVICE_RESTART: Self = Self(1012);
    /// 1013: too much to do at the moment (IANA registry).
    pub const TRY_AGAIN_LATER: Self = Self(1013);
    /// 1014: the gateway got a bad answer from behind (IANA registry).
    pub const BAD_GATEWAY: Self = Self(1014);
    /// 1015: the TLS handshake failed. Never sent.
    pub const TLS_HANDSHAKE: Self = Self(1015);

    /// The code with this number; none below 1000 or above 4999, for which RFC 6455 7.4.2 has no
    /// use.
    #[must_use]
    pub const fn new(number: u16) -> Option<Self> {
        match number {
            1000..=4999 => Some(Self(number)),
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// Whether a close frame may hold it: what RFC 6455 7.4 and the IANA registry define for that
    /// (1000 to 1003, 1007 to 1014) and what they leave to libraries and applications (3000 to
    /// 4999).
    #[must_use]
    pub const fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }

    const fn name(self) -> &'static str {
        match self.0 {
            1000 => "normal closure",
            1001 => "going away",
            1002 => "protocol error",
            1003 => "unsupported data",
            1005 => "no status received",
            1006 => "abnormal closure",
            1007 => "invalid payload",
            1008 => "policy violation",
            1009 => "message too big",
            1010 => "extension missing",
            1011 => "internal error",
            1012 => "service restart",
            1013 => "try again later",
            1014 => "bad gateway",
            1015 => "TLS handshake failed",
            3000..=3999 => "registered use",
            4000..=4999 => "private use",
            _ => "reserved",
        }
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

impl fmt::Display for CloseCode {
    /// Number and name: `1001 going away`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.name())
    }
}

/// What a close frame says (RFC 6455 5.5.1). The default says nothing, which is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Close {
    /// Why; none where the frame was empty.
    pub code: Option<CloseCode>,
    /// More about it, for people who look for faults; at most [`REASON_LEN_MAX`] octets.
    pub reason: Utf8Bytes,
}

impl Close {
    /// A close frame to send.
    ///
    /// # Errors
    ///
    /// [`CloseError::Code`] where the code [may not be sent](CloseCode::may_be_sent),
    /// [`CloseError::ReasonTooLong`] where the reason has more than [`REASON_LEN_MAX`] octets.
    pub fn new(code: CloseCode, reason: impl Into<Utf8Bytes>) -> Result<Self, CloseError> {
        let reason = reason.into();
        judge(code.get(), reason.len())?;
        Ok(Self { code: Some(code), reason })
    }

    /// Reads the payload of a close frame. The reason shares the payload's octets.
    ///
    /// # Errors
    ///
    /// A [`CloseError`] where the payload is neither empty nor a code that may be sent, followed by
    /// a reason in UTF-8.
    pub fn parse(payload: &Bytes) -> Result<Self, CloseError> {
        let number = match **payload {
            [] => return Ok(Self::default()),
            [_] => return Err(CloseError::OneOctet),
            [high, low, ..] => u16::from_be_bytes([high, low]),
        };
        let code = judge(number, payload.len() - CODE_LEN)?;
        let reason = payload.slice(CODE_LEN..).try_into().map_err(CloseError::Reason)?;
        Ok(Self { code: Some(code), reason })
    }

    /// Writes the payload of its frame.
    ///
    /// What is written is always legal, also where the fields were filled by hand: without a code
    /// that may be sent the payload is empty, and too long a reason is cut before the first
    /// character that does not fit.
    pub fn encode_payload(&self, out: &mut BytesMut) {
        let Some(code) = self.code.filter(|code| code.may_be_sent()) else { return };
        out.put_u16(code.get());
        out.put_slice(self.reason_that_fits());
    }

    /// Writes it as an unmasked frame, as a server sends it. See
    /// [`encode_payload`](Self::encode_payload).
    pub fn encode(&self, out: &mut BytesMut) {
        let mut payload = BytesMut::with_capacity(CONTROL_PAYLOAD_LEN_MAX);
        self.encode_payload(&mut payload);
        frame::encode(Opcode::Close, &payload, out);
    }

    fn reason_that_fits(&self) -> &[u8] {
        let reason = self.reason.as_bytes();
        if reason.len() <= REASON_LEN_MAX {
            return reason;
        }
        // 10xxxxxx continues a character; the first octet of one is at most three before.
        let starts = |place: &usize| reason[*place] & 0xC0 != 0x80;
        let end = (0..=REASON_LEN_MAX).rev().find(starts).unwrap_or_default();
        &reason[..end]
    }
}

fn judge(number: u16, reason_len: usize) -> Result<CloseCode, CloseError> {
    let code = CloseCode::new(number).filter(|code| code.may_be_sent());
    match code {
        None => Err(CloseError::Code(number)),
        Some(_) if reason_len > REASON_LEN_MAX => {
            Err(CloseError::ReasonTooLong { len: reason_len })
        }
        Some(code) => Ok(code),
    }
}

/// What is wrong with a close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseError {
    /// A payload of one octet: half a code.
    OneOctet,
    /// A code that may not be sent.
    Code(u16),
    /// A reason that is not UTF-8.
    Reason(Utf8Error),
    /// A reason of more than [`REASON_LEN_MAX`] octets.
    ReasonTooLong {
        /// Its octets.
        len: usize,
    },
}

impl CloseError {
    /// The code to answer such a frame with: [`CloseCode::INVALID_PAYLOAD`] for text that is not
    /// UTF-8, otherwise [`CloseCode::PROTOCOL_ERROR`].
    #[must_use]
    pub const fn answer(&self) -> CloseCode {
        match self {
            Self::Reason(_) => CloseCode::INVALID_PAYLOAD,
            Self::OneOctet | Self::Code(_) | Self::ReasonTooLong { .. } => {
                CloseCode::PROTOCOL_ERROR
            }
        }
    }
}

impl fmt::Display for CloseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneOctet => f.write_str("the close frame has one octet, which is half a code"),
            Self::Code(number) => write!(f, "the close code {number} may not be sent"),
            Self::Reason(error) => write!(f, "the reason of the close frame is {error}"),
            Self::ReasonTooLong { len } => {
                write!(f, "the close reason has {len} octets; at most {REASON_LEN_MAX} fit")
            }
        }
    }
}

impl std::error::Error for CloseError {}

/// The longest reason of a close frame, in octets: what the code leaves of the payload.
pub const REASON_LEN_MAX: usize = CONTROL_PAYLOAD_LEN_MAX - CODE_LEN;
const CODE_LEN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn payload_of(close: &Close) -> Bytes {
        let mut out = BytesMut::new();
        close.encode_payload(&mut out);
        out.freeze()
    }

    fn parse(payload: &[u8]) -> Result<Close, CloseError> {
        Close::parse(&Bytes::copy_from_slice(payload))
    }

    #[test]
    fn every_number_has_its_place() {
        for number in 0..=u16::MAX {
            let may_be_sent = match number {
                0..=999 => false,
                1000..=1003 => true,
                1004..=1006 => false,
                1007..=1014 => true,
                1015..=2999 => false,
                3000..=4999 => true,
                5000.. => false,
            };
            let code = CloseCode::new(number);
            assert_eq!(code.is_some(), (1000..5000).contains(&number), "{number}");
            assert_eq!(code.is_some_and(CloseCode::may_be_sent), may_be_sent, "{number}");
            let expected = if may_be_sent {
                Ok(Close { code, reason: Utf8Bytes::new() })
            } else {
                Err(CloseError::Code(number))
            };
            assert_eq!(parse(&number.to_be_bytes()), expected, "{number}");
        }
    }

    #[test]
    fn codes_show_their_names() {
        assert_eq!(CloseCode::GOING_AWAY.to_string(), "1001 going away");
        for (number, name) in [
            (1004, "reserved"),
            (1016, "reserved"),
            (3999, "registered use"),
            (4000, "private use"),
        ] {
            let code = CloseCode::new(number).unwrap();
            assert_eq!(code.to_string(), format!("{number} {name}"));
            assert_eq!(u16::from(code), number);
        }
        for number in (1000..=1003).chain(1005..=1015) {
            assert_ne!(CloseCode(number).name(), "reserved", "{number}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for close in [
            Close::default(),
            Close::new(CloseCode::NORMAL, "").unwrap(),
            Close::new(CloseCode::TOO_BIG, "at most 10 octets").unwrap(),
            Close::new(CloseCode(4999), "x".repeat(123)).unwrap(),
        ] {
            assert_eq!(Close::parse(&payload_of(&close)), Ok(close));
        }
        let mut out = BytesMut::new();
        Close::new(CloseCode::NORMAL, "bye").unwrap().encode(&mut out);
        assert_eq!(&out[..], b"\x88\x05\x03\xE8bye");
        out.clear();
        Close::default().encode(&mut out);
        assert_eq!(&out[..], b"\x88\x00");
    }

    #[test]
    fn each_fault_has_its_error_and_answer() {
        let too_long = [&b"\x03\xE8"[..], &[b'x'; 124]].concat();
        for (payload, error, answer) in [
            (&b"\x03"[..], CloseError::OneOctet, CloseCode::PROTOCOL_ERROR),
            (b"\x03\xED", CloseError::Code(1005), CloseCode::PROTOCOL_ERROR),
            (b"\x00\x00\xFF", CloseError::Code(0), CloseCode::PROTOCOL_ERROR),
            (&too_long, CloseError::ReasonTooLong { len: 124 }, CloseCode::PROTOCOL_ERROR),
        ] {
            assert_eq!(parse(payload), Err(error));
            assert_eq!(error.answer(), answer);
        }
        let error = parse(b"\x03\xE8caf\xC3").unwrap_err();
        assert!(matches!(error, CloseError::Reason(error) if error.valid_up_to() == 3));
        assert_eq!(error.answer(), CloseCode::INVALID_PAYLOAD);
    }

    #[test]
    fn what_may_not_be_sent_is_not_made() {
        for code in [CloseCode::NO_STATUS, CloseCode::ABNORMAL, CloseCode::TLS_HANDSHAKE] {
            assert_eq!(Close::new(code, ""), Err(CloseError::Code(code.get())));
        }
        let long = Close::new(CloseCode::NORMAL, "x".repeat(124));
        assert_eq!(long, Err(CloseError::ReasonTooLong { len: 124 }));
    }

    #[test]
    fn fields_filled_by_hand_still_make_a_legal_frame() {
        let reason = Utf8Bytes::from("ignored");
        let by_hand = |code, reason| payload_of(&Close { code, reason });
        assert!(by_hand(None, reason.clone()).is_empty());
        assert!(by_hand(Some(CloseCode::NO_STATUS), reason).is_empty());
        for character in ["x", "\u{e9}", "\u{20ac}", "\u{1f600}"] {
            let reason = Utf8Bytes::from(character.repeat(124));
            let payload = by_hand(Some(CloseCode::NORMAL), reason);
            let fits = REASON_LEN_MAX / character.len();
            assert_eq!(payload[2..], *character.repeat(fits).as_bytes());
        }
    }
}
