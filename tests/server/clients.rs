//! The table of clients: connections, replies, receives, ends.

use std::time::Duration;

use mongrel2_transceiver::client::{ActError, Action, Ask, Protocol, Received};
use mongrel2_transceiver::mongrel2::{ConnId, Kind};
use mongrel2_transceiver::server::{ClientId, Command, Event, Notices, ReceiveError, Refused};
use mongrel2_transceiver::socket::Socket;
use mongrel2_transceiver::transceiver;
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, config};
use crate::scripted::{connected, publish};
use crate::support::NodeId;

/// A server with clients 1 to 3, and a handler's two sockets.
struct Bare {
    bench: Bench,
    pull: NodeId<Socket>,
    publisher: NodeId<Socket>,
}

impl Bare {
    fn new(protocol: Protocol) -> Self {
        Self::with(protocol, |_| {})
    }

    fn with(
        protocol: Protocol,
        change: impl FnOnce(&mut mongrel2_transceiver::server::Config),
    ) -> Self {
        let mut config = config(1, []);
        change(&mut config);
        let mut bench = Bench::new(1, config);
        let pull = connected(&mut bench.world, SocketType::Pull, 9999);
        let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
        bench.run_ms(200);
        for id in 1..=3 {
            bench.open(id, protocol).unwrap();
        }
        Self { bench, pull, publisher }
    }

    fn reply(&mut self, ids: &str, body: &str) {
        let sender = mongrel2_transceiver::server::Config::from_seed(1).sender;
        let raw = format!("{sender} {}:{ids}, {body}", ids.len());
        publish(&mut self.bench.world, self.publisher, raw);
        self.bench.run_ms(10);
    }

    /// What came to the handler since the last look: the kinds and connections.
    fn requests(&mut self) -> Vec<(Kind, i64)> {
        self.bench.run_ms(10);
        let events = self.bench.world.events(self.pull).into_iter();
        let messages = events.filter_map(|event| match event {
            mongrel2_transceiver::socket::Event::Message { message, .. } => {
                let raw = message.first().bytes();
                let request = mongrel2_transceiver::mongrel2::Request::parse(raw).unwrap();
                Some((request.kind(), request.conn_id().0))
            }
            _ => None,
        });
        messages.collect()
    }
}

fn raw(text: &'static str) -> Result<Received, ReceiveError> {
    Ok(Received::Raw(text.into()))
}

#[test]
fn replies_find_their_clients() {
    let mut bare = Bare::new(Protocol::Mongrel2);
    bare.reply("2", "two");
    bare.reply("3 1 3", "some");
    // Mongrel2 keeps 32 bits of a number.
    bare.reply("4294967297", "one");
    let bench = &mut bare.bench;
    assert_eq!(bench.receive(1), raw("some"));
    assert_eq!(bench.receive(1), raw("one"));
    assert_eq!(bench.receive(2), raw("two"));
    assert_eq!(bench.receive(3), raw("some"));
    assert_eq!(bench.receive(3), raw("some"));
    assert_eq!(bench.receive(3), Err(ReceiveError::TimedOut));
    assert!(bare.requests().is_empty());
}

#[test]
fn a_receive_ends_when_something_comes_or_when_its_time_is_up() {
    let mut bare = Bare::new(Protocol::Mongrel2);
    let before = bare.bench.world.now();
    let received = bare.bench.receive_within(1, Duration::from_millis(1234));
    assert_eq!(received, Err(ReceiveError::TimedOut));
    assert_eq!(bare.bench.world.now() - before, Duration::from_millis(1234));
    let at_once = bare.bench.receive_within(1, Duration::ZERO);
    assert_eq!(at_once, Err(ReceiveError::TimedOut));

    let receive = |client| Command::Receive { client, within: Duration::from_secs(9) };
    bare.bench.submit(receive(ClientId(1))).unwrap();
    assert_eq!(bare.bench.submit(receive(ClientId(1))), Err(Refused::Receiving));
    bare.bench.submit(receive(ClientId(2))).unwrap();
    bare.bench.submit(Command::Cancel { client: ClientId(2) }).unwrap();
    bare.reply("1 2", "late");
    let received = raw("late");
    assert_eq!(bare.bench.events(), [Event::Received { client: ClientId(1), received }]);
    assert_eq!(bare.bench.receive_within(2, Duration::ZERO), raw("late"));
}

#[test]
fn an_ended_connection_is_gone_when_all_was_taken() {
    let mut bare = Bare::new(Protocol::Mongrel2);
    bare.reply("1", "last words");
    bare.reply("1", "");
    let bench = &mut bare.bench;
    assert_eq!(bench.receive(1), raw("last words"));
    assert_eq!(bench.receive(1), Ok(Received::Ended));
    let before = bench.world.now();
    assert_eq!(bench.receive(1), Err(ReceiveError::Gone));
    assert_eq!(bench.world.now(), before);
    assert_eq!(bench.act(1, Action::Vanish), Err(Refused::Act(ActError::Gone)));
    // Its own end is no news to a handler, but a reply behind that is answered.
    assert!(bare.requests().is_empty());
    bare.reply("1", "hello?");
    assert_eq!(bare.requests(), [(Kind::Disconnect, 1)]);
}

