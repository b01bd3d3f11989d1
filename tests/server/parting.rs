//! How a server takes itself off its handlers.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::client::{Action, Ask, Protocol, Received};
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::server::{
    Cause, ClientId, Command, Event, Failure, Handler, ReceiveError, Refused, Step,
};
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::websocket::Message;
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, config, control};
use crate::scripted::{Heard, connected, publish, replier};
use crate::support::NodeId;

#[test]
fn a_server_is_off_when_it_says_so() {
    let (mut bench, handler) = Bench::joined(1);
    bench.disconnect(9997).unwrap();
    assert_eq!(bench.servers_of(handler), 0);
    assert_eq!(bench.world.machine(handler).stats().links, 0);
    let gone = Refused::UnknownHandler;
    let again = bench.submit(Command::Disconnect { control: control(9997) });
    assert_eq!(again, Err(gone));
    // And on again, and off again.
    bench.connect(9997).unwrap();
    assert_eq!(bench.servers_of(handler), 1);
    bench.disconnect(9997).unwrap();
}

#[test]
fn whoever_was_taken_off_is_not_introduced_by_the_next_client() {
    let mut bench = Bench::new(1, config(1, [9997, 9996]));
    let handlers = [bench.handler(9997), bench.handler(9996)];
    bench.open(1, Protocol::Http).unwrap();
    bench.disconnect(9996).unwrap();
    bench.open(2, Protocol::Http).unwrap();
    assert_eq!(handlers.map(|handler| bench.servers_of(handler)), [1, 0]);
    for _ in 0..4 {
        bench.get(1, "/only");
        assert_eq!(bench.response(1), "/only");
    }
}

#[test]
fn sessions_say_good_bye_while_the_server_parts() {
    let (mut bench, _) = Bench::joined(1);
    bench.open(1, Protocol::WebSocket).unwrap();
    bench.act(1, Action::Handshake(Ask::get("/ws"))).unwrap();
    let Ok(Received::Response(response)) = bench.receive(1) else { panic!() };
    assert_eq!(response.status, 101);
    bench.act(1, Action::Send(Message::Text("hi".into()))).unwrap();
    assert_eq!(bench.receive(1), Ok(Received::Message(Message::Text("hi".into()))));
    bench.disconnect(9997).unwrap();
    let Ok(Received::Close(close)) = bench.receive(1) else { panic!() };
    assert_eq!(close.code.map(u16::from), Some(1001));
}

#[test]
fn shutdown_takes_the_server_off_and_ends_what_is_under_way() {
    let (mut bench, handler) = Bench::joined(1);
    bench.open(1, Protocol::Http).unwrap();
    let within = Duration::from_secs(60);
    bench.submit(Command::Receive { client: ClientId(1), within }).unwrap();
    let events = bench.shutdown();
    let received = Err(ReceiveError::ShuttingDown);
    assert_eq!(events[0], Event::Received { client: ClientId(1), received });
    let off = Event::Disconnected { control: control(9997) };
    assert!(events.contains(&off), "{events:?}");
    assert_eq!(events.last(), Some(&Event::Stopped));
    assert_eq!(bench.servers_of(handler), 0);
    bench.run_ms(100_000);
    assert!(bench.events().is_empty());
    assert!(bench.world.streams(bench.server).is_empty());
    let open = Command::Open { client: ClientId(2), protocol: Protocol::Http };
    assert_eq!(bench.submit(open), Err(Refused::ShuttingDown));
}

#[test]
fn shutdown_in_the_middle_of_an_introduction_leaves_nothing_behind() {
    // At each point of it.
    for after in 0..40 {
        let mut bench = Bench::new(after, config(after, [9997]));
        let handler = bench.handler(9997);
        let open = Command::Open { client: ClientId(1), protocol: Protocol::Http };
        bench.submit(open).unwrap();
        bench.world.run_for(Duration::from_micros(after * 50));
        let before = bench.world.now();
        let events = bench.shutdown();
        assert!(bench.world.now() - before < Duration::from_secs(1), "{events:?}");
        bench.run_ms(10_000);
        assert_eq!(bench.servers_of(handler), 0, "after {after}: {events:?}");
        assert!(bench.world.streams(bench.server).is_empty());
    }
}

