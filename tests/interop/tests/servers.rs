//! Servers that are two, come late, crash and come back.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;
use std::time::Duration;

use interop::handler::Options;
use interop::http::{line, request};
use interop::mongrel2::Config;
use interop::websocket::{RawSocket, connect};
use interop::{Echo, Handler, Mongrel2, echo_tests, serve};
use tungstenite::Message;

echo_tests! {
    two_servers_with_equal_ids, a_crashed_server_is_served_again, no_reply_outlives_a_crash,
    the_handler_may_come_first, the_handler_may_be_replaced, one_server_may_stay_away,
}

fn two_servers_with_equal_ids(echo: Echo) {
    let one = Mongrel2::start_with(named("server-one"));
    let two = Mongrel2::start_with(named("server-two"));
    let _handler = Options::new(echo).server(&one).server(&two).start();
    one.wait_until_served();
    two.wait_until_served();
    // Ids count up from 1 on both, so that nearly all of these meet their namesake.
    let mut sockets: Vec<_> =
        (0..10).flat_map(|_| [connect(one.address()), connect(two.address())]).collect();
    let mut clients: Vec<_> = (0..10).flat_map(|_| [one.client(), two.client()]).collect();
    for round in 0..3 {
        for (number, socket) in sockets.iter_mut().enumerate() {
            socket.send(format!("socket {number}, round {round}").into()).unwrap();
        }
        for (number, client) in clients.iter_mut().enumerate() {
            let path = format!("/{number}/{round}");
            client.get(&path).expect_echo(&line("GET", &path));
        }
        for (number, socket) in sockets.iter_mut().enumerate() {
            let expected = Message::text(format!("socket {number}, round {round}"));
            assert_eq!(socket.read().unwrap(), expected);
        }
    }
    // What a client of one server does is nothing to its namesake on the other.
    for socket in sockets.iter_mut().step_by(2) {
        socket.close(None).unwrap();
        assert!(socket.read().unwrap().is_close());
    }
    for (number, socket) in sockets.iter_mut().enumerate().skip(1).step_by(2) {
        socket.send(format!("{number} is still here").into()).unwrap();
        assert_eq!(socket.read().unwrap(), format!("{number} is still here").into());
    }
}

fn a_crashed_server_is_served_again(echo: Echo) {
    let (mut server, mut handler) = serve(echo);
    for round in 0..10 {
        let mut before = RawSocket::connect(server.address());
        server.kill();
        before.expect_end();
        server.run();
        server.wait_until_served();

        let path = format!("/life/{round}");
        server.client().get(&path).expect_echo(&line("GET", &path));
        let mut socket = connect(server.address());
        socket.send(path.clone().into()).unwrap();
        assert_eq!(socket.read().unwrap(), path.into());
        assert!(handler.is_running());
    }
    handler.stop();
}

/// A restarted server counts its clients from 1 again, so that what was meant for an old one would
/// reach a stranger.
fn no_reply_outlives_a_crash(echo: Echo) {
    let mut server = Mongrel2::start();
    // The first round of pings comes when the strangers have taken the ids of the old clients, since
    // pings to ids that nobody has would tell the handler that they are gone.
    let _handler = Options::new(echo).server(&server).with("--ping-interval", "2").start();
    server.wait_until_served();
    let mut before: Vec<_> = (0..20).map(|_| RawSocket::connect(server.address())).collect();
    server.kill();
    before.iter_mut().for_each(RawSocket::read_to_end);
    server.run();
    let mut strangers: Vec<_> = (0..20).map(|_| server.client()).collect();
    strangers.iter_mut().for_each(|stranger| stranger.send(&request("GET", "/new", &[], b"")));
    for _ in 0..20 {
        for stranger in &mut strangers {
            // A frame before the reply would be no status line.
            stranger.read_response().expect_echo(&line("GET", "/new"));
            stranger.send(&request("GET", "/new", &[], b""));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

fn the_handler_may_come_first(echo: Echo) {
    let mut server = Mongrel2::prepare(Config::default());
    let mut handler = Handler::start(echo, &server);
    // It has tried to connect, in vain, before the server is there.
    assert!(handler.wait(Duration::from_millis(500)).is_none());
    server.run();
    server.wait_until_served();
    server.client().get("/late").expect_echo(&line("GET", "/late"));
}

fn the_handler_may_be_replaced(echo: Echo) {
    let (server, mut first) = serve(echo);
    let mut client = server.client();
    client.get("/first").expect_echo(&line("GET", "/first"));
    first.stop();
    // Asked while nobody is there to answer.
    client.send(b"GET /between HTTP/1.1\r\n\r\n");
    let _second = Handler::start(echo, &server);
    client.read_response().expect_echo(&line("GET", "/between"));
}

fn one_server_may_stay_away(echo: Echo) {
    let one = Mongrel2::start_with(named("server-one"));
    let away = Mongrel2::prepare(named("server-two"));
    let mut handler = Options::new(echo).server(&away).server(&one).start();
    one.wait_until_served();
    one.client().get("/x").expect_echo(&line("GET", "/x"));
    handler.stop();
}

fn named(sender: &str) -> Config {
    Config { sender: sender.to_owned(), ..Config::default() }
}