#[test]
fn who_vanishes_is_reported_and_waits_for_nothing() {
    let mut bare = Bare::new(Protocol::Http);
    bare.bench.get(1, "/");
    bare.bench.get(2, "/");
    let receive = |client| Command::Receive { client, within: Duration::from_secs(9) };
    bare.bench.submit(receive(ClientId(1))).unwrap();
    bare.bench.submit(receive(ClientId(2))).unwrap();
    bare.bench.act(1, Action::Vanish).unwrap();
    bare.bench.submit(Command::Forget { client: ClientId(2) }).unwrap();
    let gone = |id| Event::Received { client: ClientId(id), received: Err(ReceiveError::Gone) };
    assert_eq!(bare.bench.events(), [gone(1), gone(2)]);
    let unknown = bare.bench.submit(receive(ClientId(2)));
    assert_eq!(unknown, Err(Refused::UnknownClient));
    let requests = bare.requests();
    assert_eq!(requests[2..], [(Kind::Disconnect, 1), (Kind::Disconnect, 2)]);
    // A name is free again, and has another connection.
    assert_eq!(bare.bench.open(2, Protocol::Http), Ok(ConnId(4)));
}

#[test]
fn replies_to_nobody_are_answered_as_mongrel2_does() {
    let mut bare = Bare::new(Protocol::Mongrel2);
    bare.reply("7 8 7", "who?");
    let notices = [7, 8, 7].map(|id| (Kind::Disconnect, id));
    assert_eq!(bare.requests(), notices);
    bare.reply("7", "");
    assert_eq!(bare.requests(), [(Kind::Disconnect, 7)]);
    // A keep-alive is answered, a cancel is not.
    bare.reply("X 7", "31:3:ctl,21:10:keep-alive,4:true!}]");
    bare.reply("X 7", "26:3:ctl,16:6:cancel,4:true!}]");
    assert_eq!(bare.requests(), [(Kind::Disconnect, 7)]);
    let told = bare.bench.events().len();
    assert_eq!(told, 6);
    // What fits no number of 64 bits is -1.
    bare.reply("99999999999999999999", "");
    assert_eq!(bare.requests(), [(Kind::Disconnect, -1)]);
}

#[test]
fn whoever_plays_the_browsers_decides_about_notices() {
    for (notices, opens, expected) in [
        (Notices::WithClients, false, 0),
        (Notices::WithClients, true, 1),
        (Notices::Always, false, 1),
        (Notices::Never, true, 0),
    ] {
        let mut config = config(1, []);
        config.notices = notices;
        let mut bench = Bench::new(1, config);
        let pull = connected(&mut bench.world, SocketType::Pull, 9999);
        let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
        bench.run_ms(200);
        if opens {
            bench.open(1, Protocol::Http).unwrap();
        }
        let mut bare = Bare { bench, pull, publisher };
        bare.reply("9", "to you");
        assert_eq!(bare.requests().len(), expected, "{notices:?}");
        let reply = Event::Reply { conn_id: ConnId(9), body: "to you".into(), extended: false };
        assert!(bare.bench.events().contains(&reply));
    }
}

#[test]
fn what_cannot_be_done_is_refused() {
    let mut bare = Bare::new(Protocol::Http);
    let open = |id| Command::Open { client: ClientId(id), protocol: Protocol::Http };
    assert_eq!(bare.bench.submit(open(1)), Err(Refused::ClientInUse));
    assert_eq!(bare.bench.act(9, Action::Vanish), Err(Refused::UnknownClient));
    let refused = bare.bench.act(1, Action::Ping("x".into()));
    assert!(matches!(refused, Err(Refused::Act(_))), "{refused:?}");

    let mut config = config(1, [9997]);
    config.limits.clients_max = 2;
    config.limits.handlers_max = 1;
    let mut bench = Bench::new(1, config);
    bench.submit(open(1)).unwrap();
    assert_eq!(bench.act(1, Action::Vanish), Err(Refused::NotReady));
    bench.submit(open(2)).unwrap();
    assert_eq!(bench.submit(open(3)), Err(Refused::TooManyClients));
    bench.submit(Command::Forget { client: ClientId(2) }).unwrap();
    bench.submit(open(3)).unwrap();
    let handler = mongrel2_transceiver::server::Handler::new(crate::bench::control(9996));
    let refused = bench.submit(Command::Connect { handler });
    assert_eq!(refused, Err(Refused::TooManyHandlers));
    bench.handler(9997);
    bench.run_ms(500);
    let ready = bench.events().into_iter().filter_map(|event| match event {
        Event::Ready { client, conn_id } => Some((client.0, conn_id.0)),
        _ => None,
    });
    assert_eq!(ready.collect::<Vec<_>>(), [(1, 1), (3, 3)]);
}

#[test]
fn browsers_wait_for_a_handler() {
    let mut bench = Bench::new(1, config(1, []));
    bench.open(1, Protocol::Http).unwrap();
    bench.get(1, "/early");
    assert_eq!(bench.receive(1), Err(ReceiveError::TimedOut));
    bench.handler(9997);
    bench.connect(9997).unwrap();
    assert_eq!(bench.response(1), "/early");
}

#[test]
fn a_websocket_from_the_handshake_to_the_end() {
    let (mut bench, handler) = Bench::joined(1);
    bench.open(1, Protocol::WebSocket).unwrap();
    bench.act(1, Action::Handshake(Ask::get("/chat"))).unwrap();
    let Ok(Received::Response(response)) = bench.receive(1) else { panic!() };
    assert_eq!(response.status, 101);
    let session = bench.world.events(handler).into_iter().find_map(|event| match event {
        transceiver::Event::SessionOpened { target, .. } => Some(target),
        _ => None,
    });
    assert_eq!(session.unwrap().conn_id, ConnId(1));
    // It is silent for long: the handler asks, and the client answers by itself.
    bench.run_ms(100_000);
    assert!(matches!(bench.receive(1), Ok(Received::Ping(_))));
    bench.act(1, Action::Vanish).unwrap();
    bench.run_ms(100);
    let closed =
        |event: &transceiver::Event| matches!(event, transceiver::Event::SessionClosed { .. });
    assert!(bench.world.events(handler).iter().any(closed));
}
