//! Parting from a server in order: farewells, a grace for answers, the flush, the end.

use std::time::{Duration, Instant};

use crate::socket::later;

use super::life::Side;

/// How far the parting from one server has come.
#[derive(Debug, Default)]
pub(super) struct Parting {
    stage: Stage,
    requests_stopped: bool,
    replies_stopped: bool,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nobody wants to part.
    #[default]
    None,
    /// Sessions get their close frames and may answer; what the application still says is sent.
    Farewell {
        /// The first slot whose session has not been told.
        cursor: usize,
        /// When to look whether all is quiet.
        look_at: Instant,
        /// How long between looks.
        pause: Duration,
        /// The end of the farewell, quiet or not.
        until: Instant,
        /// Whether something happened since the last look.
        was_busy: bool,
    },
    /// The links flush and end.
    Flush,
}

impl Parting {
    pub(super) fn begin(&mut self, now: Instant, linger: Duration) {
        if self.is_none() {
            let pause = (linger / 40).clamp(Duration::from_millis(1), Duration::from_millis(100));
            let until = later(now, (linger / 2).max(Duration::from_millis(1)));
            let look_at = later(now, pause).min(until);
            self.stage = Stage::Farewell { cursor: 0, look_at, pause, until, was_busy: true };
        }
    }

    pub(super) const fn is_none(&self) -> bool {
        matches!(self.stage, Stage::None)
    }

    pub(super) const fn is_farewell(&self) -> bool {
        matches!(self.stage, Stage::Farewell { .. })
    }

    pub(super) const fn is_flushing(&self) -> bool {
        matches!(self.stage, Stage::Flush)
    }

    /// Both links have ended.
    pub(super) const fn is_over(&self) -> bool {
        self.is_flushing() && self.requests_stopped && self.replies_stopped
    }

    /// A link has ended.
    pub(super) const fn stopped(&mut self, side: Side) {
        match side {
            Side::Requests => self.requests_stopped = true,
            Side::Replies => self.replies_stopped = true,
        }
    }

    /// Where the farewells go on, while there are farewells.
    pub(super) const fn cursor(&mut self) -> Option<&mut usize> {
        match &mut self.stage {
            Stage::Farewell { cursor, .. } => Some(cursor),
            Stage::None | Stage::Flush => None,
        }
    }

    /// Something happened: there may be more to say.
    pub(super) const fn is_busy(&mut self) {
        if let Stage::Farewell { was_busy, .. } = &mut self.stage {
            *was_busy = true;
        }
    }

    /// Looks whether the farewell is over: its time is, or all was `quiet` for a while.
    pub(super) fn farewell_is_over(&mut self, now: Instant, quiet: bool) -> bool {
        let Stage::Farewell { look_at, pause, until, was_busy, .. } = &mut self.stage else {
            return false;
        };
        if now >= *until {
            return true;
        }
        if now < *look_at {
            return false;
        }
        *look_at = later(now, *pause).min(*until);
        !std::mem::take(was_busy) && quiet
    }

    pub(super) fn flush(&mut self) {
        self.stage = Stage::Flush;
    }

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Farewell { look_at, .. } => Some(*look_at),
            Stage::None | Stage::Flush => None,
        }
    }
}
