//! A second tier of processes behind one handler: [`Api`] and [`Node`].
//!
//! One process, the API, talks to the Mongrel2 servers and keeps the WebSocket sessions. The work is
//! done by Nodes, of which any number come and go; they answer browsers directly:
//!
//! ```text
//!  browsers          Mongrel2                    API                          Nodes
//!                 .------------.        .----------------------.        .----------------.
//!  requests  -->  | PUSH  bind o------->| PULL                 |        |                |
//!                 |            |        |            PUSH bind o------->| PULL    work   |
//!  replies  <--   | SUB   bind o<-------| PUB   sessions       |        |                |
//!                 |            |        |             PUB bind o------->| SUB     news   |
//!                 |            |        |                      |        |                |
//!                 |            |        |             REP bind o<-------| REQ   receipts |
//!                 |            |        '----------------------'        |                |
//!                 |            o<--------------- replies ---------------| PUB            |
//!                 '------------'                                        '----------------'
//! ```
//!
//! - The octets of a request are passed on as they came; a Node reads them as any handler does.
//! - Handshakes, control frames, pings, closes and notices stay with the API, as do uploads. It alone can
//!   hold connections, cancel them, and grant credits.
//! - A Node learns over SUB which servers there are, connects a PUB socket to each, and reads a server's
//!   requests only once that server will hear the replies.
//! - What no Node has taken waits in the API. Of what a Node has taken the API keeps a list, from which
//!   the Node's receipts strike what is answered; when the Node is lost, the rest is reported.
//! - An API that shuts down has its Nodes say when they have taken over what they were given, and keeps
//!   its links to the servers until then.
//! - What the API announces reaches every Node that is there; servers are told again to newcomers.
//! - Each kind of process may be killed at any moment; the others go on, and come together again.
//!
//! Like Mongrel2's own sockets, these trust whoever can connect: keep them on loopback, `ipc://` or a
//! network of your own.
//!
//! A Node need not be one of ours: whatever has a PULL socket may connect to the PUSH socket. It sends
//! no receipts, so the API can only guess what it had not answered. Ours say what they are in ZMTP's
//! READY (`X-Mongrel2-Node`), and are told some things on the way that others never see.

pub mod api;
pub mod node;
mod wire;

pub use api::Api;
pub use node::Node;
