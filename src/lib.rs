//! Mongrel2 handlers in pure Rust, as machines without I/O.

pub mod endpoint;
pub mod machine;
pub mod mongrel2;
mod rng;
pub mod segments;
pub mod server;
pub mod socket;
pub mod transceiver;
pub mod websocket;
pub mod zmtp;

pub use endpoint::{Endpoint, EndpointError, Host};
pub use machine::{Input, LinkId, ListenerId, Machine, Output};
pub use segments::Segments;
pub use transceiver::Transceiver;
