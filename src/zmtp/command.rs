//! Commands: what the two engines of a link tell each other (ZMTP 3.1, RFC 37: `command`).

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::frame::encode_command_header;
use super::metadata::encode_properties;
use super::{Error, SocketType};

/// The body of a command frame, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// The properties, unchecked: after the handshake a READY does no harm, whatever is in it.
    Ready {
        properties: Bytes,
    },
    /// The length and text of the reason, unchecked for the same cause.
    Error {
        data: Bytes,
    },
    Subscribe {
        prefix: Bytes,
    },
    Cancel {
        prefix: Bytes,
    },
    Ping {
        ttl: Duration,
        context: Bytes,
    },
    Pong {
        context: Bytes,
    },
    Unknown,
}

impl Command {
    pub(super) fn parse(mut body: Bytes) -> Result<Self, Error> {
        let name = split_name(&mut body)?;
        Ok(match &name[..] {
            READY => Self::Ready { properties: body },
            ERROR => Self::Error { data: body },
            SUBSCRIBE => Self::Subscribe { prefix: body },
            CANCEL => Self::Cancel { prefix: body },
            PING => parse_ping(body)?,
            PONG => Self::Pong { context: cut_context(body) },
            _ => Self::Unknown,
        })
    }
}

/// Takes the name, and leaves what is behind it.
fn split_name(body: &mut Bytes) -> Result<Bytes, Error> {
    let announced = if body.is_empty() { 0 } else { usize::from(body.get_u8()) };
    let left = body.len();
    if announced == 0 || announced > left {
        return Err(Error::CommandName { announced, left });
    }
    Ok(body.split_to(announced))
}

fn parse_ping(mut data: Bytes) -> Result<Command, Error> {
    if data.len() < 2 {
        return Err(Error::PingTooShort { size: data.len() });
    }
    let ttl = Duration::from_millis(u64::from(data.get_u16()) * TTL_UNIT_MILLIS);
    Ok(Command::Ping { ttl, context: cut_context(data) })
}

/// A context above 16 octets is cut, as libzmq does, rather than refused.
fn cut_context(mut context: Bytes) -> Bytes {
    context.truncate(CONTEXT_SIZE_MAX);
    context
}

/// The reason inside an ERROR: one octet of length, then the text. Copied: it outlives the link.
pub(super) fn parse_reason(data: &[u8]) -> Result<Bytes, Error> {
    let (announced, text) = match data.split_first() {
        Some((&size, text)) => (usize::from(size), text),
        None => return Err(Error::ErrorReason { announced: 0, left: 0 }),
    };
    let reason = text.get(..announced);
    reason.map(Bytes::copy_from_slice).ok_or(Error::ErrorReason { announced, left: text.len() })
}

pub(super) fn encode_ready(
    out: &mut BytesMut,
    socket_type: SocketType,
    more: &[(&'static str, &'static str)],
) {
    let mut properties = BytesMut::new();
    encode_properties(&mut properties, socket_type, more);
    encode(out, READY, &[&properties]);
}

/// `reason`: visible ASCII without blanks (RFC 37: `error-reason`), at most 255 octets.
pub(super) fn encode_error(out: &mut BytesMut, reason: &'static str) {
    let size = u8::try_from(reason.len()).expect("our reasons are short");
    encode(out, ERROR, &[&[size], reason.as_bytes()]);
}

pub(super) fn encode_subscribe(out: &mut BytesMut, prefix: &[u8]) {
    encode(out, SUBSCRIBE, &[prefix]);
}

pub(super) fn encode_cancel(out: &mut BytesMut, prefix: &[u8]) {
    encode(out, CANCEL, &[prefix]);
}

pub(super) fn encode_ping(out: &mut BytesMut, ttl: Duration, context: &[u8]) {
    let context = &context[..context.len().min(CONTEXT_SIZE_MAX)];
    encode(out, PING, &[&ttl_units(ttl).to_be_bytes(), context]);
}

pub(super) fn encode_pong(context: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PONG_SIZE_MAX);
    encode(&mut out, PONG, &[&context[..context.len().min(CONTEXT_SIZE_MAX)]]);
    out.freeze()
}

