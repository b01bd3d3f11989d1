//! One place in the table of sessions: 16 octets.

use crate::mongrel2::ConnId;

use super::window::{Mark, Window};

/// One connection, or a free place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) conn_id: ConnId,
    pub(super) state: State,
    flags: u8,
    /// Visits in a row that found nothing.
    pub(super) silent: u8,
    /// Visits in a row that found no message.
    pub(super) idle: u8,
    /// What it was sent that is not proven to be read.
    pub(super) window: Window,
    /// The ping that was unanswered at the last visit.
    pub(super) asked: Option<Mark>,
}

/// What a connection is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The slot is free.
    Free,
    /// Messages may go both ways.
    Open,
    /// We have sent a close frame and wait for the client's.
    Closing,
    /// The client has closed it, or broken a rule; the application has not got there yet, and may
    /// answer what came before.
    Ending,
    /// We have ended the connection. Frames that the server had read before may still come, and
    /// belong to nobody.
    Gone,
}

impl Slot {
    /// A connection that counts as heard from.
    pub(super) fn new(conn_id: ConnId, state: State) -> Self {
        let window = Window::default();
        Self { conn_id, state, flags: HEARD | SAID, silent: 0, idle: 0, window, asked: None }
    }

    /// A sign of life has come.
    pub(super) const fn heard(&mut self) {
        self.flags |= HEARD;
    }

    /// A message has come.
    pub(super) const fn said(&mut self) {
        self.flags |= HEARD | SAID;
    }

    /// Whether a sign of life, and a message, came since the last call.
    pub(super) const fn take_signs(&mut self) -> (bool, bool) {
        let signs = (self.flags & HEARD != 0, self.flags & SAID != 0);
        self.flags &= !(HEARD | SAID);
        signs
    }
}

const HEARD: u8 = 1;
const SAID: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_has_16_octets() {
        assert_eq!(size_of::<Slot>(), 16);
    }

    #[test]
    fn a_message_is_a_sign_of_life_and_no_sign_comes_twice() {
        let mut slot = Slot::new(ConnId(1), State::Open);
        assert_eq!(slot.take_signs(), (true, true));
        assert_eq!(slot.take_signs(), (false, false));
        slot.heard();
        assert_eq!(slot.take_signs(), (true, false));
        slot.said();
        assert_eq!(slot.take_signs(), (true, true));
    }
}
