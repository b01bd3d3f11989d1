//! HTTP beyond one answer: streams, server-sent events, long polls, uploads. `--help` says how to use
//! it; what it does about each request is in `adapters/http/app.rs`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that talks to a person")]
#![allow(clippy::wildcard_enum_match_arm, reason = "an application looks at what concerns it")]

#[path = "../../http/app.rs"]
mod app;
#[allow(dead_code, reason = "it has a help of its own")]
#[path = "../../echo/options.rs"]
mod options;
#[path = "../../echo/signals.rs"]
mod signals;

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use app::App;
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver::client::{Action, Ask};
use mongrel2_transceiver::transceiver::{Command, Event, Refused, Transceiver, Uploads};
use mongrel2_transceiver_threads::testing::Server;
use mongrel2_transceiver_threads::{Driver, Handle, seed};
use options::{Options, Parsed};
use signals::on_signal;

fn main() -> ExitCode {
    let (arguments, template) = template(std::env::args_os());
    let result = match options::parse("http-threads", arguments) {
        Ok(Parsed::Help(_)) => {
            print!("{HELP}");
            Ok(())
        }
        Ok(Parsed::Run(options)) => run(*options, template),
        Err(message) => Err(format!("{message}\nTry: http-threads --help")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("http-threads: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Takes `--temp-store TEMPLATE` off the arguments; the others are those of the echo examples.
fn template(arguments: impl Iterator<Item = OsString>) -> (Vec<OsString>, Option<String>) {
    let mut arguments: Vec<_> = arguments.collect();
    let Some(at) = arguments.iter().position(|argument| argument == "--temp-store") else {
        return (arguments, None);
    };
    let behind = arguments.len().min(at + 2);
    let template = arguments.drain(at..behind).nth(1);
    (arguments, template.map(|template| template.to_string_lossy().into_owned()))
}

fn run(mut options: Options, template: Option<String>) -> Result<(), String> {
    let is_demo = options.is_demo();
    let config = &mut options.config;
    config.seed = seed();
    if let Some(template) = template {
        let uploads = Uploads::new(template, LIMIT).map_err(|error| error.to_string())?;
        config.uploads = Some(uploads);
    }
    if is_demo {
        config.control = "tcp://127.0.0.1:*".parse().ok();
    }
    let transceiver = Transceiver::new(Instant::now(), options.config);
    let mut driver = Driver::new(transceiver).map_err(|error| error.to_string())?;
    let handle = driver.handle();
    let stopper = handle.clone();
    on_signal(move || {
        // It may have stopped before.
        let _ = stopper.submit(Command::Shutdown);
    })?;
    for server in options.servers {
        let added = driver.submit(server.into_command());
        added.map_err(|refused| refused.to_string())?;
    }
    serve(&mut driver, |control| {
        println!("control socket at {control}");
        if is_demo {
            let handle = handle.clone();
            thread::spawn(move || demo(&control, &handle));
        }
    })
}

/// Serves until it is told to stop.
fn serve(driver: &mut Driver<Transceiver>, listens: impl Fn(Endpoint)) -> Result<(), String> {
    let mut app = App::default();
    loop {
        let now = Instant::now();
        let wait = app.next_deadline().map(|at| at.saturating_duration_since(now));
        let commands = match driver.next_event(wait).map_err(|error| error.to_string())? {
            Some(Event::Stopped { .. }) => return Ok(()),
            Some(Event::ControlListening { endpoint }) => {
                listens(endpoint);
                Vec::new()
            }
            Some(event) => app.on_event(&event, Instant::now()),
            None => Vec::new(),
        };
        let due = app.on_time(Instant::now());
        for command in commands.into_iter().chain(due) {
            submit(driver, &mut app, command);
        }
    }
}

/// Who reads so slowly that no more is taken is parted from. (Who wants to wait for it instead holds the
/// command until `TargetRoom`, or `Room`.)
fn submit(driver: &mut Driver<Transceiver>, app: &mut App, command: Command) {
    let to = match command {
        Command::Reply { target, .. } => Some(target),
        _ => None,
    };
    match (driver.submit(command), to) {
        (Ok(()), _) => {}
        (Err(Refused::Slow | Refused::Full), Some(target)) => {
            println!("browser {target} is too slow");
            app.forget(target);
            let _ = driver.submit(Command::Cancel { target });
        }
        // Its browser, or its server, is gone.
        (Err(refused), _) => println!("not taken: {refused}"),
    }
}

/// Two browsers behind a stand-in server; the handler is told to stop at the end.
fn demo(control: &Endpoint, handler: &Handle<Transceiver>) {
    if let Err(error) = play(control) {
        eprintln!("the demonstration broke: {error}");
    }
    let _ = handler.submit(Command::Shutdown);
}

fn play(control: &Endpoint) -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::for_handler(control).wait()?;
    let mut browser = server.client("http").wait()?;
    for path in ["/stream", "/poll?1"] {
        println!("browser  ->  GET {path}");
        let response = browser.get(path).wait()?;
        println!("browser <-   {} {:?}", response.status, response.text().unwrap_or_default());
    }
    let mut page = server.client("mongrel2").wait()?;
    println!("page     ->  GET /events");
    page.act(Action::Request(Ask::get("/events")))?;
    for _ in 0..4 {
        println!("page    <-   {}", page.reply().wait()?.escape_ascii());
    }
    println!(
        "all as it should be; --help says how to serve a real Mongrel2, which has uploads, too"
    );
    Ok(())
}

const HELP: &str = "\
A Mongrel2 handler whose answers take their time:

  GET /stream         counts to ten, in chunks
  GET /events         server-sent events, without end
  GET /poll?SECONDS   is answered after so many seconds [150], which is longer than Mongrel2
                      lets a connection be silent
  POST ...            with a large body: an upload, into a file or in pieces

Usage: http-threads [OPTIONS]

Without options it starts a stand-in server inside the process, asks itself for some of
this, and prints what passes. With --control alone it waits for servers to introduce
themselves.

Options:
  --sender ID         send_ident of the handler in Mongrel2's configuration
  --pull ADDR         its send_spec, as tcp://HOST:PORT or ipc://PATH
  --pub ADDR          its recv_spec
  --temp-store NAME   upload.temp_store in its settings, such as tmp/upload.XXXXXX; without
                      it uploads come in pieces, if its settings have upload.stream=1
  --control ADDR|none where to bind the control socket
                      [tcp://127.0.0.1:9997; none with the stand-in]
  -h, --help          this text

With a Mongrel2 at port 6767:

  curl -N http://127.0.0.1:6767/events
  curl --data-binary @FILE http://127.0.0.1:6767/upload
";

/// Mongrel2's `limits.content_length`, unless it is set.
const LIMIT: u64 = 20_480;
