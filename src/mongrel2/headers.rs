//! The headers of a request in either dialect, read where they lie.

use std::borrow::Cow;
use std::iter::FusedIterator;

use super::error::ParseError;
use super::text::{OneOrMany, Text};
use super::{json, plain, tnetstring};

/// How the headers of a message are written: the server's `protocol` setting for the handler
/// (Mongrel2 manual). The octet behind the headers tells it in every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Flat JSON, followed by `,`: the default.
    Json,
    /// A tnetstring dictionary, followed by `}`.
    Tnetstring,
}

impl Dialect {
    /// The dialect of headers that `octet` follows.
    pub(super) const fn from_mark(octet: u8) -> Option<Self> {
        match octet {
            b',' => Some(Self::Json),
            b'}' => Some(Self::Tnetstring),
            _ => None,
        }
    }
}

/// How a block is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// JSON without blanks and escapes.
    Plain,
    Json,
    Tnetstring,
}

impl Style {
    /// For a block of which nothing else is known.
    pub(super) const fn of(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Json => Self::Json,
            Dialect::Tnetstring => Self::Tnetstring,
        }
    }

    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Plain | Self::Json => Dialect::Json,
            Self::Tnetstring => Dialect::Tnetstring,
        }
    }
}

/// All headers of a [`Request`](super::Request), one item for each value; from
/// [`Request::headers`](super::Request::headers).
///
/// In the order of the message, which is the server's, not the client's; the values of one repeated
/// header are in the client's order (seen on Mongrel2 1.12.2).
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    members: Members<'a>,
    /// What is left of a list, and its name.
    list: Option<(Text<'a>, Texts<'a>)>,
}

impl<'a> Headers<'a> {
    pub(super) fn new(members: Members<'a>) -> Self {
        Self { members, list: None }
    }

    #[inline(never)]
    fn next_of_list(&mut self) -> Option<(Text<'a>, Text<'a>)> {
        let (name, values) = self.list.as_mut()?;
        let next = values.next().map(|value| (*name, value));
        if next.is_none() {
            self.list = None;
        }
        next
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (Cow<'a, [u8]>, Cow<'a, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.list.is_some() {
                if let Some((name, value)) = self.next_of_list() {
                    return Some((name.into_cow(), value.into_cow()));
                }
            }
            match self.members.next()? {
                (name, Value::One(value)) => return Some((name.into_cow(), value.into_cow())),
                (name, list) => self.list = Some((name, list.texts())),
            }
        }
    }
}

impl FusedIterator for Headers<'_> {}

/// The members of a header block, one for each name.
#[derive(Clone, Debug)]
pub(super) enum Members<'a> {
    Plain(plain::Members<'a>),
    Json(json::Members<'a>),
    Tnetstring(tnetstring::Members<'a>),
}

impl<'a> Members<'a> {
    /// `block` is what its style says, if that is [`Style::Plain`].
    pub(super) fn new(style: Style, block: &'a [u8]) -> Self {
        match style {
            Style::Plain => Self::Plain(plain::Members::new(block)),
            Style::Json => Self::Json(json::Members::new(block)),
            Style::Tnetstring => Self::Tnetstring(tnetstring::Members::new(block)),
        }
    }

    /// The next member of a block that nobody has looked at yet.
    pub(super) fn check_next(&mut self) -> Result<Option<(Text<'a>, Value<'a>)>, ParseError> {
        Ok(match self {
            Self::Plain(members) => members.next().map(json_member),
            Self::Json(members) => members.next()?.map(json_member),
            Self::Tnetstring(members) => members.next()?.map(|(name, value)| match value {
                OneOrMany::One(text) => (name, Value::One(text)),
                OneOrMany::Many(items) => (name, Value::TnetstringList(items)),
            }),
        })
    }

    /// The values of `name`.
    ///
    /// One name has one member in all that Mongrel2 writes. Where another program wrote several,
    /// the first one stands alone if the name is upper-case, as the server's are; those of a client
    /// header are put together.
    pub(super) fn values(self, name: &[u8]) -> impl Iterator<Item = Cow<'a, [u8]>> {
        let members_max =
            if name.first().is_some_and(u8::is_ascii_uppercase) { 1 } else { usize::MAX };
        self.filter(move |(found, _)| found.is(name))
            .take(members_max)
            .flat_map(|(_, value)| value.texts())
            .map(Text::into_cow)
    }
}

fn json_member<'a>(
    (name, value): (Text<'a>, OneOrMany<'a, json::Items<'a>>),
) -> (Text<'a>, Value<'a>) {
    let value = match value {
        OneOrMany::One(text) => Value::One(text),
        OneOrMany::Many(items) => Value::JsonList(items),
    };
    (name, value)
}

/// Of a block that [`Members::check_next`] has been through: it cannot fail any more.
impl<'a> Iterator for Members<'a> {
    type Item = (Text<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.check_next().ok().flatten()
    }
}

/// What one name stands for.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    One(Text<'a>),
    JsonList(json::Items<'a>),
    TnetstringList(tnetstring::Items<'a>),
}

impl<'a> Value<'a> {
    /// One by one.
    pub(super) fn texts(self) -> Texts<'a> {
        match self {
            Self::One(text) => Texts::One(Some(text)),
            Self::JsonList(items) => Texts::Json(items),
            Self::TnetstringList(items) => Texts::Tnetstring(items),
        }
    }
}

/// The values of one name.
#[derive(Clone, Debug)]
pub(super) enum Texts<'a> {
    One(Option<Text<'a>>),
    Json(json::Items<'a>),
    Tnetstring(tnetstring::Items<'a>),
}

impl<'a> Iterator for Texts<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        match self {
            Self::One(text) => text.take(),
            Self::Json(items) => items.next(),
            Self::Tnetstring(items) => items.next(),
        }
    }
}
