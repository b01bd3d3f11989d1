//! Everything has a bound, and nothing is lost in silence.

use mongrel2_transceiver::client::{Protocol, Received, Violation};
use mongrel2_transceiver::server::{
    ClientId, Command, Config, Event, Handler, ReceiveError, Refused,
};
use mongrel2_transceiver::socket;
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, config, control};
use crate::scripted::{connected, publish};
use mongrel2_transceiver::client::{Action, Ask};

fn small() -> Config {
    let mut config = config(1, []);
    config.limits.waiting_max = 4;
    config.limits.client.received_max = 8;
    config
}

fn ask() -> Action {
    Action::Request(Ask::get("/"))
}

#[test]
fn what_finds_no_room_is_refused_and_told_when_there_is() {
    let mut bench = Bench::new(1, small());
    bench.open(1, Protocol::Http).unwrap();
    for _ in 0..4 {
        bench.act(1, ask()).unwrap();
    }
    assert_eq!(bench.act(1, ask()), Err(Refused::Full));
    let deliver = || Command::Deliver("x 1 / 2:{},0:,".into());
    assert_eq!(bench.submit(deliver()), Err(Refused::Full));
    let pull = connected(&mut bench.world, SocketType::Pull, 9999);
    bench.until(|event| *event == Event::Room);
    bench.act(1, ask()).unwrap();
    bench.submit(deliver()).unwrap();
    bench.run_ms(100);
    let messages = bench.world.events(pull).into_iter();
    let is_message = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
    assert_eq!(messages.filter(is_message).count(), 6);
    assert_eq!(bench.shutdown().last(), Some(&Event::Stopped));
}

#[test]
fn what_waits_at_the_end_is_counted() {
    let mut bench = Bench::new(1, small());
    bench.open(1, Protocol::Http).unwrap();
    bench.act(1, ask()).unwrap();
    bench.act(1, ask()).unwrap();
    assert_eq!(bench.shutdown(), [Event::Lost { requests: 2 }, Event::Stopped]);
}

#[test]
fn who_takes_nothing_loses_its_connection_and_nobody_elses() {
    let mut bench = Bench::new(1, small());
    bench.open(1, Protocol::Mongrel2).unwrap();
    bench.open(2, Protocol::Mongrel2).unwrap();
    connected(&mut bench.world, SocketType::Pull, 9999);
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.run_ms(200);
    let sender = Config::from_seed(1).sender;
    for round in 0..20 {
        publish(&mut bench.world, publisher, format!("{sender} 3:1 2, {round}"));
        bench.run_ms(1);
        let received = bench.receive(2).unwrap();
        assert_eq!(received, Received::Raw(round.to_string().into()));
    }
    for round in 0..8 {
        assert_eq!(bench.receive(1).unwrap(), Received::Raw(round.to_string().into()));
    }
    assert_eq!(bench.receive(1), Ok(Received::Violation(Violation::Overflow)));
    assert_eq!(bench.receive(1), Err(ReceiveError::Gone));
}

#[test]
fn a_flood_of_replies_to_nobody_is_held_up_until_its_notices_are_taken() {
    let mut bench = Bench::new(1, small());
    bench.open(1, Protocol::Http).unwrap();
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.run_ms(200);
    bench.events();
    let sender = Config::from_seed(1).sender;
    for id in 100..200 {
        publish(&mut bench.world, publisher, format!("{sender} 3:{id}, x"));
    }
    bench.run_ms(1000);
    // No handler takes notices, so no more replies are read than make a few.
    let told = bench.events().len();
    assert!(told < 100, "{told}");
    let pull = connected(&mut bench.world, SocketType::Pull, 9999);
    bench.run_ms(1000);
    let is_message = |event: &socket::Event| matches!(event, socket::Event::Message { .. });
    assert_eq!(bench.world.events(pull).into_iter().filter(is_message).count(), 100);
    let is_reply = |event: &Event| matches!(event, Event::Reply { .. });
    assert_eq!(told + bench.events().into_iter().filter(is_reply).count(), 100);
}

#[test]
fn an_application_that_takes_no_events_holds_the_handlers_up() {
    let mut config = small();
    config.limits.events_max = 10;
    let mut bench = Bench::new(1, config);
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.run_ms(200);
    bench.events();
    bench.world.set_deaf(bench.server, true);
    let sender = Config::from_seed(1).sender;
    for id in 100..200 {
        publish(&mut bench.world, publisher, format!("{sender} 3:{id}, x"));
    }
    bench.run_ms(1000);
    bench.world.set_deaf(bench.server, false);
    bench.run_ms(1000);
    let is_reply = |event: &Event| matches!(event, Event::Reply { .. });
    assert_eq!(bench.events().into_iter().filter(is_reply).count(), 100);
}

#[test]
fn requests_that_a_handler_took_along_are_counted() {
    let (mut bench, handler) = Bench::joined(1);
    bench.open(1, Protocol::Http).unwrap();
    let streams = bench.world.streams(handler);
    streams.iter().for_each(|stream| bench.world.network.stall(*stream, true));
    for _ in 0..3 {
        bench.act(1, ask()).unwrap();
    }
    bench.world.crash(handler);
    streams.iter().for_each(|stream| bench.world.network.stall(*stream, false));
    let lost = bench.until(|event| matches!(event, Event::Lost { .. }));
    // The first was handed over, and nobody knows what became of it.
    assert_eq!(lost, Event::Lost { requests: 2 });
}

#[test]
fn garbage_may_be_as_large_as_a_message() {
    let mut bench = Bench::new(1, config(1, []));
    bench.open(1, Protocol::Http).unwrap();
    let garbage = |size: usize| Action::Garbage(vec![b'x'; size].into());
    assert_eq!(bench.act(1, garbage(64 << 20)), Err(Refused::TooLarge));
    bench.act(1, garbage(1000)).unwrap();
    assert_eq!(bench.shutdown(), [Event::Lost { requests: 1 }, Event::Stopped]);
}

#[test]
fn who_takes_no_events_may_begin_nothing_that_ends_in_one() {
    let mut config = config(1, []);
    config.limits.events_max = 1;
    let mut bench = Bench::new(1, config);
    bench.run_ms(10);
    bench.world.set_deaf(bench.server, true);
    let open = |id| Command::Open { client: ClientId(id), protocol: Protocol::Http };
    let opened: Vec<_> = (1..=5).map(|id| bench.submit(open(id))).collect();
    assert_eq!(opened.last(), Some(&Err(Refused::Neglected)), "{opened:?}");
    bench.world.set_deaf(bench.server, false);
    bench.submit(open(5)).unwrap();
}

#[test]
fn a_server_that_has_ended_begins_nothing() {
    let mut bench = Bench::new(1, config(1, []));
    bench.open(1, Protocol::Http).unwrap();
    assert_eq!(bench.shutdown().last(), Some(&Event::Stopped));
    let late = [
        Command::Deliver("x 1 / 2:{},0:,".into()),
        Command::Open { client: ClientId(2), protocol: Protocol::Http },
        Command::Act { client: ClientId(1), action: ask() },
        Command::Connect { handler: Handler::new(control(9997)) },
    ];
    for command in late {
        assert_eq!(bench.submit(command.clone()), Err(Refused::ShuttingDown), "{command:?}");
    }
    // What ends something is as good as done.
    bench.submit(Command::Forget { client: ClientId(1) }).unwrap();
    bench.submit(Command::Shutdown).unwrap();
    bench.run_ms(1000);
    assert_eq!(bench.events(), []);
}
