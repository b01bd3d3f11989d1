//! Replies to browsers: written by handlers, read by the stand-in server.

use bytes::{BufMut, Bytes, BytesMut};

use super::conn_id::ConnId;
use super::decimal;
use super::error::ReplyError;
use super::sender::{Sender, is_sender_octet};

/// The most connections that one message to Mongrel2 may name: its `limits.handler_targets`, unless
/// changed. A message that names more is skipped whole, and stalls all others (seen on Mongrel2
/// 1.12.2).
pub const TARGETS_MAX: usize = 128;

/// Writes a whole reply: [`encode_head`], then `body`.
///
/// # Panics
/// As [`encode_head`] does.
pub fn encode_response(sender: &Sender, targets: &[ConnId], body: &[u8], out: &mut BytesMut) {
    out.reserve(head_len(sender, targets, "") + body.len());
    encode_head(sender, targets, out);
    out.put_slice(body);
}

/// Writes what stands before the body of a reply: `SENDER LEN:ID ID, ` (Mongrel2 manual).
///
/// The rest of the message is the body, which Mongrel2 writes to each connection as it is. An empty
/// body closes them, behind all that was sent before.
///
/// # Panics
/// In debug builds, where there are not 1 to [`TARGETS_MAX`] targets or one of them is negative:
/// Mongrel2 would skip the message and let all others wait.
pub fn encode_head(sender: &Sender, targets: &[ConnId], out: &mut BytesMut) {
    put_head(sender, targets, "", out);
}

/// [`encode_head`] with `X ` before the ids where `prefix` says so.
pub(super) fn put_head(sender: &Sender, targets: &[ConnId], prefix: &str, out: &mut BytesMut) {
    debug_assert!((1..=TARGETS_MAX).contains(&targets.len()), "{} targets", targets.len());
    debug_assert!(targets.iter().all(|target| target.0 >= 0), "a negative target");
    out.put_slice(sender.as_bytes());
    out.put_u8(b' ');
    let ids_len = ids_len(targets);
    decimal::put_len(prefix.len() + ids_len, out);
    out.put_u8(b':');
    out.put_slice(prefix.as_bytes());
    // Blanks first, and the ids among them from the last one on: there may be many, and often.
    let start = out.len();
    out.put_bytes(b' ', ids_len);
    let ids = &mut out[start..];
    let mut end = ids_len;
    for target in targets.iter().rev() {
        end = decimal::put_before(end, number(*target), ids).saturating_sub(1);
    }
    out.put_slice(b", ");
}

/// Never too small: the length of the list has at most 20 digits.
fn head_len(sender: &Sender, targets: &[ConnId], prefix: &str) -> usize {
    sender.as_bytes().len() + 1 + 20 + 1 + prefix.len() + ids_len(targets) + 2
}

fn ids_len(targets: &[ConnId]) -> usize {
    let digits: usize = targets.iter().map(|target| decimal::width(number(*target))).sum();
    digits + targets.len().saturating_sub(1)
}

/// Mongrel2 reads no sign. Id 0 is never given, so a negative one becomes a message to nobody.
fn number(target: ConnId) -> u64 {
    u64::try_from(target.0).unwrap_or(0)
}

/// A message to Mongrel2 as Mongrel2 reads it; made by [`parse_response`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The name at its start, which Mongrel2 compares with nothing but its `recv_ident`.
    pub sender: Bytes,
    /// The connections it names, 1 to [`TARGETS_MAX`] of them, in order and perhaps repeated.
    ///
    /// Mongrel2 keeps the low 32 bits of each number, so `4294967297` is connection 1; what does not
    /// fit 64 bits is `-1` (seen on Mongrel2 1.12.2).
    pub targets: Vec<ConnId>,
    /// Whether the list of ids began with `X `: then the body is for
    /// [`parse_extended`](super::parse_extended), not for the connections.
    pub extended: bool,
    /// All that follows. Empty closes the connections, unless `extended`.
    pub body: Bytes,
}

/// Reads a message as Mongrel2 reads those of handlers, as strict as that and as lenient: for the
/// stand-in server and for tests.
///
/// # Errors
/// Says why Mongrel2 would skip the message.
pub fn parse_response(raw: &Bytes) -> Result<Reply, ReplyError> {
    let sender = raw.iter().position(|octet| !is_sender_octet(*octet)).unwrap_or(raw.len());
    if sender == 0 || raw.get(sender) != Some(&b' ') {
        return Err(ReplyError::Sender);
    }
    let rest = &raw[sender + 1..];
    let colon = rest.iter().position(|octet| *octet == b':').ok_or(ReplyError::Length)?;
    let expected = decimal::parse_padded(&rest[..colon]).ok_or(ReplyError::Length)?;
    let rest = &rest[colon + 1..];

    let extended = rest.starts_with(EXTENDED.as_bytes());
    let start = if extended { EXTENDED.len() } else { 0 };
    let (targets, end) = targets(rest, start, extended)?;
    if !usize::try_from(expected).is_ok_and(|expected| expected == end) {
        return Err(ReplyError::LengthMismatch { expected, found: end, extended });
    }
    let body = rest[end..].strip_prefix(b", ").ok_or(ReplyError::Targets)?;
    if targets.is_empty() {
        return Err(ReplyError::NoTargets);
    }
    Ok(Reply { sender: raw.slice(..sender), targets, extended, body: raw.slice_ref(body) })
}

/// The ids from `start` on, and where the list ends: digits, each time with at most one blank.
fn targets(rest: &[u8], start: usize, extended: bool) -> Result<(Vec<ConnId>, usize), ReplyError> {
    let mut targets = Vec::new();
    let mut at = start;
    loop {
        let digits = rest[at..].iter().take_while(|octet| octet.is_ascii_digit()).count();
        match rest.get(at + digits) {
            Some(b',') if digits == 0 => return Ok((targets, at)),
            Some(b',' | b' ') if digits > 0 => {}
            _ => return Err(ReplyError::Targets),
        }
        if targets.len() == TARGETS_MAX {
            return Err(ReplyError::TooManyTargets { extended });
        }
        targets.push(wrapped(&rest[at..at + digits]));
        at += digits;
        at += usize::from(rest[at] == b' ');
    }
}

/// The connection that Mongrel2 makes of a number: its low 32 bits, printed with a sign.
fn wrapped(digits: &[u8]) -> ConnId {
    let [a, b, c, d, ..] = decimal::parse_padded(digits).unwrap_or(u64::MAX).to_le_bytes();
    ConnId(i64::from(i32::from_le_bytes([a, b, c, d])))
}

/// What the id list of an extended reply begins with (seen on Mongrel2 1.12.2).
pub(super) const EXTENDED: &str = "X ";

#[cfg(test)]
mod tests;
