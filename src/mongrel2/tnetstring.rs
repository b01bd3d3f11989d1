//! Tnetstrings: `LEN:payload` and one octet for the type (the tagged netstrings of the Mongrel2
//! manual).
//!
//! Headers in this dialect are a dictionary of strings, with a list of strings for a header that
//! was repeated; Mongrel2 writes no other types there (seen on Mongrel2 1.12.2). Numbers, booleans
//! and null from other programs are read as the text they are written with. Nothing recurses.

use bytes::{BufMut, BytesMut};

use super::decimal;
use super::error::TnetstringError;
use super::text::{OneOrMany, Text};

/// The type of a string.
pub(super) const STRING: u8 = b',';
/// The type of a whole number.
pub(super) const NUMBER: u8 = b'#';
/// The type of a number with a fraction.
pub(super) const FLOAT: u8 = b'^';
/// The type of `true` and `false`.
pub(super) const BOOLEAN: u8 = b'!';
/// The type of null.
pub(super) const NULL: u8 = b'~';
/// The type of a list: elements one behind the other.
pub(super) const LIST: u8 = b']';
/// The type of a dictionary: names and values in turn.
pub(super) const DICTIONARY: u8 = b'}';

/// One tnetstring where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Where its payload begins among the elements read.
    pub(super) start: usize,
    pub(super) payload: &'a [u8],
    /// The octet behind the payload.
    pub(super) kind: u8,
}

impl<'a> Element<'a> {
    /// What a header's value may be, but for a list.
    fn into_text(self) -> Result<Text<'a>, TnetstringError> {
        match self.kind {
            STRING | NUMBER | FLOAT | BOOLEAN | NULL => {
                Ok(Text { start: self.start, raw: self.payload, escaped: false })
            }
            octet => Err(TnetstringError::Value { octet }),
        }
    }

    fn into_value(self) -> Result<OneOrMany<'a, Items<'a>>, TnetstringError> {
        if self.kind != LIST {
            return self.into_text().map(OneOrMany::One);
        }
        let mut elements = Elements::new(self.payload);
        while let Some(element) = elements.next()? {
            element.into_text()?;
        }
        Ok(OneOrMany::Many(Items { elements: Elements::new(self.payload) }))
    }
}

/// Tnetstrings one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Elements<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Elements<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// The next one; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, TnetstringError> {
        let rest = &self.octets[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let (length, prefix) = decimal::parse_length(rest).ok_or(TnetstringError::Length)?;
        let (payload, behind) =
            rest[prefix..].split_at_checked(length).ok_or(TnetstringError::Cut)?;
        let kind = *behind.first().ok_or(TnetstringError::Cut)?;
        let start = self.at + prefix;
        self.at = start + length + 1;
        Ok(Some(Element { start, payload, kind }))
    }
}

/// The members of a dictionary of headers, checked as they are read.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    elements: Elements<'a>,
}

impl<'a> Members<'a> {
    /// `block` is the payload of the dictionary.
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { elements: Elements::new(block) }
    }

    /// The next member; `None` behind the last one.
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<(Text<'a>, OneOrMany<'a, Items<'a>>)>, TnetstringError> {
        let Some(name) = self.elements.next()? else { return Ok(None) };
        if name.kind != STRING {
            return Err(TnetstringError::Name);
        }
        let value = self.elements.next()?.ok_or(TnetstringError::NoValue)?;
        Ok(Some((name.into_text()?, value.into_value()?)))
    }
}

/// The items of a list that [`Members`] has checked.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    elements: Elements<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        self.elements.next().ok().flatten()?.into_text().ok()
    }
}

/// Writes one element.
pub(super) fn put(payload: &[u8], kind: u8, out: &mut BytesMut) {
    decimal::put_len(payload.len(), out);
    out.put_u8(b':');
    out.put_slice(payload);
    out.put_u8(kind);
}

/// Writes the payload of a header dictionary as Mongrel2 does. A name with one value gets a
/// string, else a list.
pub(super) fn put_members(headers: &[(&[u8], &[&[u8]])], out: &mut BytesMut) {
    for (name, values) in headers {
        put(name, STRING, out);
        match values {
            [value] => put(value, STRING, out),
            _ => {
                let mut list = BytesMut::new();
                values.iter().for_each(|value| put(value, STRING, &mut list));
                put(&list, LIST, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(block: &[u8]) -> Result<Vec<(String, Vec<String>)>, TnetstringError> {
        let string = |text: Text<'_>| String::from_utf8_lossy(text.raw).into_owned();
        let mut members = Members::new(block);
        let mut all = Vec::new();
        while let Some((name, value)) = members.next()? {
            all.push((string(name), value.texts().map(string).collect()));
        }
        Ok(all)
    }

    fn one(name: &str, values: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), values.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn strings_and_lists_are_read() {
        assert_eq!(members(b""), Ok(vec![]));
        assert_eq!(
            members(b"1:a,1:1,1:b,8:1:x,1:y,]1:c,0:]0:,0:,"),
            Ok(vec![one("a", &["1"]), one("b", &["x", "y"]), one("c", &[]), one("", &[""])])
        );
    }

    #[test]
    fn scalars_are_read_as_their_text() {
        assert_eq!(
            members(b"1:n,2:42#1:f,3:1.5^1:b,4:true!1:z,0:~"),
            Ok(vec![one("n", &["42"]), one("f", &["1.5"]), one("b", &["true"]), one("z", &[""])])
        );
    }

    #[test]
    fn each_mistake_has_its_error() {
        for (block, error) in [
            ("x", TnetstringError::Length),
            ("1", TnetstringError::Length),
            ("01:a,1:b,", TnetstringError::Length),
            ("-1:a,1:b,", TnetstringError::Length),
            ("99999999999999999999:a,", TnetstringError::Length),
            ("18446744073709551615:a,", TnetstringError::Cut),
            ("2:a,", TnetstringError::Cut),
            ("1:a", TnetstringError::Cut),
            ("1:1#1:b,", TnetstringError::Name),
            ("1:a,", TnetstringError::NoValue),
            ("1:a,0:}", TnetstringError::Value { octet: b'}' }),
            ("1:a,3:0:]]", TnetstringError::Value { octet: b']' }),
            ("1:a,3:9:x]", TnetstringError::Cut),
            ("1:a,1:x?", TnetstringError::Value { octet: b'?' }),
        ] {
            assert_eq!(members(block.as_bytes()), Err(error), "{block}");
        }
    }

    #[test]
    fn what_is_put_is_read() {
        let all: Vec<u8> = (0..=255).collect();
        let mut out = BytesMut::new();
        put_members(&[(b"a", &[&all]), (&all, &[b"1", b"", &all]), (b"", &[])], &mut out);
        let mut read = Members::new(&out);
        let mut next = || {
            let (name, value) = read.next().unwrap().unwrap();
            (name.raw, value.texts().map(|text| text.raw).collect::<Vec<_>>())
        };
        assert_eq!(next(), (&b"a"[..], vec![&all[..]]));
        assert_eq!(next(), (&all[..], vec![&b"1"[..], b"", &all]));
        assert_eq!(next(), (&b""[..], vec![]));
        assert!(read.next().unwrap().is_none());
    }
}
