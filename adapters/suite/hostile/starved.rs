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
use mongrel2_transceiver::zmtp::SocketType;

use super::peer::{Both, Fair, Peer, Side, greeting};
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
    introduce(&control, "trap", &requests, &replies);
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
    // Fewer than may be there have shaken hands: nothing but the want of descriptors puts one of them out.
    let end = Instant::now() + HUNG;
    while crowd.iter_mut().all(Peer::is_open) {
        assert!(Instant::now() < end, "{:?} descriptors", handler.descriptors());
        thread::sleep(Duration::from_millis(1));
    }
    // What is lost now can only come back where a descriptor is left, which the crowd waits for, too.
    drop(links);
    // The crowd leaves: those who want to come can.
    drop(crowd);
    // Its turn is behind those who came before; who is put out meanwhile comes again, as every REQ does.
    let asks = || Fair::over(Peer::at(&control), SocketType::Req)?.asks("PING");
    let answer = std::iter::repeat_with(asks).take(100).flatten().next();
    assert_eq!(answer.unwrap(), "PONG");
    let _links = [requests.accept().unwrap().0, replies.accept().unwrap().0];
    healthy.end();
}

/// Tells a handler of a server at these two ports.
fn introduce(control: &Endpoint, sender: &str, requests: &TcpListener, replies: &TcpListener) {
    let at = |listener: &TcpListener| {
        format!("tcp://{}", listener.local_addr().unwrap()).parse().unwrap()
    };
    let sender = Sender::new(sender.to_owned()).unwrap();
    let order = Order::Add { sender, send_spec: at(requests), recv_spec: at(replies) };
    let answer = Fair::at(control).asks(order.encode()).unwrap();
    assert_eq!(Answer::parse(answer), Answer::Received);
}

/// As many octets are read at once at most, and so many blocks hold what was read.
const READ_SIZE: usize = 64 << 10;
const BLOCK_SIZE: usize = 256 << 10;

/// How many strangers come to the control socket: fewer than may, so that all of them stay.
const STRANGERS: usize = 40;

/// What all peers together can make a handler hold of a message each: what the message may have, and the
/// blocks of the read before and the read after.
const HELD_MAX: usize = STRANGERS * (READ_SIZE + 2 * BLOCK_SIZE)
    + 2 * (processes::SIZE_MAX + 2 * BLOCK_SIZE)
    // What waits for a server that does not read, and what tells the allocator's octets from ours.
    + 2 * processes::SIZE_MAX;

#[test]
fn no_peer_makes_a_handler_hold_more_than_its_limits_say() {
    if processes::play() {
        return;
    }
    let name = test_name(module_path!(), "no_peer_makes_a_handler_hold_more_than_its_limits_say");
    let handler = Process::handler(&name, 1000);
    let control: Endpoint = handler.said.parse().unwrap();
    let healthy = Healthy::start(&control);
    let before = handler.memory_max();

    // Each says a message frame by frame, and much that has no meaning in between.
    let filler = wire::command("XYZZY", &[b'x'; 3000]).repeat(READ_SIZE / 3000 + 1);
    let piece = [wire::frame(wire::MORE, b"x"), filler].concat();
    let mut strangers: Vec<_> = (0..STRANGERS).map(|_| Fair::at(&control)).collect();
    for _ in 0..60 {
        assert!(strangers.iter_mut().all(|stranger| stranger.peer.says(&piece)));
    }

    let [requests, replies] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    introduce(&control, "trap", &requests, &replies);
    let [mut requests, mut replies] =
        [requests, replies].map(|listener| Peer::new(listener.accept().unwrap().0));
    replies.says(&greeting(Side::Replies));
    requests.says(&greeting(Side::Requests));
    let mut both = Both { requests, replies, life: 1 };
    both.asks_as("trap", 7);
    let Both { mut requests, mut replies, .. } = both;
    for _ in 0..500 {
        assert!(requests.says(&piece) && replies.says(&piece));
    }
    assert!(requests.says(&wire::announce(wire::LONG, 1 << 62)));
    let topics: Vec<u8> = (0..1000)
        .flat_map(|number| wire::command("SUBSCRIBE", format!("topic {number}").as_bytes()))
        .collect();
    replies.says(&topics);
    for _ in 0..500 {
        assert!(requests.says(&piece));
    }
    // All of it was heard by then: what a stranger says next is answered, or the last straw.
    let mut last = Fair::at(&control);
    assert_eq!(last.asks("PING").unwrap(), "PONG");
    assert!(strangers.iter_mut().all(|stranger| stranger.peer.is_open()));
    let grown = handler.memory_max().zip(before).map(|(after, before)| after - before);
    assert!(grown.is_none_or(|octets| octets < HELD_MAX), "{grown:?} octets of {HELD_MAX}");
    healthy.end();
}
