//! The judgement of what a peer sends, and what is left of it.

use bytes::Bytes;

use super::{CONTROL_PAYLOAD_LEN_MAX, Close, Flags, FrameError, Message, Opcode, Utf8Bytes};

/// What a peer said, once it is found to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A whole message: for the application.
    Message(Message),
    /// To be answered by a pong with the same payload (RFC 6455 5.5.2).
    Ping(Bytes),
    /// The peer lives. The payload is that of our ping, or anything (RFC 6455 5.5.3).
    Pong(Bytes),
    /// To be answered by a close frame, unless it answers ours (RFC 6455 5.5.1).
    Close(Close),
}

/// Judges a frame as Mongrel2 hands it over: the header [`FLAGS`](Flags) and the request's body,
/// unmasked and with all fragments joined. The payload is not copied.
///
/// `payload_size_max` limits messages, in octets; control frames have their own limit.
///
/// # Errors
///
/// A [`FrameError`] where the peer broke RFC 6455 or the limit. Mongrel2 lets these through:
/// reserved bits and opcodes, text that is not UTF-8, malformed close frames, any size below 2^31.
pub fn read(flags: Flags, payload: Bytes, payload_size_max: usize) -> Result<Incoming, FrameError> {
    let opcode = judge_flags(flags)?;
    if !flags.fin() {
        return Err(FrameError::UnfinishedMessage);
    }
    // As the decoder has it: there is no message whose size it could add to.
    if opcode == Opcode::Continuation {
        return Err(FrameError::UnexpectedContinuation);
    }
    judge_size(opcode, payload.len() as u64, 0, payload_size_max)?;
    judge_payload(opcode, payload)
}

/// What the first octet of a frame tells by itself.
pub(super) fn judge_flags(flags: Flags) -> Result<Opcode, FrameError> {
    let rsv = flags.rsv();
    if rsv != 0 {
        return Err(FrameError::ReservedBits { rsv });
    }
    let number = flags.opcode_number();
    let opcode = flags.opcode().ok_or(FrameError::ReservedOpcode { number })?;
    if opcode.is_control() && !flags.fin() {
        return Err(FrameError::FragmentedControl);
    }
    Ok(opcode)
}

/// Whether `len` octets more may follow the `joined` ones of a message's earlier fragments; the sum
/// meets the limit before any memory is spent on it. Returns `len`.
pub(super) fn judge_size(
    opcode: Opcode,
    len: u64,
    joined: usize,
    size_max: usize,
) -> Result<usize, FrameError> {
    if opcode.is_control() && len > CONTROL_PAYLOAD_LEN_MAX as u64 {
        return Err(FrameError::ControlTooLong { len });
    }
    let size = len.saturating_add(joined as u64);
    if !opcode.is_control() && size > size_max as u64 {
        return Err(FrameError::TooLarge { size, size_max });
    }
    usize::try_from(len).map_err(|_| FrameError::TooLarge { size, size_max })
}

/// What the payload of a whole message or control frame says.
pub(super) fn judge_payload(opcode: Opcode, payload: Bytes) -> Result<Incoming, FrameError> {
    Ok(match opcode {
        Opcode::Continuation => return Err(FrameError::UnexpectedContinuation),
        Opcode::Text => Incoming::Message(Message::Text(Utf8Bytes::try_from(payload)?)),
        Opcode::Binary => Incoming::Message(Message::Binary(payload)),
        Opcode::Close => Incoming::Close(Close::parse(&payload)?),
        Opcode::Ping => Incoming::Ping(payload),
        Opcode::Pong => Incoming::Pong(payload),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{CloseCode, CloseError};
    use super::*;

    fn read_octet(first: u8, payload: &'static [u8]) -> Result<Incoming, FrameError> {
        read(Flags::from(first), Bytes::from_static(payload), 200)
    }

    #[test]
    fn what_is_in_order() {
        let hello = Bytes::from_static(b"hello");
        for (first, expected) in [
            (0x81, Incoming::Message(Message::from("hello"))),
            (0x82, Incoming::Message(Message::from(hello.clone()))),
            (0x89, Incoming::Ping(hello.clone())),
            (0x8A, Incoming::Pong(hello)),
        ] {
            assert_eq!(read_octet(first, b"hello"), Ok(expected));
        }
        let close = Close::new(CloseCode::GOING_AWAY, "bye").unwrap();
        assert_eq!(read_octet(0x88, b"\x03\xE9bye"), Ok(Incoming::Close(close)));
        assert_eq!(read_octet(0x88, b""), Ok(Incoming::Close(Close::default())));
        assert_eq!(read_octet(0x81, b""), Ok(Incoming::Message(Message::from(""))));
    }

    /// All that Mongrel2 was seen to let through, and what it was never seen to send.
    #[test]
    fn each_fault_has_its_error_and_answer() {
        const PROTOCOL: CloseCode = CloseCode::PROTOCOL_ERROR;
        for (first, payload, error, answer) in [
            (0xC1, &b"a"[..], FrameError::ReservedBits { rsv: 4 }, PROTOCOL),
            (0xF2, b"a", FrameError::ReservedBits { rsv: 7 }, PROTOCOL),
            (0x83, b"a", FrameError::ReservedOpcode { number: 3 }, PROTOCOL),
            (0x8B, b"a", FrameError::ReservedOpcode { number: 11 }, PROTOCOL),
            (0x80, b"a", FrameError::UnexpectedContinuation, PROTOCOL),
            (0x80, &[0; 201], FrameError::UnexpectedContinuation, PROTOCOL),
            (0x01, b"a", FrameError::UnfinishedMessage, PROTOCOL),
            (0x08, b"", FrameError::FragmentedControl, PROTOCOL),
            (0x89, &[0; 126], FrameError::ControlTooLong { len: 126 }, PROTOCOL),
            (0x88, b"\x03", FrameError::Close(CloseError::OneOctet), PROTOCOL),
            (0x88, b"\x03\xEE", FrameError::Close(CloseError::Code(1006)), PROTOCOL),
            (
                0x82,
                &[0; 201],
                FrameError::TooLarge { size: 201, size_max: 200 },
                CloseCode::TOO_BIG,
            ),
        ] {
            assert_eq!(read_octet(first, payload), Err(error));
            assert_eq!(error.answer(), answer, "{error}");
        }
        for (first, payload) in [(0x81, &b"a\xFF"[..]), (0x88, b"\x03\xE8a\xFF")] {
            let error = read_octet(first, payload).unwrap_err();
            assert_eq!(error.answer(), CloseCode::INVALID_PAYLOAD);
        }
    }

    #[test]
    fn the_limits_themselves_are_allowed() {
        assert!(read_octet(0x82, &[0; 200]).is_ok());
        assert!(read_octet(0x89, &[0; 125]).is_ok());
        let ping = read(Flags::from(0x89), Bytes::from_static(b"abc"), 0);
        assert!(ping.is_ok(), "the limit is for messages");
    }

    #[test]
    fn sums_do_not_overflow() {
        let error = judge_size(Opcode::Binary, u64::MAX, usize::MAX, 10);
        assert_eq!(error, Err(FrameError::TooLarge { size: u64::MAX, size_max: 10 }));
    }
}
