//! In the place of `compressed.rs` where the library does not know compression: nobody offers it.

use bytes::Bytes;
use mongrel2_transceiver::websocket::{Decoded, FrameError};

use super::support::Dice;

#[derive(Debug)]
pub(crate) enum Compressed {}

impl Compressed {
    pub(crate) const fn offer(_dice: &mut Dice) -> Option<&'static str> {
        None
    }

    pub(crate) fn agreed(head: &str) -> Option<Self> {
        assert!(!head.contains("101") || !head.contains("Extensions"), "not offered: {head}");
        None
    }

    pub(crate) const fn refers(&self) -> bool {
        match *self {}
    }

    pub(crate) const fn deflate(&mut self, _payload: &[u8]) -> Option<Bytes> {
        match *self {}
    }

    pub(crate) const fn is_referred_to(&self) -> bool {
        match *self {}
    }

    pub(crate) fn read(&mut self, _octets: Bytes) -> Result<Vec<Decoded>, FrameError> {
        match *self {}
    }
}
