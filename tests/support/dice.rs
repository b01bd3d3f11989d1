//! What chooses in a test: a seed, or first the octets of a fuzzer.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use mongrel2_transceiver_memory::Dice as Seeded;

/// Seeded dice, equal to those of the pretended network; or such as throw what octets want, an octet for
/// each throw, until there are no more.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    seeded: Seeded,
    /// What is wanted of these and all their clones, in the order in which they are thrown.
    wanted: Option<Rc<RefCell<VecDeque<u8>>>>,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seeded: Seeded::new(seed), wanted: None }
    }

    /// Dice that do what these octets want; behind them the seed goes on.
    pub(crate) fn wanting(octets: &[u8], seed: u64) -> Self {
        let wanted = octets.iter().copied().collect::<VecDeque<_>>();
        Self { seeded: Seeded::new(seed), wanted: Some(Rc::new(RefCell::new(wanted))) }
    }

    fn wanted(&self) -> Option<u8> {
        self.wanted.as_ref()?.borrow_mut().pop_front()
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.wanted().map_or_else(|| self.seeded.next(), u64::from)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        match self.wanted() {
            None => self.seeded.below(bound),
            Some(octet) if bound <= 256 => usize::from(octet) % bound,
            Some(octet) => {
                let second = self.wanted().unwrap_or_default();
                usize::from(u16::from_be_bytes([octet, second])) % bound
            }
        }
    }

    /// True once in so many throws.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// One of the choices.
    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    /// A time in `0..=max`.
    pub(crate) fn up_to(&mut self, max: Duration) -> Duration {
        let wanted = self.wanted().map(|octet| max / 255 * u32::from(octet));
        wanted.unwrap_or_else(|| self.seeded.up_to(max))
    }

    /// Octets, each drawn.
    pub(crate) fn octets(&mut self, len: usize) -> Vec<u8> {
        let wanted: Vec<u8> = (0..len).map_while(|_| self.wanted()).collect();
        let rest = self.seeded.octets(len - wanted.len());
        [wanted, rest].concat()
    }
}
