//! The connector alone.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::connector::{Command, Config, Connector, Event, Failure, Refused};
use mongrel2_transceiver::introduction::{Answer, Order};
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::control;
use crate::scripted::{bound, replier};
use crate::support::{NodeId, World};

fn connector(world: &mut World) -> NodeId<Connector> {
    let mut config = Config::new(control(9997));
    config.patience = Duration::from_secs(2);
    world.add(Connector::new(world.now(), config))
}

/// What comes of an order, and after how many milliseconds.
fn ask(world: &mut World, node: NodeId<Connector>) -> (Event, u128) {
    let before = world.now();
    world.submit(node, Command::Ask(Order::Alive)).unwrap();
    world.run_until(|world| !world.seen(node).is_empty());
    let event = world.events(node).pop().unwrap();
    (event, (world.now() - before).as_millis())
}

fn failed(world: &mut World, node: NodeId<Connector>) -> (Failure, u128) {
    match ask(world, node) {
        (Event::Failed(failure), took) => (failure, took),
        other => panic!("{other:?}"),
    }
}

fn pong() -> Option<Bytes> {
    Some("PONG".into())
}

#[test]
fn orders_are_answered_one_by_one() {
    let mut world = World::new(1);
    let (_, heard) = replier(&mut world, 9997, |_| pong());
    let node = connector(&mut world);
    world.submit(node, Command::Ask(Order::Alive)).unwrap();
    assert_eq!(world.submit(node, Command::Ask(Order::Alive)), Err(Refused::Busy));
    world.run_until(|world| !world.seen(node).is_empty());
    assert_eq!(world.events(node), [Event::Answered(Answer::Pong)]);
    for _ in 0..3 {
        assert_eq!(ask(&mut world, node).0, Event::Answered(Answer::Pong));
    }
    assert_eq!(heard.borrow().len(), 4);
    // One link for all of them.
    assert_eq!(world.streams(node).len(), 1);
}

#[test]
fn whoever_does_not_take_an_answer_gets_no_other() {
    let mut world = World::new(1);
    let (_, heard) = replier(&mut world, 9997, |_| pong());
    let node = connector(&mut world);
    world.set_deaf(node, true);
    world.submit(node, Command::Ask(Order::Alive)).unwrap();
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.submit(node, Command::Ask(Order::Alive)), Err(Refused::Busy));
    assert_eq!(heard.borrow().len(), 1);
    world.set_deaf(node, false);
    assert_eq!(ask(&mut world, node).0, Event::Answered(Answer::Pong));
}

#[test]
fn whoever_comes_in_time_is_found() {
    let mut world = World::new(1);
    let node = connector(&mut world);
    world.submit(node, Command::Ask(Order::Alive)).unwrap();
    world.run_for(Duration::from_millis(1500));
    assert!(world.events(node).is_empty());
    replier(&mut world, 9997, |_| pong());
    world.run_for(Duration::from_millis(250));
    assert_eq!(world.events(node), [Event::Answered(Answer::Pong)]);
}

#[test]
fn each_failure_has_its_name_and_its_time() {
    let mut world = World::new(1);
    let node = connector(&mut world);
    let refused = DownReason::Io(ErrorKind::ConnectionRefused);
    assert_eq!(failed(&mut world, node), (Failure::Unreachable(refused), 2000));
    world.network.hangs = true;
    let silent = Failure::Unreachable(DownReason::HandshakeTimeout);
    assert_eq!(failed(&mut world, node), (silent, 2000));
    world.network.hangs = false;

    let wrong = bound(&mut world, SocketType::Pull, 9997);
    let (failure, took) = failed(&mut world, node);
    assert!(matches!(failure, Failure::Unreachable(DownReason::Protocol(_))), "{failure}");
    assert!(took < 10);
    world.crash(wrong);

    let (deaf, heard) = replier(&mut world, 9997, |_| None);
    assert_eq!(failed(&mut world, node), (Failure::TimedOut, 2000));
    // Cut off, so that its answer cannot be taken for that to the next.
    assert!(world.streams(node).is_empty());
    assert_eq!(heard.borrow().len(), 1);
    world.crash(deaf);

    let (deaf, heard) = replier(&mut world, 9997, |_| None);
    world.submit(node, Command::Ask(Order::Alive)).unwrap();
    world.run_until(|_| heard.borrow().len() == 1);
    world.crash(deaf);
    world.run_for(Duration::from_millis(5));
    assert_eq!(world.events(node), [Event::Failed(Failure::Lost(DownReason::Closed))]);

    replier(&mut world, 9997, |_| pong());
    assert_eq!(ask(&mut world, node).0, Event::Answered(Answer::Pong));
}

#[test]
fn the_end_is_the_end() {
    for is_asked in [false, true] {
        let mut world = World::new(1);
        replier(&mut world, 9997, |_| pong());
        let node = connector(&mut world);
        if is_asked {
            world.submit(node, Command::Ask(Order::Alive)).unwrap();
        }
        world.submit(node, Command::Shutdown).unwrap();
        world.submit(node, Command::Shutdown).unwrap();
        world.run_for(Duration::from_secs(10));
        assert_eq!(world.events(node), [Event::Stopped]);
        assert!(world.streams(node).is_empty());
        let late = world.submit(node, Command::Ask(Order::Alive));
        assert_eq!(late, Err(Refused::ShuttingDown));
    }
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let mut world = World::new(1);
    let node = connector(&mut world);
    let sender = mongrel2_transceiver::mongrel2::Sender::new("a").unwrap();
    let large = Order::Ping { sender, text: vec![b'x'; 10_000].into() };
    assert_eq!(world.submit(node, Command::Ask(large)), Err(Refused::TooLarge));
    let wildcard = Connector::new(world.now(), Config::new("tcp://*:1".parse().unwrap()));
    let wildcard = world.add(wildcard);
    let refused = world.submit(wildcard, Command::Ask(Order::Alive));
    assert_eq!(refused, Err(Refused::Wildcard));
}
