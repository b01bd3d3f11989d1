//! One name or value as it lies in a header block, and the escapes of JSON strings.

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

/// A name or a value where it lies in a header block, escapes and all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// Where in its block it begins.
    pub(super) start: usize,
    /// Without the quotes around it.
    pub(super) raw: &'a [u8],
    /// Whether there is a backslash in it that begins an escape; never so in tnetstrings.
    pub(super) escaped: bool,
}

impl<'a> Text<'a> {
    /// Whether this is `name`, without allocating.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        if self.escaped {
            Unescape::new(self.raw).eq(name.iter().copied())
        } else {
            self.raw == name
        }
    }

    /// What it means; borrowed unless something was escaped.
    pub(super) fn into_cow(self) -> Cow<'a, [u8]> {
        if self.escaped {
            Cow::Owned(Unescape::new(self.raw).collect())
        } else {
            Cow::Borrowed(self.raw)
        }
    }
}

/// The octets that the inside of a JSON string means.
///
/// Mongrel2 escapes `"` and `\` alone (seen on Mongrel2 1.12.2), so that a browser's backslash
/// always arrives as `\\` and no other escape can come from a browser. `\/ \b \f \n \r \t \uXXXX`
/// are what other programs may write (RFC 8259 7). A `\` that begins none of these stands for
/// itself, as does an unpaired surrogate: octets are kept rather than judged.
pub(super) struct Unescape<'a> {
    rest: &'a [u8],
    /// The UTF-8 octets of one `\uXXXX`, from `next` on.
    pending: [u8; 4],
    next: usize,
    end: usize,
}

impl<'a> Unescape<'a> {
    pub(super) fn new(raw: &'a [u8]) -> Self {
        Self { rest: raw, pending: [0; 4], next: 0, end: 0 }
    }

    /// Takes `count` octets off and gives `octet` in their place.
    fn replace(&mut self, count: usize, octet: u8) -> u8 {
        self.rest = &self.rest[count..];
        octet
    }

    /// Reads `\uXXXX`, or two of them that make one character; `rest` begins with `\u`.
    fn unicode(&mut self) -> Option<u8> {
        let (character, length) = unicode(self.rest)?;
        self.end = character.encode_utf8(&mut self.pending).len();
        self.next = 1;
        Some(self.replace(length, self.pending[0]))
    }
}

impl Iterator for Unescape<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        if self.next < self.end {
            self.next += 1;
            return Some(self.pending[self.next - 1]);
        }
        let octet = match *self.rest {
            [b'\\', octet @ (b'"' | b'\\' | b'/'), ..] => self.replace(2, octet),
            [b'\\', b'b', ..] => self.replace(2, 0x08),
            [b'\\', b'f', ..] => self.replace(2, 0x0C),
            [b'\\', b'n', ..] => self.replace(2, b'\n'),
            [b'\\', b'r', ..] => self.replace(2, b'\r'),
            [b'\\', b't', ..] => self.replace(2, b'\t'),
            [b'\\', b'u', ..] => self.unicode().unwrap_or_else(|| self.replace(1, b'\\')),
            [octet, ..] => self.replace(1, octet),
            [] => return None,
        };
        Some(octet)
    }
}

/// The character of the `\uXXXX`, or of the pair of surrogates, that `raw` begins with, and how
/// many octets it takes.
fn unicode(raw: &[u8]) -> Option<(char, usize)> {
    let first = code_unit(raw)?;
    if let Some(character) = char::from_u32(u32::from(first)) {
        return Some((character, ESCAPE_LENGTH));
    }
    let second = code_unit(&raw[ESCAPE_LENGTH..])?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    Some((character, 2 * ESCAPE_LENGTH))
}

/// The value of the `\uXXXX` that `raw` begins with.
fn code_unit(raw: &[u8]) -> Option<u16> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0u16, |value, octet| {
        let digit = u16::try_from(char::from(*octet).to_digit(16)?).ok()?;
        Some(value << 4 | digit)
    })
}

