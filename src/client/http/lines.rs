//! Lines, gathered from pieces.

use bytes::{Buf, Bytes, BytesMut};

/// Gathers whole lines, up to an empty one or one by one.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines {
    gathered: BytesMut,
    /// Where the line that is being gathered begins.
    line: usize,
}

/// There would be more octets than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Lines {
    /// What is there of lines that are not whole yet.
    pub(super) fn gathered(&self) -> &[u8] {
        &self.gathered
    }

    /// Takes one line off `data`, or what there is of it. The line with its end, once it is whole.
    pub(super) fn line(&mut self, data: &mut Bytes, max: usize) -> Result<Option<Bytes>, TooLong> {
        let is_whole = self.take(data, max)?;
        Ok(is_whole.then(|| self.all()))
    }

    /// Takes lines off `data` up to an empty one. All of them, once that has come.
    pub(super) fn block(&mut self, data: &mut Bytes, max: usize) -> Result<Option<Bytes>, TooLong> {
        while self.take(data, max)? {
            if matches!(&self.gathered[self.line..], b"\r\n" | b"\n") {
                return Ok(Some(self.all()));
            }
            self.line = self.gathered.len();
        }
        Ok(None)
    }

    fn all(&mut self) -> Bytes {
        self.line = 0;
        self.gathered.split().freeze()
    }

    /// Whether the line is whole now.
    fn take(&mut self, data: &mut Bytes, max: usize) -> Result<bool, TooLong> {
        let end = data.iter().position(|octet| *octet == b'\n').map(|at| at + 1);
        let count = end.unwrap_or(data.len());
        if count > max.saturating_sub(self.gathered.len()) {
            return Err(TooLong);
        }
        self.gathered.extend_from_slice(&data[..count]);
        data.advance(count);
        Ok(end.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_with_an_empty_line() {
        for text in ["a: b\r\nc\r\n\r\n", "\r\n", "a\n\n", "a\r\n\n", "a\r\r\n\r\n"] {
            for cut in 0..text.len() {
                let mut lines = Lines::default();
                let mut first = Bytes::copy_from_slice(&text.as_bytes()[..cut]);
                assert_eq!(lines.block(&mut first, 100), Ok(None), "{text:?} cut at {cut}");
                assert_eq!((first.len(), lines.gathered().len()), (0, cut));
                let mut rest = Bytes::from([&text.as_bytes()[cut..], b"rest"].concat());
                assert_eq!(lines.block(&mut rest, 100), Ok(Some(Bytes::from(text))));
                assert_eq!(rest, "rest");
            }
        }
    }

    #[test]
    fn lines_come_one_by_one() {
        let (mut lines, mut data) = (Lines::default(), Bytes::from("a\r\n\nb"));
        assert_eq!(lines.line(&mut data, 9), Ok(Some("a\r\n".into())));
        assert_eq!(lines.line(&mut data, 9), Ok(Some("\n".into())));
        assert_eq!(lines.line(&mut data, 9), Ok(None));
        assert_eq!(lines.gathered(), b"b");
    }

    #[test]
    fn the_limit_is_for_all_of_it() {
        let block = |text: &'static str| Lines::default().block(&mut text.into(), 6);
        assert!(block("abcd\n\n").is_ok_and(|found| found.is_some()));
        assert!(block("abcdef").is_ok_and(|found| found.is_none()));
        assert_eq!(block("abcde\n\n"), Err(TooLong));
        assert_eq!(block("abcdefg"), Err(TooLong));
    }
}
