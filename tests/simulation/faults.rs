//! What goes wrong: drawn from the seed, each kind switched on or off for a run.

use std::time::Duration;

use super::support::{Dice, Shape};

/// One thing that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A stream is reset.
    Cut,
    /// A stream ends for one side; the other is told nothing.
    HalfOpen,
    /// Nothing moves on a stream for a while.
    Stall(Duration),
    /// Connects are refused for a while.
    Refuse(Duration),
    /// Connects are not answered for a while.
    Hang(Duration),
    /// A server's process dies; another starts after a while.
    Crash(Duration),
    /// The time jumps.
    Jump(Duration),
    /// The application polls nothing for a while.
    Deaf(Duration),
    /// The streams that are opened from now on are of another shape.
    Reshape,
    /// The handler's process dies; another takes its place after a while.
    Die(Duration),
    /// A server's process dies, and a stranger takes its place at a port for a while: the next process
    /// cannot be bound.
    Squat(Duration),
    /// A stranger knocks at a port.
    Knock,
}

impl Fault {
    /// What it is called, whatever its length.
    pub(crate) fn name(self) -> String {
        let name = format!("{self:?}").to_lowercase();
        name.split('(').next().unwrap_or_default().to_owned()
    }
}

/// The kinds of faults of one run, and how often they come.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    kinds: Vec<Fault>,
    pause_max: Duration,
}

impl Faults {
    pub(crate) fn new(dice: &mut Dice) -> Self {
        let none = Duration::ZERO;
        let mut kinds = vec![
            Fault::Cut,
            Fault::HalfOpen,
            Fault::Stall(none),
            Fault::Refuse(none),
            Fault::Hang(none),
            Fault::Crash(none),
            Fault::Jump(none),
            Fault::Deaf(none),
            Fault::Reshape,
        ];
        // Rare mixes have to happen, and runs without any fault too.
        let one_in = dice.pick(&[1, 2, 4, 9]);
        kinds.retain(|_| dice.one_in(one_in));
        Self { kinds, pause_max: Duration::from_secs(dice.pick(&[4, 12, 40])) }
    }

    /// Those of which plain worlds know nothing.
    pub(crate) fn besides(dice: &mut Dice, are_on: bool) -> Self {
        let none = Duration::ZERO;
        let mut kinds = vec![Fault::Die(none), Fault::Squat(none), Fault::Knock];
        kinds.retain(|_| are_on && !dice.one_in(3));
        Self { kinds, pause_max: Duration::from_secs(dice.pick(&[12, 40])) }
    }

    /// The next fault and how long until then; nothing where all kinds are switched off.
    pub(crate) fn next(&self, dice: &mut Dice) -> Option<(Duration, Fault)> {
        if self.kinds.is_empty() {
            return None;
        }
        let lasting = |dice: &mut Dice| {
            let max = dice.pick(&[100, 3_000, 30_000]);
            dice.up_to(Duration::from_millis(max))
        };
        let fault = match dice.pick(&self.kinds) {
            Fault::Stall(_) => Fault::Stall(lasting(dice)),
            Fault::Refuse(_) => Fault::Refuse(lasting(dice)),
            Fault::Hang(_) => Fault::Hang(lasting(dice)),
            Fault::Crash(_) => Fault::Crash(lasting(dice)),
            Fault::Jump(_) => Fault::Jump(lasting(dice)),
            Fault::Deaf(_) => Fault::Deaf(lasting(dice)),
            Fault::Die(_) => Fault::Die(lasting(dice)),
            Fault::Squat(_) => Fault::Squat(lasting(dice)),
            same @ (Fault::Cut | Fault::HalfOpen | Fault::Reshape | Fault::Knock) => same,
        };
        Some((dice.up_to(self.pause_max), fault))
    }
}

/// How streams behave in some part of a run.
pub(crate) fn shape(dice: &mut Dice) -> Shape {
    // Octet by octet only sometimes: it takes long.
    let read_max: usize = dice.pick(&[usize::MAX, usize::MAX, usize::MAX, 3000, 100]);
    let latency = dice.pick(&[10, 100, 5_000, 60_000]);
    // What carries less than is said all the time never recovers.
    let latency = if read_max < 1000 { latency.min(5_000) } else { latency };
    let sent_delay_max = Duration::from_micros(dice.pick(&[0, 100, 20_000]));
    // A PING behind more than passes in some seconds would be overdue, and nobody to blame. Half of
    // the reads bring one octet, the others half of the most.
    let passes = (read_max / 4).saturating_mul(3_000_000 / latency);
    let buffer = dice.pick(&[256 << 10, 256 << 10, 4_000, 300]).min(passes);
    Shape { read_max, latency: Duration::from_micros(latency as u64), sent_delay_max, buffer }
}

/// Streams of that shape, where the handler takes so much at once: each read takes the latency, and what
/// carries less than is said all the time never recovers.
pub(crate) fn quickened(shape: Shape, read_size: usize) -> Shape {
    let latency_max = if read_size < 1000 { Duration::from_millis(5) } else { Duration::MAX };
    Shape { latency: shape.latency.min(latency_max), ..shape }
}

/// The streams of a world in which much is said.
pub(crate) const fn broad() -> Shape {
    Shape {
        read_max: usize::MAX,
        latency: Duration::from_micros(100),
        sent_delay_max: Duration::from_micros(100),
        buffer: 256 << 10,
    }
}
