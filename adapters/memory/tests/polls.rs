//! A long poll in memory: hours cost nothing, and the test sees that it is held.

#![allow(clippy::unwrap_used, clippy::panic, reason = "all of this is a test")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

use std::time::Duration;

use mongrel2_transceiver::client::{Action, Ask, Received};
use mongrel2_transceiver::mongrel2::Control;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};
use mongrel2_transceiver::{Endpoint, server};
use mongrel2_transceiver_memory::testing::Server;
use mongrel2_transceiver_memory::{Driver, Network};

/// Answers each request three hours later.
fn handler(network: &Network, control: Endpoint) {
    let mut config = Config::default();
    config.control = Some(control);
    let mut driver = Driver::new(network, Transceiver::new(network.now(), config)).unwrap();
    let (sleeper, handle) = (network.clone(), driver.handle());
    network.spawn(async move {
        loop {
            let Event::Request { target, request } = driver.next_event().await else { continue };
            let time = Duration::from_secs(24 * 3600);
            driver.submit(Command::Hold { target, time }).unwrap();
            let (late, handle) = (sleeper.sleep(Duration::from_secs(3 * 3600)), handle.clone());
            sleeper.spawn(async move {
                late.await;
                let answer = Response::text(200, "at last").close();
                handle.submit(Command::respond(target, &request, &answer)).unwrap();
            });
        }
    });
}

#[test]
fn a_long_poll_is_held_until_it_is_answered() {
    let network = Network::new(1);
    let control: Endpoint = "tcp://127.0.0.1:9997".parse().unwrap();
    handler(&network, control.clone());
    let config = server::Config::from_seed(1).on_free_ports().with_handler(control);
    let server = Server::start_on(&network, config).wait().unwrap();
    let mut client = server.client("mongrel2").wait().unwrap();
    client.set_timeout(Duration::from_secs(4 * 3600));
    client.act(Action::Request(Ask::get("/poll"))).unwrap();
    let mut held = 0;
    let answer = loop {
        match client.received().wait().unwrap() {
            Received::Controls(controls) => {
                assert_eq!(controls, [Control::KeepAlive]);
                held += 1;
            }
            Received::Raw(answer) => break answer,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(held, 3 * 120, "twice a minute");
    assert!(answer.ends_with(b"at last"));
    assert_eq!(client.received().wait(), Ok(Received::Ended));
    network.run_for(Duration::from_secs(3600));
}
