//! When the sessions of a server are looked at: all of them once per interval, in equal slices.

use std::time::{Duration, Instant};

use crate::socket::later;

use super::sessions::Patience;

/// The clock of one server's ping rounds.
#[derive(Debug)]
pub(super) struct Rounds {
    interval: Duration,
    pings: bool,
    slice: usize,
    /// Which round this is: what its pings carry.
    round: u32,
    next: Option<Instant>,
    /// When we last could not have heard a sign of life.
    deaf_at: Option<Instant>,
    patience: Patience,
}

impl Rounds {
    /// Without an interval nobody is pinged, but connections that we ended are still forgotten.
    pub(super) fn new(
        ping_interval: Option<Duration>,
        pong_timeout: Option<Duration>,
        idle_limit: Option<Duration>,
    ) -> Self {
        let interval = ping_interval.unwrap_or(FORGET_INTERVAL);
        // The visit that pings, and those for which the answer may be missing.
        let silent = rounds_in(pong_timeout.unwrap_or(interval), interval).saturating_add(1);
        let idle = idle_limit.map(|limit| rounds_in(limit, interval));
        Self {
            interval,
            pings: ping_interval.is_some(),
            slice: 0,
            round: 0,
            next: None,
            deaf_at: None,
            patience: Patience { silent, idle },
        }
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.next
    }

    pub(super) const fn patience(&self) -> Patience {
        self.patience
    }

    pub(super) const fn pings(&self) -> bool {
        self.pings
    }

    /// The payload of this round's pings.
    pub(super) const fn payload(&self) -> [u8; 4] {
        self.round.to_be_bytes()
    }

    /// There are sessions to look at, or none any more.
    pub(super) fn keep_going(&mut self, has_sessions: bool, now: Instant) {
        if !has_sessions {
            self.next = None;
        } else if self.next.is_none() {
            self.next = Some(self.after(now));
        }
    }

    /// The slice whose time has come. Slices that a jump of the clock skipped are not caught up.
    pub(super) fn due(&mut self, now: Instant) -> Option<usize> {
        let at = self.next.filter(|at| *at <= now)?;
        if now > later(at, self.interval / 2) {
            // The process was suspended, or the application works on one thing for long.
            self.deaf_at = Some(now);
        }
        let on_time = self.after(at);
        self.next = Some(if on_time > now { on_time } else { self.after(now) });
        let slice = self.slice;
        self.slice = (self.slice + 1) % SLICES;
        if slice == 0 {
            self.round = self.round.wrapping_add(1);
        }
        Some(slice)
    }

    pub(super) const fn restart(&mut self) {
        self.next = None;
        self.slice = 0;
        self.deaf_at = None;
    }

    /// Notes whether we listen now. Whether we have done so for long enough to have read what came before:
    /// else silence says nothing about those who are silent.
    pub(super) fn has_listened(&mut self, now: Instant, listens: bool) -> bool {
        if !listens {
            self.deaf_at = Some(now);
        }
        self.deaf_at.is_none_or(|at| now >= later(at, self.step().saturating_mul(CATCH_UP)))
    }

    fn after(&self, at: Instant) -> Instant {
        later(at, self.step())
    }

    fn step(&self) -> Duration {
        let step = self.interval / u32::try_from(SLICES).unwrap_or(1);
        step.max(Duration::from_millis(1))
    }
}

/// Whole rounds that last at least so long: 1 to 255.
fn rounds_in(time: Duration, interval: Duration) -> u8 {
    let rounds = time.as_nanos().div_ceil(interval.as_nanos().max(1));
    u8::try_from(rounds).unwrap_or(u8::MAX).max(1)
}

/// Into how many slices a round is cut: of a million silent sessions one is looked at and pinged in less
/// than half a millisecond.
pub(super) const SLICES: usize = 256;

/// How many slices it takes until those who did not listen count as having heard all.
const CATCH_UP: u32 = 16;

/// How often connections that we ended are looked at where nobody is pinged.
const FORGET_INTERVAL: Duration = Duration::from_secs(30);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    #[test]
    fn a_round_takes_the_interval() {
        let base = Instant::now();
        let mut rounds = Rounds::new(Some(Duration::from_secs(SLICES as u64)), None, None);
        rounds.keep_going(true, base);
        for slice in 0..SLICES {
            let at = rounds.next().unwrap();
            assert_eq!(at, base + Duration::from_secs(slice as u64 + 1));
            assert_eq!((rounds.due(at), rounds.due(at)), (Some(slice), None));
            assert_eq!(rounds.payload(), 1u32.to_be_bytes());
        }
    }

    #[test]
    fn without_sessions_nothing_is_due() {
        let now = Instant::now();
        let mut rounds = Rounds::new(None, None, None);
        rounds.keep_going(true, now);
        rounds.keep_going(false, now);
        assert_eq!((rounds.next(), rounds.due(now + FORGET_INTERVAL)), (None, None));
    }

    #[test]
    fn a_jump_of_the_clock_costs_one_slice() {
        let base = Instant::now();
        let mut rounds = Rounds::new(Some(Duration::from_secs(SLICES as u64)), None, None);
        rounds.keep_going(true, base);
        let late = base + Duration::from_secs(10_000);
        assert_eq!((rounds.due(late), rounds.due(late)), (Some(0), None));
        assert!(rounds.next().unwrap() > late);
    }

    #[test]
    fn silence_counts_after_some_listening() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut rounds = Rounds::new(Some(Duration::from_secs(SLICES as u64)), None, None);
        assert!(rounds.has_listened(at(0), true) && !rounds.has_listened(at(1), false));
        assert!(!rounds.has_listened(at(16), true) && rounds.has_listened(at(17), true));
        rounds.keep_going(true, at(256));
        // Later by more than half a round than its first slice was due.
        rounds.due(at(386));
        assert!(!rounds.has_listened(at(387), true));
    }

    #[test]
    fn patience_is_rounded_up_to_whole_rounds() {
        let seconds = |seconds: u64| Some(Duration::from_secs(seconds));
        let patience = |timeout, idle| Rounds::new(seconds(30), timeout, idle).patience();
        assert_eq!(patience(None, None), Patience { silent: 2, idle: None });
        assert_eq!(patience(seconds(1), seconds(31)), Patience { silent: 2, idle: Some(2) });
        assert_eq!(patience(seconds(60), seconds(0)), Patience { silent: 3, idle: Some(1) });
        let most = Patience { silent: u8::MAX, idle: Some(u8::MAX) };
        assert_eq!(patience(Some(Duration::MAX), Some(Duration::MAX)), most);
    }
}
