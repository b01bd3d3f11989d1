//! Servers that come and go while others are served.

use bytes::Bytes;
use mongrel2_transceiver::introduction::Answer;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server::{self, Server};
use mongrel2_transceiver::transceiver::{
    Command, Event, Initiator, ServerId, SessionEnd, Target, Transceiver,
};
use mongrel2_transceiver::websocket::Message;

use crate::browser::{frame, get, handshake, text};
use crate::orders::{Controlled, add, remove};
use crate::pair::{add_server, new_server, replies, reply};
use crate::support::{NodeId, World};

const STEADY: (&str, u16) = ("steady", 7001);
const FLEETING: (&str, u16) = ("fleeting", 7011);

/// How a server is added or removed.
const WAYS: [Initiator; 2] = [Initiator::Application, Initiator::Control];

/// A handler that echoes, and two servers: one stays, the other comes and goes.
struct Stage {
    controlled: Controlled,
    steady: NodeId<Server>,
    fleeting: NodeId<Server>,
}

impl Stage {
    fn new() -> Self {
        let mut controlled = Controlled::new(|_| ());
        let world = &mut controlled.world;
        let [steady, fleeting] =
            [STEADY, FLEETING].map(|(name, port)| world.add(new_server(world, name, port)));
        world.script(controlled.handler, echo);
        let mut stage = Self { controlled, steady, fleeting };
        stage.add(STEADY, Initiator::Application);
        stage
    }

    fn world(&mut self) -> &mut World {
        &mut self.controlled.world
    }

    fn handler(&self) -> NodeId<Transceiver> {
        self.controlled.handler
    }

    /// Adds a server; waits until it is up.
    fn add(&mut self, (name, port): (&'static str, u16), by: Initiator) -> ServerId {
        match by {
            Initiator::Control => {
                assert_eq!(self.controlled.order(&add(name, port)), Answer::Received);
            }
            _ => {
                let handler = self.handler();
                self.world().submit(handler, add_server(name, port)).unwrap();
            }
        }
        let handler = self.handler();
        let up = |event: &Event| matches!(event, Event::ServerUp { .. });
        self.world().run_until(|world| world.seen(handler).iter().any(up));
        let events = self.controlled.events();
        let found = events.iter().find_map(|event| match event {
            Event::ServerUp { server, .. } => Some(*server),
            _ => None,
        });
        found.unwrap()
    }

    /// Begins to remove the fleeting server.
    fn remove(&mut self, server: ServerId, by: Initiator) {
        match by {
            Initiator::Control => {
                assert_eq!(self.controlled.order(&remove(FLEETING.0)), Answer::Received);
            }
            _ => {
                let handler = self.handler();
                self.world().submit(handler, Command::RemoveServer { server }).unwrap();
            }
        }
    }

    fn until_removed(&mut self) -> Vec<Event> {
        let handler = self.handler();
        let removed = |event: &Event| matches!(event, Event::ServerRemoved { .. });
        self.world().run_until(|world| world.seen(handler).iter().any(removed));
        self.controlled.events()
    }

    /// The replies since the last look. A ping that asks whether they are read is answered, and left out.
    fn hear(&mut self, server: NodeId<Server>) -> Vec<(i64, Bytes)> {
        let mut heard = replies(self.world(), server);
        for (conn_id, body) in &mut heard {
            if let [.., 0x89, 1, mark] = body[..] {
                body.truncate(body.len() - 3);
                self.deliver(server, frame(*conn_id, "0x8A", &[mark]));
            }
        }
        heard
    }

    fn deliver(&mut self, server: NodeId<Server>, raw: Bytes) {
        let _there_may_be_no_handler = self.world().submit(server, server::Command::Deliver(raw));
    }
}

/// Requests by their connection id, messages as they are.
fn echo(event: &Event) -> Vec<Command> {
    match event {
        Event::Request { target, .. } => vec![reply(*target, target.conn_id.to_string())],
        Event::SessionMessage { target, message, .. } => {
            vec![Command::Send { target: *target, message: message.clone() }]
        }
        _ => Vec::new(),
    }
}

#[test]
fn the_others_do_not_notice() {
    for by in WAYS {
        let mut stage = Stage::new();
        let (steady, fleeting) = (stage.steady, stage.fleeting);
        stage.deliver(steady, handshake(1000, "13"));
        stage.controlled.run_ms(100);
        replies(stage.world(), steady);
        let mut expected = Vec::new();
        let mut heard = Vec::new();
        let mut asked = 0;
        for round in 0..20 {
            let server = stage.add(FLEETING, by);
            stage.deliver(fleeting, handshake(1, "13"));
            for _ in 0..10 {
                asked += 1;
                stage.deliver(steady, get(asked));
                stage.deliver(steady, text(1000, "still here"));
                stage.deliver(fleeting, get(2));
                expected.push((asked, Bytes::from(asked.to_string())));
                expected.push((1000, Bytes::from_static(b"\x81\x0astill here")));
                stage.controlled.run_ms(round);
                heard.extend(stage.hear(steady));
            }
            stage.remove(server, by);
            for event in stage.until_removed() {
                match event {
                    Event::SessionClosed { target, .. } => assert_eq!(target.server, server),
                    Event::ServerDown { .. } | Event::Undelivered { .. } => panic!("{event:?}"),
                    _ => {}
                }
            }
            heard.extend(stage.hear(steady));
            replies(stage.world(), fleeting);
        }
        stage.controlled.run_ms(1000);
        heard.extend(stage.hear(steady));
        assert_eq!(heard, expected);
    }
}

#[test]
fn sessions_of_a_removed_server_end_with_that_reason() {
    for by in WAYS {
        let mut stage = Stage::new();
        let (steady, fleeting) = (stage.steady, stage.fleeting);
        let server = stage.add(FLEETING, by);
        stage.deliver(steady, handshake(1, "13"));
        for conn_id in 1..=3 {
            stage.deliver(fleeting, handshake(conn_id, "13"));
        }
        stage.controlled.run_ms(100);
        stage.controlled.events();
        stage.remove(server, by);
        stage.controlled.run_ms(20);
        stage.deliver(fleeting, frame(2, "0x88", b"\x03\xe9"));
        let events = stage.until_removed();
        let mut ends: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::SessionClosed { target, end } => {
                    assert_eq!(target.server, server);
                    Some((target.conn_id.0, end.clone()))
                }
                _ => None,
            })
            .collect();
        ends.sort_by_key(|(conn_id, _)| *conn_id);
        let end = |answered| SessionEnd::ServerRemoved { answered };
        assert_eq!(ends, [(1, end(false)), (2, end(true)), (3, end(false))]);
        let last = events.last();
        assert!(matches!(last, Some(Event::ServerRemoved { by: who, .. }) if *who == by));
        let handler = stage.handler();
        assert_eq!(stage.world().machine(handler).stats().sessions, 1);
    }
}

