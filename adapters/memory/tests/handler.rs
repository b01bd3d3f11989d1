//! Whole handlers in memory: time that costs nothing, and things that only a pretended network shows.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mongrel2_transceiver::client::{Action, Received};
use mongrel2_transceiver::transceiver::{Command, Config, Event, SessionEnd, Transceiver};
use mongrel2_transceiver::websocket::{CloseCode, Message};
use mongrel2_transceiver::{Endpoint, server};
use mongrel2_transceiver_memory::testing::{Client, Server};
use mongrel2_transceiver_memory::{Driver, Network, Stuck};

/// All events of a handler so far.
type Log = Arc<Mutex<Vec<Event>>>;

fn control() -> Endpoint {
    "tcp://127.0.0.1:9997".parse().unwrap()
}

/// A handler that sends messages back.
fn echo(network: &Network) -> Log {
    echo_at(network, control())
}

fn echo_at(network: &Network, control: Endpoint) -> Log {
    let mut config = Config::default();
    config.control = Some(control);
    let machine = Transceiver::new(network.now(), config);
    let mut driver = Driver::new(network, machine).unwrap();
    let log = Log::default();
    let told = Arc::clone(&log);
    let task = async move {
        loop {
            let event = driver.next_event().await;
            if let Event::SessionMessage { target, message, .. } = event.clone() {
                driver.submit(Command::Send { target, message }).unwrap();
            }
            told.lock().unwrap().push(event);
        }
    };
    network.spawn(task);
    log
}

fn start(network: &Network, seed: u64) -> Server {
    let config = server::Config::from_seed(seed).on_free_ports().with_handler(control());
    Server::start_on(network, config).wait().unwrap()
}

fn websocket(server: &Server) -> Client {
    let mut client = server.client("websocket").wait().unwrap();
    client.open("/").wait().unwrap();
    client
}

fn says(client: &mut Client, text: &'static str) {
    client.send(text).unwrap();
    assert_eq!(client.receive().wait(), Ok(Message::from(text)));
}

