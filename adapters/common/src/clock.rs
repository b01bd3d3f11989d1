//! What a driver takes for the time.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// The clock of a driver and of all its handles: the system's, or a made-up one.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<MadeUp>>);

type MadeUp = dyn Fn() -> Instant + Send + Sync;

impl Clock {
    /// The system's: [`Instant::now`].
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A made-up one, which must not go back.
    pub fn made_up(now: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now)))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.0.as_ref().map_or_else(Instant::now, |now| now())
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(made up)" } else { "Clock(system)" })
    }
}
