//! How much a connection that is no WebSocket may be sent before something proves that it was read: see
//! [`super::window`] for why that is bounded.
//!
//! A browser that asks the next thing when it was answered, as all of today's do, proves thereby that it
//! has read the answer. One that asks ahead (RFC 9112 9.3.2, pipelining) proves nothing, and looks just the
//! same to a handler that answers faster than Mongrel2 reads on: Mongrel2 hands over all that it has read of
//! one browser before it does anything else, be it to take in an answer (connection.c and libtask of Mongrel2
//! 1.12.2; a hundred requests at 50 microseconds each, all answered at once, were seen to lose the
//! connection). So the next request is a proof only where Mongrel2 has turned to something else in between:
//! where it has told of another connection, or had enough time. Else the time alone has to do.

use std::time::{Duration, Instant};

use super::window::End;

/// What a connection was sent of late: so many, less one for each [`PAUSE`] that has passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    level: u8,
    /// When the level was right.
    at: Instant,
    /// Requests that were not answered yet.
    owed: u8,
    /// The last delivery.
    sent: Moment,
    /// Whether each reply has to stay one: Mongrel2 encodes those to JSON and XML sockets one by one.
    is_apart: bool,
}

/// When something was sent or heard, by all that tells how far Mongrel2 may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) time: Instant,
    /// The number of what was received together, until all of it was taken in.
    pub(crate) batch: u32,
    /// How often the server has told of another connection than before.
    pub(crate) turn: u32,
}

impl Moment {
    /// Whether a request of now may have been asked because of what was sent then, for it had not been
    /// received yet.
    const fn may_follow(self, sent: Self) -> bool {
        self.batch != sent.batch
    }

    /// Whether the server has turned to something else in between: there and back are two turns.
    fn is_apart_from(self, sent: Self) -> bool {
        let turns = self.turn.wrapping_sub(sent.turn);
        turns >= 2 || self.time.saturating_duration_since(sent.time) >= READ_ON_MAX
    }
}

/// What a request says about the answers before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// They were read, or it was sent ahead of them for sure.
    Clear,
    /// They were read if the server turns to something else before the next one, which is wanted soon.
    Open,
}

impl Bucket {
    pub(crate) const fn new(now: Moment) -> Self {
        Self { level: 0, at: now.time, owed: 0, sent: now, is_apart: false }
    }

    pub(crate) const fn admits(&self, end: End) -> bool {
        let places = match end {
            End::None => PLACES,
            // Neither has anything to prove, and there are places that are kept for it.
            End::Close | End::HangUp => PLACES + 2,
        };
        self.level < places
    }

    pub(crate) const fn sent(&mut self, now: Moment) {
        self.level = self.level.saturating_add(1);
        self.owed = self.owed.saturating_sub(1);
        self.sent = now;
    }

    /// A request has come over HTTP. Where one is unanswered, or something `waits` to be sent, it may have
    /// been sent ahead.
    pub(crate) fn asked(&mut self, waits: bool, now: Moment) -> Word {
        let is_alone = self.owed == 0 && !waits && now.may_follow(self.sent);
        self.owed = self.owed.saturating_add(1);
        self.is_apart = false;
        if is_alone && now.is_apart_from(self.sent) {
            self.level = 0;
        }
        if is_alone && self.level >= OPEN_AT { Word::Open } else { Word::Clear }
    }

    /// A message has come by a JSON or XML socket, which waits for no answers.
    pub(crate) const fn asked_apart(&mut self) {
        self.is_apart = true;
    }

    pub(crate) const fn is_apart(&self) -> bool {
        self.is_apart
    }

    /// Lets the time take its share. Whether nothing is left.
    pub(crate) fn drain(&mut self, now: Instant) -> bool {
        if self.level == 0 {
            // Mostly: whoever was answered has asked the next thing.
            self.at = now;
            return true;
        }
        let pauses = now.saturating_duration_since(self.at).as_nanos() / PAUSE.as_nanos();
        let drained = u8::try_from(pauses).unwrap_or(u8::MAX);
        self.level = self.level.saturating_sub(drained);
        if self.level == 0 {
            self.at = now;
        } else {
            self.at += PAUSE * u32::from(drained);
        }
        self.level == 0
    }