#[test]
fn replies_on_their_way_are_flushed() {
    for by in WAYS {
        let mut stage = Stage::new();
        let (fleeting, handler) = (stage.fleeting, stage.handler());
        let server = stage.add(FLEETING, by);
        for conn_id in 1..=500 {
            let target = Target { server, life: 1, conn_id: ConnId(conn_id) };
            stage.world().submit(handler, reply(target, vec![b'x'; 10_000])).unwrap();
        }
        stage.remove(server, by);
        let events = stage.until_removed();
        let is_lost = |event: &Event| matches!(event, Event::Undelivered { .. });
        assert!(!events.iter().any(is_lost), "{events:?}");
        stage.controlled.run_ms(100);
        let heard = replies(stage.world(), fleeting);
        assert!(heard.iter().map(|(conn_id, _)| *conn_id).eq(1..=500));
    }
}

#[test]
fn a_broadcast_over_a_server_that_is_removed_reaches_the_others() {
    let mut stage = Stage::new();
    let (steady, fleeting, handler) = (stage.steady, stage.fleeting, stage.handler());
    let server = stage.add(FLEETING, Initiator::Control);
    stage.deliver(steady, handshake(1, "13"));
    stage.deliver(fleeting, handshake(1, "13"));
    stage.controlled.run_ms(100);
    let sessions = stage.controlled.events();
    let targets: Vec<_> = sessions
        .iter()
        .filter_map(|event| match event {
            Event::SessionOpened { target, .. } => Some(*target),
            _ => None,
        })
        .collect();
    assert_eq!(targets.len(), 2);
    stage.remove(server, Initiator::Control);
    stage.until_removed();
    replies(stage.world(), steady);
    let message = Message::from("x");
    stage
        .world()
        .submit(handler, Command::Broadcast { to: targets.into(), except: None, message })
        .unwrap();
    stage.controlled.run_ms(100);
    let events = stage.controlled.events();
    let [Event::Undelivered { targets, .. }] = &events[..] else { panic!("{events:?}") };
    assert!(targets.iter().all(|target| target.server == server) && targets.len() == 1);
    assert_eq!(replies(stage.world(), steady), [(1, Bytes::from_static(b"\x81\x01x"))]);
}

#[test]
fn a_thousand_rounds_leave_nothing_behind() {
    let mut stage = Stage::new();
    let (fleeting, handler) = (stage.fleeting, stage.handler());
    stage.controlled.run_ms(1000);
    let before = stage.world().machine(handler).stats();
    let streams = stage.world().streams(handler).len();
    for round in 0..1000u64 {
        let way = |bit: u64| WAYS[usize::from(round & bit != 0)];
        let server = stage.add(FLEETING, way(1));
        stage.deliver(fleeting, handshake(1, "13"));
        stage.deliver(fleeting, get(2));
        stage.controlled.run_ms(round % 5);
        stage.deliver(fleeting, text(1, "on the way"));
        stage.remove(server, way(2));
        stage.until_removed();
        replies(stage.world(), fleeting);
    }
    stage.controlled.run_ms(10_000);
    stage.controlled.events();
    assert_eq!(stage.world().machine(handler).stats(), before);
    assert_eq!(stage.world().streams(handler).len(), streams);
    assert_eq!(stage.world().streams(fleeting).len(), 0);
}
