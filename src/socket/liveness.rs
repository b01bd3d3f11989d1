//! Whether the peer of a link still lives: ZMTP 3.1 (RFC 37) heartbeats.

use std::time::{Duration, Instant};

use crate::planted::{Bug, is_planted};

/// When a socket asks a silent peer for a sign of life.
///
/// Without it nothing ever notices that the host at the other end of an idle link is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often a peer is sent a PING while it answers, the first as soon as its handshake is over; a
    /// peer of ZMTP 3.0 knows none. Each says after how much silence of ours the peer may give us up:
    /// twice both times, but 65.5 seconds at most, which is all that libzmq can count. Where both
    /// together are more, it says nothing of that.
    pub interval: Duration,
    /// How long a peer may say nothing once a PING is out; any octet counts. Until the operating system
    /// has all of the PING, each write that it takes begins the time anew; from then on nothing of ours
    /// does, so that a peer must answer within it even where much lies in the buffers between. Where we
    /// do not read, or look too late (three times in a row at most), the time begins again.
    pub timeout: Duration,
}

impl Default for Heartbeat {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), timeout: Duration::from_secs(10) }
    }
}

/// The signs of life of one peer.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    heartbeat: Option<Heartbeat>,
    heard_at: Instant,
    /// When octets went out last behind which a PING waited.
    flowed_at: Instant,
    /// Whether there is a PING that nothing has answered yet, and whether one of those is out.
    is_asked: bool,
    has_ping_out: bool,
    /// When our PING was sent that nothing has answered yet, or octets flowed last behind which it waits.
    pinged_at: Option<Instant>,
    /// When our last PING was sent.
    asked_at: Option<Instant>,
    /// The peer asked to be given up after so much silence.
    peer_ttl: Option<Duration>,
    /// How often in a row we looked too late to blame the peer.
    excuses: u8,
}

/// What is to be done about a peer's silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing now. Look again at that time, if ever.
    Wait(Option<Instant>),
    /// Send a PING, then look again.
    Ping,
    /// Give it up.
    Lost,
}

impl Liveness {
    pub(crate) fn new(now: Instant, heartbeat: Option<Heartbeat>) -> Self {
        let heartbeat = heartbeat.map(|asked| Heartbeat {
            interval: asked.interval.max(TIME_MIN),
            timeout: asked.timeout.max(TIME_MIN),
        });
        Self {
            heartbeat,
            heard_at: now,
            flowed_at: now,
            is_asked: false,
            has_ping_out: false,
            pinged_at: None,
            asked_at: None,
            peer_ttl: None,
            excuses: 0,
        }
    }

    /// The peer does not know PING: it is never asked.
    pub(crate) const fn never_ask(&mut self) {
        self.heartbeat = None;
    }

    /// An octet arrived: any octet counts.
    pub(crate) const fn heard(&mut self, now: Instant) {
        self.heard_at = now;
        self.pinged_at = None;
        (self.is_asked, self.has_ping_out) = (false, false);
        self.excuses = 0;
    }

    /// Octets went out behind which a PING waits, or the PING itself: the peer cannot have answered that
    /// yet. But it can have answered one that went out before: with each that follows it would have more
    /// time, and never be given up.
    pub(crate) fn flowed(&mut self, now: Instant) {
        if !self.has_ping_out {
            self.flowed_at = now;
            self.pinged_at = self.pinged_at.map(|_| now);
        }
    }

    /// A PING is about to be written.
    pub(crate) const fn asks(&mut self) {
        self.is_asked = true;
    }

    /// The operating system has all of a PING. The answer may have come before word of that.
    pub(crate) const fn ping_is_out(&mut self) {
        self.has_ping_out = self.is_asked;
    }

    /// Whether somebody who should have acted by `end` is excused: we look so late that the answer may
    /// lie unread before us, because the process was stopped or its application did not let it read. But
    /// not for ever, for some are always late.
    pub(crate) fn is_excused(&mut self, end: Instant, now: Instant) -> bool {
        let is_excused = now > later(end, LATE) && self.excuses < EXCUSES_MAX;
        self.excuses += u8::from(is_excused);
        is_excused
    }

    /// When the last octet arrived, or we could not have heard it.
    pub(crate) const fn heard_at(&self) -> Instant {
        self.heard_at
    }

    /// Since when the peer could have said something: since it did, or since it was asked.
    pub(crate) fn silent_since(&self) -> Instant {
        self.heard_at.max(self.flowed_at)
    }

    /// We sent a PING.
    pub(crate) fn pinged(&mut self, now: Instant) {
        self.pinged_at.get_or_insert(now);
        self.asked_at = Some(now);
    }

    /// The peer's PING carried a time to live; zero means none.
    pub(crate) fn set_peer_ttl(&mut self, ttl: Duration) {
        self.peer_ttl = (!ttl.is_zero()).then_some(ttl);
    }

    /// When the time to live ends that the peer announced.
    fn ttl_end(&self) -> Option<Instant> {
        self.peer_ttl.map(|ttl| later(self.heard_at, ttl))
    }

