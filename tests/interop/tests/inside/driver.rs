//! A handler within the test, as far as its driver.

use std::time::Instant;

use interop::Mongrel2;
use mongrel2_transceiver::transceiver::{Command, Config, Transceiver};
use mongrel2_transceiver_threads::{Driver, seed};

/// A driver whose transceiver is to serve `server`, and has no control socket.
pub(crate) fn driver(server: &Mongrel2, change: impl FnOnce(&mut Config)) -> Driver<Transceiver> {
    let mut config = Config::default();
    config.seed = seed();
    config.control = None;
    change(&mut config);
    let mut driver = Driver::new(Transceiver::new(Instant::now(), config)).unwrap();
    let add = Command::AddServer {
        sender: server.sender().to_owned().into(),
        send_spec: server.send_spec().parse().unwrap(),
        recv_spec: server.recv_spec().parse().unwrap(),
    };
    driver.submit(add).unwrap();
    driver
}
