//! A handler, a stand-in server that introduces itself to it, and clients of all three protocols.
//!
//! `Place` of the module `place` is where they live: `server` starts a stand-in, `serve` runs a
//! transceiver beside the test and gives what kills it, `pause` lets a millisecond pass.

use std::pin::Pin;
use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::{Action, Ask, Received};
use mongrel2_transceiver::mongrel2::{Kind, http};
use mongrel2_transceiver::server::{self, Step};
use mongrel2_transceiver::transceiver::{self, Command, Event, Transceiver};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::adapter::{Client, Error, Handle, Server};
use crate::place::{Kill, Place};

/// A handler that sends back what it gets.
struct Echo {
    control: Endpoint,
    handle: Handle<Transceiver>,
    events: Receiver<Event>,
    kill: Kill,
}

impl Echo {
    fn new(place: &Place) -> Self {
        Self::at(place, "tcp://127.0.0.1:0")
    }

    fn at(place: &Place, control: &str) -> Self {
        let mut config = transceiver::Config::default();
        config.control = Some(control.parse().unwrap());
        let machine = Transceiver::new(place.now(), config);
        let (sender, events) = channel();
        let (handle, kill) = place.serve(machine, move |handle, event| {
            let goes_on = !matches!(event, Event::Stopped { .. });
            if let Some(answer) = answer(&event) {
                handle.submit(answer).unwrap();
            }
            let _nobody_may_listen = sender.send(event);
            goes_on
        });
        let mut echo = Self { control: control.parse().unwrap(), handle, events, kill };
        echo.control = echo.wait(place, |event| match event {
            Event::ControlListening { endpoint } => Some(endpoint),
            Event::ControlFailed { cause, .. } => panic!("{cause}"),
            _ => None,
        });
        echo
    }

    /// Waits for an event, however long it takes; forgets those before it.
    fn wait<T>(&self, place: &Place, wanted: impl Fn(Event) -> Option<T>) -> T {
        let mut found = None;
        until(place, || {
            found = self.events.try_iter().find_map(&wanted);
            found.is_some()
        });
        found.unwrap()
    }

    /// Ends it in order.
    fn stop(self, place: &Place) {
        self.handle.submit(Command::Shutdown).unwrap();
        self.wait(place, |event| matches!(event, Event::Stopped { .. }).then_some(()));
        self.kill.now();
    }
}

fn answer(event: &Event) -> Option<Command> {
    match event {
        Event::Request { target, request } if request.kind() == Kind::Http => {
            let text = [request.method(), b" ", request.path(), b" ", &request.body()].concat();
            let response = http::Response::new(200).body(Bytes::from(text));
            Some(Command::respond(*target, request, &response))
        }
        Event::Request { target, request } => {
            Some(Command::Reply { target: *target, body: request.body(), close: false })
        }
        Event::SessionMessage { target, message, .. } => {
            Some(Command::Send { target: *target, message: message.clone() })
        }
        _ => None,
    }
}

/// Lets time pass until something holds.
fn until(place: &Place, mut holds: impl FnMut() -> bool) {
    for _ in 0..PAUSES_MAX {
        if holds() {
            return;
        }
        place.pause();
    }
    panic!("what was waited for did not come");
}

fn config(handlers: &[&Echo]) -> server::Config {
    let config = server::Config::from_seed(crate::adapter::seed()).on_free_ports();
    handlers.iter().fold(config, |config, echo| config.with_handler(echo.control.clone()))
}

/// With patience for a machine that does much else.
fn start(place: &Place, handlers: &[&Echo]) -> Server {
    let mut config = config(handlers);
    config.patience = PATIENCE;
    place.server(config).wait().unwrap()
}

fn client(server: &Server, protocol: &str) -> Client {
    let mut client = server.client(protocol).wait().unwrap();
    client.set_timeout(PATIENCE);
    client
}

fn http(server: &Server) -> Client {
    client(server, "http")
}

fn websocket(server: &Server) -> Client {
    let mut client = client(server, "websocket");
    assert_eq!(client.open("/chat").wait().unwrap().status, 101);
    client
}

fn says(client: &mut Client, text: &'static str) {
    client.send(text).unwrap();
    assert_eq!(client.receive().wait().unwrap(), Message::from(text));
}

fn asks(client: &mut Client, body: &'static str) {
    let response = client.request(Ask::post("/there", body)).wait().unwrap();
    assert_eq!((response.status, response.text()), (200, Some(&*format!("POST /there {body}"))));
}

/// What a client of each protocol does with an echo.
fn all_protocols(server: &Server) {
    asks(&mut http(server), "hello");

    let mut browser = websocket(server);
    says(&mut browser, "hello");
    browser.act(Action::Ping(Bytes::from_static(b"there?"))).unwrap();
    assert_eq!(browser.received().wait().unwrap(), Received::Pong(Bytes::from_static(b"there?")));
    let close = browser.close(CloseCode::NORMAL, "bye").wait().unwrap();
    assert_eq!(close.code, Some(CloseCode::NORMAL));
    assert_eq!(browser.receive().wait(), Err(Error::Ended));

    let mut program = client(server, "mongrel2");
    let (path, body) = (Bytes::from_static(b"/raw"), Bytes::from_static(b"anything"));
    program.act(Action::Mongrel2 { path, headers: Vec::new(), body: body.clone() }).unwrap();
    assert_eq!(program.reply().wait(), Ok(body));
}

#[test]
fn clients_of_all_protocols_are_served() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let server = start(&place, &[&echo]);
    all_protocols(&server);
    drop(server);
    // It has taken itself off.
    echo.wait(&place, |event| matches!(event, Event::ServerRemoved { .. }).then_some(()));
    echo.stop(&place);
}

