//! What becomes of the files of Unix sockets.

use std::io::ErrorKind;
use std::os::unix::net::UnixListener;

use crate::suite::bench::{Bench, unused_ipc};

#[test]
fn the_file_goes_with_the_listener() {
    let mut bench = Bench::new();
    let (path, endpoint) = unused_ipc();
    let (listener, _) = bench.listening(&endpoint);
    assert!(path.exists());
    bench.unlisten(listener);
    bench.settle();
    assert!(!path.exists());
    bench.listening(&endpoint);
    drop(bench);
    assert!(!path.exists());
}

#[test]
fn a_file_that_is_not_ours_stays() {
    let mut bench = Bench::new();
    let (path, endpoint) = unused_ipc();
    std::fs::write(&path, "dear diary").unwrap();
    assert_eq!(bench.listen_failed(&endpoint), ErrorKind::AddrInUse);
    assert_eq!(std::fs::read(&path).unwrap(), b"dear diary");
    std::fs::remove_file(&path).unwrap();

    bench.listening(&endpoint);
    std::fs::remove_file(&path).unwrap();
    let _successor = UnixListener::bind(&path).unwrap();
    drop(bench);
    assert!(path.exists());
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_stale_file_is_replaced() {
    let mut bench = Bench::new();
    let (path, endpoint) = unused_ipc();
    drop(UnixListener::bind(&path).unwrap());
    let (listener, _) = bench.listening(&endpoint);
    bench.connected(listener, &endpoint);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let mut bench = Bench::new();
    let (_, endpoint) = unused_ipc();
    assert_eq!(bench.listen_failed(&format!("{endpoint}/nowhere")), ErrorKind::NotFound);
}
