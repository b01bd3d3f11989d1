//! Runs machines of `mongrel2-transceiver` in memory.

mod dice;
pub mod wires;

pub use dice::Dice;
