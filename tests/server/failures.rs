//! Introductions that fail: at each step, with its reason, and in time.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::Protocol;
use mongrel2_transceiver::introduction::Order;
use mongrel2_transceiver::server::{
    Cause, ClientId, Command, Config, Event, Failure, Handler, Refused, Server, Step,
};
use mongrel2_transceiver::socket::DownReason;
use mongrel2_transceiver::zmtp::SocketType;

use crate::bench::{Bench, config, control};
use crate::scripted::{Heard, bound, connected, publish, replier};

/// A failure, and after how many milliseconds it came.
fn fails(bench: &mut Bench) -> (Step, Cause, u128) {
    let before = bench.world.now();
    let failure = bench.connect(9997).unwrap_err();
    assert_eq!(failure.control, Some(control(9997)));
    let took = (bench.world.now() - before).as_millis();
    (failure.step, failure.cause, took)
}

fn bench() -> Bench {
    let mut bench = Bench::new(1, config(1, []));
    bench.run_ms(10);
    bench
}

fn received() -> Option<Bytes> {
    Some("RECEIVED".into())
}

#[test]
fn nobody_is_there() {
    let refused = Cause::Unreachable(DownReason::Io(ErrorKind::ConnectionRefused));
    assert_eq!(fails(&mut bench()), (Step::Reach, refused, 5000));
}

#[test]
fn nobody_answers_the_connect() {
    let mut bench = bench();
    bench.world.network.hangs = true;
    let silent = Cause::Unreachable(DownReason::HandshakeTimeout);
    assert_eq!(fails(&mut bench), (Step::Reach, silent, 5000));
}

#[test]
fn the_patience_is_kept_to() {
    let mut config = config(1, []);
    config.patience = Duration::from_millis(700);
    let mut bench = Bench::new(1, config);
    bench.run_ms(10);
    assert_eq!(fails(&mut bench).2, 700);
    replier(&mut bench.world, 9997, |_| None);
    assert_eq!(fails(&mut bench), (Step::Add, Cause::TimedOut, 700));
}

#[test]
fn it_is_no_control_socket() {
    for other in [SocketType::Pull, SocketType::Pub, SocketType::Req] {
        let mut bench = bench();
        bound(&mut bench.world, other, 9997);
        let (step, cause, took) = fails(&mut bench);
        assert_eq!(step, Step::Reach, "{other:?}");
        assert!(matches!(cause, Cause::Unreachable(DownReason::Protocol(_))), "{cause:?}");
        // No patience would help.
        assert!(took < 10, "{took}");
    }
}

#[test]
fn it_refuses() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |_| Some("ERROR not you".into()));
    let (step, cause, took) = fails(&mut bench);
    assert_eq!((step, cause), (Step::Add, Cause::Refused("not you".into())));
    assert!(took < 10);
    // Nothing is to be taken back.
    bench.run_ms(10_000);
    assert_eq!(heard.borrow().len(), 1);
}

#[test]
fn a_name_in_use_is_refused_and_not_taken_from_whoever_has_it() {
    let (mut bench, handler) = Bench::joined(1);
    let mut other = Config::from_seed(1).on_free_ports();
    other.seed = 2;
    let other = bench.world.add(Server::new(bench.world.now(), other));
    let connect = Command::Connect { handler: Handler::new(control(9997)) };
    bench.world.submit(other, connect).unwrap();
    bench.run_ms(1000);
    let events = bench.world.events(other);
    let failure = events.iter().find_map(|event| match event {
        Event::ConnectFailed { failure, .. } => Some(failure),
        _ => None,
    });
    let Some(Failure { step: Step::Add, cause: Cause::Refused(_), .. }) = failure else {
        panic!("{events:?}");
    };
    assert_eq!(bench.servers_of(handler), 1);
    bench.open(1, Protocol::Http).unwrap();
    bench.get(1, "/mine");
    assert_eq!(bench.response(1), "/mine");
}

#[test]
fn it_answers_nonsense() {
    for (answer, step) in [("PONG", Step::Add), ("what?", Step::Add)] {
        let mut bench = bench();
        replier(&mut bench.world, 9997, move |_| Some(answer.into()));
        let (found, cause, _) = fails(&mut bench);
        assert_eq!((found, cause), (step, Cause::Unexpected(answer.into())));
    }
}

