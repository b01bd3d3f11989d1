//! The text of a ping, as it stands in the header `QUERY`: `text=VALUE`, percent-encoded.

use bytes::{BufMut, Bytes, BytesMut};

use super::error::OrderError;
use super::limits::TEXT_LENGTH_MAX;

/// Reads the first `text=` of a query; `None` where there is none, or nothing behind it.
pub(super) fn text(query: &[u8]) -> Result<Option<Bytes>, OrderError> {
    let mut members = query.split(|octet| *octet == b'&');
    let Some(raw) = members.find_map(|member| member.strip_prefix(b"text=")) else {
        return Ok(None);
    };
    let text = decode(raw).ok_or(OrderError::Escape)?;
    if text.len() > TEXT_LENGTH_MAX {
        return Err(OrderError::TextTooLong { length: text.len() });
    }
    Ok((!text.is_empty()).then_some(text))
}

/// Undoes percent-encoding, and `+` for a blank, as forms have it (WHATWG URL 5.1). `None` where a
/// `%` is not followed by two hexadecimal digits.
fn decode(raw: &[u8]) -> Option<Bytes> {
    let mut out = BytesMut::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b'%' => {
                let (digits, behind) = rest.split_first_chunk::<2>()?;
                rest = behind;
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                out.put_u8(u8::try_from(high? << 4 | low?).ok()?);
            }
            b'+' => out.put_u8(b' '),
            octet => out.put_u8(*octet),
        }
    }
    Some(out.freeze())
}

/// Writes a query that [`text`] reads: what is not unreserved is percent-encoded (RFC 3986 2.3).
pub(super) fn encode(text: &[u8]) -> Vec<u8> {
    let mut query = b"text=".to_vec();
    for octet in text {
        match octet {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(*octet);
            }
            _ => query.extend_from_slice(format!("%{octet:02X}").as_bytes()),
        }
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Option<Bytes>, OrderError> {
        text(query.as_bytes())
    }

    #[test]
    fn the_first_text_counts() {
        for (query, expected) in [
            ("text=a", Some("a")),
            ("x=1&text=a-b&text=c", Some("a-b")),
            ("text=a%20b+c%2b%41", Some("a b c+A")),
            ("text=a=b", Some("a=b")),
            ("", None),
            ("text", None),
            ("text=", None),
            ("TEXT=a", None),
            ("context=a", None),
        ] {
            assert_eq!(read(query), Ok(expected.map(Bytes::from)), "{query}");
        }
    }

    #[test]
    fn broken_escapes_are_errors() {
        for query in ["text=%", "text=%4", "text=%4g", "text=a%+1", "text=%%41"] {
            assert_eq!(read(query), Err(OrderError::Escape), "{query}");
        }
    }

    #[test]
    fn the_length_counts_decoded() {
        let long = |octets: usize| format!("text={}", "%41".repeat(octets));
        assert_eq!(read(&long(TEXT_LENGTH_MAX)).unwrap().unwrap().len(), TEXT_LENGTH_MAX);
        let error = OrderError::TextTooLong { length: TEXT_LENGTH_MAX + 1 };
        assert_eq!(read(&long(TEXT_LENGTH_MAX + 1)), Err(error));
    }

    #[test]
    fn what_is_encoded_is_read() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(text(&encode(&all)), Ok(Some(Bytes::from(all))));
        assert_eq!(encode(b"a b"), b"text=a%20b");
    }
}
