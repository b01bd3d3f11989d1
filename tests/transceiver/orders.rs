//! Servers that introduce themselves over the control socket.

use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::introduction::{Answer, Order, Proof};
use mongrel2_transceiver::mongrel2::{ConnId, Sender};
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::transceiver::{
    Admit, Command, Config, Event, Initiator, ServerId, Transceiver,
};
use mongrel2_transceiver::zmtp::{Message, SocketType};

use crate::bare::bound;
use crate::browser::{SENDER, get, message_in};
use crate::pair::{add_server, reply, small};
use crate::support::{NodeId, World};

/// A handler with a control socket, and somebody who talks to it.
pub(crate) struct Controlled {
    pub(crate) world: World,
    pub(crate) handler: NodeId<Transceiver>,
    pub(crate) asker: NodeId<Socket>,
    pub(crate) control: mongrel2_transceiver::Endpoint,
}

impl Controlled {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = World::new(1);
        let config = small(|config| {
            config.control = Some("tcp://127.0.0.1:*".parse().unwrap());
            change(config);
        });
        let handler = world.add(Transceiver::new(world.now(), config));
        world.run_for(Duration::from_millis(10));
        let events = world.events(handler);
        let [Event::ControlListening { endpoint }] = &events[..] else { panic!("{events:?}") };
        let control = endpoint.clone();
        let asker = asker(&mut world, &control);
        Self { world, handler, asker, control }
    }

    pub(crate) fn ask(&mut self, message: impl Into<Message>) -> Answer {
        self.world.submit(self.asker, socket::Command::Send(message.into())).unwrap();
        let asker = self.asker;
        let is_answer = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
        self.world.run_until(|world| world.seen(asker).iter().any(is_answer));
        let answer = self.world.events(asker).into_iter().find_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes()),
            _ => None,
        });
        Answer::parse(answer.unwrap())
    }

    pub(crate) fn order(&mut self, order: &Order) -> Answer {
        self.ask(order.encode())
    }

    pub(crate) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        self.world.events(self.handler)
    }
}

pub(crate) fn asker(world: &mut World, control: &mongrel2_transceiver::Endpoint) -> NodeId<Socket> {
    let asker = world.add(Socket::new(world.now(), socket::Config::new(SocketType::Req)));
    world.submit(asker, socket::Command::Connect(control.clone())).unwrap();
    asker
}

pub(crate) fn sender(name: &str) -> Sender {
    Sender::new(Bytes::from(name.to_owned())).unwrap()
}

/// An order to serve a server whose reply socket is bound at the port below.
pub(crate) fn add(name: &str, port: u16) -> Order {
    let at = |port: u16| format!("tcp://127.0.0.1:{port}").parse().unwrap();
    Order::Add { sender: sender(name), send_spec: at(port), recv_spec: at(port - 1) }
}

pub(crate) fn remove(name: &str) -> Order {
    Order::Remove { sender: sender(name) }
}

fn ping(name: &str, text: &'static str) -> Order {
    Order::Ping { sender: sender(name), text: text.into() }
}

fn disconnect_ping(name: &str, text: &'static str) -> Order {
    Order::DisconnectPing { sender: sender(name), text: text.into() }
}

/// The two sockets of a server that introduces itself.
struct Stranger {
    push: NodeId<Socket>,
    sub: NodeId<Socket>,
}

impl Stranger {
    fn at(world: &mut World, port: u16) -> Self {
        let push = bound(world, SocketType::Push, port);
        Self { push, sub: bound(world, SocketType::Sub, port - 1) }
    }

    fn subscribe(&self, world: &mut World) {
        world.submit(self.sub, socket::Command::Subscribe(SENDER.into())).unwrap();
    }

    fn heard(&self, world: &mut World) -> Vec<Bytes> {
        let events = world.events(self.sub).into_iter();
        let messages = events.filter_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes()),
            _ => None,
        });
        messages.collect()
    }
}

fn proof(text: &'static str) -> Bytes {
    Proof { sender: sender(SENDER), text: text.into() }.encode()
}

fn is_error(answer: &Answer, word: &str) -> bool {
    let Answer::Error(why) = answer else { return false };
    String::from_utf8_lossy(why).contains(word)
}