#[test]
fn it_never_answers() {
    let mut bench = bench();
    replier(&mut bench.world, 9997, |_| None);
    assert_eq!(fails(&mut bench), (Step::Add, Cause::TimedOut, 5000));
}

#[test]
fn the_text_never_comes_back() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |_| received());
    let before = bench.world.now();
    assert_eq!(fails(&mut bench), (Step::Proof, Cause::TimedOut, 5000));
    assert_eq!((bench.world.now() - before).as_nanos(), 5_000_000_000);
    // Asked for again and again, always for the same text.
    let asked = heard.borrow().iter().filter(|order| matches!(order, Order::Ping { .. })).count();
    assert!((40..=50).contains(&asked), "{asked}");
    let orders = heard.borrow().clone();
    assert!(orders[1..].windows(2).all(|two| two[0] == two[1]), "{orders:?}");
    // It may serve the server all the same: that is taken back, without a word.
    bench.run_ms(100);
    assert!(matches!(heard.borrow().last(), Some(Order::Remove { .. })));
    bench.run_ms(10_000);
    let is_silent = |event: &Event| matches!(event, Event::Handlers { .. });
    assert!(bench.events().iter().all(is_silent));
}

#[test]
fn another_text_comes_back() {
    let mut bench = bench();
    replier(&mut bench.world, 9997, |_| received());
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.run_ms(10);
    let sender = Config::from_seed(1).sender;
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.run_ms(1000);
    publish(&mut bench.world, publisher, format!("{sender} 2:-1, another"));
    let failure = bench.connected(9997).unwrap_err();
    assert_eq!((failure.step, failure.cause), (Step::Proof, Cause::WrongText("another".into())));
}

#[test]
fn the_text_of_another_server_is_no_proof() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |_| received());
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.run_ms(100);
    let Some(Order::Ping { text, .. }) = heard.borrow().last().cloned() else { panic!() };
    let text = String::from_utf8(text.to_vec()).unwrap();
    publish(&mut bench.world, publisher, format!("somebody-else 2:-1, {text}"));
    let failure = bench.connected(9997).unwrap_err();
    assert_eq!((failure.step, failure.cause), (Step::Proof, Cause::TimedOut));
}

#[test]
fn no_link_for_requests_comes() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |_| received());
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.run_ms(100);
    let Some(Order::Ping { text, sender }) = heard.borrow().last().cloned() else { panic!() };
    let text = String::from_utf8(text.to_vec()).unwrap();
    publish(&mut bench.world, publisher, format!("{sender} 2:-1, {text}"));
    let failure = bench.connected(9997).unwrap_err();
    assert_eq!((failure.step, failure.cause), (Step::Requests, Cause::TimedOut));
}

#[test]
fn it_refuses_the_ping() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |order| match order {
        Order::Ping { .. } => Some("ERROR who?".into()),
        _ => received(),
    });
    let (step, cause, _) = fails(&mut bench);
    assert_eq!((step, cause), (Step::Proof, Cause::Refused("who?".into())));
    bench.run_ms(100);
    assert!(matches!(heard.borrow().last(), Some(Order::Remove { .. })));
}

#[test]
fn it_dies_in_the_middle() {
    for at in 0..3 {
        let mut bench = bench();
        let (node, heard) = replier(&mut bench.world, 9997, move |order| match order {
            Order::Add { .. } if at == 0 => None,
            Order::Ping { .. } if at == 1 => None,
            _ => received(),
        });
        bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
        bench.world.run_until(|_| heard.borrow().len() > at);
        let before = bench.world.now();
        bench.world.crash(node);
        let failure = bench.connected(9997).unwrap_err();
        let took = (bench.world.now() - before).as_millis();
        match at {
            0 => assert_eq!(failure.step, Step::Add),
            1 => assert_eq!(failure.step, Step::Proof),
            // Between two questions: it is not there when the next comes.
            _ => assert!(matches!(failure.step, Step::Reach | Step::Proof), "{failure}"),
        }
        let is_lost = matches!(failure.cause, Cause::Lost(_));
        assert!(is_lost && took < 10 || at == 2, "{failure} after {took} ms");
        // What was begun cannot be taken back, and is not tried for ever.
        bench.run_ms(10_000);
        assert_eq!(bench.shutdown(), [Event::Stopped]);
    }
}

