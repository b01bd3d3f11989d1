//! What a world has besides: drawn by dice of its own, so that worlds without it stay what they were.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use mongrel2_transceiver::transceiver::Config;

use super::support::Dice;

/// Names a world: `42`, or `plain-42` for one that has nothing besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed {
    pub(crate) number: u64,
    pub(crate) is_plain: bool,
}

impl Seed {
    /// The dice of a world, and others for what it has besides.
    pub(crate) const fn dice(self) -> [Dice; 2] {
        [Dice::new(self.number), Dice::new(self.number ^ 0x006D_6978)]
    }
}

impl From<u64> for Seed {
    fn from(number: u64) -> Self {
        Self { number, is_plain: false }
    }
}

impl FromStr for Seed {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.strip_prefix("plain-");
        Ok(Self { number: number.unwrap_or(text).parse()?, is_plain: number.is_some() })
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_plain { "plain-" } else { "" }, self.number)
    }
}

/// Which of it one world has.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    pub(crate) dice: Dice,
    /// Browsers that stop reading for a while.
    pub(crate) has_slow: bool,
    /// An application that says much at once.
    pub(crate) has_bursts: bool,
    /// Compressed WebSockets, where the library knows how.
    pub(crate) has_deflate: bool,
    /// An application that answers late, and in pieces.
    pub(crate) has_later: bool,
    /// Notices that come twice, and late.
    pub(crate) has_late_notices: bool,
    /// Servers that speak ZMTP 3.0 and know no heartbeat, in this many.
    pub(crate) old_in: Option<usize>,
    /// The handler dies, strangers take the places of servers, and knock at doors.
    pub(crate) has_troubles: bool,
    /// More browsers at one server than a message may name.
    pub(crate) has_crowd: bool,
    /// Settings of the handler that plain worlds leave alone.
    has_settings: bool,
}

impl Mix {
    pub(crate) fn new(seed: Seed, mut dice: Dice) -> Self {
        let is_plain = seed.is_plain || dice.one_in(8);
        let mut one_in = |count| dice.one_in(count) && !is_plain;
        let has_slow = one_in(2);
        let has_bursts = has_slow || one_in(3);
        let (has_deflate, has_later, has_late_notices) = (one_in(2), one_in(3), one_in(2));
        let (has_old, has_troubles, has_settings) = (one_in(4), one_in(2), one_in(2));
        let old_in = has_old.then(|| dice.pick(&[1, 2]));
        Self {
            dice,
            has_slow,
            has_bursts,
            has_deflate,
            has_later,
            has_late_notices,
            old_in,
            has_troubles,
            has_crowd: !is_plain && seed.number % 40 == 17,
            has_settings,
        }
    }

    /// Changes the settings of the handler.
    pub(crate) fn tune(&mut self, config: &mut Config) {
        if self.has_crowd {
            // What so many say has to get through.
            config.ping_interval = Some(Duration::from_secs(30));
            let limits = &mut config.limits;
            (limits.sessions_max, limits.memberships_max, limits.events_max) = (1000, 1000, 1024);
            (limits.read_size, limits.write_size) = (64 << 10, 64 << 10);
        }
        if self.has_slow {
            // The slow are to be met, and not only the patient.
            config.limits.target_messages_max = self.dice.pick(&[1, 2, 2, 8]);
        }
        if self.has_settings {
            let seconds = |choice: Option<u64>| choice.map(Duration::from_secs);
            config.adopt = self.dice.one_in(2);
            config.pong_timeout = seconds(self.dice.pick(&[None, Some(1), Some(60)]));
            config.idle_limit = seconds(self.dice.pick(&[None, Some(20), Some(100)]));
            config.limits.holds_max = self.dice.pick(&[1, 1000]);
            config.limits.websocket_size_max = self.dice.pick(&[200, 1 << 20]);
            config.keep_alive_interval = Duration::from_secs(self.dice.pick(&[1, 30]));
        }
        if self.has_deflate {
            self.compress(config);
        }
    }

    #[cfg(feature = "deflate")]
    fn compress(&mut self, config: &mut Config) {
        let mut deflate = mongrel2_transceiver::transceiver::Deflate::default();
        deflate.level = self.dice.pick(&[1, 6, 9]);
        deflate.threshold = self.dice.pick(&[0, 64]);
        deflate.contexts_max = self.dice.pick(&[0, 2, 1000]);
        config.deflate = Some(deflate);
    }

    #[cfg(not(feature = "deflate"))]
    #[expect(clippy::unused_self, reason = "it draws, where the library compresses")]
    const fn compress(&mut self, _config: &mut Config) {}
}
