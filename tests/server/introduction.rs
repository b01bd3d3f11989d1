//! The introduction to real handlers.

use std::time::Duration;

use mongrel2_transceiver::Host;
use mongrel2_transceiver::client::Protocol;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::server::{
    Cause, ClientId, Command, Config, Event, Handler, Refused, Server, Step,
};

use crate::bench::{Bench, config, control};

#[test]
fn a_server_introduces_itself_and_the_way_is_proven() {
    let (mut bench, handler) = Bench::joined(1);
    assert_eq!(bench.servers_of(handler), 1);
    bench.open(1, Protocol::Http).unwrap();
    bench.get(1, "/hello");
    assert_eq!(bench.response(1), "/hello");
}

#[test]
fn the_first_client_introduces_the_server_to_every_handler() {
    let mut bench = Bench::new(1, config(1, [9997, 9996]));
    let handlers = [bench.handler(9997), bench.handler(9996)];
    assert_eq!(bench.open(7, Protocol::Http), Ok(ConnId(1)));
    for handler in handlers {
        assert_eq!(bench.servers_of(handler), 1);
    }
    assert_eq!(bench.open(8, Protocol::Http), Ok(ConnId(2)));
    // Round robin, message by message: both handlers have answered.
    for _ in 0..4 {
        bench.get(7, "/a");
        assert_eq!(bench.response(7), "/a");
    }
    let events = bench.shutdown();
    let off = |port| Event::Disconnected { control: control(port) };
    assert!(events.contains(&off(9997)) && events.contains(&off(9996)), "{events:?}");
    for handler in handlers {
        assert_eq!(bench.servers_of(handler), 0);
    }
}

#[test]
fn clients_that_are_opened_together_wait_for_one_introduction() {
    let mut bench = Bench::new(1, config(1, [9997]));
    bench.handler(9997);
    for client in [3, 1, 2].map(ClientId) {
        bench.submit(Command::Open { client, protocol: Protocol::Http }).unwrap();
    }
    bench.run_ms(50);
    let events = bench.events();
    let ready = events.iter().filter_map(|event| match event {
        Event::Ready { client, conn_id } => Some((client.0, conn_id.0)),
        _ => None,
    });
    assert_eq!(ready.collect::<Vec<_>>(), [(3, 1), (1, 2), (2, 3)]);
    let count = |event: &Event| events.iter().filter(|other| *other == event).count();
    assert_eq!(count(&Event::Connected { control: control(9997) }), 1);
}

#[test]
fn a_server_without_handlers_has_clients_as_soon_as_it_is_bound() {
    let mut bench = Bench::new(1, config(1, []));
    assert_eq!(bench.open(1, Protocol::Http), Ok(ConnId(1)));
}

#[test]
fn a_handler_that_starts_later_is_found() {
    let mut bench = Bench::new(1, config(1, []));
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.run_ms(3000);
    bench.handler(9997);
    let before = bench.world.now();
    bench.connected(9997).unwrap();
    assert!(bench.world.now() - before < Duration::from_millis(300));
}

#[test]
fn an_introduction_takes_no_longer_than_its_messages() {
    let mut bench = Bench::new(1, config(1, [9997]));
    bench.handler(9997);
    bench.run_ms(10);
    let before = bench.world.now();
    bench.open(1, Protocol::Http).unwrap();
    // Tenths of a millisecond go by for each message, and none is waited for in vain.
    assert!(bench.world.now() - before < Duration::from_millis(10));
    let before = bench.world.now();
    bench.disconnect(9997).unwrap();
    // A handler looks twice whether its sessions have said good-bye; nothing else is waited for.
    assert!(bench.world.now() - before < Duration::from_millis(160));
}

#[test]
fn whoever_is_linked_is_not_introduced_again() {
    let (mut bench, _) = Bench::joined(1);
    let connect = || Command::Connect { handler: Handler::new(control(9997)) };
    assert_eq!(bench.submit(connect()), Err(Refused::AlreadyConnected));
    let wildcard = Command::Connect { handler: Handler::new("tcp://*:1".parse().unwrap()) };
    assert_eq!(bench.submit(wildcard), Err(Refused::Wildcard));
    bench.submit(Command::Disconnect { control: control(9997) }).unwrap();
    assert_eq!(bench.submit(connect()), Err(Refused::Busy));
    let unknown = Command::Disconnect { control: control(1) };
    assert_eq!(bench.submit(unknown), Err(Refused::UnknownHandler));
}