/// Writes the inside of a JSON string as Mongrel2 does: `"` and `\` get a backslash, all other
/// octets stay.
fn put_escaped(text: &[u8], out: &mut BytesMut) {
    for piece in text.split_inclusive(|octet| matches!(octet, b'"' | b'\\')) {
        match piece {
            [before @ .., special @ (b'"' | b'\\')] => {
                out.put_slice(before);
                out.put_slice(&[b'\\', *special]);
            }
            plain => out.put_slice(plain),
        }
    }
}

/// Writes a JSON string, quotes and all.
pub(crate) fn put_string(text: &[u8], out: &mut BytesMut) {
    out.put_u8(b'"');
    put_escaped(text, out);
    out.put_u8(b'"');
}

/// Of `\uXXXX`.
const ESCAPE_LENGTH: usize = 6;

/// What stands behind a name in a header block: one text, or a list of them to be read with `I`.
#[derive(Clone, Debug)]
pub(super) enum OneOrMany<'a, I> {
    One(Text<'a>),
    Many(I),
}

#[cfg(test)]
impl<'a, I: Iterator<Item = Text<'a>>> OneOrMany<'a, I> {
    pub(super) fn texts(self) -> impl Iterator<Item = Text<'a>> {
        let (one, many) = match self {
            Self::One(text) => (Some(text), None),
            Self::Many(items) => (None, Some(items)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unescape(raw: &[u8]) -> Vec<u8> {
        Unescape::new(raw).collect()
    }

    #[test]
    fn escapes_mean_what_json_says() {
        for (raw, text) in [
            (r#"a\"b\\c\/d"#, "a\"b\\c/d"),
            (r"\b\f\n\r\t", "\u{8}\u{c}\n\r\t"),
            (r"\u0041\u00e9\u20AC", "Aé€"),
            (r"\ud83d\ude00!", "😀!"),
            (r"\u0000", "\0"),
        ] {
            assert_eq!(unescape(raw.as_bytes()), text.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for raw in [
            r"\q",
            r"\",
            r"\u",
            r"\u12",
            r"\u12g4",
            r"\u+123",
            r"\ud83d",
            r"\ude00",
            r"\ud83d\u004",
        ] {
            assert_eq!(unescape(raw.as_bytes()), raw.as_bytes(), "{raw}");
        }
        assert_eq!(unescape(br"\ud83d\u0041"), br"\ud83dA");
        assert_eq!(unescape(br"\ud83d\ud83d\ude00"), [br"\ud83d", "😀".as_bytes()].concat());
    }

    #[test]
    fn a_browsers_backslash_is_never_an_escape() {
        // What Mongrel2 makes of the header value `\u0041\n`.
        assert_eq!(unescape(br"\\u0041\\n"), br"\u0041\n");
    }

    #[test]
    fn every_octet_survives_escaping() {
        let all: Vec<u8> = (0..=255).chain(*br#"\\""\"\n\u0041\"#).collect();
        let mut out = BytesMut::new();
        put_escaped(&all, &mut out);
        assert_eq!(unescape(&out), all);
        assert_eq!(out.len(), all.len() + all.iter().filter(|o| b"\"\\".contains(o)).count());
    }

    #[test]
    fn comparing_does_as_decoding() {
        let text = Text { start: 0, raw: br"\u004dETHOD", escaped: true };
        assert!(text.is(b"METHOD") && !text.is(b"METHO") && !text.is(b"METHODS"));
        assert_eq!(text.into_cow(), Cow::<[u8]>::Owned(b"METHOD".to_vec()));
        let plain = Text { start: 0, raw: b"host", escaped: false };
        assert!(plain.is(b"host") && !plain.is(b"Host"));
        assert!(matches!(plain.into_cow(), Cow::Borrowed(b"host")));
    }
}
