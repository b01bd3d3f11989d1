//! Plain HTTP through the real server.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;

use interop::http::{line, request};
use interop::mongrel2::{Config, Transport};
use interop::{Echo, Handler, Mongrel2, Protocol, echo_tests, serve};

echo_tests! {
    get, post_of_100_kilobytes, head_has_no_body, http_1_0_ends_the_connection,
    connection_close_ends_the_connection, fifty_requests_on_one_connection,
    pipelined_requests_are_answered_in_order, a_hundred_clients_at_once,
    i4_tnetstring_requests, unix_sockets,
}

fn get(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    client.get("/").expect_echo(&line("GET", "/"));
    client.get("/a/b.c?query=1").expect_echo(&line("GET", "/a/b.c"));
}

fn post_of_100_kilobytes(echo: Echo) {
    let (server, _handler) = serve(echo);
    let body: Vec<u8> = (0..=250).cycle().take(100_000).collect();
    server.client().post("/upload", &body).expect_echo(&body);
}

fn head_has_no_body(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    assert_eq!(client.head("/x").status, 200);
    // A body would be read as the beginning of this reply.
    client.get("/y").expect_echo(&line("GET", "/y"));
}

fn http_1_0_ends_the_connection(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    client.send(b"GET /old HTTP/1.0\r\n\r\n");
    client.read_response().expect_echo(&line("GET", "/old"));
    client.expect_end();
}

fn connection_close_ends_the_connection(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    client.get("/first").expect_echo(&line("GET", "/first"));
    client.send(&request("POST", "/last", &[("Connection", "close")], b"bye"));
    client.read_response().expect_echo(b"bye");
    client.expect_end();
}

fn fifty_requests_on_one_connection(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    for number in 0..50 {
        let path = format!("/{number}");
        client.get(&path).expect_echo(&line("GET", &path));
    }
}

fn pipelined_requests_are_answered_in_order(echo: Echo) {
    let (server, _handler) = serve(echo);
    let mut client = server.client();
    let three = [
        request("GET", "/1", &[], b""),
        request("POST", "/2", &[], b"two"),
        request("DELETE", "/3", &[], b""),
    ];
    client.send(&three.concat());
    client.read_response().expect_echo(&line("GET", "/1"));
    client.read_response().expect_echo(b"two");
    client.read_response().expect_echo(&line("DELETE", "/3"));
}

fn a_hundred_clients_at_once(echo: Echo) {
    let (server, _handler) = serve(echo);
    // All are connected before the first one asks.
    let clients: Vec<_> = (0..100).map(|_| server.client()).collect();
    thread::scope(|scope| {
        for (number, mut client) in clients.into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..5 {
                    let body = format!("client {number}, round {round}").repeat(20);
                    client.post("/many", body.as_bytes()).expect_echo(body.as_bytes());
                }
            });
        }
    });
}

fn i4_tnetstring_requests(echo: Echo) {
    let config = Config { protocol: Protocol::Tnetstring, ..Config::default() };
    everything_once(echo, &Mongrel2::start_with(config));
}

fn unix_sockets(echo: Echo) {
    let config = Config { transport: Transport::Ipc, ..Config::default() };
    everything_once(echo, &Mongrel2::start_with(config));
}

fn everything_once(echo: Echo, server: &Mongrel2) {
    let mut handler = Handler::start(echo, server);
    server.wait_until_served();
    let mut client = server.client();
    // Twice the same header makes a list of it.
    let headers = [("cookie", "a=1"), ("cookie", "b=\"2\\\""), ("connection", "close")];
    client.send(&request("PUT", "/list", &headers, b"\x00,}]"));
    client.read_response().expect_echo(b"\x00,}]");
    client.expect_end();

    let mut socket = interop::websocket::connect(server.address());
    socket.send("over here".into()).unwrap();
    assert_eq!(socket.read().unwrap(), "over here".into());
    handler.stop();
}
