//! What the handler had written and the network never took: it cannot have arrived, so no fault in the
//! network excuses that nobody was told of its loss.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::parse_response;

use super::codec::Codec;
use super::oracle::{Oracle, Token, token_in, tokens_in};

/// Notes the replies among octets that were being written when their link ended.
pub(crate) fn note(octets: &Bytes, oracle: &mut Oracle) {
    for frame in frames(octets) {
        let Ok(reply) = parse_response(&frame) else { continue };
        for conn_id in &reply.targets {
            for token in tokens_of(&reply.body) {
                oracle.never_left(token, conn_id.0);
            }
        }
    }
}

/// The tokens of a body that is not compressed: an HTTP response, or frames.
fn tokens_of(body: &Bytes) -> Vec<Token> {
    let plain = tokens_in(body);
    if !plain.is_empty() {
        return plain;
    }
    let decoded = Codec::new().decode(body.clone()).unwrap_or_default();
    let messages = decoded.iter().filter_map(|decoded| match decoded {
        mongrel2_transceiver::websocket::Decoded::Message(message) => token_in(message.payload()),
        _ => None,
    });
    messages.collect()
}

/// The payloads of the message frames in octets that begin with a frame (RFC 37: traffic).
fn frames(octets: &Bytes) -> Vec<Bytes> {
    let mut frames = Vec::new();
    let mut at = 0;
    while let Some((flags, size, start)) = head(&octets[at..]) {
        let end = at + start + size;
        if end > octets.len() {
            break;
        }
        if flags & COMMAND == 0 {
            frames.push(octets.slice(at + start..end));
        }
        at = end;
    }
    frames
}

/// The flags of a frame, the size of its payload, and where that begins.
fn head(octets: &[u8]) -> Option<(u8, usize, usize)> {
    match octets {
        [flags, rest @ ..] if flags & LONG != 0 => {
            let size = u64::from_be_bytes(*rest.first_chunk()?);
            Some((*flags, usize::try_from(size).ok()?, 9))
        }
        [flags, size, ..] => Some((*flags, usize::from(*size), 2)),
        _ => None,
    }
}

const LONG: u8 = 2;
const COMMAND: u8 = 4;
