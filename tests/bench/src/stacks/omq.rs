//! omq, on tokio.

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use omq::{Context, Message, Options, SocketType};

use super::{LINGER, Push, RoundTrip, START, endpoint, runtime};

pub(super) fn push(push: Push) -> Duration {
    let sender = thread::spawn(move || {
        runtime().block_on(async {
            let context = Context::new();
            let socket = context.socket(SocketType::Push, Options::default());
            socket.bind(endpoint(push.port).as_str()).await.unwrap();
            let octets = Bytes::from(vec![7; push.size]);
            for _ in 0..push.count {
                socket.send(Message::single(octets.clone())).await.unwrap();
            }
            tokio::time::sleep(LINGER).await;
        });
    });
    let took = runtime().block_on(async {
        let context = Context::new();
        let socket = context.socket(SocketType::Pull, Options::default());
        socket.connect(endpoint(push.port).as_str()).await.unwrap();
        socket.recv().await.unwrap();
        let begin = Instant::now();
        for _ in 1..push.count {
            socket.recv().await.unwrap();
        }
        begin.elapsed()
    });
    sender.join().unwrap();
    took
}

pub(super) fn round_trips(trip: RoundTrip) -> Vec<Duration> {
    thread::spawn(move || {
        runtime().block_on(async {
            let context = Context::new();
            let socket = context.socket(SocketType::Rep, Options::default());
            socket.bind(endpoint(trip.port).as_str()).await.unwrap();
            loop {
                let question = socket.recv().await.unwrap();
                socket.send(question).await.unwrap();
            }
        })
    });
    thread::sleep(START);
    runtime().block_on(async {
        let context = Context::new();
        let socket = context.socket(SocketType::Req, Options::default());
        socket.connect(endpoint(trip.port).as_str()).await.unwrap();
        let mut times = Vec::with_capacity(trip.count);
        for _ in 0..trip.count {
            let begin = Instant::now();
            socket.send(Message::single(vec![1; trip.size])).await.unwrap();
            socket.recv().await.unwrap();
            times.push(begin.elapsed());
        }
        times
    })
}
