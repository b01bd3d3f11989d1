//! What the ZeroMQ RFCs ask of one end of a link, rule by rule: each test is named after the rule it
//! proves (G greeting, H handshake, F frames, B heartbeat, U subscriptions).

mod frames;
mod greeting;
mod handshake;
mod heartbeat;
mod oversize;
mod round_trip;
mod subscriptions;
mod transcripts;
mod wire;
