//! What Mongrel2 makes of a browser's frames.

use bytes::{Bytes, BytesMut};

use super::error::{ActError, Part};
use super::request::limit;
use crate::websocket::{CONTROL_PAYLOAD_LEN_MAX, Flags};

/// Joins fragments as Mongrel2 does (seen on Mongrel2 1.12.2).
#[derive(Clone, Debug, Default)]
pub(super) struct Fragments {
    /// The first octet of the message that is being joined, and what there is of it.
    begun: Option<(u8, BytesMut)>,
}

/// What becomes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The handler gets this.
    Deliver(Flags, Bytes),
    /// More of it is awaited.
    Keep,
    /// Mongrel2 ends the connection.
    End,
}

impl Fragments {
    pub(super) fn push(
        &mut self,
        first: u8,
        payload: Bytes,
        size_max: usize,
    ) -> Result<Fate, ActError> {
        let flags = Flags::from(first);
        let number = flags.opcode_number();
        let is_control = number >= 8;
        if is_control {
            let is_taken = flags.fin() && payload.len() <= CONTROL_PAYLOAD_LEN_MAX;
            return Ok(if is_taken { Fate::Deliver(flags, payload) } else { Fate::End });
        }
        if (number == 0) != self.begun.is_some() {
            return Ok(Fate::End);
        }
        let joined = self.begun.as_ref().map_or(0, |(_, joined)| joined.len());
        limit(Part::Message, joined.saturating_add(payload.len()), size_max)?;
        if self.begun.is_none() && flags.fin() {
            return Ok(Fate::Deliver(flags, payload));
        }
        let (begun_with, mut joined) = self.begun.take().unwrap_or((first, BytesMut::new()));
        joined.extend_from_slice(&payload);
        if flags.fin() {
            return Ok(Fate::Deliver(Flags::from(FIN | begun_with), joined.freeze()));
        }
        self.begun = Some((begun_with, joined));
        Ok(Fate::Keep)
    }
}

const FIN: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// What the handler gets, up to the end of the connection.
    fn run(frames: &[(u8, &'static str)]) -> (Vec<(u8, Bytes)>, bool) {
        let (mut fragments, mut found) = (Fragments::default(), Vec::new());
        for (first, payload) in frames {
            match fragments.push(*first, (*payload).into(), 1000) {
                Ok(Fate::Deliver(flags, payload)) => found.push((flags.into(), payload)),
                Ok(Fate::Keep) => {}
                Ok(Fate::End) | Err(_) => return (found, true),
            }
        }
        (found, false)
    }

    /// As in the captures of these names.
    #[test]
    fn fragments_are_joined() {
        let (found, _) = run(&[(0x01, "fra"), (0x89, "ping"), (0x80, "gment")]);
        assert_eq!(found, [(0x89, "ping".into()), (0x81, "fragment".into())]);
        assert_eq!(run(&[(0x01, ""), (0x80, "")]).0, [(0x81, Bytes::new())]);
        assert_eq!(run(&[(0x42, "a"), (0x30, "b"), (0x80, "c")]).0, [(0xC2, "abc".into())]);
    }

    #[test]
    fn odd_frames_pass() {
        for first in [0x81, 0x82, 0x88, 0xC1, 0xF2, 0x83, 0x8B] {
            assert_eq!(run(&[(first, "x")]), (vec![(first, "x".into())], false));
        }
    }

    #[test]
    fn wrong_frames_end_the_connection() {
        for frames in [
            &[(0x80, "stray")][..],
            &[(0x00, "stray")],
            &[(0x01, "a"), (0x81, "new")],
            &[(0x01, "a"), (0x02, "new")],
            &[(0x09, "fragmented")],
        ] {
            assert_eq!(run(frames), (vec![], true), "{frames:x?}");
        }
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(0x89, vec![0; 126].into(), 10), Ok(Fate::End));
        assert!(fragments.push(0x89, vec![0; 125].into(), 10).is_ok());
    }

    #[test]
    fn the_limit_is_for_all_fragments() {
        let mut fragments = Fragments::default();
        assert_eq!(fragments.push(0x01, "abcd".into(), 5), Ok(Fate::Keep));
        let error = ActError::TooLarge { part: Part::Message, size: 6, size_max: 5 };
        assert_eq!(fragments.push(0x80, "ef".into(), 5), Err(error));
        // Refused is as if it had not been said.
        let flags = Flags::from(0x81);
        assert_eq!(fragments.push(0x80, "e".into(), 5), Ok(Fate::Deliver(flags, "abcde".into())));
    }
}
