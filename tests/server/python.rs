//! A handler that behaves as that of the Python package does: it answers `RECEIVED` to whatever it is
//! told, before it has done anything about it; it publishes the text of a ping at once, and loses it
//! where the server has not subscribed yet; it answers a disconnect ping and never publishes its text.

use mongrel2_transceiver::client::{Action, Protocol, Received};
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::server::{Command, Event, Handler, Step};
use mongrel2_transceiver::socket::{self, Socket};
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, config, control};
use crate::scripted::{Heard, connected, publish, replier};
use crate::support::NodeId;

struct Python {
    heard: Heard,
    /// How many of the orders it has obeyed.
    obeyed: usize,
    /// Its PULL and PUB, while it serves the server.
    sockets: Option<(NodeId<Socket>, NodeId<Socket>)>,
}

impl Python {
    fn new(bench: &mut Bench) -> Self {
        let (_, heard) = replier(&mut bench.world, 9997, |_| Some("RECEIVED".into()));
        Self { heard, obeyed: 0, sockets: None }
    }

    /// Runs until the server has such an event, and the handler does its part.
    fn until(&mut self, bench: &mut Bench, wanted: impl Fn(&Event) -> bool) -> Event {
        for _ in 0..1_000_000 {
            bench.world.run_for(std::time::Duration::from_micros(50));
            self.obey(bench);
            self.echo(bench);
            if let Some(event) = bench.events().into_iter().find(&wanted) {
                return event;
            }
        }
        panic!("what was waited for did not come")
    }

    fn obey(&mut self, bench: &mut Bench) {
        let new: Vec<Order> = self.heard.borrow()[self.obeyed..].to_vec();
        self.obeyed += new.len();
        for order in new {
            match (order, self.sockets) {
                (Order::Add { .. }, None) => {
                    let pull = connected(&mut bench.world, SocketType::Pull, 9999);
                    self.sockets = Some((pull, connected(&mut bench.world, SocketType::Pub, 9998)));
                }
                (Order::Remove { .. }, Some((pull, publisher))) => {
                    bench.world.crash(pull);
                    bench.world.crash(publisher);
                    self.sockets = None;
                }
                (Order::Ping { sender, text }, Some((_, publisher))) => {
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    publish(&mut bench.world, publisher, format!("{sender} 2:-1, {text}"));
                }
                // An exception in the log.
                _ => {}
            }
        }
    }

    /// Whatever comes from client 1 goes back.
    fn echo(&self, bench: &mut Bench) {
        let Some((pull, publisher)) = self.sockets else { return };
        for event in bench.world.events(pull) {
            if let socket::Event::Message { message, .. } = event {
                let raw = String::from_utf8(message.first().bytes().to_vec()).unwrap();
                let sender = raw.split(' ').next().unwrap();
                publish(&mut bench.world, publisher, format!("{sender} 1:1, {raw}"));
            }
        }
    }
}

fn ends(event: &Event) -> bool {
    matches!(
        event,
        Event::Connected { .. }
            | Event::ConnectFailed { .. }
            | Event::Disconnected { .. }
            | Event::DisconnectFailed { .. }
    )
}

#[test]
fn it_is_introduced_and_parted_from() {
    for seed in 0..20 {
        let mut bench = Bench::new(seed, config(seed, []));
        let mut python = Python::new(&mut bench);
        for _ in 0..3 {
            bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
            let joined = python.until(&mut bench, ends);
            assert_eq!(joined, Event::Connected { control: control(9997) });
            bench.submit(Command::Disconnect { control: control(9997) }).unwrap();
            let parted = python.until(&mut bench, ends);
            assert_eq!(parted, Event::Disconnected { control: control(9997) });
        }
    }
}

#[test]
fn a_text_that_it_loses_is_asked_for_again() {
    let mut bench = Bench::new(1, config(1, []));
    bench.world.network.shape.latency = std::time::Duration::from_millis(20);
    let mut python = Python::new(&mut bench);
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    python.until(&mut bench, |event| matches!(event, Event::Connected { .. }));
    let pings = python.heard.borrow().iter().filter(|o| matches!(o, Order::Ping { .. })).count();
    assert!(pings > 1, "the first came before the subscription");
}

#[test]
fn clients_talk_to_it() {
    let mut bench = Bench::new(1, config(1, [9997]));
    let mut python = Python::new(&mut bench);
    let client = mongrel2_transceiver::server::ClientId(1);
    bench.submit(Command::Open { client, protocol: Protocol::Mongrel2 }).unwrap();
    python.until(&mut bench, |event| matches!(event, Event::Ready { .. }));
    let action = Action::Mongrel2 { path: "/a".into(), headers: Vec::new(), body: "hi".into() };
    bench.act(1, action).unwrap();
    let within = std::time::Duration::from_secs(1);
    bench.submit(Command::Receive { client, within }).unwrap();
    let event = python.until(&mut bench, |event| matches!(event, Event::Received { .. }));
    let Event::Received { received: Ok(Received::Raw(raw)), .. } = event else {
        panic!("{event:?}")
    };
    assert!(raw.ends_with(b"2:hi,"), "{raw:?}");
    bench.submit(Command::Shutdown).unwrap();
    let parted = python.until(&mut bench, ends);
    assert_eq!(parted, Event::Disconnected { control: control(9997) });
}

#[test]
fn one_that_is_deaf_to_pings_fails_at_the_proof() {
    let mut bench = Bench::new(1, config(1, []));
    replier(&mut bench.world, 9997, |_| Some("RECEIVED".into()));
    assert_eq!(bench.connect(9997).unwrap_err().step, Step::Proof);
}