#[test]
fn a_server_is_added_proven_served_and_removed() {
    let mut stage = Controlled::new(|_| ());
    let server = Stranger::at(&mut stage.world, 9999);
    server.subscribe(&mut stage.world);
    assert_eq!(stage.order(&add(SENDER, 9999)), Answer::Received);
    assert_eq!(stage.order(&ping(SENDER, "a")), Answer::Received);
    stage.run_ms(500);
    assert_eq!(server.heard(&mut stage.world), [proof("a")]);
    let events = stage.events();
    let [Event::ServerAdded { server: id, sender, by }, Event::ServerUp { .. }] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((&sender[..], *by), (SENDER.as_bytes(), Initiator::Control));

    stage.world.script(stage.handler, |event| match event {
        Event::Request { target, .. } => vec![reply(*target, "x")],
        _ => Vec::new(),
    });
    stage.world.submit(server.push, socket::Command::Send(Message::from(get(7)))).unwrap();
    stage.run_ms(50);
    assert_eq!(server.heard(&mut stage.world), [format!("{SENDER} 1:7, x")]);

    assert_eq!(stage.order(&remove(SENDER)), Answer::Received);
    assert!(is_error(&stage.order(&ping(SENDER, "b")), "being removed"));
    stage.run_ms(4000);
    assert!(is_error(&stage.order(&ping(SENDER, "c")), "no server"));
    assert_eq!(stage.order(&disconnect_ping(SENDER, "d")), Answer::Received);
    stage.run_ms(1000);
    assert_eq!(server.heard(&mut stage.world), Vec::<Bytes>::new());
    let events = stage.events();
    let [Event::Request { .. }, Event::ServerRemoved { server: removed, sender, by, .. }] =
        &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!((removed, &sender[..]), (id, SENDER.as_bytes()));
    assert_eq!(*by, Initiator::Control);
    let stats = stage.world.machine(stage.handler).stats();
    assert_eq!((stats.servers, stats.links, stats.control_links), (0, 0, 1));
}

#[test]
fn a_text_waits_until_it_is_heard_and_the_last_one_counts() {
    let mut stage = Controlled::new(|_| ());
    stage.order(&add(SENDER, 9999));
    for text in ["a", "b", "c"] {
        assert_eq!(stage.order(&ping(SENDER, text)), Answer::Received);
        stage.run_ms(100);
    }
    let server = Stranger::at(&mut stage.world, 9999);
    stage.run_ms(60_000);
    assert_eq!(server.heard(&mut stage.world), Vec::<Bytes>::new());
    server.subscribe(&mut stage.world);
    stage.run_ms(100);
    assert_eq!(server.heard(&mut stage.world), [proof("c")]);
}

#[test]
fn the_last_ping_comes_back_while_the_server_is_served() {
    let mut stage = Controlled::new(|_| ());
    let server = Stranger::at(&mut stage.world, 9999);
    server.subscribe(&mut stage.world);
    assert_eq!(stage.order(&disconnect_ping(SENDER, "before")), Answer::Received);
    stage.order(&add(SENDER, 9999));
    stage.run_ms(500);
    assert_eq!(stage.order(&disconnect_ping(SENDER, "during")), Answer::Received);
    stage.run_ms(100);
    assert_eq!(server.heard(&mut stage.world), [proof("during")]);
}

#[test]
fn pings_to_a_server_that_reads_nothing_pile_up_nowhere() {
    let mut stage = Controlled::new(|_| ());
    let server = Stranger::at(&mut stage.world, 9999);
    server.subscribe(&mut stage.world);
    stage.order(&add(SENDER, 9999));
    stage.run_ms(500);
    let streams = stage.world.streams(stage.handler);
    for stream in &streams[1..] {
        stage.world.network.stall(*stream, true);
    }
    for _ in 0..2000 {
        assert_eq!(stage.order(&ping(SENDER, "x")), Answer::Received);
    }
    for stream in &streams[1..] {
        stage.world.network.stall(*stream, false);
    }
    stage.run_ms(500);
    let heard = server.heard(&mut stage.world).len();
    assert!((1..10).contains(&heard), "{heard}");
}

#[test]
fn what_cannot_be_obeyed_says_why_and_changes_nothing() {
    let mut stage = Controlled::new(|config| config.limits.servers_max = 1);
    assert!(is_error(&stage.order(&remove(SENDER)), "no server of this sender id"));
    assert!(is_error(&stage.order(&ping(SENDER, "x")), "no server of this sender id"));
    stage.world.submit(stage.handler, add_server(SENDER, 9999)).unwrap();
    assert!(is_error(&stage.order(&add(SENDER, 9999)), "already"));
    assert!(is_error(&stage.order(&add("other", 9989)), "limits"));
    let nonsense = format!("{SENDER} -1 /__add_connection__ 17:{{\"METHOD\":\"JSON\"}},4:nope,");
    assert!(is_error(&stage.ask(Bytes::from(nonsense)), "body"));
    let events = stage.events();
    let is_added = |event: &&Event| matches!(event, Event::ServerAdded { .. });
    assert_eq!(events.iter().filter(is_added).count(), 1, "{events:?}");
    assert_eq!(stage.world.machine(stage.handler).stats().servers, 1);
    stage.world.submit(stage.handler, Command::Shutdown).unwrap();
    stage.run_ms(5000);
    assert!(matches!(stage.events().last(), Some(Event::Stopped { .. })));
}

