//! The number of a browser's connection.

use std::fmt;

use super::decimal;

/// Mongrel2's number for one browser connection.
///
/// Given by the server, counted up from 1, and begun again at 1 after each restart (seen on
/// Mongrel2 1.12.2). All requests of one TCP connection carry the same one. `-1` is what a
/// Connector sends, and what a notice carries after a reply to an id that fits no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub i64);

impl ConnId {
    /// No browser: what a Connector sends.
    pub const NONE: Self = Self(-1);

    /// Reads all of `text`: digits without leading zeros, behind at most one `-`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        match text.strip_prefix(b"-") {
            None => decimal::parse(text).and_then(|value| i64::try_from(value).ok()),
            Some(b"0") => None,
            Some(digits) => decimal::parse(digits).and_then(|v| 0i64.checked_sub_unsigned(v)),
        }
        .map(Self)
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_is_parsed() {
        for id in [0, 1, -1, 4_294_967_297, i64::MAX, i64::MIN].map(ConnId) {
            assert_eq!(ConnId::parse(id.to_string().as_bytes()), Some(id));
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in ["", "-", "-0", "--1", "+1", "01", "-01", "1.0", " 1", "9223372036854775808"] {
            assert_eq!(ConnId::parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
