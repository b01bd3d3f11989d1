//! The opening handshake (RFC 6455 4).
//!
//! Mongrel2 finds the request, works out the accept key and hands it over as the body of a request
//! with the method `WEBSOCKET_HANDSHAKE`. The response is the handler's to write.

use bytes::{BufMut, BytesMut};

/// Writes the response that accepts a WebSocket: `101 Switching Protocols` (RFC 6455 4.2.2).
///
/// `accept` is the body of Mongrel2's request, see [`is_accept_key`]; `protocol` one of those that
/// the client offered in `Sec-WebSocket-Protocol`; `extra` are names and values of further headers,
/// cookies for one. An octet that would end a line too early (CR, LF or NUL) becomes a space, as
/// RFC 9110 5.5 has it.
pub fn response_head(
    accept: &[u8],
    protocol: Option<&[u8]>,
    extra: &[(&[u8], &[u8])],
    out: &mut BytesMut,
) {
    out.put_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
    put_header(b"Upgrade", b"websocket", out);
    put_header(b"Connection", b"Upgrade", out);
    put_header(b"Sec-WebSocket-Accept", accept, out);
    if let Some(protocol) = protocol {
        put_header(b"Sec-WebSocket-Protocol", protocol, out);
    }
    for (name, value) in extra {
        put_header(name, value, out);
    }
    out.put_slice(b"\r\n");
}

/// Whether the answer to a handshake writes this header itself, or would mean something else with it.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| name.eq_ignore_ascii_case(reserved))
}

/// The value of `Sec-WebSocket-Accept` for that of `Sec-WebSocket-Key`: proof that the request was
/// understood (RFC 6455 1.3). Mongrel2 does this for a handler; clients check it.
#[must_use]
pub fn accept_key(key: &[u8]) -> [u8; ACCEPT_KEY_LEN] {
    let mut sha1 = sha1_smol::Sha1::new();
    sha1.update(key);
    sha1.update(GUID);
    base64(&sha1.digest().bytes())
}

/// The value of `Sec-WebSocket-Key` for these octets, which a client draws for each handshake
/// (RFC 6455 4.1).
#[must_use]
pub fn client_key(nonce: [u8; 16]) -> [u8; CLIENT_KEY_LEN] {
    base64(&nonce)
}

/// Whether `accept` looks like what Mongrel2 puts into the body of a handshake: 27 characters of
/// base64 and `=`.
#[must_use]
pub fn is_accept_key(accept: &[u8]) -> bool {
    match accept {
        [characters @ .., b'='] => {
            accept.len() == ACCEPT_KEY_LEN && characters.iter().all(|c| ALPHABET.contains(c))
        }
        _ => false,
    }
}

fn put_header(name: &[u8], value: &[u8], out: &mut BytesMut) {
    put_on_one_line(name, out);
    out.put_slice(b": ");
    put_on_one_line(value, out);
    out.put_slice(b"\r\n");
}

fn put_on_one_line(text: &[u8], out: &mut BytesMut) {
    out.extend(
        text.iter().map(|octet| if matches!(octet, b'\r' | b'\n' | 0) { b' ' } else { *octet }),
    );
}

/// Base64 (RFC 4648 4) in `LEN` characters, the last of which are `=` where nothing is left.
fn base64<const LEN: usize>(octets: &[u8]) -> [u8; LEN] {
    debug_assert!(LEN == octets.len().div_ceil(3) * 4, "four characters for three octets");
    let mut text = [b'='; LEN];
    for (three, four) in octets.chunks(3).zip(text.chunks_mut(4)) {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | u32::from(*three.get(i).unwrap_or(&0)));
        for (i, character) in four.iter_mut().enumerate().take(three.len() + 1) {
            *character = ALPHABET[(bits >> (18 - 6 * i)) as usize & 0x3F];
        }
    }
    text
}

/// The octets of an accept key: base64 of the 20 of a SHA-1.
pub const ACCEPT_KEY_LEN: usize = 28;

/// The octets of a client's key: base64 of 16 octets.
pub const CLIENT_KEY_LEN: usize = 24;

/// What RFC 6455 1.3 appends to the key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Extensions among them: none is spoken here.
const RESERVED: [&str; 7] = [
    "upgrade",
    "connection",
    "content-length",
    "transfer-encoding",
    "sec-websocket-accept",
    "sec-websocket-protocol",
    "sec-websocket-extensions",
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 6455 1.3, and the empty key, which Mongrel2 was seen to take.
    #[test]
    fn accept_keys() {
        for (key, accept) in [
            (&b"dGhlIHNhbXBsZSBub25jZQ=="[..], b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            (b"", b"Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="),
        ] {
            assert_eq!(&accept_key(key), accept);
            assert!(is_accept_key(accept));
        }
    }

    #[test]
    fn base64_of_a_known_text() {
        assert_eq!(&base64(b"light work, says he."), b"bGlnaHQgd29yaywgc2F5cyBoZS4=");
        assert_eq!(&base64(&[0; 20]), b"AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
        assert_eq!(&base64(&[255; 20]), b"//////////////////////////8=");
        assert_eq!(&client_key(*b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&base64::<4>(b"abc"), b"YWJj");
    }

    #[test]
    fn what_is_no_accept_key() {
        for wrong in [
            &b""[..],
            b"=",
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xO=",
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOoo=",
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xOoo",
            b"s3pPLMBiTxaQ9kYGzzhZRbK+xO==",
            b"s3pPLMBiTxaQ9kYGzzhZRbK-xOo=",
        ] {
            assert!(!is_accept_key(wrong), "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn the_response() {
        let mut out = BytesMut::new();
        let accept = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        response_head(accept, None, &[], &mut out);
        assert_eq!(
            &out[..],
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
        let plain = out.len() - 2;
        out.clear();
        response_head(accept, Some(b"chat"), &[(b"Set-Cookie", b"a=1"), (b"X-Y", b"")], &mut out);
        assert_eq!(
            &out[plain..],
            b"Sec-WebSocket-Protocol: chat\r\nSet-Cookie: a=1\r\nX-Y: \r\n\r\n"
        );
    }

    #[test]
    fn a_header_stays_on_its_line() {
        let mut out = BytesMut::new();
        response_head(b"", Some(b"a\r\n\r\nb"), &[(b"c\nd", b"e\0f")], &mut out);
        assert!(out.ends_with(b"Sec-WebSocket-Protocol: a    b\r\nc d: e f\r\n\r\n"));
    }
}
