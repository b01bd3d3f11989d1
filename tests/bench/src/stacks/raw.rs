//! The floor: the same octets through one TCP stream, in large writes and reads, and nobody who looks for
//! messages in them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{Push, RoundTrip};

/// As much as the others may have in one write or read.
const BUFFER: usize = 256 << 10;

pub(super) fn push(push: Push) -> Duration {
    let total = push.count * (push.size + head(push.size));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, push.port)).unwrap();
    let sender = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let octets = vec![7; BUFFER];
        let mut left = total;
        while left > 0 {
            let count = left.min(BUFFER);
            stream.write_all(&octets[..count]).unwrap();
            left -= count;
        }
    });
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, push.port)).unwrap();
    let mut octets = vec![0; BUFFER];
    let begin = Instant::now();
    let mut left = total;
    while left > 0 {
        left -= stream.read(&mut octets).unwrap();
    }
    let took = begin.elapsed();
    sender.join().unwrap();
    took
}

pub(super) fn round_trips(trip: RoundTrip) -> Vec<Duration> {
    let size = trip.size + head(trip.size);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, trip.port)).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_nodelay(true).unwrap();
        let mut octets = vec![0; size];
        while stream.read_exact(&mut octets).is_ok() {
            stream.write_all(&octets).unwrap();
        }
    });
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, trip.port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut octets = vec![1; size];
    let mut once = || {
        let begin = Instant::now();
        stream.write_all(&octets).unwrap();
        stream.read_exact(&mut octets).unwrap();
        begin.elapsed()
    };
    (0..trip.count).map(|_| once()).collect()
}

/// The octets of a frame's head (ZMTP 3.1, RFC 37).
const fn head(size: usize) -> usize {
    if size < 256 { 2 } else { 9 }
}