fn how_they_ended(log: &Log) -> Vec<SessionEnd> {
    let events = log.lock().unwrap();
    let ends = events.iter().filter_map(|event| match event {
        Event::SessionClosed { end, .. } => Some(end.clone()),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_silent_browser_is_pinged_and_then_closed() {
    let network = Network::new(1);
    let log = echo(&network);
    let server = start(&network, 1);
    let mut client = websocket(&server);
    client.set_timeout(Duration::from_secs(300));
    client.act(Action::AnswerPings(false)).unwrap();
    assert!(matches!(client.received().wait(), Ok(Received::Ping(_))));
    assert!(network.elapsed() > Duration::from_secs(20));
    while !matches!(client.received().wait().unwrap(), Received::Ended) {}
    network.run_for(Duration::from_secs(1));
    assert_eq!(how_they_ended(&log), [SessionEnd::Silent]);
}

#[test]
fn a_browser_that_answers_pings_stays_for_hours() {
    let network = Network::new(1);
    let log = echo(&network);
    let server = start(&network, 1);
    let mut client = websocket(&server);
    for _ in 0..6 {
        network.run_for(Duration::from_secs(3600));
        says(&mut client, "still there?");
    }
    assert_eq!(how_they_ended(&log), []);
}

/// There is always another heartbeat, so that nobody ever just waits.
#[test]
fn what_does_not_come_in_hours_never_does() {
    let network = Network::new(1);
    network.set_patience(Duration::from_secs(2 * 3600));
    echo(&network);
    let server = start(&network, 1);
    let _client = websocket(&server);
    let stuck = network.try_run(pending::<()>()).unwrap_err();
    assert!(matches!(stuck, Stuck::TooLate { .. }), "{stuck}");
    assert!(stuck.to_string().contains("a Transceiver, driven at"), "{stuck}");
}

#[test]
fn a_reply_link_that_is_cut_comes_back() {
    let network = Network::new(1);
    let log = echo(&network);
    let server = start(&network, 1);
    let mut client = websocket(&server);
    for endpoint in [server.recv_spec(), server.send_spec()] {
        network.cut(network.streams_to(endpoint)[0]);
        // What is said before the server notices is lost, as with Mongrel2.
        network.run_for(Duration::from_secs(1));
        says(&mut client, "still there?");
    }
    assert_eq!(how_they_ended(&log), []);
}

/// A stall of both links is noticed by heartbeats alone.
#[test]
fn a_server_that_falls_silent_is_given_up() {
    let network = Network::new(1);
    let log = echo(&network);
    let server = start(&network, 1);
    let _client = websocket(&server);
    for endpoint in [server.recv_spec(), server.send_spec()] {
        for stream in network.streams_to(endpoint) {
            network.stall(stream, true);
        }
    }
    network.run_for(Duration::from_secs(120));
    assert_eq!(how_they_ended(&log), [SessionEnd::ServerLost]);
}

#[test]
fn a_thousand_servers_come_and_go_and_leave_nothing() {
    let network = Network::new(1);
    let log = echo(&network);
    let server = start(&network, 1);
    let mut stays = websocket(&server);
    let (mut before, mut ports) = (0, Vec::new());
    for round in 0..1000 {
        let guest = start(&network, 1000 + round);
        says(&mut websocket(&guest), "hello");
        says(&mut stays, "meanwhile");
        ports.push(guest.send_spec().clone());
        ports.push(guest.recv_spec().clone());
        drop(guest);
        let streams = network.streams_to(&control()).len();
        if round == 0 {
            before = streams;
        }
        assert!(streams <= before + 1, "{streams} streams to the control socket in round {round}");
    }
    assert!(ports.iter().all(|port| network.streams_to(port).is_empty()));
    let events = log.lock().unwrap();
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    assert_eq!(count(|event| matches!(event, Event::ServerAdded { .. })), 1001);
    assert_eq!(count(|event| matches!(event, Event::ServerRemoved { .. })), 1000);
    assert_eq!(count(|event| matches!(event, Event::SessionOpened { .. })), 1001);
    assert_eq!(count(|event| matches!(event, Event::SessionClosed { .. })), 1000);
}

/// Each with a server and a browser of its own; all of them tasks that take turns.
#[test]
fn a_hundred_handlers_live_on_one_network() {
    let network = Network::new(1);
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let control = control().with_port(10_000 + n);
            echo_at(&network, control.clone());
            let start = Server::for_handler_on(&network, &control);
            network.spawn(async move {
                let server = start.await.unwrap();
                let mut client = server.client("websocket").await.unwrap();
                client.open("/").await.unwrap();
                for m in 0..10 {
                    let message = Message::from(format!("{m} from {n}"));
                    client.send(message.clone()).unwrap();
                    assert_eq!(client.receive().await, Ok(message));
                }
                server.stop().await;
            })
        })
        .collect();
    network.run(async {
        for task in tasks {
            task.await;
        }
    });
}

/// Within a run everything is awaited, and a server that is dropped takes itself off later.
#[test]
fn all_of_it_may_be_awaited() {
    let network = Network::new(1);
    let log = echo(&network);
    network.run(async {
        let config = server::Config::from_seed(1).with_handler(control());
        let server = Server::start_on(&network, config).await.unwrap();
        let mut client = server.client("websocket").await.unwrap();
        client.open("/").await.unwrap();
        client.send("hello").unwrap();
        assert_eq!(client.receive().await, Ok(Message::from("hello")));
        let close = client.close(CloseCode::NORMAL, "bye").await.unwrap();
        assert_eq!(close.code, Some(CloseCode::NORMAL));
        drop(server);
    });
    network.run_for(Duration::from_secs(60));
    let events = log.lock().unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::ServerRemoved { .. })));
}