    /// Judges the silence. `listening` tells whether we read at all: where we do not, the silence is
    /// ours, and counts from now on at the earliest.
    pub(crate) fn judge(&mut self, now: Instant, listening: bool) -> Verdict {
        if !listening {
            self.heard(now);
        }
        let ttl_end = self.ttl_end();
        let ping_end = self.pinged_at.zip(self.heartbeat).map(|(at, h)| later(at, h.timeout));
        if let Some(end) = [ttl_end, ping_end].into_iter().flatten().find(|end| now >= *end) {
            if !(self.is_excused(end, now) || is_planted(Bug::BelievedAlive)) {
                return Verdict::Lost;
            }
            self.heard_at = now;
            self.pinged_at = None;
            return if self.heartbeat.is_some() {
                Verdict::Ping
            } else {
                Verdict::Wait(self.ttl_end())
            };
        }
        let next_ping = match self.pinged_at {
            // However much the peer says: our PINGs announce a time to live, and a peer that obeys it
            // gives up who says nothing for so long. One that was told none would never give us up.
            None => self.heartbeat.map(|h| self.asked_at.map_or(now, |at| later(at, h.interval))),
            Some(_) => None,
        };
        if next_ping.is_some_and(|at| now >= at) {
            return Verdict::Ping;
        }
        Verdict::Wait([ttl_end, ping_end, next_ping].into_iter().flatten().min())
    }
}

/// The shortest time that anything is given, whatever the configuration says: what is over as soon as
/// it begins would begin again and again.
pub(super) const TIME_MIN: Duration = Duration::from_millis(1);

/// Looks that come so much after their time say more about us than about the peer.
const LATE: Duration = Duration::from_millis(10);

/// How often in a row that is believed.
const EXCUSES_MAX: u8 = 3;

/// A sum that cannot overflow: what is too far away is a century away.
pub(crate) fn later(at: Instant, by: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    at + by.min(CENTURY)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;

    const HEARTBEAT: Heartbeat =
        Heartbeat { interval: Duration::from_secs(10), timeout: Duration::from_secs(4) };

    #[test]
    fn a_silent_peer_is_asked_then_given_up() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(base, Some(HEARTBEAT));
        assert_eq!(liveness.judge(at(0), true), Verdict::Ping, "the peer learns our time to live");
        liveness.pinged(at(0));
        liveness.heard(at(1));
        assert_eq!(liveness.judge(at(9), true), Verdict::Wait(Some(at(10))));
        assert_eq!(liveness.judge(at(10), true), Verdict::Ping);
        liveness.pinged(at(10));
        assert_eq!(liveness.judge(at(13), true), Verdict::Wait(Some(at(14))));
        let mut answered = liveness.clone();
        assert_eq!(liveness.judge(at(14), true), Verdict::Lost);
        answered.heard(at(13));
        assert_eq!(answered.judge(at(14), true), Verdict::Wait(Some(at(20))));
        answered.heard(at(20));
        assert_eq!(answered.judge(at(20), true), Verdict::Ping, "a chatty peer is asked, too");
    }

    #[test]
    fn who_does_not_listen_blames_nobody() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(base, Some(HEARTBEAT));
        liveness.pinged(base);
        liveness.set_peer_ttl(Duration::from_secs(1));
        // But it goes on to ask: the peer may have been told how long we say nothing at most.
        assert_eq!(liveness.judge(at(60), false), Verdict::Ping);
        liveness.pinged(at(60));
        assert_eq!(liveness.judge(at(60), false), Verdict::Wait(Some(at(61))));
        assert_eq!(liveness.judge(at(61), true), Verdict::Lost);
    }

    #[test]
    fn who_looks_late_asks_again_but_not_for_ever() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(base, Some(HEARTBEAT));
        liveness.pinged(at(10));
        for late in [100, 200, 300] {
            assert_eq!(liveness.judge(at(late), true), Verdict::Ping);
            liveness.pinged(at(late));
        }
        assert_eq!(liveness.judge(at(400), true), Verdict::Lost);
        liveness.heard(at(400));
        liveness.pinged(at(410));
        assert_eq!(liveness.judge(at(500), true), Verdict::Ping);
    }

    #[test]
    fn what_lies_before_a_ping_may_take_its_time_but_must_move() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(base, Some(HEARTBEAT));
        liveness.pinged(at(10));
        for seconds in [12, 15, 18] {
            liveness.flowed(at(seconds));
            assert_eq!(liveness.judge(at(seconds + 3), true), Verdict::Wait(Some(at(seconds + 4))));
        }
        assert_eq!(liveness.judge(at(22), true), Verdict::Lost);
    }

    #[test]
    fn a_ping_behind_one_that_is_not_answered_gives_no_more_time() {
        let base = Instant::now();
        let at = |seconds| base + Duration::from_secs(seconds);
        let mut liveness = Liveness::new(base, Some(HEARTBEAT));
        liveness.pinged(at(10));
        liveness.asks();
        liveness.flowed(at(12));
        liveness.ping_is_out();
        for seconds in [13, 14, 15] {
            liveness.flowed(at(seconds));
        }
        assert_eq!(liveness.judge(at(15), true), Verdict::Wait(Some(at(16))));
        assert_eq!(liveness.silent_since(), at(12));
        let mut answered = liveness.clone();
        assert_eq!(liveness.judge(at(16), true), Verdict::Lost);
        answered.asks();
        answered.heard(at(15));
        answered.ping_is_out();
        answered.pinged(at(20));
        answered.flowed(at(22));
        assert_eq!(answered.judge(at(25), true), Verdict::Wait(Some(at(26))));
    }

    #[test]
    fn without_heartbeat_and_ttl_nothing_is_due() {
        let now = Instant::now();
        assert_eq!(Liveness::new(now, None).judge(now, true), Verdict::Wait(None));
    }

    #[test]
    fn a_peer_that_takes_its_ttl_back_is_left_alone() {
        let now = Instant::now();
        let mut liveness = Liveness::new(now, None);
        liveness.set_peer_ttl(Duration::from_secs(1));
        liveness.set_peer_ttl(Duration::ZERO);
        assert_eq!(liveness.judge(now + Duration::from_secs(9), true), Verdict::Wait(None));
    }
}
