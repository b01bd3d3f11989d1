//! The cases that Mongrel2 decides alone, what it was seen to do (1.12.2), and why no handler can do
//! anything about it. [`bare`](crate::bare) checks each with a handler that only listens.

use interop::websocket::TEXT;

use crate::text::ABOVE;

/// Cases that have the same reason.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alone {
    pub(crate) cases: &'static [&'static str],
    /// What the server does, and what the suite says to that.
    pub(crate) why: &'static str,
    pub(crate) seen: Seen,
    /// The message that handlers are sent all the same, by its first octet and payload.
    pub(crate) handed_over: Option<(u8, &'static [u8])>,
}

/// What the server was seen to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It ends the connection at once, without a close frame. The handler hears that it is gone.
    Drops,
    /// It keeps what has come to itself until the message is whole.
    Waits,
}

/// All of them.
pub(crate) const ALONE: &[Alone] = &[
    Alone {
        cases: &["2.5", "7.3.6"],
        why: "a control frame of more than 125 octets ends the connection at its head (passed)",
        seen: Seen::Drops,
        handed_over: None,
    },
    Alone {
        cases: &["5.1", "5.2"],
        why: "a control frame without FIN ends the connection (passed)",
        seen: Seen::Drops,
        handed_over: None,
    },
    Alone {
        cases: &["5.9", "5.10", "5.11", "5.12", "5.13", "5.14", "5.16", "5.17"],
        why: "a continuation of nothing ends the connection (passed)",
        seen: Seen::Drops,
        handed_over: None,
    },
    Alone {
        cases: &["5.15"],
        why: "likewise; the message before it was handed over, but its echo finds the connection gone \
              (passed, non-strict)",
        seen: Seen::Drops,
        handed_over: Some((TEXT, b"fragment1fragment2")),
    },
    Alone {
        cases: &["5.18"],
        why: "a message that begins inside another ends the connection (passed)",
        seen: Seen::Drops,
        handed_over: None,
    },
    Alone {
        cases: &["6.4.1", "6.4.2", "6.4.3", "6.4.4"],
        why: "fragments are joined, and frames read to their end, before they are handed over: invalid \
              text is met by 1007 when it is whole, not at its first wrong octet (passed, non-strict)",
        seen: Seen::Waits,
        handed_over: Some((TEXT, ABOVE)),
    },
];
