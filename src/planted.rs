//! Bugs that are there on purpose, so that the tests can be tested: whether the simulation finds them.
//!
//! None of them exists unless the crate is compiled with `--cfg planted`, and then one at a time, when a
//! test has planted it. Each is of a kind that this library could have, and strikes now and then rather
//! than always.
#![cfg_attr(not(planted), allow(unreachable_pub, reason = "public where it is planted"))]

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Some replies to one connection are accepted, and dropped.
    LostReply,
    /// What a lost link takes with it is not reported.
    LossUnreported,
    /// Some replies go to the connection with the next number.
    WrongTarget,
    /// Some requests are told twice.
    ToldTwice,
    /// What was under way on a lost link is sent again by the next one.
    SentTwice,
    /// A message may name 129 targets.
    OneTargetTooMany,
    /// What is said later overtakes what waits for a slow connection.
    Overtaking,
    /// The server's notice of an end is answered.
    ReplyToNotice,
    /// Commands for a former life of a server are taken.
    FormerLife,
    /// What waited for a former life of a server goes to the next one.
    StaleReplies,
    /// Some sessions are told to be closed twice.
    ClosedTwice,
    /// Some sessions that the server ends are never told to be closed.
    NeverClosed,
    /// A session that ends stays in its groups.
    GhostInGroup,
    /// A broadcast goes to the one who is excepted, too.
    NotExcepted,
    /// A connect that is not answered is waited for, for ever.
    MissedDeadline,
    /// A peer that says nothing any more is never given up.
    BelievedAlive,
    /// Who falls silent is pinged for ever.
    SilentForEver,
    /// A client's close frame is not answered.
    CloseUnanswered,
    /// A connection is not ended behind the closing handshake.
    HangUpForgotten,
    /// A client's ping is not answered.
    PingUnanswered,
    /// That there is room again is not told.
    RoomUntold,
    /// Events wait without bounds.
    EventsUnbounded,
    /// Sessions are taken beyond the limit.
    SessionsUnbounded,
    /// What is written goes on counting as waiting, for some messages.
    LeakedCount,
    /// A link that was refused several times is not tried again.
    GivenUp,
    /// A shutdown does not notice that the second link has ended.
    EndlessShutdown,
    /// What passes its time is looked at again in the same instant, for ever.
    Spinning,
    /// Frames of 255 octets are announced as of 254.
    FrameOf255,
}

#[cfg(planted)]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 28] = [
        Self::LostReply,
        Self::LossUnreported,
        Self::WrongTarget,
        Self::ToldTwice,
        Self::SentTwice,
        Self::OneTargetTooMany,
        Self::Overtaking,
        Self::ReplyToNotice,
        Self::FormerLife,
        Self::StaleReplies,
        Self::ClosedTwice,
        Self::NeverClosed,
        Self::GhostInGroup,
        Self::NotExcepted,
        Self::MissedDeadline,
        Self::BelievedAlive,
        Self::SilentForEver,
        Self::CloseUnanswered,
        Self::HangUpForgotten,
        Self::PingUnanswered,
        Self::RoomUntold,
        Self::EventsUnbounded,
        Self::SessionsUnbounded,
        Self::LeakedCount,
        Self::GivenUp,
        Self::EndlessShutdown,
        Self::Spinning,
        Self::FrameOf255,
    ];
}

/// Whether this one strikes.
#[cfg(not(planted))]
pub(crate) const fn is_planted(_: Bug) -> bool {
    false
}

/// Whether this one strikes.
#[cfg(planted)]
pub(crate) fn is_planted(bug: Bug) -> bool {
    PLANTED.load(Ordering::Relaxed) == bug as usize + 1
}

/// Plants a bug in place of the one before; in all threads.
#[cfg(planted)]
pub fn plant(bug: Option<Bug>) {
    PLANTED.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::Relaxed);
}

#[cfg(planted)]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(planted)]
static PLANTED: AtomicUsize = AtomicUsize::new(0);