#[test]
fn a_dead_handler_does_not_hold_the_shutdown_up() {
    let (mut bench, handler) = Bench::joined(1);
    bench.world.crash(handler);
    bench.run_ms(100);
    let before = bench.world.now();
    let events = bench.shutdown();
    assert!(bench.world.now() - before < Duration::from_millis(100), "{events:?}");
    let failure = events.iter().find_map(|event| match event {
        Event::DisconnectFailed { failure, .. } => Some(failure),
        _ => None,
    });
    assert!(matches!(failure, Some(Failure { step: Step::Reach, .. })), "{events:?}");
}

#[test]
fn a_mute_handler_holds_the_shutdown_up_for_no_longer_than_the_patience() {
    let (mut bench, _, _) = Scripted::joined(|scripted| scripted.answers.set(false));
    let before = bench.world.now();
    let events = bench.shutdown();
    assert_eq!((bench.world.now() - before).as_millis() / 10, 500);
    assert!(
        matches!(
            &events[0],
            Event::DisconnectFailed {
                failure: Failure { step: Step::Remove, cause: Cause::TimedOut, .. },
                ..
            }
        ),
        "{events:?}"
    );
}

#[test]
fn a_handler_that_still_publishes_is_still_there() {
    let (mut bench, mut scripted, _) = Scripted::joined(|_| {});
    let failure = scripted.parts(&mut bench, |_| true, |_, _| {});
    assert_eq!((failure.step, failure.cause), (Step::ProofOfEnd, Cause::StillServed));
}

#[test]
fn a_handler_that_keeps_its_links_is_still_there() {
    let (mut bench, mut scripted, _) = Scripted::joined(|_| {});
    let failure = scripted.parts(&mut bench, |_| false, |_, _| {});
    assert_eq!((failure.step, failure.cause), (Step::ProofOfEnd, Cause::StillLinked));
    // It is where it was: that can be tried again.
    bench.run_ms(10);
    bench.submit(Command::Disconnect { control: control(9997) }).unwrap();
}

#[test]
fn a_handler_that_keeps_one_of_its_links_is_still_there() {
    for keeps_replies in [false, true] {
        let (mut bench, mut scripted, _) = Scripted::joined(|_| {});
        let mut ends = true;
        let failure = scripted.parts(
            &mut bench,
            |_| false,
            |scripted, bench| {
                if std::mem::take(&mut ends) {
                    let (node, port) = match keeps_replies {
                        true => (scripted.pull, 9999),
                        false => (scripted.publisher, 9998),
                    };
                    bench.world.submit(node, socket::Command::Disconnect(control(port))).unwrap();
                }
            },
        );
        assert_eq!((failure.step, failure.cause), (Step::ProofOfEnd, Cause::StillLinked));
    }
}

#[test]
fn a_handler_that_refuses_to_part_is_believed() {
    let (mut bench, _, _) = Scripted::joined(|scripted| scripted.refuses.set(true));
    let failure = bench.disconnect(9997).unwrap_err();
    assert_eq!((failure.step, failure.cause), (Step::Remove, Cause::Refused("no".into())));
}

/// A handler whose three sockets do what a test says.
struct Scripted {
    heard: Heard,
    seen: usize,
    publisher: NodeId<Socket>,
    pull: NodeId<Socket>,
    answers: Rc<Cell<bool>>,
    refuses: Rc<Cell<bool>>,
}

