//! A socket of libzmq.

use std::cell::Cell;
use std::fs;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use interop::PATIENCE;

use crate::load::{Frames, assert_same};

/// A socket with a context of its own, so that it is gone for good when it is dropped, with all that
/// was not sent yet.
pub(crate) struct Theirs {
    /// Holds its context, whose end waits for its own.
    socket: zmq::Socket,
    /// Of a Unix socket that it is bound to: libzmq leaves it behind.
    file: Cell<Option<PathBuf>>,
}

impl Theirs {
    pub(crate) fn new(kind: zmq::SocketType) -> Self {
        let socket = zmq::Context::new().socket(kind).unwrap();
        let patience = i32::try_from(PATIENCE.as_millis()).unwrap();
        socket.set_sndtimeo(patience).unwrap();
        socket.set_rcvtimeo(patience).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(20).unwrap();
        Self { socket, file: Cell::default() }
    }

    /// For options.
    pub(crate) const fn socket(&self) -> &zmq::Socket {
        &self.socket
    }

    /// Binds. The address may have been in use until a moment ago.
    #[track_caller]
    pub(crate) fn bind(&self, address: &str) {
        let end = Instant::now() + PATIENCE;
        while let Err(error) = self.socket.bind(address) {
            let is_hopeless = error != zmq::Error::EADDRINUSE || Instant::now() > end;
            assert!(!is_hopeless, "libzmq cannot bind {address}: {error}");
            thread::sleep(Duration::from_millis(5));
        }
        self.file.set(address.strip_prefix("ipc://").map(PathBuf::from));
    }

    /// Ends it when all is sent.
    pub(crate) fn linger(self) {
        self.socket.set_linger(-1).unwrap();
    }

    pub(crate) fn connect(&self, address: &str) {
        self.socket.connect(address).unwrap();
    }

    pub(crate) fn subscribe(&self, prefix: &[u8]) {
        self.socket.set_subscribe(prefix).unwrap();
    }

    #[track_caller]
    pub(crate) fn send(&self, frames: &[Bytes]) {
        self.socket.send_multipart(frames.iter().map(|frame| &frame[..]), 0).unwrap();
    }

    #[track_caller]
    pub(crate) fn receive(&self) -> Frames {
        let frames = self.socket.recv_multipart(0).unwrap();
        frames.into_iter().map(Bytes::from).collect()
    }

    /// What has arrived, if anything.
    pub(crate) fn try_receive(&self) -> Option<Frames> {
        match self.socket.recv_multipart(zmq::DONTWAIT) {
            Ok(frames) => Some(frames.into_iter().map(Bytes::from).collect()),
            Err(zmq::Error::EAGAIN) => None,
            Err(error) => panic!("libzmq cannot receive: {error}"),
        }
    }

    /// Does something in a thread of its own.
    pub(crate) fn apart(self, work: impl FnOnce(&Self) + Send + 'static) -> Apart {
        Apart(thread::spawn(move || {
            work(&self);
            self
        }))
    }

    /// Receives exactly these.
    #[track_caller]
    pub(crate) fn expect_all(&self, expected: impl Iterator<Item = Frames>) {
        for (number, expected) in expected.enumerate() {
            assert_same(&format!("message {number}"), &self.receive(), &expected);
        }
    }
}

/// A socket at work in its thread. It does not end before it is joined, lest ours sees it end.
pub(crate) struct Apart(JoinHandle<Theirs>);

impl Apart {
    #[track_caller]
    pub(crate) fn join(self) {
        drop(self.0.join().unwrap());
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            // Whoever removed it was quicker.
            drop(fs::remove_file(file));
        }
    }
}
