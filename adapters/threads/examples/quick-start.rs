//! A handler and its test, as the README has them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::panic,
    reason = "an application, and its test"
)]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

use std::error::Error;
use std::time::Instant;

use mongrel2_transceiver::mongrel2::{Kind, http::Response};
use mongrel2_transceiver::transceiver::{Command, Config, Event, Transceiver};
use mongrel2_transceiver_threads::{Driver, seed};

/// Answers browsers, and sends back what comes over WebSockets.
fn serve(mut driver: Driver<Transceiver>) -> std::io::Result<()> {
    while let Some(event) = driver.next_event(None)? {
        let answer = match event {
            Event::Request { target, request } if request.kind() == Kind::Http => {
                Command::respond(target, &request, &Response::text(200, "Hello from Rust\n"))
            }
            Event::SessionMessage { target, message, .. } => Command::Send { target, message },
            Event::Stopped { .. } => break,
            _ => continue, // servers that come and go, sessions that open and close ...
        };
        if let Err(refused) = driver.submit(answer) {
            eprintln!("not taken: {refused}");
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.seed = seed();
    let mut driver = Driver::new(Transceiver::new(Instant::now(), config))?;
    driver.submit(Command::AddServer {
        sender: "my-handler".into(),
        send_spec: "tcp://127.0.0.1:9999".parse()?,
        recv_spec: "tcp://127.0.0.1:9998".parse()?,
    })?;
    println!("waiting for a Mongrel2 that names my-handler; Ctrl+C ends it");
    Ok(serve(driver)?)
}

#[test]
fn a_websocket_gets_its_messages_back() -> Result<(), Box<dyn Error>> {
    let mut config = Config::default();
    config.control = Some("tcp://127.0.0.1:*".parse()?); // any free port
    let mut driver = Driver::new(Transceiver::new(Instant::now(), config))?;
    let Some(Event::ControlListening { endpoint: control }) = driver.next_event(None)? else {
        panic!("the control socket is bound first");
    };
    let handle = driver.handle();
    let handler = std::thread::spawn(|| serve(driver));

    // A stand-in for Mongrel2. Before there is a browser it has introduced itself to the handler, and
    // proved that what either says arrives.
    let server = mongrel2_transceiver_threads::testing::Server::for_handler(&control).wait()?;
    let mut browser = server.client("websocket").wait()?;
    browser.open("/chat").wait()?;
    browser.send("hello")?;
    assert_eq!(browser.receive().wait()?, "hello".into());

    drop(server); // takes itself off the handler
    handle.submit(Command::Shutdown)?;
    handler.join().expect("it does not panic")?;
    Ok(())
}
