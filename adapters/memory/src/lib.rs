//! Runs machines of `mongrel2-transceiver` in memory: no ports, no waiting, and faults to order.
//!
//! A [`Network`] pretends everything that lies between machines: streams, listeners, and the time. A
//! [`Driver`] runs a machine on it and has the same methods as those for smol and tokio, so that a handler
//! reads the same there; [one that is the same](#the-same-handler-on-sockets) names none of them.
//! [`testing`] adds a stand-in Mongrel2 with its browsers, and then a handler is tested in microseconds,
//! as it would behave in an hour.
//!
//! # A handler
//! ```
//! # mod handler {
//! use mongrel2_transceiver::transceiver::{Command, Event};
//! use mongrel2_transceiver::{Transceiver, mongrel2::http::Response};
//! use mongrel2_transceiver_memory::Driver; // or that of smol, or of tokio
//!
//! /// Answers browsers, and sends back what comes over WebSockets.
//! pub async fn serve(mut driver: Driver<Transceiver>) {
//!     loop {
//!         let answer = match driver.next_event().await {
//!             Event::Request { target, request } => {
//!                 Command::respond(target, &request, &Response::text(200, "Hello\n"))
//!             }
//!             Event::SessionMessage { target, message, .. } => Command::Send { target, message },
//!             Event::Stopped { .. } => break,
//!             _ => continue,
//!         };
//!         if let Err(refused) = driver.submit(answer) {
//!             eprintln!("not taken: {refused}");
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! # Its test
//! ```
//! # mod handler {
//! #     use mongrel2_transceiver::transceiver::{Command, Event};
//! #     use mongrel2_transceiver::{Transceiver, mongrel2::http::Response};
//! #     use mongrel2_transceiver_memory::Driver;
//! #     pub async fn serve(mut driver: Driver<Transceiver>) {
//! #         loop {
//! #             let answer = match driver.next_event().await {
//! #                 Event::Request { target, request } => {
//! #                     Command::respond(target, &request, &Response::text(200, "Hello\n"))
//! #                 }
//! #                 Event::SessionMessage { target, message, .. } => Command::Send { target, message },
//! #                 _ => continue,
//! #             };
//! #             driver.submit(answer).unwrap();
//! #         }
//! #     }
//! # }
//! use mongrel2_transceiver::transceiver::{Config, Transceiver};
//! use mongrel2_transceiver::{Endpoint, websocket::Message};
//! use mongrel2_transceiver_memory::{Driver, Network, testing::Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let network = Network::new(1); // a seed: equal seeds give equal runs
//! let control: Endpoint = "tcp://127.0.0.1:9997".parse()?;
//! let mut config = Config::default();
//! config.control = Some(control.clone());
//! let handler = Transceiver::new(network.now(), config);
//! network.spawn(handler::serve(Driver::new(&network, handler)?));
//!
//! // A stand-in Mongrel2. With the first client it introduces itself to the handler, and proves
//! // that what is said arrives, in both directions.
//! let server = Server::for_handler_on(&network, &control).wait()?;
//! let mut browser = server.client("http").wait()?;
//! assert_eq!(browser.get("/").wait()?.text(), Some("Hello\n"));
//!
//! let mut browser = server.client("websocket").wait()?;
//! browser.open("/chat").wait()?;
//! browser.send("hello")?;
//! assert_eq!(browser.receive().wait()?, Message::from("hello"));
//! # Ok(())
//! # }
//! ```
//!
//! In an async test the same is `network.run(async { ... })`, with `.await` in place of `.wait()`.
//!
//! # The same handler on sockets
//! Each async adapter has a `Driver` of its own, but all of them are streams of events, and their
//! [`Handle`] is one type. So this runs here, on smol and on tokio:
//!
//! ```
//! use futures_lite::{Stream, StreamExt};
//! use mongrel2_transceiver::transceiver::{Command, Event, Transceiver};
//! use mongrel2_transceiver_memory::Handle; // the same as that of smol, and of tokio
//!
//! /// To be called with `(driver, handle)`, where `let handle = driver.handle();`.
//! pub async fn serve(mut events: impl Stream<Item = Event> + Unpin, handle: Handle<Transceiver>) {
//!     while let Some(event) = events.next().await {
//!         let answer = match event {
//!             Event::SessionMessage { target, message, .. } => Command::Send { target, message },
//!             Event::Stopped { .. } => break,
//!             _ => continue,
//!         };
//!         if let Err(refused) = handle.submit(answer) {
//!             eprintln!("not taken: {refused}");
//!         }
//!     }
//! }
//! # use mongrel2_transceiver_memory::{Driver, Network, testing::Server};
//! #
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let network = Network::new(1);
//! # let control = "tcp://127.0.0.1:9997".parse()?;
//! # let handler = Transceiver::new(network.now(), Default::default());
//! # let driver = Driver::new(&network, handler)?;
//! # let handle = driver.handle();
//! # network.spawn(serve(driver, handle));
//! # let server = Server::for_handler_on(&network, &control).wait()?;
//! # let mut browser = server.client("websocket").wait()?;
//! # browser.open("/chat").wait()?;
//! # browser.send("hello")?;
//! # assert_eq!(browser.receive().wait()?, "hello".into());
//! # Ok(())
//! # }
//! ```
//!
//! # Time
//! A browser that answers no pings is given up after a minute or two, and that is over in no time:
//!
//! ```
//! use std::time::Duration;
//! use mongrel2_transceiver::client::{Action, Received};
//! # use mongrel2_transceiver::transceiver::{Config, Transceiver};
//! # use mongrel2_transceiver_memory::{Network, testing::Server};
//! # async fn serve(mut driver: mongrel2_transceiver_memory::Driver<Transceiver>) {
//! #     loop {
//! #         driver.next_event().await;
//! #     }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let network = Network::new(1);
//! # let mut config = Config::default();
//! # config.control = Some("tcp://127.0.0.1:9997".parse()?);
//! # let control = "tcp://127.0.0.1:9997".parse()?;
//! # let handler = Transceiver::new(network.now(), config);
//! # network.spawn(serve(mongrel2_transceiver_memory::Driver::new(&network, handler)?));
//! # let server = Server::for_handler_on(&network, &control).wait()?;
//! # let mut browser = server.client("websocket").wait()?;
//!
//! browser.open("/chat").wait()?;
//! browser.act(Action::AnswerPings(false))?;
//! browser.set_timeout(Duration::from_secs(300));
//! while browser.received().wait()? != Received::Ended {}
//! assert!(network.elapsed() > Duration::from_secs(30));
//! # Ok(())
//! # }
//! ```
//!
//! # Faults
//! [`Network::refuse`], [`Network::hang`], [`Network::cut`], [`Network::half_open`],
//! [`Network::stall`], [`Network::crash`] and [`Network::set_shape`]: what a network does on bad days.
//! Those of a stream take its name from [`Network::streams_to`]; to kill a handler, cancel the
//! [`Task`] that has its driver.
//!
//! # When nothing goes on
//! A test that waits for what can never come does not hang: [`Network::run`] panics and says who
//! waits ([`Stuck`]). So does one that spins.

mod dice;
mod driver;
mod network;
pub mod testing;
pub mod wires;

pub use dice::Dice;
pub use driver::Driver;
pub use mongrel2_transceiver_adapter::{Handle, SubmitError, seed};
pub use network::{Network, NodeId, Sleep, Stuck, Task};
