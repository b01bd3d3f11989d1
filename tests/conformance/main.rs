//! What the ZeroMQ RFCs ask of one end of a link, rule by rule: each test is named after the rule it
//! proves (G greeting, H handshake, F frames, B heartbeat, U subscriptions).

mod bench;
mod frames;
mod fuzz;
mod greeting;
mod handshake;
mod heartbeat;
mod liveness;
mod network;
mod oversize;
mod pipeline;
mod pubsub;
mod reqrep;
mod round_trip;
mod sockets;
mod subscriptions;
#[path = "../support/mod.rs"]
mod support;
mod transcripts;
mod wire;