#[test]
fn a_hundred_at_once() {
    let one = || {
        let place = Place::new();
        let echo = Echo::new(&place);
        let server = start(&place, &[&echo]);
        all_protocols(&server);
        drop(server);
        echo.stop(&place);
    };
    let all: Vec<_> = (0..100).map(|_| thread::spawn(one)).collect();
    all.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn no_such_protocol() {
    let place = Place::new();
    let server = start(&place, &[]);
    assert!(matches!(server.client("gopher").wait(), Err(Error::Protocol(_))));
    let _client = server.client("http").wait().unwrap();
}

#[test]
fn no_answer_is_an_error() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let server = start(&place, &[&echo]);
    let mut client = websocket(&server);
    client.set_timeout(Duration::from_millis(50));
    let error = client.receive().wait().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("set_timeout"), "{error}");
    // A message that comes while nobody waits is there for the next who does.
    drop(client.receive());
    client.set_timeout(PATIENCE);
    says(&mut client, "still here");
}

/// Whether it has come by then or not.
#[test]
fn a_receive_that_is_given_up_loses_nothing() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let server = start(&place, &[&echo]);
    let mut client = websocket(&server);
    for round in 0..100 {
        let messages = [1, 2].map(|n| Message::from(format!("{n} of {round}")));
        messages.iter().for_each(|message| client.send(message.clone()).unwrap());
        let mut receive = client.receive();
        let mut context = Context::from_waker(Waker::noop());
        let polled = Pin::new(&mut receive).poll(&mut context);
        if round % 2 == 0 {
            place.pause();
        }
        drop(receive);
        let first = match polled {
            Poll::Ready(message) => message,
            Poll::Pending => client.receive().wait(),
        };
        assert_eq!([first.unwrap(), client.receive().wait().unwrap()], messages);
    }
}

#[test]
fn nobody_behind_the_control_socket_is_an_error() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let control = echo.control.clone();
    echo.kill.now();
    let mut config = config(&[]).with_handler(control.clone());
    config.patience = Duration::from_millis(200);
    let server = place.server(config).wait().unwrap();
    let Err(Error::Handler(failure)) = server.client("http").wait() else { panic!("reached") };
    assert_eq!((failure.step, failure.control.as_ref()), (Step::Reach, Some(&control)));
    let stranger = "tcp://127.0.0.1:1".parse().unwrap();
    let error = server.disconnect(&stranger).wait().unwrap_err();
    assert!(matches!(error, Error::Refused(server::Refused::UnknownHandler)), "{error}");
}

/// One introduces the server, and the other is told that this is done, or under way.
#[test]
fn two_introductions_at_once_are_one() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let server = start(&place, &[]);
    let [one, other] = thread::scope(|scope| {
        [(); 2]
            .map(|()| scope.spawn(|| server.connect(&echo.control).wait()))
            .map(|thread| thread.join().unwrap())
    });
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    says(&mut websocket(&server), "hello");
}

#[test]
fn a_server_is_bound_to_all_interfaces() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let mut config = config(&[&echo]);
    config.send_spec = "tcp://*:*".parse().unwrap();
    config.recv_spec = "tcp://*:*".parse().unwrap();
    let server = place.server(config).wait().unwrap();
    asks(&mut http(&server), "which address did it tell?");
}

#[test]
fn a_handler_that_was_killed_does_not_take_the_server_along() {
    let place = Place::new();
    let first = Echo::new(&place);
    let control = first.control.clone();
    let server = start(&place, &[&first]);
    says(&mut websocket(&server), "first");
    first.kill.now();
    until(&place, || server.links() == (0, 0));
    let second = Echo::at(&place, &control.to_string());
    server.connect(&second.control).wait().unwrap();
    says(&mut websocket(&server), "second");
    asks(&mut http(&server), "second");
}

#[test]
fn a_server_that_was_killed_does_not_take_the_handler_along() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let [first, second] = [start(&place, &[&echo]), start(&place, &[&echo])];
    let [mut lost, mut kept] = [websocket(&first), websocket(&second)];
    says(&mut lost, "first");
    says(&mut kept, "second");
    first.kill();
    echo.wait(&place, |event| matches!(event, Event::ServerDown { .. }).then_some(()));
    assert_eq!(lost.receive().wait(), Err(Error::ServerGone));
    says(&mut kept, "second");
    let third = start(&place, &[&echo]);
    says(&mut websocket(&third), "third");
}

#[test]
fn servers_come_and_go_while_clients_talk() {
    let place = Place::new();
    let echo = Echo::new(&place);
    let server = start(&place, &[&echo]);
    let (mut browser, mut asker) = (websocket(&server), http(&server));
    for round in 0..10 {
        says(&mut browser, "before");
        let guest = start(&place, &[]);
        guest.connect(&echo.control).wait().unwrap();
        let mut visitor = websocket(&guest);
        says(&mut visitor, "hello");
        says(&mut browser, "meanwhile");
        asks(&mut asker, "meanwhile");
        if round % 2 == 0 {
            guest.disconnect(&echo.control).wait().unwrap();
            // Its sessions were closed in order.
            let closed = visitor.receive().wait().unwrap_err();
            assert!(
                matches!(&closed, Error::Closed(close) if close.code == Some(CloseCode::GOING_AWAY))
            );
            assert_eq!(guest.links(), (0, 0));
        }
        drop(guest);
        says(&mut browser, "after");
    }
    assert_eq!(server.malformed(), []);
}

/// Long after this many a test counts as hung.
const PAUSES_MAX: usize = 60_000;

const PATIENCE: Duration = Duration::from_secs(60);
