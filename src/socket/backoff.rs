//! How long to wait before the next attempt: doubled each time, drawn from the dice.

use std::time::{Duration, Instant};

use super::liveness::later;
use crate::rng::Rng;

/// How long a socket waits before it connects anew.
///
/// The n-th wait in a row is drawn between half and the whole of `delay_min` doubled n times, at
/// most `delay_max`; so that a thousand handlers do not all come back in the same instant. A link
/// that stayed ready for as long as the wait before it starts the row over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconnect {
    /// The first wait.
    pub delay_min: Duration,
    /// The longest wait.
    pub delay_max: Duration,
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { delay_min: Duration::from_millis(100), delay_max: Duration::from_secs(5) }
    }
}

/// The state of one endpoint's waits.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    config: Reconnect,
    /// The bound of the last wait; zero where there was none in this row.
    bound: Duration,
    ready_since: Option<Instant>,
}

impl Backoff {
    pub(crate) const fn new(config: Reconnect) -> Self {
        Self { config, bound: Duration::ZERO, ready_since: None }
    }

    /// The link became ready.
    pub(crate) const fn ready(&mut self, now: Instant) {
        self.ready_since = Some(now);
    }

    /// The attempt or the link failed: how long to wait now.
    pub(crate) fn failed(&mut self, now: Instant, rng: &mut Rng) -> Duration {
        let stayed = self.ready_since.take().is_some_and(|since| now >= later(since, self.bound));
        if stayed {
            self.bound = Duration::ZERO;
        }
        let longest = self.config.delay_max.max(self.config.delay_min);
        self.bound = self.bound.saturating_mul(2).clamp(self.config.delay_min, longest);
        let half = self.bound / 2;
        let spread = u64::try_from((self.bound - half).as_nanos()).unwrap_or(u64::MAX);
        half + Duration::from_nanos(rng.below(spread.saturating_add(1)))
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    const CONFIG: Reconnect =
        Reconnect { delay_min: Duration::from_millis(100), delay_max: Duration::from_secs(1) };

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let now = Instant::now();
        let mut rng = Rng::new(1);
        let mut backoff = Backoff::new(CONFIG);
        for bound in [100, 200, 400, 800, 1000, 1000] {
            let delay = backoff.failed(now, &mut rng);
            let bound = Duration::from_millis(bound);
            assert!(delay >= bound / 2 && delay <= bound, "{delay:?} of {bound:?}");
        }
    }

    #[test]
    fn only_a_link_that_stayed_starts_the_row_over() {
        let now = Instant::now();
        let mut rng = Rng::new(1);
        let mut backoff = Backoff::new(CONFIG);
        backoff.failed(now, &mut rng);
        backoff.failed(now, &mut rng);
        backoff.ready(now);
        let early = now + Duration::from_millis(199);
        assert!(backoff.failed(early, &mut rng) >= Duration::from_millis(200));
        backoff.ready(now);
        let late = now + Duration::from_millis(400);
        assert!(backoff.failed(late, &mut rng) <= Duration::from_millis(100));
    }

    #[test]
    fn nonsense_in_the_configuration_is_harmless() {
        let config = Reconnect { delay_min: Duration::MAX, delay_max: Duration::ZERO };
        let mut backoff = Backoff::new(config);
        let mut zero = Backoff::new(Reconnect { delay_min: Duration::ZERO, ..config });
        let now = Instant::now();
        assert!(zero.failed(now, &mut Rng::new(1)).is_zero());
        for _ in 0..3 {
            let _ = backoff.failed(now, &mut Rng::new(1));
            backoff.ready(now);
        }
    }

    #[test]
    fn equal_seeds_give_equal_waits_and_others_others() {
        let waits = |seed| {
            let (mut rng, mut backoff) = (Rng::new(seed), Backoff::new(CONFIG));
            [(); 5].map(|()| backoff.failed(Instant::now(), &mut rng))
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