    /// When there is room for one more.
    pub(crate) fn next(&self) -> Instant {
        self.at + PAUSE
    }
}

/// How many deliveries may be unproven. Fewer than there are places: a server that gets no time for a while,
/// on a busy computer, is behind by some.
const PLACES: u8 = 8;

/// From how many unproven answers on it matters whether the next request is a proof: early enough that
/// there is one before a browser that asks one thing after the other has to wait.
const OPEN_AT: u8 = 4;

/// How long Mongrel2 can be busy with one request that it hands over, and with nothing else.
const READ_ON_MAX: Duration = Duration::from_millis(1);

/// How long Mongrel2 is given for each delivery where nothing can be proven. It took 40 in a row with 2
/// milliseconds between them (seen on Mongrel2 1.12.2).
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    fn bucket() -> (Bucket, Moment) {
        let start = Moment { time: Instant::now(), batch: 1, turn: 1 };
        (Bucket::new(Moment { batch: 0, ..start }), start)
    }

    /// How many requests out of a hundred are answered at once, each alone, where so much changes from one
    /// to the next.
    fn answered(time: Duration, batch: u32, turn: u32) -> (usize, usize) {
        let (mut bucket, mut now) = bucket();
        let (mut answers, mut open) = (0, 0);
        for _ in 0..100 {
            open += usize::from(bucket.asked(false, now) == Word::Open);
            if !bucket.admits(End::None) {
                break;
            }
            bucket.sent(now);
            answers += 1;
            now.time += time;
            now.batch += batch;
            now.turn += turn;
        }
        (answers, open)
    }

    #[test]
    fn who_asks_one_thing_after_the_other_never_waits() {
        assert_eq!(answered(READ_ON_MAX, 1, 0), (100, 0), "there is time for all else");
        assert_eq!(answered(Duration::ZERO, 1, 2), (100, 0), "others are told of");
    }

    #[test]
    fn what_may_have_been_sent_ahead_proves_nothing() {
        let soon = READ_ON_MAX / 2;
        assert_eq!(answered(soon, 1, 0), (8, 5), "read on at once");
        assert_eq!(answered(soon, 1, 1), (8, 5), "behind one of another connection");
        assert_eq!(answered(READ_ON_MAX, 0, 2), (8, 0), "received before the answers went");
    }

    #[test]
    fn one_turn_now_and_then_is_enough() {
        let (mut bucket, mut now) = bucket();
        for number in 0..100 {
            bucket.asked(false, now);
            assert!(bucket.admits(End::None));
            bucket.sent(now);
            now.batch += 1;
            now.turn += if number % 7 == 6 { 2 } else { 0 };
        }
    }

    #[test]
    fn requests_sent_ahead_and_answered_later_prove_nothing() {
        let (mut bucket, mut now) = bucket();
        (0..3).for_each(|_| assert_eq!(bucket.asked(false, now), Word::Clear));
        let mut answers = 0;
        while bucket.admits(End::None) {
            bucket.sent(now);
            now = Moment { time: now.time, batch: now.batch + 1, turn: now.turn + 2 };
            bucket.asked(false, now);
            answers += 1;
            assert!(answers < 100);
        }
        assert_eq!(answers, PLACES);
    }

    #[test]
    fn a_bucket_drains_one_each_pause() {
        let (mut bucket, now) = bucket();
        let start = bucket.at;
        (0..PLACES).for_each(|_| {
            assert!(bucket.admits(End::None));
            bucket.sent(now);
        });
        assert!(!bucket.admits(End::None));
        assert!(!bucket.drain(start + PAUSE / 2) && !bucket.admits(End::None));
        assert_eq!(bucket.next(), start + PAUSE);
        assert!(!bucket.drain(start + PAUSE) && bucket.admits(End::None));
        bucket.sent(now);
        assert!(!bucket.drain(start + PAUSE * 8) && bucket.drain(start + PAUSE * 9));
        bucket.sent(now);
        assert!(bucket.drain(start + PAUSE * 1_000_000));
    }
}
