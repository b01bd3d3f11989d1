//! zeromq, on tokio.

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use zeromq::{PullSocket, PushSocket, RepSocket, ReqSocket, Socket, SocketRecv, SocketSend};

use super::{LINGER, Push, RoundTrip, START, endpoint, runtime};

pub(super) fn push(push: Push) -> Duration {
    let sender = thread::spawn(move || {
        runtime().block_on(async {
            let mut socket = PushSocket::new();
            socket.bind(&endpoint(push.port)).await.unwrap();
            // Without a peer it refuses.
            tokio::time::sleep(START * 2).await;
            let octets = Bytes::from(vec![7; push.size]);
            for _ in 0..push.count {
                socket.send(octets.clone().into()).await.unwrap();
            }
            tokio::time::sleep(LINGER).await;
        });
    });
    thread::sleep(START);
    let took = runtime().block_on(async {
        let mut socket = PullSocket::new();
        socket.connect(&endpoint(push.port)).await.unwrap();
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
            let mut socket = RepSocket::new();
            socket.bind(&endpoint(trip.port)).await.unwrap();
            loop {
                let question = socket.recv().await.unwrap();
                socket.send(question).await.unwrap();
            }
        })
    });
    thread::sleep(START);
    runtime().block_on(async {
        let mut socket = ReqSocket::new();
        socket.connect(&endpoint(trip.port)).await.unwrap();
        let octets = Bytes::from(vec![1; trip.size]);
        let mut times = Vec::with_capacity(trip.count);
        for _ in 0..trip.count {
            let begin = Instant::now();
            socket.send(octets.clone().into()).await.unwrap();
            socket.recv().await.unwrap();
            times.push(begin.elapsed());
        }
        times
    })
}
