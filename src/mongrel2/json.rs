//! The flat JSON in which Mongrel2 writes headers by default: octets in, octets out.
//!
//! Mongrel2 writes `{"k":"v","k":["v","v"]}`: no blanks, and every octet but `"` and `\` as it
//! came, so control octets, line feeds in names and invalid UTF-8 must be taken literally (seen on
//! Mongrel2 1.12.2). Strict JSON readers fail there, and a browser chooses when. Other programs
//! speak the same format with ordinary JSON (RFC 8259), so blanks, all escapes, numbers, `true`,
//! `false` and `null` are taken too, the latter as texts. The two never collide: outside strings
//! a browser's octets do not occur, and inside them it has no bare backslash.
//!
//! Headers are flat. An object as a value, or a list in a list, is an error; nothing recurses.

use bytes::{BufMut, BytesMut};

use super::error::JsonError;
use super::find;
use super::text::{OneOrMany, Text, put_string};

/// The members of a header object, checked as they are read.
#[derive(Clone, Debug)]
pub(super) struct Members<'a> {
    cursor: Cursor<'a>,
    place: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    AfterMember,
    End,
}

impl<'a> Members<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self { cursor: Cursor { block, at: 0 }, place: Place::Start }
    }

    /// The next member; `None` behind the last one, with nothing but blanks left.
    pub(super) fn next(
        &mut self,
    ) -> Result<Option<(Text<'a>, OneOrMany<'a, Items<'a>>)>, JsonError> {
        let cursor = &mut self.cursor;
        cursor.skip_blanks();
        match self.place {
            Place::Start => {
                cursor.expect(b'{', JsonError::NoObject)?;
                cursor.skip_blanks();
                if cursor.take(b'}') {
                    return self.end();
                }
            }
            Place::AfterMember => {
                if cursor.take(b'}') {
                    return self.end();
                }
                cursor.expect(b',', JsonError::Comma)?;
                cursor.skip_blanks();
            }
            Place::End => return Ok(None),
        }
        self.place = Place::AfterMember;
        cursor.member().map(Some)
    }

    fn end<T>(&mut self) -> Result<Option<T>, JsonError> {
        self.place = Place::End;
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            None => Ok(None),
            Some(_) => Err(JsonError::Trailing),
        }
    }
}

/// The items of a list that [`Members`] has checked.
#[derive(Clone, Debug)]
pub(super) struct Items<'a> {
    cursor: Cursor<'a>,
}

impl<'a> Items<'a> {
    /// Those of a list that is known to be one; its first item begins at `at`.
    pub(super) fn new(block: &'a [u8], at: usize) -> Self {
        Self { cursor: Cursor { block, at } }
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Text<'a>;

    fn next(&mut self) -> Option<Text<'a>> {
        self.cursor.skip_blanks();
        self.cursor.take(b',');
        self.cursor.skip_blanks();
        match self.cursor.peek()? {
            b']' => None,
            _ => self.cursor.item().ok(),
        }
    }
}

/// A place in a header block.
#[derive(Clone, Debug)]
struct Cursor<'a> {
    block: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.block.get(self.at).copied()
    }

    fn take(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, octet: u8, error: JsonError) -> Result<(), JsonError> {
        match self.peek() {
            Some(found) if found == octet => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(error),
            None => Err(JsonError::Cut),
        }
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn member(&mut self) -> Result<(Text<'a>, OneOrMany<'a, Items<'a>>), JsonError> {
        let name = self.string(JsonError::Name)?;
        self.skip_blanks();
        self.expect(b':', JsonError::Colon)?;
        self.skip_blanks();
        let value = match self.peek() {
            Some(b'[') => OneOrMany::Many(self.list()?),
            _ => OneOrMany::One(self.item()?),
        };
        Ok((name, value))
    }

    /// Walks over a list, and gives what reads it again.
    fn list(&mut self) -> Result<Items<'a>, JsonError> {
        self.at += 1;
        let items = Items { cursor: self.clone() };
        self.skip_blanks();
        if self.take(b']') {
            return Ok(items);
        }
        loop {
            self.skip_blanks();
            self.item()?;
            self.skip_blanks();
            if self.take(b']') {
                return Ok(items);
            }
            self.expect(b',', JsonError::Comma)?;
        }
    }

    /// A value that is no list.
    fn item(&mut self) -> Result<Text<'a>, JsonError> {
        match self.peek() {
            Some(b'"') => self.string(JsonError::Value),
            Some(b'{' | b'[') => Err(JsonError::Nested),
            Some(_) => self.scalar(),
            None => Err(JsonError::Cut),
        }
    }

    fn string(&mut self, error: JsonError) -> Result<Text<'a>, JsonError> {
        self.expect(b'"', error)?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at +=
                find::either(&self.block[self.at..], b'"', b'\\').ok_or(JsonError::Unterminated)?;
            if self.block[self.at] == b'"' {
                let raw = &self.block[start..self.at];
                self.at += 1;
                return Ok(Text { start, raw, escaped });
            }
            escaped = true;
            self.at += 2;
            if self.at > self.block.len() {
                return Err(JsonError::Unterminated);
            }
        }
    }

    fn scalar(&mut self) -> Result<Text<'a>, JsonError> {
        let start = self.at;
        let rest = &self.block[start..];
        let length = rest.iter().position(|octet| !is_scalar_octet(*octet)).unwrap_or(rest.len());
        let raw = &rest[..length];
        if !matches!(raw, b"true" | b"false" | b"null") && !is_number(raw) {
            return Err(JsonError::Value);
        }
        self.at += length;
        Ok(Text { start, raw, escaped: false })
    }
}

const fn is_scalar_octet(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.')
}

/// RFC 8259 6.
fn is_number(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, text) = split_digits(text);
    let (fraction_ok, text) = match text.strip_prefix(b".") {
        Some(text) => {
            let (digits, text) = split_digits(text);
            (!digits.is_empty(), text)
        }
        None => (true, text),
    };
    let exponent_ok = match text {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && split_digits(digits).1.is_empty()
        }
        _ => false,
    };
    !matches!(whole, [] | [b'0', _, ..]) && fraction_ok && exponent_ok
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|octet| !octet.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Writes a header object as Mongrel2 does. A name with one value gets a string, else a list.
pub(super) fn put_object(headers: &[(&[u8], &[&[u8]])], out: &mut BytesMut) {
    out.put_u8(b'{');
    for (index, (name, values)) in headers.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        put_string(name, out);
        out.put_u8(b':');
        match values {
            [value] => put_string(value, out),
            _ => put_list(values, out),
        }
    }
    out.put_u8(b'}');
}

fn put_list(values: &[&[u8]], out: &mut BytesMut) {
    out.put_u8(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.put_u8(b',');
        }
        put_string(value, out);
    }
    out.put_u8(b']');
}

#[cfg(test)]
mod tests;
