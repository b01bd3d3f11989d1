//! libzmq, through the crate `zmq`.

use std::thread;
use std::time::{Duration, Instant};

use super::{Push, RoundTrip, endpoint};

pub(super) fn push(push: Push) -> Duration {
    let sender = thread::spawn(move || {
        let socket = zmq::Context::new().socket(zmq::PUSH).unwrap();
        socket.bind(&endpoint(push.port)).unwrap();
        let octets = vec![7; push.size];
        (0..push.count).for_each(|_| socket.send(&octets[..], 0).unwrap());
    });
    let socket = zmq::Context::new().socket(zmq::PULL).unwrap();
    socket.connect(&endpoint(push.port)).unwrap();
    let mut message = zmq::Message::new();
    let mut receive = || socket.recv(&mut message, 0).unwrap();
    receive();
    let begin = Instant::now();
    (1..push.count).for_each(|_| receive());
    let took = begin.elapsed();
    sender.join().unwrap();
    took
}

pub(super) fn round_trips(trip: RoundTrip) -> Vec<Duration> {
    thread::spawn(move || {
        let socket = zmq::Context::new().socket(zmq::REP).unwrap();
        socket.bind(&endpoint(trip.port)).unwrap();
        loop {
            let question = socket.recv_bytes(0).unwrap();
            socket.send(question, 0).unwrap();
        }
    });
    let socket = zmq::Context::new().socket(zmq::REQ).unwrap();
    socket.connect(&endpoint(trip.port)).unwrap();
    let octets = vec![1; trip.size];
    let once = || {
        let begin = Instant::now();
        socket.send(&octets[..], 0).unwrap();
        socket.recv_bytes(0).unwrap();
        begin.elapsed()
    };
    (0..trip.count).map(|_| once()).collect()
}
