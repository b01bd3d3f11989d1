//! The control socket.

use std::time::Duration;

use mongrel2_transceiver::Transceiver;
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::transceiver::{Command, Event};
use mongrel2_transceiver::zmtp::{Frame, Message, SocketType};

use crate::pair::small;
use crate::support::{NodeId, World};

struct Controlled {
    world: World,
    handler: NodeId<Transceiver>,
    asker: NodeId<Socket>,
}

fn controlled() -> Controlled {
    let mut world = World::new(1);
    let config = small(|config| config.control = Some("tcp://127.0.0.1:*".parse().unwrap()));
    let handler = world.add(Transceiver::new(world.now(), config));
    world.run_for(Duration::from_millis(10));
    let events = world.events(handler);
    let [Event::ControlListening { endpoint }] = &events[..] else { panic!("{events:?}") };
    assert!(!endpoint.is_wildcard());
    let asker = world.add(Socket::new(world.now(), socket::Config::new(SocketType::Req)));
    world.submit(asker, socket::Command::Connect(endpoint.clone())).unwrap();
    Controlled { world, handler, asker }
}

impl Controlled {
    fn ask(&mut self, message: Message) -> Vec<u8> {
        self.world.submit(self.asker, socket::Command::Send(message)).unwrap();
        let asker = self.asker;
        let is_answer = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
        self.world.run_until(|world| world.seen(asker).iter().any(is_answer));
        let answer = self.world.events(asker).into_iter().find_map(|event| match event {
            socket::Event::Message { message, .. } => Some(message.first().bytes().to_vec()),
            _ => None,
        });
        answer.unwrap()
    }
}

#[test]
fn a_ping_is_answered_by_a_pong() {
    let mut controlled = controlled();
    for text in ["PING", "ping", "PiNg"] {
        assert_eq!(controlled.ask(Message::from(text)), b"PONG");
    }
    assert!(controlled.world.events(controlled.handler).is_empty());
}

#[test]
fn whatever_is_said_has_one_answer() {
    let mut controlled = controlled();
    for text in ["", "PONG", "STOP", "\u{0}"] {
        assert!(controlled.ask(Message::from(text)).starts_with(b"ERROR "), "{text:?}");
    }
    let parts = vec![Frame::from("PING"), Frame::from("PING")];
    assert!(controlled.ask(Message::from_frames(parts).unwrap()).starts_with(b"ERROR "));
    assert_eq!(controlled.ask(Message::from("PING")), b"PONG");
}

#[test]
fn a_port_in_use_is_reported_and_the_rest_goes_on() {
    let mut controlled = controlled();
    let world = &mut controlled.world;
    let server = world.add(crate::pair::new_server(world, "a", 7001));
    world.run_for(Duration::from_millis(10));
    let config = small(|config| config.control = Some("tcp://127.0.0.1:7001".parse().unwrap()));
    let second = world.add(Transceiver::new(world.now(), config));
    world.submit(second, crate::pair::add_server("a", 7001)).unwrap();
    world.run_for(Duration::from_secs(1));
    let events = world.events(second);
    assert!(events.iter().any(|event| matches!(event, Event::ControlFailed { .. })));
    assert!(events.iter().any(|event| matches!(event, Event::ServerUp { .. })));
    world.crash(server);
    world.submit(second, Command::Shutdown).unwrap();
    world.run_for(Duration::from_secs(5));
    let events = world.events(second);
    assert!(matches!(events.last(), Some(Event::Stopped { .. })), "{events:?}");
}

#[test]
fn a_shutdown_ends_the_control_socket_too() {
    let mut controlled = controlled();
    controlled.ask(Message::from("PING"));
    let (world, handler) = (&mut controlled.world, controlled.handler);
    world.submit(handler, Command::Shutdown).unwrap();
    world.run_for(Duration::from_secs(5));
    assert!(matches!(world.events(handler)[..], [Event::Stopped { .. }]));
    assert!(world.streams(handler).is_empty());
}

#[test]
fn the_control_socket_answers_while_the_application_polls_nothing() {
    let mut controlled = controlled();
    controlled.world.set_deaf(controlled.handler, true);
    for _ in 0..50 {
        assert_eq!(controlled.ask(Message::from("PING")), b"PONG");
    }
}