/// Tenths of a second, rounded up so that a short time does not become "no time to live at all".
fn ttl_units(ttl: Duration) -> u16 {
    let units = ttl.as_nanos().div_ceil(u128::from(TTL_UNIT_MILLIS) * 1_000_000);
    u16::try_from(units).unwrap_or(TTL_UNITS_MAX).min(TTL_UNITS_MAX)
}

fn encode(out: &mut BytesMut, name: &'static [u8], data: &[&[u8]]) {
    let name_size = u8::try_from(name.len()).expect("our names are short");
    let data_size: usize = data.iter().map(|part| part.len()).sum();
    encode_command_header(out, 1 + name.len() + data_size);
    out.put_u8(name_size);
    out.put_slice(name);
    data.iter().for_each(|part| out.put_slice(part));
}

const READY: &[u8] = b"READY";
const ERROR: &[u8] = b"ERROR";
const SUBSCRIBE: &[u8] = b"SUBSCRIBE";
const CANCEL: &[u8] = b"CANCEL";
const PING: &[u8] = b"PING";
const PONG: &[u8] = b"PONG";

const TTL_UNIT_MILLIS: u64 = 100;
/// 65.5 seconds. libzmq 4.3.5 counts in milliseconds in 16 bits: larger values overflow there and end
/// the link early.
const TTL_UNITS_MAX: u16 = 655;
/// The longest time to live that a PING of ours announces.
pub(crate) const TTL_MAX: Duration = Duration::from_millis(TTL_UNITS_MAX as u64 * TTL_UNIT_MILLIS);
/// RFC 37: `ping-context`.
const CONTEXT_SIZE_MAX: usize = 16;
/// Flags, size, and length of the name; the name; the context.
const PONG_SIZE_MAX: usize = 3 + PONG.len() + CONTEXT_SIZE_MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(encode: impl FnOnce(&mut BytesMut)) -> BytesMut {
        let mut out = BytesMut::new();
        encode(&mut out);
        out
    }

    #[test]
    fn commands_are_the_octets_of_the_rfc() {
        let ready = encoded(|out| encode_ready(out, SocketType::Sub, &[]));
        assert_eq!(ready, b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB"[..]);
        let error = encoded(|out| encode_error(out, "No"));
        assert_eq!(error, b"\x04\x09\x05ERROR\x02No"[..]);
        let subscribe = encoded(|out| encode_subscribe(out, b"ab"));
        assert_eq!(subscribe, b"\x04\x0c\x09SUBSCRIBEab"[..]);
        let cancel = encoded(|out| encode_cancel(out, b""));
        assert_eq!(cancel, b"\x04\x07\x06CANCEL"[..]);
        assert_eq!(encode_pong(b"x"), b"\x04\x06\x04PONGx"[..]);
        assert_eq!(encode_pong(&[0; 20]).len(), PONG_SIZE_MAX);
    }

    #[test]
    fn a_name_must_fit_into_its_command() {
        let parse = |body: &'static [u8]| Command::parse(Bytes::from_static(body));
        for (body, announced, left) in [(&b""[..], 0, 0), (b"\0abc", 0, 3), (b"\x04abc", 4, 3)] {
            assert_eq!(parse(body), Err(Error::CommandName { announced, left }));
        }
        assert_eq!(parse(b"\x03abc"), Ok(Command::Unknown));
        assert_eq!(parse(b"\x05ready"), Ok(Command::Unknown));
    }

    #[test]
    fn times_to_live_are_rounded_up_and_bounded() {
        for (millis, units) in [(0, 0), (1, 1), (100, 1), (101, 2), (65_500, 655), (65_501, 655)] {
            assert_eq!(ttl_units(Duration::from_millis(millis)), units, "{millis} ms");
        }
        assert_eq!(ttl_units(Duration::from_nanos(1)), 1);
        assert_eq!(ttl_units(Duration::MAX), 655);
    }

    #[test]
    fn a_reason_must_fit_into_its_command() {
        assert_eq!(parse_reason(b"\x02No").as_deref(), Ok(&b"No"[..]));
        assert_eq!(parse_reason(b"\0").as_deref(), Ok(&b""[..]));
        assert_eq!(parse_reason(b""), Err(Error::ErrorReason { announced: 0, left: 0 }));
        assert_eq!(parse_reason(b"\x03No"), Err(Error::ErrorReason { announced: 3, left: 2 }));
    }
}
