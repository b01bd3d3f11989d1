//! Messages over loopback TCP, from one thread to another: how many, and how soon.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use crate::stacks::{self, Push, RoundTrip};
use crate::works::Figure;

/// Messages of one size from a PUSH that is bound to a PULL that connects.
pub(crate) fn push(entry: &str, size: usize, scale: f64) -> Result<Vec<Figure>, String> {
    let usual = match size {
        0..=255 => 4_000_000,
        256..=4095 => 1_500_000,
        _ => 150_000,
    };
    let count = scaled(usual, scale);
    let push = Push { port: free_port()?, count, size };
    let took = stacks::push(entry, push)?;
    // The clock starts with the first of them.
    Ok(vec![Figure::new("rate", (count - 1) as f64 / took.as_secs_f64())])
}

/// One message in flight, of 64 octets.
pub(crate) fn round_trip(entry: &str, scale: f64) -> Result<Vec<Figure>, String> {
    let trip = RoundTrip { port: free_port()?, count: scaled(50_000, scale), size: 64 };
    let mut times = stacks::round_trips(entry, trip)?;
    times.sort_unstable();
    let median: Duration = times[times.len() / 2];
    Ok(vec![Figure::new("time", median.as_secs_f64() * 1e6)])
}

/// At least so many that there is something to measure.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "neither is near the ends of its type"
)]
fn scaled(count: usize, scale: f64) -> usize {
    ((count as f64 * scale) as usize).max(100)
}

/// A port that was free a moment ago.
fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("no port is free: {error}"))
}