impl Scripted {
    /// It is introduced, and then told how to behave.
    fn joined(then: impl FnOnce(&Self)) -> (Bench, Self, Bytes) {
        let mut bench = Bench::new(1, config(1, []));
        bench.run_ms(10);
        let (answers, refuses) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(false)));
        let flags = (Rc::clone(&answers), Rc::clone(&refuses));
        let (_, heard) = replier(&mut bench.world, 9997, move |_| match flags.1.get() {
            true => Some("ERROR no".into()),
            false => flags.0.get().then(|| "RECEIVED".into()),
        });
        let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
        bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
        bench.run_ms(50);
        let pull = connected(&mut bench.world, SocketType::Pull, 9999);
        let mut scripted = Self { heard, seen: 0, publisher, pull, answers, refuses };
        let Some(Order::Ping { text, .. }) = scripted.heard.borrow().last().cloned() else {
            panic!("it is asked to prove the way");
        };
        scripted.say(&mut bench, &text);
        bench.connected(9997).unwrap();
        scripted.seen = scripted.heard.borrow().len();
        then(&scripted);
        (bench, scripted, text)
    }

    fn say(&self, bench: &mut Bench, text: &Bytes) {
        let sender = mongrel2_transceiver::server::Config::from_seed(1).sender;
        let text = String::from_utf8(text.to_vec()).unwrap();
        publish(&mut bench.world, self.publisher, format!("{sender} 2:-1, {text}"));
    }

    /// Why the parting fails of a handler that publishes what `publishes` says, and does something else
    /// at each disconnect ping.
    fn parts(
        &mut self,
        bench: &mut Bench,
        publishes: impl Fn(usize) -> bool,
        mut at_ping: impl FnMut(&Self, &mut Bench),
    ) -> Failure {
        bench.submit(Command::Disconnect { control: control(9997) }).unwrap();
        let before = bench.world.now();
        loop {
            bench.run_ms(1);
            let new: Vec<Order> = self.heard.borrow()[self.seen..].to_vec();
            self.seen += new.len();
            for order in new {
                if let Order::DisconnectPing { text, .. } = order {
                    at_ping(self, bench);
                    if publishes(self.seen) {
                        self.say(bench, &text);
                    }
                }
            }
            let events = bench.events();
            let failure = events.into_iter().find_map(|event| match event {
                Event::DisconnectFailed { failure, .. } => Some(failure),
                Event::Disconnected { .. } => panic!("it is there"),
                _ => None,
            });
            if let Some(failure) = failure {
                assert_eq!((bench.world.now() - before).as_millis(), 5000);
                return failure;
            }
        }
    }
}

#[test]
fn what_waits_for_a_parting_ends_with_the_shutdown() {
    let mut bench = Bench::new(1, config(1, [9997]));
    let (_, heard) = replier(&mut bench.world, 9997, |order| match order {
        // Mute from there on.
        Order::Remove { .. } => None,
        _ => Some("RECEIVED".into()),
    });
    bench.connect(9997).unwrap_err();
    bench.run_ms(10);
    assert!(matches!(heard.borrow().last(), Some(Order::Remove { .. })));
    // The taking back is under way, and all these wait for it.
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    let again = Command::Connect { handler: Handler::new(control(9997)) };
    assert_eq!(bench.submit(again), Err(Refused::Busy), "one introduction comes next, not two");
    let open = Command::Open { client: ClientId(1), protocol: Protocol::Http };
    bench.submit(open).unwrap();
    let disconnect = Command::Disconnect { control: control(9997) };
    assert_eq!(bench.submit(disconnect), Err(Refused::Busy));
    let events = bench.shutdown();
    let is_off = |failure: &Failure| failure.cause == Cause::ShuttingDown;
    assert!(matches!(&events[0], Event::ConnectFailed { failure, .. } if is_off(failure)));
    assert!(matches!(&events[1], Event::NotReady { failure, .. } if is_off(failure)));
    assert_eq!(events[2..], [Event::Stopped]);
}

#[test]
fn a_thousand_introductions_and_partings_leave_nothing_behind() {
    let mut bench = Bench::new(1, config(1, []));
    let handler = bench.handler(9997);
    let mut sizes = Vec::new();
    for round in 0..1000 {
        bench.connect(9997).unwrap();
        bench.open(round, Protocol::Http).unwrap();
        bench.get(round, "/");
        assert_eq!(bench.response(round), "/");
        bench.submit(Command::Forget { client: ClientId(round) }).unwrap();
        bench.disconnect(9997).unwrap();
        sizes.push(format!("{:?}", bench.world.machine(bench.server)).len());
    }
    // Numbers grow by a digit or two; nothing else grows.
    assert!(sizes[999] < sizes[99] + 100, "{} and {}", sizes[99], sizes[999]);
    assert_eq!(bench.servers_of(handler), 0);
    assert!(bench.world.streams(bench.server).is_empty());
}
