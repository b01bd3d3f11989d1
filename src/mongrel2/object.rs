//! Flat JSON objects apart from headers: what bodies of a few members are made of.

use std::borrow::Cow;

use super::error::JsonError;
use super::json;
use super::text::{OneOrMany, Text};

/// The value of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member<'a> {
    /// A string; a number, `true`, `false` or `null` as its text.
    One(Cow<'a, [u8]>),
    /// A list of such.
    Many(Vec<Cow<'a, [u8]>>),
}

/// Reads a JSON object that is as flat as headers are: each value a text or a list of texts. Stops
/// behind the first mistake.
pub(crate) fn members(
    block: &[u8],
) -> impl Iterator<Item = Result<(Cow<'_, [u8]>, Member<'_>), JsonError>> {
    let mut members = json::Members::new(block);
    let mut is_over = false;
    std::iter::from_fn(move || {
        let next = if is_over { None } else { members.next().transpose() };
        is_over = !matches!(next, Some(Ok(_)));
        next.map(|member| member.map(|(name, value)| (name.into_cow(), value.into())))
    })
}

impl<'a> From<OneOrMany<'a, json::Items<'a>>> for Member<'a> {
    fn from(value: OneOrMany<'a, json::Items<'a>>) -> Self {
        match value {
            OneOrMany::One(text) => Self::One(text.into_cow()),
            OneOrMany::Many(items) => Self::Many(items.map(Text::into_cow).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_read_up_to_the_first_mistake() {
        let read = |text: &'static str| members(text.as_bytes()).collect::<Vec<_>>();
        let text = |text: &'static str| Cow::Borrowed(text.as_bytes());
        assert_eq!(read("{}"), []);
        assert_eq!(
            read(r#" {"a": ["b", 1], "c": "d"} "#),
            [
                Ok((text("a"), Member::Many(vec![text("b"), text("1")]))),
                Ok((text("c"), Member::One(text("d")))),
            ]
        );
        assert_eq!(read(""), [Err(JsonError::Cut)]);
        assert_eq!(
            read(r#"{"a":1 "b":2}"#),
            [Ok((text("a"), Member::One(text("1")))), Err(JsonError::Comma)]
        );
        assert_eq!(read(r#"{"a":{}}"#), [Err(JsonError::Nested)]);
    }
}