#[test]
fn whoever_added_it_either_side_may_remove_it() {
    let mut stage = Controlled::new(|_| ());
    let ids = |events: &[Event]| -> Vec<(ServerId, Initiator)> {
        let of = |event: &Event| match event {
            Event::ServerAdded { server, by, .. } | Event::ServerRemoved { server, by, .. } => {
                Some((*server, *by))
            }
            _ => None,
        };
        events.iter().filter_map(of).collect()
    };
    stage.world.submit(stage.handler, add_server("one", 9999)).unwrap();
    stage.order(&add("two", 9989));
    let events = stage.events();
    let added = ids(&events);
    let [(one, Initiator::Application), (two, Initiator::Control)] = added[..] else {
        panic!("{events:?}")
    };
    stage.order(&remove("one"));
    stage.world.submit(stage.handler, Command::RemoveServer { server: two }).unwrap();
    stage.run_ms(5000);
    let mut removed = ids(&stage.events());
    removed.sort_by_key(|(server, _)| *server);
    assert_eq!(removed, [(one, Initiator::Control), (two, Initiator::Application)]);
}

#[test]
fn a_hook_may_refuse() {
    let mut stage = Controlled::new(|config| {
        config.admit = Admit::new(|order| match order {
            Order::Add { sender, .. } if sender.as_bytes() == b"good" => Ok(()),
            order => Err(format!("not this one: {order:?}")),
        });
    });
    assert!(is_error(&stage.order(&add("bad", 9999)), "not this one: Add"));
    assert_eq!(stage.order(&add("good", 9989)), Answer::Received);
    assert!(is_error(&stage.order(&remove("good")), "not this one: Remove"));
    assert!(is_error(&stage.order(&ping("good", "x")), "not this one: Ping"));
    assert!(is_error(&stage.order(&disconnect_ping("good", "x")), "not this one"));
    assert_eq!(stage.order(&Order::Alive), Answer::Pong);
    assert_eq!(stage.world.machine(stage.handler).stats().servers, 1);
}

#[test]
fn the_same_words_from_a_browser_are_ordinary_requests() {
    let mut stage = Controlled::new(|_| ());
    let server = Stranger::at(&mut stage.world, 9999);
    server.subscribe(&mut stage.world);
    stage.order(&add(SENDER, 9999));
    stage.run_ms(500);
    stage.events();
    let body = r#"{"push": ["127.0.0.1", 1], "sub": ["127.0.0.1", 2]}"#.as_bytes();
    let common = [("PATH", "/"), ("PATTERN", "/"), ("URL_SCHEME", "http"), ("REMOTE_ADDR", "h")];
    let http = [("VERSION", "HTTP/1.1"), ("URI", "/")];
    let dialect = mongrel2_transceiver::mongrel2::Dialect::Json;
    let orders =
        [add("other", 7777), remove(SENDER), ping(SENDER, "x"), disconnect_ping(SENDER, "x")];
    let mut messages = Vec::new();
    for (path, method) in [
        ("/__add_connection__", "JSON"),
        ("/__remove_connection__", "JSON"),
        ("/__ping__", "MONGREL2"),
        ("/__disconnect_ping__", "MONGREL2"),
    ] {
        for conn_id in [-1, 7] {
            let headers = [&common[..], &http, &[("METHOD", method), ("QUERY", "text=x")]].concat();
            messages.push(message_in(dialect, conn_id, path, &headers, body));
            let path = format!("@chat{path}");
            let headers = [&common[..], &[("METHOD", "JSON")]].concat();
            messages.push(message_in(dialect, conn_id, &path, &headers, body));
        }
    }
    // Even the very octets of orders, by whoever can reach the server's PUSH socket.
    messages.extend(orders.iter().map(Order::encode));
    let count = messages.len();
    for raw in messages {
        stage.world.submit(server.push, socket::Command::Send(Message::from(raw))).unwrap();
    }
    stage.run_ms(5000);
    let events = stage.events();
    assert_eq!(events.len(), count, "{events:?}");
    assert!(events.iter().all(|event| matches!(event, Event::Request { .. })), "{events:?}");
    assert_eq!(server.heard(&mut stage.world), Vec::<Bytes>::new());
    let stats = stage.world.machine(stage.handler).stats();
    assert_eq!((stats.servers, stats.servers_up), (1, 1));
    // And such a request cannot be answered: it is of no browser.
    let of_nobody = events.iter().find_map(|event| match event {
        Event::Request { target, .. } if target.conn_id == ConnId::NONE => Some(*target),
        _ => None,
    });
    assert!(stage.world.submit(stage.handler, reply(of_nobody.unwrap(), "x")).is_err());
}

#[test]
fn an_application_that_polls_nothing_has_a_bounded_wait() {
    let mut stage = Controlled::new(|config| {
        config.limits.servers_max = 3;
        config.limits.events_max = 4;
    });
    stage.world.set_deaf(stage.handler, true);
    for round in 0..200 {
        let name = format!("server-{}", round % 5);
        stage.order(&add(&name, 9999));
        stage.order(&remove(&name));
        stage.run_ms(50);
        let stats = stage.world.machine(stage.handler).stats();
        assert!(stats.events <= 4 + 3 && stats.servers <= 3, "{stats:?}");
    }
    stage.world.set_deaf(stage.handler, false);
    stage.run_ms(5000);
    let stats = stage.world.machine(stage.handler).stats();
    assert_eq!((stats.servers, stats.links, stats.events), (0, 0, 0));
    assert_eq!(stage.order(&add("again", 9999)), Answer::Received);
}