#[test]
fn a_client_is_not_opened_without_all_handlers() {
    let mut bench = Bench::new(1, config(1, [9997, 9996]));
    let handler = bench.handler(9997);
    let failure = bench.open(1, Protocol::Http).unwrap_err();
    assert_eq!((failure.control, failure.step), (Some(control(9996)), Step::Reach));
    assert_eq!(bench.servers_of(handler), 1);
    // The next tries again what is missing.
    bench.handler(9996);
    bench.open(1, Protocol::Http).unwrap();
}

#[test]
fn a_failed_introduction_can_be_tried_again_at_once() {
    let mut bench = bench();
    let (node, _) = replier(&mut bench.world, 9997, |_| received());
    assert_eq!(fails(&mut bench).0, Step::Proof);
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.world.crash(node);
    bench.handler(9997);
    bench.connected(9997).unwrap();
}

#[test]
fn a_late_text_says_nothing() {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, |_| received());
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    assert_eq!(fails(&mut bench).0, Step::Proof);
    let Some(Order::Ping { text, sender }) = heard.borrow().get(1).cloned() else { panic!() };
    let text = String::from_utf8(text.to_vec()).unwrap();
    publish(&mut bench.world, publisher, format!("{sender} 2:-1, {text}"));
    bench.run_ms(100);
    let events = bench.events();
    let is_expected = |event: &Event| matches!(event, Event::Handlers { .. });
    assert!(events.iter().all(is_expected), "{events:?}");
}

#[test]
fn a_wildcard_is_nowhere_to_be_reached() {
    let nowhere: Endpoint = "tcp://*:9997".parse().unwrap();
    let mut bench = Bench::new(1, config(1, []).with_handler(nowhere.clone()));
    let failure = bench.open(1, Protocol::Http).unwrap_err();
    assert_eq!((failure.step, &failure.cause), (Step::Reach, &Cause::Wildcard));
    assert!(failure.to_string().starts_with("handler at tcp://*:9997: "), "{failure}");
    assert_eq!(failure.control, Some(nowhere));
    assert!(bench.world.streams(bench.server).is_empty());
}

/// An introduction that waits for the link for requests alone, and what it was asked; then the link for
/// replies goes, by which the text had come.
fn loses_its_proof(answer: Option<&'static str>) -> (Bench, Heard, String) {
    let mut bench = bench();
    let (_, heard) = replier(&mut bench.world, 9997, move |order| match order {
        Order::Ping { .. } => answer.map(Bytes::from),
        _ => received(),
    });
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    bench.submit(Command::Connect { handler: Handler::new(control(9997)) }).unwrap();
    bench.run_ms(50);
    let Some(Order::Ping { text, sender }) = heard.borrow().last().cloned() else { panic!() };
    let says = format!("{sender} 2:-1, {}", String::from_utf8_lossy(&text));
    publish(&mut bench.world, publisher, says.clone());
    bench.run_ms(500);
    assert_eq!(heard.borrow().len(), 2, "it has come, and is not asked for again");
    bench.world.crash(publisher);
    bench.run_ms(500);
    (bench, heard, says)
}

#[test]
fn a_proof_is_asked_for_anew_when_its_link_goes() {
    let (mut bench, heard, says) = loses_its_proof(Some("RECEIVED"));
    assert!((5..=7).contains(&heard.borrow().len()), "each 100 ms: {heard:?}");
    let publisher = connected(&mut bench.world, SocketType::Pub, 9998);
    connected(&mut bench.world, SocketType::Pull, 9999);
    bench.run_ms(50);
    publish(&mut bench.world, publisher, says);
    bench.connected(9997).unwrap();
}

#[test]
fn who_has_not_answered_is_not_asked_a_second_thing() {
    let (mut bench, heard, _) = loses_its_proof(None);
    // Whatever happens meanwhile.
    let forget = Command::Forget { client: ClientId(1) };
    assert_eq!(bench.submit(forget), Err(Refused::UnknownClient));
    let events = bench.events();
    let has_failed = |event: &Event| matches!(event, Event::ConnectFailed { .. });
    assert!(!events.iter().any(has_failed), "there is time for an answer: {events:?}");
    let failure = bench.connected(9997).unwrap_err();
    assert_eq!((failure.step, failure.cause), (Step::Proof, Cause::TimedOut));
    let pings = heard.borrow().iter().filter(|order| matches!(order, Order::Ping { .. })).count();
    assert_eq!(pings, 1);
}