#[test]
fn a_restarted_handler_is_introduced_anew() {
    let (mut bench, handler) = Bench::joined(1);
    bench.open(1, Protocol::Http).unwrap();
    bench.world.crash(handler);
    bench.until(|event| matches!(event, Event::Handlers { requests: 0, replies: 0 }));
    let handler = bench.handler(9997);
    // By the next client, or by command.
    bench.open(2, Protocol::Http).unwrap();
    assert_eq!(bench.servers_of(handler), 1);
    bench.get(1, "/again");
    assert_eq!(bench.response(1), "/again");
    bench.world.crash(handler);
    bench.until(|event| matches!(event, Event::Handlers { requests: 0, replies: 0 }));
    bench.handler(9997);
    bench.connect(9997).unwrap();
}

#[test]
fn a_handler_whose_links_were_cut_is_proven_anew() {
    let (mut bench, handler) = Bench::joined(1);
    for stream in bench.world.streams(handler) {
        bench.world.network.cut(stream);
    }
    bench.until(|event| matches!(event, Event::Handlers { requests: 0, replies: 0 }));
    // It serves the server still, and says so; the proof is what counts.
    bench.open(1, Protocol::Http).unwrap();
    assert_eq!(bench.servers_of(handler), 1);
    bench.get(1, "/back");
    assert_eq!(bench.response(1), "/back");
    assert_eq!(bench.disconnect(9997), Ok(()));
    assert_eq!(bench.servers_of(handler), 0);
}

#[test]
fn the_advertised_address_is_what_the_handler_is_told() {
    let told = |change: fn(&mut Config)| {
        let mut config = config(1, [9997]);
        config.send_spec = "tcp://*:9999".parse().unwrap();
        change(&mut config);
        let mut bench = Bench::new(1, config);
        bench.handler(9997);
        bench.open(1, Protocol::Http)
    };
    let failure = told(|_| {}).unwrap_err();
    assert_eq!((failure.step, failure.control.as_ref()), (Step::Address, Some(&control(9997))));
    assert_eq!(failure.cause, Cause::NoAddress { bound: "tcp://*:9999".parse().unwrap() });
    assert_eq!(
        failure.to_string(),
        "handler at tcp://127.0.0.1:9997: finding the address to tell the handler: the server is \
         bound to tcp://*:9999, and the host by which the handler reaches that is not known: set \
         `advertise`"
    );
    let by_server = told(|config| config.advertise = Some(Host::Name("a".to_owned())));
    let by_handler = told(|config| config.handlers[0].advertise = Some(Host::Name("b".to_owned())));
    assert!(by_server.is_ok() && by_handler.is_ok());
}

#[test]
fn a_server_that_cannot_bind_says_so_to_whoever_waits() {
    let mut bench = Bench::new(1, config(1, []));
    bench.run_ms(1);
    let alone = bench.world.add(Server::new(bench.world.now(), config(3, [])));
    let other = bench.world.add(Server::new(bench.world.now(), config(2, [9997])));
    let open = |client| Command::Open { client: ClientId(client), protocol: Protocol::Http };
    [other, alone].iter().for_each(|server| bench.world.submit(*server, open(1)).unwrap());
    bench.run_ms(1);
    for (server, said) in [(other, "handler at tcp://127.0.0.1:9997: "), (alone, "")] {
        let events = bench.world.events(server);
        let failure = events.iter().find_map(|event| match event {
            Event::NotReady { failure, .. } => Some(failure.clone()),
            _ => None,
        });
        let failure = failure.unwrap();
        assert_eq!(failure.step, Step::Bind);
        let text = failure.to_string();
        assert!(text.starts_with(&format!("{said}binding the server's sockets: ")), "{text}");
        assert!(matches!(failure.cause, Cause::ListenFailed { .. }));
        assert_eq!(bench.world.submit(server, open(2)), Err(Refused::NotListening));
    }
}

#[test]
fn equal_seeds_have_equal_names() {
    assert_eq!(Config::from_seed(3).sender, Config::from_seed(3).sender);
    assert_ne!(Config::from_seed(3).sender, Config::from_seed(4).sender);
}
