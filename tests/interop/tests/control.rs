//! The control socket: servers introduce themselves there, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Instant;

use interop::handler::Options;
use interop::http::{line, request};
use interop::{Echo, Handler, Mongrel2, PATIENCE, port, python};

/// As `echo_tests!`, but for the reference, which has no control socket.
macro_rules! control_tests {
    ($($test:ident),* $(,)?) => {
        mod smol { $(#[test] fn $test() { super::$test(interop::Echo::Smol); })* }
        mod threads { $(#[test] fn $test() { super::$test(interop::Echo::Threads); })* }
        mod tokio { $(#[test] fn $test() { super::$test(interop::Echo::Tokio); })* }
    };
}

control_tests! {
    a_server_in_python_introduces_itself, a_mongrel2_is_introduced_and_removed,
    browsers_give_no_orders,
}

fn a_server_in_python_introduces_itself(echo: Echo) {
    let control = control();
    let mut handler = Options::new(echo).with("--control", &control).start();
    python::run("control.py", &[&control]);
    handler.stop();
}

/// Somebody introduces a server that knows nothing of it.
fn a_mongrel2_is_introduced_and_removed(echo: Echo) {
    let control = control();
    let server = Mongrel2::start();
    let mut handler = Options::new(echo).with("--control", &control).start();
    let context = zmq::Context::new();
    for _ in 0..2 {
        let specs = [server.send_spec(), server.recv_spec()];
        let body = format!(r#"{{"push": "{}", "sub": "{}"}}"#, specs[0], specs[1]);
        let add = order(server.sender(), "/__add_connection__", &body);
        // The last round's removal may not be over.
        let end = Instant::now() + PATIENCE;
        while ask(&context, &control, &add) != "RECEIVED" {
            assert!(Instant::now() < end, "it cannot be added again");
        }
        server.wait_until_served();
        server.client().get("/introduced").expect_echo(&line("GET", "/introduced"));
        // A real Mongrel2 cannot read a proof: it skips it, and goes on after a while.
        let headers = r#"{"METHOD":"MONGREL2","QUERY":"text=x"}"#;
        let ping = format!("{} -1 /__ping__ {}:{headers},0:,", server.sender(), headers.len());
        assert_eq!(ask(&context, &control, &ping), "RECEIVED");
        server.client().get("/proven").expect_echo(&line("GET", "/proven"));
        let remove = order(server.sender(), "/__remove_connection__", "{}");
        assert_eq!(ask(&context, &control, &remove), "RECEIVED");
    }
    handler.stop();
    let output = handler.output();
    assert_eq!(output.matches("was added by the control socket").count(), 2, "{output}");
    assert_eq!(output.matches("was removed by").count(), 2, "{output}");
}

fn browsers_give_no_orders(echo: Echo) {
    let control = control();
    let server = Mongrel2::start();
    let mut handler = Options::new(echo).server(&server).with("--control", &control).start();
    server.wait_until_served();
    let words = ["__add_connection__", "__remove_connection__", "__ping__", "__disconnect_ping__"];
    let mut client = server.client();
    for word in words {
        for path in [format!("/{word}"), format!("/x/{word}")] {
            let asked = format!("{path}?text=x");
            client.get(&asked).expect_echo(&line("GET", &path));
            for method in ["JSON", "MONGREL2", "GET"] {
                for body in [ADD, "{}"] {
                    client.send(&request(method, &asked, &[], body.as_bytes()));
                    client.read_response().expect_echo(body.as_bytes());
                }
            }
        }
        // As a jssocket, which gets its own octets back in base64.
        let mut socket = server.client();
        socket.send(format!("@chat/{word} {ADD}\0").as_bytes());
        let expected = ADD_IN_BASE64.as_bytes();
        assert_eq!(socket.take(expected.len()).expect("an answer"), expected);
    }
    expect_only(&mut handler, &server, &control);
}

/// The server is served as before, and no other.
fn expect_only(handler: &mut Handler, server: &Mongrel2, control: &str) {
    server.client().get("/after").expect_echo(&line("GET", "/after"));
    let context = zmq::Context::new();
    // It is still there, or this would be taken.
    let again = ask(&context, control, &order(server.sender(), "/__add_connection__", ADD));
    assert!(again.starts_with("ERROR ") && again.contains("already"), "{again}");
    handler.stop();
    let output = handler.output();
    assert_eq!(output.matches("was added by").count(), 1, "{output}");
    assert_eq!(output.matches("was added by the application").count(), 1, "{output}");
    assert_eq!(output.matches("was removed by").count(), 1, "{output}");
    assert_eq!(output.matches("was removed by the application").count(), 1, "{output}");
}

fn control() -> String {
    format!("tcp://127.0.0.1:{}", port::free())
}

fn order(sender: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!("{sender} -1 {path} 17:{{\"METHOD\":\"JSON\"}},{length}:{body},")
}

fn ask(context: &zmq::Context, control: &str, order: &str) -> String {
    let socket = context.socket(zmq::REQ).unwrap();
    socket.set_linger(0).unwrap();
    socket.set_rcvtimeo(i32::try_from(PATIENCE.as_millis()).unwrap()).unwrap();
    socket.connect(control).unwrap();
    socket.send(order, 0).unwrap();
    socket.recv_string(0).expect("an answer comes").unwrap()
}

const ADD: &str = r#"{"push":["127.0.0.1",1],"sub":["127.0.0.1",2]}"#;
const ADD_IN_BASE64: &str = "eyJwdXNoIjpbIjEyNy4wLjAuMSIsMV0sInN1YiI6WyIxMjcuMC4wLjEiLDJdfQ==";
