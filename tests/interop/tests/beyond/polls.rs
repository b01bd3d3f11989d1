//! Long polls, and connections that are ended at once.

use std::time::Duration;

use interop::http::request;
use mongrel2_transceiver::mongrel2::Request;
use mongrel2_transceiver::mongrel2::http::Response;
use mongrel2_transceiver::transceiver::{Command, Event, Loss, Target};

use crate::local::{Local, with};

/// A server that ends connections which were silent for more than a second.
fn impatient() -> interop::mongrel2::Config {
    with(&[("limits.min_ping", 1), ("limits.tick_timer", 1)])
}

/// Two polls that nobody answers for long: the one that is not held dies, the other has its answer,
/// which comes after that.
#[test]
fn a_long_poll_outlives_min_ping_where_it_is_held() {
    let mut polls: Vec<(Target, Request)> = Vec::new();
    let local = Local::start(
        impatient(),
        |config| config.keep_alive_interval = Duration::from_millis(300),
        move |event| match event {
            Event::Request { target, request } if request.path() == b"/held" => {
                polls.push((*target, request.clone()));
                vec![Command::Hold { target: *target, time: Duration::from_secs(3600) }]
            }
            Event::Request { target, request } if request.path() == b"/answer" => {
                polls.push((*target, request.clone()));
                let answer = Response::text(200, "at last");
                let answers = polls.drain(..).map(|(to, it)| Command::respond(to, &it, &answer));
                answers.collect()
            }
            _ => Vec::new(),
        },
    );
    let mut held = local.server.client();
    held.send(&request("GET", "/held", &[], b""));
    local.until(|event| matches!(event, Event::Request { .. }));
    // As often as the server looks: each of these is silent for as long as it may be, and longer.
    for _ in 0..3 {
        let mut not_held = local.server.client();
        not_held.send(&request("GET", "/not-held", &[], b""));
        not_held.expect_end();
    }
    let mut other = local.server.client();
    other.send(&request("GET", "/answer", &[], b""));
    other.read_response().expect_echo(b"at last");
    held.read_response().expect_echo(b"at last");
}

/// More than one message may name.
#[test]
fn two_hundred_are_held() {
    let mut polls: Vec<(Target, Request)> = Vec::new();
    let local = Local::start(
        impatient(),
        |config| config.keep_alive_interval = Duration::from_millis(300),
        move |event| match event {
            Event::Request { target, request } if request.path() == b"/held" => {
                polls.push((*target, request.clone()));
                vec![Command::Hold { target: *target, time: Duration::from_secs(3600) }]
            }
            Event::Request { target, request } if request.path() == b"/answer" => {
                polls.push((*target, request.clone()));
                let answer = Response::text(200, "at last");
                polls.drain(..).map(|(to, it)| Command::respond(to, &it, &answer)).collect()
            }
            _ => Vec::new(),
        },
    );
    let mut held: Vec<_> = (0..200).map(|_| local.server.client()).collect();
    held.iter_mut().for_each(|client| client.send(&request("GET", "/held", &[], b"")));
    for _ in 0..2 {
        let mut not_held = local.server.client();
        not_held.send(&request("GET", "/not-held", &[], b""));
        not_held.expect_end();
    }
    let mut other = local.server.client();
    other.send(&request("GET", "/answer", &[], b""));
    other.read_response().expect_echo(b"at last");
    held.iter_mut().for_each(|client| client.read_response().expect_echo(b"at last"));
}

/// What is for the server takes none of the sixteen places; what is for a module, of which none is
/// loaded, ends the connection at once.
#[test]
fn controls_take_no_place_and_modules_have_to_be_loaded() {
    let local = Local::start(
        interop::mongrel2::Config::default(),
        |_| {},
        |event| match event {
            Event::Request { target, request } => {
                let target = *target;
                let mut commands: Vec<_> =
                    (0..300).map(|_| Command::Grant { target, octets: 1 }).collect();
                commands.push(Command::respond(target, request, &Response::text(200, "first")));
                if request.path() == b"/module" {
                    commands.push(Command::Extended {
                        target,
                        key: "sendfile".into(),
                        value: "run/mongrel2.pid".into(),
                    });
                }
                commands
            }
            _ => Vec::new(),
        },
    );
    let mut client = local.server.client();
    client.get("/").expect_echo(b"first");
    client.get("/").expect_echo(b"first");
    client.send(&request("GET", "/module", &[], b""));
    // Of the reply before it nothing is sure.
    while client.take(1).is_some() {}
}

/// Long, so that much of it waits.
static REPLY: [u8; 5000] = [b'x'; 5000];

/// What waits is not written any more, and the server tells nothing of it.
#[test]
fn a_cancelled_connection_ends_at_once() {
    let local = Local::start(
        interop::mongrel2::Config::default(),
        |_| {},
        |event| match event {
            Event::Request { target, request } if request.path() == b"/cancel" => {
                let target = *target;
                let reply = |body| Command::Reply { target, body, close: false };
                let mut commands: Vec<_> = (0..1000).map(|_| reply(REPLY[..].into())).collect();
                commands.push(Command::Cancel { target });
                commands
            }
            Event::Request { target, request } => {
                vec![Command::respond(*target, request, &Response::text(200, "still here"))]
            }
            _ => Vec::new(),
        },
    );
    let mut other = local.server.client();
    other.get("/before").expect_echo(b"still here");
    let mut cancelled = local.server.client();
    cancelled.send(&request("GET", "/cancel", &[], b""));
    let mut octets = 0;
    while cancelled.take(1).is_some() {
        octets += 1;
    }
    // The server says nothing of it.
    let is_lost = |event: &Event| matches!(event, Event::Undelivered { .. });
    let event = local.until(|event| is_lost(event) || matches!(event, Event::Disconnect { .. }));
    let Event::Undelivered { targets, reason } = event else { panic!("{event:?}") };
    assert_eq!(reason, Loss::Cancelled);
    let written = octets / REPLY.len();
    assert!(written < 1000 && targets.len() <= 1000 - written, "{written}, {}", targets.len());
    other.get("/after").expect_echo(b"still here");
}
