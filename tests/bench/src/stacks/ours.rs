//! The sockets of this library, on each adapter, as they are by default.

use std::future::Future;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mongrel2_transceiver::socket::{Command, Config, Event, Refused, Socket};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use super::{Push, RoundTrip, endpoint, runtime};

/// A socket on an adapter.
pub(super) trait Adapter: Sized {
    fn new(socket: Socket) -> Self;
    fn submit(&mut self, command: Command) -> Result<(), Refused>;
    fn next_event(&mut self) -> impl Future<Output = Event>;
    fn block_on<T>(future: impl Future<Output = T>) -> T;
}

pub(super) struct Threads(mongrel2_transceiver_threads::Driver<Socket>);
pub(super) struct Smol(mongrel2_transceiver_smol::Driver<Socket>);
pub(super) struct Tokio(mongrel2_transceiver_tokio::Driver<Socket>);

impl Adapter for Threads {
    fn new(socket: Socket) -> Self {
        Self(mongrel2_transceiver_threads::Driver::new(socket).unwrap())
    }

    fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.0.submit(command)
    }

    async fn next_event(&mut self) -> Event {
        self.0.next_event(None).unwrap().expect("it waits without end")
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        futures_lite::future::block_on(future)
    }
}

impl Adapter for Smol {
    fn new(socket: Socket) -> Self {
        Self(mongrel2_transceiver_smol::Driver::new(socket).unwrap())
    }

    fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.0.submit(command)
    }

    async fn next_event(&mut self) -> Event {
        self.0.next_event().await
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }
}

impl Adapter for Tokio {
    fn new(socket: Socket) -> Self {
        Self(mongrel2_transceiver_tokio::Driver::new(socket).unwrap())
    }

    fn submit(&mut self, command: Command) -> Result<(), Refused> {
        self.0.submit(command)
    }

    async fn next_event(&mut self) -> Event {
        self.0.next_event().await
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        runtime().block_on(future)
    }
}

pub(super) fn push<A: Adapter>(push: Push) -> Duration {
    let sender = thread::spawn(move || {
        A::block_on(async {
            let mut socket = bound::<A>(SocketType::Push, push.port).await;
            let octets = Bytes::from(vec![7; push.size]);
            for _ in 0..push.count {
                send(&mut socket, &octets).await;
            }
            socket.submit(Command::Shutdown).unwrap();
            let stopped = |event: &Event| matches!(event, Event::Stopped { undelivered: 0 });
            wait(&mut socket, stopped).await;
        });
    });
    let took = A::block_on(async {
        let mut socket = connected::<A>(SocketType::Pull, push.port);
        receive(&mut socket).await;
        let begin = Instant::now();
        for _ in 1..push.count {
            receive(&mut socket).await;
        }
        begin.elapsed()
    });
    sender.join().unwrap();
    took
}

pub(super) fn round_trips<A: Adapter>(trip: RoundTrip) -> Vec<Duration> {
    thread::spawn(move || {
        A::block_on(async {
            let mut socket = bound::<A>(SocketType::Rep, trip.port).await;
            loop {
                let question = receive(&mut socket).await;
                socket.submit(Command::Send(question)).unwrap();
            }
        })
    });
    A::block_on(async {
        let mut socket = connected::<A>(SocketType::Req, trip.port);
        let up = |event: &Event| matches!(event, Event::Up { .. });
        wait(&mut socket, up).await;
        let octets = Bytes::from(vec![1; trip.size]);
        let mut times = Vec::with_capacity(trip.count);
        for _ in 0..trip.count {
            let begin = Instant::now();
            send(&mut socket, &octets).await;
            receive(&mut socket).await;
            times.push(begin.elapsed());
        }
        times
    })
}

async fn bound<A: Adapter>(socket_type: SocketType, port: u16) -> A {
    let mut socket = A::new(Socket::new(Instant::now(), Config::new(socket_type)));
    socket.submit(Command::Bind(endpoint(port).parse().unwrap())).unwrap();
    wait(&mut socket, |event| matches!(event, Event::Listening { .. })).await;
    socket
}

fn connected<A: Adapter>(socket_type: SocketType, port: u16) -> A {
    let mut socket = A::new(Socket::new(Instant::now(), Config::new(socket_type)));
    socket.submit(Command::Connect(endpoint(port).parse().unwrap())).unwrap();
    socket
}

/// Waits for room where there is none.
async fn send<A: Adapter>(socket: &mut A, octets: &Bytes) {
    while let Err(refused) = socket.submit(Command::Send(Message::from(octets.clone()))) {
        assert!(matches!(refused, Refused::Full | Refused::NoPeer), "{refused}");
        socket.next_event().await;
    }
}

async fn receive<A: Adapter>(socket: &mut A) -> Message {
    loop {
        if let Event::Message { message, .. } = socket.next_event().await {
            return message;
        }
    }
}

async fn wait<A: Adapter>(socket: &mut A, wanted: impl Fn(&Event) -> bool) {
    loop {
        let event = socket.next_event().await;
        if wanted(&event) {
            return;
        }
    }
}
