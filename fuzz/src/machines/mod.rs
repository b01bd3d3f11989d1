//! Machines under any sequence of inputs and commands.
//!
//! A run draws a configuration, then what happens, step by step: time passes, operations succeed or
//! fail in any order, peers say what is in order or noise, the application commands and listens, or
//! does not. Peers are engines of our own, so whatever a machine writes must be in order for them. In
//! an honest run the operating system keeps its side of the contract of
//! [`Machine`](mongrel2_transceiver::Machine), and the machine must keep its own; in another one it
//! answers what nobody asked, and the machine must survive that. Each run ends with a shutdown, which
//! must come to its end.

mod answers;
mod api;
mod drive;
mod node;
mod notes;
mod peer;
mod receipts;
mod requests;
mod rooms;
mod server;
mod socket;
mod transceiver;
mod watched;

pub use api::api_inputs;
pub use node::node_inputs;
pub use server::server_inputs;
pub use socket::socket_inputs;
pub use transceiver::transceiver_inputs;
