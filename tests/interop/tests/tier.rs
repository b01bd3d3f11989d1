//! The second tier behind the real Mongrel2: an API and Nodes as processes, some of which are killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use interop::Mongrel2;
use interop::http::Response;
use interop::tier::Tier;
use interop::websocket::connect;

#[test]
fn nodes_answer_browsers_directly_and_share_the_work() {
    let server = Mongrel2::start();
    let mut tier = Tier::start(&server, 3, &[]);
    server.wait_until_served();
    let mut by_node = BTreeMap::<String, usize>::new();
    for number in 0..30 {
        let path = format!("/{number}");
        *by_node.entry(signature(&server.client().get(&path), &path)).or_default() += 1;
    }
    assert_eq!(by_node.values().copied().collect::<Vec<_>>(), [10; 3], "{by_node:?}");
    tier.stop();
}

#[test]
fn a_connection_sticks_to_a_node() {
    let server = Mongrel2::start();
    let mut tier = Tier::start(&server, 3, &["--sticky"]);
    server.wait_until_served();
    let mut homes = BTreeMap::<String, usize>::new();
    for _ in 0..30 {
        let mut client = server.client();
        let home = signature(&client.get("/a"), "/a");
        for _ in 0..5 {
            assert_eq!(signature(&client.get("/a"), "/a"), home);
        }
        *homes.entry(home).or_default() += 1;
    }
    assert!(homes.len() > 1, "{homes:?}");
    tier.stop();
}

#[test]
fn websockets_are_kept_by_the_api_and_answered_by_nodes() {
    let server = Mongrel2::start();
    let mut tier = Tier::start(&server, 2, &[]);
    server.wait_until_served();
    let mut sockets: Vec<_> = (0..5).map(|_| connect(server.address())).collect();
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.send(format!("hello {number}").into()).unwrap();
        assert_eq!(socket.read().unwrap(), format!("hello {number}").into());
    }
    for node in 0..2 {
        assert_eq!(tier.node_output(node).matches("heard of sessions").count(), 5);
    }
    for socket in &mut sockets {
        socket.close(None).unwrap();
        assert!(socket.read().unwrap().is_close());
    }
    tier.stop();
}

#[test]
fn while_a_node_is_killed_every_request_is_answered_or_told_that_it_is_lost() {
    let server = Mongrel2::start();
    let mut tier = Tier::start(&server, 3, &[]);
    server.wait_until_served();
    let asked = AtomicUsize::new(0);
    let (served, lost) = thread::scope(|scope| {
        let (server, asked) = (&server, &asked);
        let browsers: Vec<_> = (0..BROWSERS)
            .map(|browser| scope.spawn(move || browse(server, browser, asked)))
            .collect();
        while asked.load(Ordering::Relaxed) < BROWSERS * REQUESTS / 3 {
            thread::sleep(Duration::from_millis(1));
        }
        tier.kill_node(1);
        let ends = browsers.into_iter().map(|browser| browser.join().unwrap());
        ends.fold((0, 0), |(a, b), (c, d)| (a + c, b + d))
    });
    assert_eq!(served + lost, BROWSERS * REQUESTS);
    assert!(lost <= BROWSERS, "each browser waits for one answer at a time: {lost}");
    tier.stop();
}

#[test]
fn whoever_is_killed_the_others_go_on_with_the_next() {
    let mut server = Mongrel2::start();
    let mut tier = Tier::start(&server, 2, &[]);
    server.wait_until_served();
    tier.replace_api();
    tier.wait_for(2);
    server.wait_until_served();
    server.kill();
    server.run();
    server.wait_until_served();
    tier.kill_node(0);
    tier.add_node();
    server.wait_until_served();
    assert_eq!(signature(&server.client().get("/x"), "/x").len(), 1);
    tier.stop();
}

/// Asks again and again; how often it was answered, and told that the answer is lost.
fn browse(server: &Mongrel2, browser: usize, asked: &AtomicUsize) -> (usize, usize) {
    let (mut client, mut served, mut lost) = (server.client(), 0, 0);
    for number in 0..REQUESTS {
        asked.fetch_add(1, Ordering::Relaxed);
        let path = format!("/{browser}/{number}");
        let response = client.get(&path);
        if response.status == 503 {
            lost += 1;
            client = server.client();
        } else {
            signature(&response, &path);
            served += 1;
        }
    }
    (served, lost)
}

/// Which Node has answered.
fn signature(response: &Response, path: &str) -> String {
    assert_eq!(response.status, 200, "{response:?}");
    let body = String::from_utf8(response.body.clone()).unwrap();
    let name = body.strip_prefix(&format!("GET {path} by ")).unwrap();
    name.trim_end().to_owned()
}

const BROWSERS: usize = 8;
const REQUESTS: usize = 250;
