//! What stands for compression without the cargo feature `deflate`: no session is compressed.

use bytes::Bytes;

use crate::mongrel2::{ConnId, Request};
use crate::websocket::{Flags, FrameError, Message};

use super::config::Config;
use super::packing::{Packing, encode};

/// Nothing.
#[derive(Debug, Default)]
pub(crate) struct Compression;

#[expect(clippy::unused_self, clippy::needless_pass_by_ref_mut, reason = "as where it is")]
impl Compression {
    pub(super) const fn new(_config: &Config) -> Self {
        Self
    }

    pub(super) const fn fresh(&self) -> Self {
        Self
    }

    pub(super) const fn is_empty(&self) -> bool {
        true
    }

    pub(super) const fn agree(&mut self, _conn_id: ConnId, _request: &Request) -> Option<Bytes> {
        None
    }

    pub(super) const fn forget(&mut self, _conn_id: ConnId) {}

    pub(super) const fn lost_replies(&mut self) {}

    pub(super) const fn lost_requests(&mut self) {}

    pub(super) const fn packing(&self, _conn_id: ConnId) -> Packing {
        Packing::Plain
    }

    pub(super) fn pack(&mut self, message: &Message) -> Bytes {
        encode(message)
    }

    pub(super) fn at_the_door(&mut self, _conn_id: ConnId, frames: Bytes) -> Bytes {
        frames
    }

    pub(super) const fn inflate(
        &mut self,
        _request: &Request,
        _flags: Flags,
        _size_max: usize,
    ) -> Result<Option<(Flags, Bytes)>, FrameError> {
        Ok(None)
    }
}
