//! Parting from a server in order: farewells, what is still on the wire, the flush, the end.

use std::time::{Duration, Instant};

use crate::planted::{Bug, is_planted};
use crate::socket::later;

use super::life::Side;

/// How far the parting from one server has come.
#[derive(Debug, Default)]
pub(super) struct Parting {
    stage: Stage,
    times: Option<Times>,
    /// Between two looks whether all is quiet.
    pause: Duration,
    /// Whether something happened since the last look.
    was_busy: bool,
    /// Whether somebody else still needs the server's links.
    is_needed: bool,
    requests_stopped: bool,
    replies_stopped: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    /// Nobody wants to part.
    #[default]
    None,
    /// Sessions get their close frames and may answer. Requests come and are answered as ever.
    Farewell {
        /// The first slot whose session has not been told.
        cursor: usize,
        look_at: Instant,
    },
    /// The server was told that we take no more. What it had sent before that comes in, and what the
    /// application still says is sent.
    Drain { look_at: Instant },
    /// The links flush and end.
    Flush,
}

/// When each stage ends at the latest.
#[derive(Clone, Copy, Debug)]
struct Times {
    farewell: Instant,
    drain: Instant,
    flush: Instant,
}

impl Parting {
    /// Half of the time is for the farewells, a quarter for what is on the wire, a quarter to flush.
    pub(super) fn begin(&mut self, now: Instant, time: Duration) {
        if !self.is_none() {
            return;
        }
        let times = Times::new(now, time);
        self.pause = (time / 40).clamp(Duration::from_millis(1), Duration::from_millis(100));
        let look_at = later(now, self.pause / 2).min(times.farewell);
        self.stage = Stage::Farewell { cursor: 0, look_at };
        self.times = Some(times);
    }

    /// It is to take no longer than this from now on.
    pub(super) fn hasten(&mut self, now: Instant, time: Duration) {
        let Some(times) = &mut self.times else { return };
        let sooner = Times::new(now, time);
        times.farewell = times.farewell.min(sooner.farewell);
        times.drain = times.drain.min(sooner.drain);
        times.flush = times.flush.min(sooner.flush);
        match &mut self.stage {
            Stage::Farewell { look_at, .. } => *look_at = (*look_at).min(times.farewell),
            Stage::Drain { look_at } => *look_at = (*look_at).min(times.drain),
            Stage::None | Stage::Flush => {}
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
    pub(super) fn stopped(&mut self, side: Side) {
        if is_planted(Bug::EndlessShutdown) && self.requests_stopped {
            return;
        }
        match side {
            Side::Requests => self.requests_stopped = true,
            Side::Replies => self.replies_stopped = true,
        }
    }

    /// Whether the server has ended the link for requests because we take no more.
    pub(super) const fn has_heard_out(&self) -> bool {
        self.requests_stopped
    }

    /// Whether somebody else still needs the links.
    pub(super) const fn set_needed(&mut self, is_needed: bool) {
        self.is_needed = is_needed;
    }

    /// Where the farewells go on, while there are farewells.
    pub(super) const fn cursor(&mut self) -> Option<&mut usize> {
        match &mut self.stage {
            Stage::Farewell { cursor, .. } => Some(cursor),
            Stage::None | Stage::Drain { .. } | Stage::Flush => None,
        }
    }

    /// Something happened: there may be more to say.
    pub(super) const fn is_busy(&mut self) {
        self.was_busy = true;
    }

    /// Looks whether the farewell is over: its time is, or nobody is `left`.
    pub(super) fn farewell_is_over(&mut self, now: Instant, is_anybody_left: bool) -> bool {
        let (Stage::Farewell { look_at, .. }, Some(times)) = (&mut self.stage, self.times) else {
            return false;
        };
        if now >= times.farewell {
            return true;
        }
        if now < *look_at {
            return false;
        }
        if is_planted(Bug::Spinning) {
            *look_at = later(now, Duration::from_micros(1));
            return !is_anybody_left;
        }
        *look_at = later(now, self.pause).min(times.farewell);
        !is_anybody_left
    }

    /// The server is told that we take no more. How long what is on the wire may take.
    pub(super) fn drain(&mut self, now: Instant) -> Duration {
        let Some(times) = self.times else { return Duration::ZERO };
        self.was_busy = false;
        self.stage = Stage::Drain { look_at: later(now, self.pause).min(times.drain) };
        times.drain.saturating_duration_since(now)
    }

    /// Looks whether there is nothing more on the wire, or to be said: the time for that is over, or
    /// the server has ended its link and all was `quiet` for a while.
    pub(super) fn drain_is_over(&mut self, now: Instant, quiet: bool) -> bool {
        let (Stage::Drain { look_at }, Some(times)) = (&mut self.stage, self.times) else {
            return false;
        };
        if now >= times.drain {
            return true;
        }
        if now < *look_at {
            return false;
        }
        *look_at = later(now, self.pause).min(times.drain);
        !std::mem::take(&mut self.was_busy) && quiet && !self.is_needed && self.requests_stopped
    }

    /// The links flush. How long that may take.
    pub(super) fn flush(&mut self, now: Instant) -> Duration {
        self.stage = Stage::Flush;
        self.times.map_or(Duration::ZERO, |times| times.flush.saturating_duration_since(now))
    }

    pub(super) const fn next_deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Farewell { look_at, .. } | Stage::Drain { look_at } => Some(look_at),
            Stage::None | Stage::Flush => None,
        }
    }
}

impl Times {
    fn new(now: Instant, time: Duration) -> Self {
        let least = Duration::from_millis(1);
        Self {
            farewell: later(now, (time / 2).max(least)),
            drain: later(now, (time / 4 * 3).max(least)),
            flush: later(now, time.max(least)),
        }
    }
}
