//! Connecting to what the operating system has, or has not.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::suite::bench::{Bench, unused_ipc};
use crate::suite::probe::Event;

#[test]
fn no_socket_behind_a_path_is_refused() {
    let mut bench = Bench::new();
    let (path, endpoint) = unused_ipc();
    let link = bench.connect(&endpoint);
    bench.wait(&Event::Closed(link, Some(ErrorKind::NotFound)));
    drop(UnixListener::bind(&path).unwrap());
    let link = bench.connect(&endpoint);
    bench.wait(&Event::Closed(link, Some(ErrorKind::ConnectionRefused)));
    std::fs::remove_file(path).unwrap();
}

/// A listener whose queue is full leaves connects hanging on Linux; elsewhere they may fail.
#[test]
fn hanging_connects_can_be_given_up() {
    let mut bench = Bench::new();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", silent.local_addr().unwrap());
    let links: Vec<_> = (0..300).map(|_| bench.connect(&endpoint)).collect();
    bench.wait_for(|event| matches!(event, Event::Opened(_)).then_some(()));
    let opened = 1 + bench.settle().len();
    if cfg!(target_os = "linux") {
        assert!(opened < links.len(), "none hung");
    }
    links.into_iter().for_each(|link| bench.close(link));
    bench.settle();
    drop(silent);
    assert_eq!(bench.settle(), []);
}
