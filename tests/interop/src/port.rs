//! Ports that nothing listens on.

use std::net::TcpListener;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A loopback port that nobody listens on, and that no other caller in this process gets.
///
/// Below the range from which the kernel draws ports for outgoing connections: there a port that is
/// closed for a moment (a server between two lives) may be taken by any client, and a client that
/// keeps trying to connect to it may even meet itself.
#[must_use]
pub fn free() -> u16 {
    static NEXT: OnceLock<AtomicU32> = OnceLock::new();
    let next = NEXT.get_or_init(|| AtomicU32::new(process::id().wrapping_mul(STRIDE)));
    (0..COUNT)
        .map(|_| FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|&port| TcpListener::bind(("127.0.0.1", port)).is_ok())
        .expect("some loopback port is free")
}

const FIRST: u32 = 10_000;
const COUNT: u32 = 22_000;
/// Sets test binaries apart that run at the same time; prime, so that it meets every start.
const STRIDE: u32 = 499;
