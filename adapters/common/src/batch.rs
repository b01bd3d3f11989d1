//! How many events are taken before operations are performed.

use std::time::{Duration, Instant};

use mongrel2_transceiver::Machine;

use crate::Shared;

/// Events that wait already, taken in a row. Made by a driver.
///
/// Answers to several such go out in one write, so operations are performed once those that wait are
/// taken, after every so many, and after a while: an application that takes its time must not keep
/// the machine from its peers.
#[derive(Debug)]
pub struct Batch {
    /// How many more events until operations are performed, though there be more events.
    events: usize,
    /// When operations were performed last.
    performed_at: Instant,
}

impl Batch {
    /// A batch that has not begun: operations are performed first.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it reads the clock")]
    pub fn new() -> Self {
        Self { events: 0, performed_at: Instant::now() }
    }

    /// The next event of the batch; `None` where operations are to be performed now.
    pub fn next<M: Machine>(&mut self, shared: &Shared<M>) -> Option<M::Event> {
        let may_wait = self.events > 0 && self.performed_at.elapsed() < BATCH_TIME;
        let event = if may_wait { shared.lock().poll_event() } else { None };
        self.events = if event.is_some() { self.events - 1 } else { EVENTS };
        event
    }

    /// Operations were performed just now.
    pub fn performed(&mut self) {
        self.performed_at = Instant::now();
    }
}

/// Events taken in a row before operations are performed: enough that a batch of requests is answered
/// in few writes, few enough that the first answer does not wait for long.
const EVENTS: usize = 128;

/// How long events are taken before operations are performed.
const BATCH_TIME: Duration = Duration::from_millis(5);
