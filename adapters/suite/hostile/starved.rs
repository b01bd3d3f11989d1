//! Servers that are stopped and killed by their system, and handlers that it gives too little.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::introduction::{Answer, Order};
use mongrel2_transceiver::mongrel2::Sender;
use mongrel2_transceiver::server;
use mongrel2_transceiver::socket::{DownReason, Heartbeat};
use mongrel2_transceiver::transceiver::{Event, ServerId};

use super::peer::{Fair, Peer};
use super::processes::{self, Process, test_name};
use super::stage::{HUNG, Healthy, Stage, config};
use super::wire;
use crate::adapter::{Server, seed};

#[test]
fn a_server_that_is_stopped_and_killed_and_replaced() {
    if processes::play() {
        return;
    }
    let name = test_name(module_path!(), "a_server_that_is_stopped_and_killed_and_replaced");
    let mut config = config();
    config.heartbeat = Some(Heartbeat {
        interval: Duration::from_millis(50),
        timeout: Duration::from_millis(2000),
    });
    let stage = Stage::new(config);
    let process = Process::server(&name, &stage.control);
    let id = stage.wait(|event| match event {
        Event::ServerUp { server, .. } => Some(*server),
        _ => None,
    });
    // Its system goes on to take what is written to it, and nothing answers.
    process.signal("STOP");
    assert_eq!(wait_down(&stage, id), DownReason::Silent);
    // The next connects are taken by its system, too.
    process.signal("CONT");
    wait_up(&stage, id);
    let said = process.said.clone();
    process.kill();
    let reason = wait_down(&stage, id);
    assert!(matches!(reason, DownReason::Closed | DownReason::Io(_)), "{reason}");
    // Another process of the same name, at the same addresses.
    let mut words = said.split(' ');
    let mut config = server::Config::new(Sender::new(words.next().unwrap().to_owned()).unwrap());
    config.seed = seed();
    config.send_spec = words.next().unwrap().parse().unwrap();
    config.recv_spec = words.next().unwrap().parse().unwrap();
    let replaced = Server::start(config).wait().unwrap();
    wait_up(&stage, id);
    let mut client = replaced.client("websocket").wait().unwrap();
    assert_eq!(client.open("/").wait().unwrap().status, 101);
    client.send("the next one").unwrap();
    assert_eq!(client.receive().wait().unwrap(), "the next one".into());
    drop((client, replaced));
    stage.end();
}

fn wait_up(stage: &Stage, id: ServerId) {
    stage.wait(|event| match event {
        Event::ServerUp { server, .. } => (*server == id).then_some(()),
        _ => None,
    });
}

fn wait_down(stage: &Stage, id: ServerId) -> DownReason {
    stage.wait(|event| match event {
        Event::ServerDown { server, reason, .. } => (*server == id).then(|| reason.clone()),
        _ => None,
    })
}

/// So few that a crowd at the control socket uses them up before it is as many as may be there.
const DESCRIPTORS: usize = 48;

/// Neither links that are there notice, nor is anything given up for good.
#[test]
fn a_handler_without_descriptors_goes_on_and_recovers() {
    if processes::play() {
        return;
    }
    let name = test_name(module_path!(), "a_handler_without_descriptors_goes_on_and_recovers");
    let handler = Process::handler(&name, DESCRIPTORS);
    let control: Endpoint = handler.said.parse().unwrap();
    let healthy = Healthy::start(&control);
    let [requests, replies] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    introduce(&control, &requests, &replies);
    let links = [requests.accept().unwrap().0, replies.accept().unwrap().0];
    // The first shake hands, and ask nothing; the others say as much, and may not even be accepted.
    let hello = [wire::greeting(), wire::ready("REQ")].concat();
    let mut crowd = Vec::new();
    for number in 0..100 {
        let mut peer = Peer::at(&control);
        peer.says(&hello);
        if number < DESCRIPTORS / 2 {
            peer.hears(b"READY");
        }
        crowd.push(peer);
    }
    let end = Instant::now() + HUNG;
    while handler.descriptors().is_some_and(|count| count < DESCRIPTORS) {
        assert!(Instant::now() < end, "{:?} descriptors", handler.descriptors());
        thread::sleep(Duration::from_millis(1));
    }
    // What is lost now can not come back for want of descriptors, which the crowd waits for, too.
    drop(links);
    // The crowd leaves: those who want to come can.
    drop(crowd);
    assert_eq!(Fair::at(&control).asks("PING").unwrap(), "PONG");
    let _links = [requests.accept().unwrap().0, replies.accept().unwrap().0];
    healthy.end();
}

/// Tells a handler of a server at these two ports.
fn introduce(control: &Endpoint, requests: &TcpListener, replies: &TcpListener) {
    let at = |listener: &TcpListener| {
        format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap()
    };
    let sender = Sender::new("trap").unwrap();
    let order = Order::Add { sender, send_spec: at(requests), recv_spec: at(replies) };
    let answer = Fair::at(control).asks(order.encode()).unwrap();
    assert_eq!(Answer::parse(answer), Answer::Received);
}
