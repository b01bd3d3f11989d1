//! What the ZeroMQ RFCs ask of one end of a link and of each socket, rule by rule: each test is named
//! after the rule it proves (G greeting, H handshake, F frames, B heartbeat, S all sockets, P pipeline,
//! U publish and subscribe, R request and reply).

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
