//! Runs machines of `mongrel2-transceiver` in memory: no ports, no waiting, and faults to order.
//!
//! A [`Network`] pretends everything that lies between machines: streams, listeners, and the time. A
//! [`Driver`] runs a machine on it and has the same methods as the drivers of the other adapters.

mod dice;
mod driver;
mod network;
pub mod testing;
pub mod wires;

pub use dice::Dice;
pub use driver::Driver;
pub use mongrel2_transceiver_adapter::{Handle, SubmitError, seed};
pub use network::{Network, NodeId, Sleep, Stuck, Task};
