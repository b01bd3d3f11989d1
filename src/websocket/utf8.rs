//! Text in shared octets.

use std::fmt;
use std::ops::Deref;
use std::str;

use bytes::Bytes;

/// Valid UTF-8 in shared octets: a text that is cloned and sent to many without being copied.
///
/// Made from text, or from octets that are checked once. This library has no unsafe code, so to
/// look at it *as text* checks the octets again: look once and keep the `&str`.
/// [`as_bytes`](Self::as_bytes) and [`into_bytes`](Self::into_bytes) cost nothing.
///
/// ```
/// # use bytes::Bytes;
/// use mongrel2_transceiver::websocket::Utf8Bytes;
/// let text = Utf8Bytes::try_from(Bytes::from_static(b"caf\xC3\xA9"))?;
/// assert_eq!(text.chars().count(), 4);
/// # Ok::<(), mongrel2_transceiver::websocket::Utf8Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Utf8Bytes(Bytes);

impl Utf8Bytes {
    /// No text.
    #[must_use]
    pub const fn new() -> Self {
        Self::from_static("")
    }

    /// A text that is part of the program.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// The text, checked once more.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "it was checked when it was made")]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("checked when this was made")
    }

    /// The octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The octets, without copying them.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// How many octets there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Bytes> for Utf8Bytes {
    type Error = Utf8Error;

    fn try_from(octets: Bytes) -> Result<Self, Utf8Error> {
        match str::from_utf8(&octets) {
            Ok(_) => Ok(Self(octets)),
            Err(error) => Err(Utf8Error { valid_up_to: error.valid_up_to() }),
        }
    }
}

impl From<&'static str> for Utf8Bytes {
    fn from(text: &'static str) -> Self {
        Self::from_static(text)
    }
}

impl From<String> for Utf8Bytes {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Utf8Bytes> for Bytes {
    fn from(text: Utf8Bytes) -> Self {
        text.0
    }
}

impl Deref for Utf8Bytes {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Utf8Bytes {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Utf8Bytes {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Utf8Bytes {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Display for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Utf8Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Octets that are not UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utf8Error {
    valid_up_to: usize,
}

impl Utf8Error {
    /// How many octets from the start on are whole characters.
    #[must_use]
    pub const fn valid_up_to(&self) -> usize {
        self.valid_up_to
    }
}

impl fmt::Display for Utf8Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not UTF-8 after the first {} octets", self.valid_up_to)
    }
}

impl std::error::Error for Utf8Error {}

/// Looks at a text that is still coming in, of which `checked` octets are known to be whole
/// characters. Returns how many are now; the last character may lack octets that are still to come.
pub(super) fn check_unfinished(octets: &[u8], checked: usize) -> Result<usize, Utf8Error> {
    match str::from_utf8(&octets[checked..]) {
        Ok(_) => Ok(octets.len()),
        Err(error) => {
            let valid_up_to = checked + error.valid_up_to();
            if error.error_len().is_some() {
                Err(Utf8Error { valid_up_to })
            } else {
                Ok(valid_up_to)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_are_checked_and_not_copied() {
        let octets = Bytes::from("zw\u{f6}lf");
        let text = Utf8Bytes::try_from(octets.clone()).unwrap();
        assert_eq!(text, "zw\u{f6}lf");
        assert_eq!(text.as_bytes().as_ptr(), octets.as_ptr());
        assert_eq!(text.into_bytes().as_ptr(), octets.as_ptr());
        for (wrong, valid_up_to) in
            [(&b"ab\xFFcd"[..], 2), (b"ab\xE2\x82", 2), (b"\xED\xA0\x80", 0)]
        {
            let error = Utf8Bytes::try_from(Bytes::from_static(wrong)).unwrap_err();
            assert_eq!(error.valid_up_to(), valid_up_to);
        }
    }

    #[test]
    fn text_in_is_text_out() {
        const FIXED: Utf8Bytes = Utf8Bytes::from_static("bye");
        assert_eq!(FIXED, Utf8Bytes::from(String::from("bye")));
        assert_eq!(format!("{FIXED} {FIXED:?} {FIXED:>5}"), "bye \"bye\"   bye");
        assert_eq!(Utf8Bytes::default(), Utf8Bytes::new());
        assert!(Utf8Bytes::from("").is_empty() && FIXED.len() == 3);
        assert!(FIXED.starts_with('b'));
    }

    /// The smallest and the largest character of each length, and the surrogates' neighbours.
    #[test]
    fn an_unfinished_text_is_as_good_as_its_whole_characters() {
        for character in [
            '\0',
            '\x7F',
            '\u{80}',
            '\u{7FF}',
            '\u{800}',
            '\u{D7FF}',
            '\u{E000}',
            '\u{FFFF}',
            '\u{10000}',
            '\u{10FFFF}',
        ] {
            let text = format!("a{character}");
            for cut in 1..text.len() {
                assert_eq!(check_unfinished(&text.as_bytes()[..cut], 0), Ok(1));
            }
            assert_eq!(check_unfinished(text.as_bytes(), 1), Ok(text.len()));
        }
    }

    #[test]
    fn an_octet_that_no_text_can_hold_is_found_at_once() {
        for (octets, valid_up_to) in [
            (&b"a\x80"[..], 1),
            (b"a\xC0", 1),
            (b"a\xC2a", 1),
            (b"a\xE0\x9F", 1),
            (b"a\xED\xA0", 1),
            (b"a\xF0\x8F", 1),
            (b"a\xF4\x90", 1),
            (b"a\xF5", 1),
        ] {
            assert_eq!(check_unfinished(octets, 0), Err(Utf8Error { valid_up_to }), "{octets:x?}");
            assert_eq!(check_unfinished(octets, 1), Err(Utf8Error { valid_up_to }), "{octets:x?}");
        }
    }
}
