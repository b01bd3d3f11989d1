//! Answers that take their time: what the handler of `http-threads` does about each event, and at each
//! moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use mongrel2_transceiver::mongrel2::http::{Response, Stream, sse};
use mongrel2_transceiver::mongrel2::{Kind, Request, UploadStream};
use mongrel2_transceiver::transceiver::{Command, Event, Target};

/// The application, apart from all I/O: events and the time in, commands out.
#[derive(Default)]
pub(crate) struct App {
    /// Browsers that are told numbers, or events, one after the other.
    listeners: BTreeMap<Target, Listener>,
    /// Browsers that wait, and until when.
    polls: BTreeMap<Target, (Instant, Request)>,
    /// Uploads that come in pieces, with the request that they belong to.
    uploads: BTreeMap<Target, (UploadStream, Request)>,
    /// When the listeners are told the next thing.
    next: Option<Instant>,
    commands: Vec<Command>,
}

struct Listener {
    stream: Stream,
    /// Whether it listens for events, which never end.
    is_page: bool,
    number: u32,
}

impl App {
    /// What to do about an event.
    pub(crate) fn on_event(&mut self, event: &Event, now: Instant) -> Vec<Command> {
        match event {
            Event::Request { target, request } => match request.kind() {
                Kind::Http => self.answer(*target, request, now),
                Kind::StreamFirst => self.upload_begins(*target, request),
                Kind::StreamPiece { .. } => self.upload_goes_on(*target, request),
                _ => {}
            },
            Event::UploadStarted { request, path, .. } => {
                println!("{} are being written to {path}", octets(request));
            }
            Event::UploadDone { target, request, path } => {
                println!("an upload is in {path}");
                self.say(*target, request, &format!("your upload is in {path}\n"));
            }
            Event::Disconnect { target } => self.forget(*target),
            Event::Undelivered { targets, reason } => {
                println!("{} replies were not delivered: {reason}", targets.len());
            }
            Event::ServerUp { server, .. } => println!("server {server} is up"),
            Event::ServerDown { server, reason, .. } => println!("server {server}: {reason}"),
            _ => {}
        }
        std::mem::take(&mut self.commands)
    }

    /// What to do at this time.
    pub(crate) fn on_time(&mut self, now: Instant) -> Vec<Command> {
        if self.next.is_some_and(|at| at <= now) {
            self.tell_listeners();
            self.next = (!self.listeners.is_empty()).then(|| now + PAUSE);
        }
        let is_due = |(at, _): &(Instant, Request)| *at <= now;
        let due: Vec<_> = self.polls.iter().filter(|(_, poll)| is_due(poll)).collect();
        let due: Vec<_> = due.into_iter().map(|(to, (_, it))| (*to, it.clone())).collect();
        for (target, request) in due {
            self.polls.remove(&target);
            self.say(target, &request, "here is what you waited for\n");
            self.commands.push(Command::Hold { target, time: Duration::ZERO });
        }
        std::mem::take(&mut self.commands)
    }

    /// When there is something to do again.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.polls.values().map(|(at, _)| *at).chain(self.next).min()
    }

    /// A browser is gone, or too slow to be waited for.
    pub(crate) fn forget(&mut self, target: Target) {
        self.listeners.remove(&target);
        self.polls.remove(&target);
        self.uploads.remove(&target);
    }

    fn answer(&mut self, target: Target, request: &Request, now: Instant) {
        match request.path() {
            b"/stream" => self.listen(target, request, &Response::new(200), false, now),
            b"/events" => self.listen(target, request, &sse::response(), true, now),
            b"/poll" => {
                let query = request.header_str("QUERY").unwrap_or_default();
                let time = Duration::from_secs(query.parse().unwrap_or(150)).min(DAY);
                self.polls.insert(target, (now + time, request.clone()));
                // Else Mongrel2 closes the connection after two minutes.
                self.commands.push(Command::Hold { target, time: time + PAUSE });
            }
            _ if request.body_len() > 0 => {
                self.say(target, request, &format!("{} octets came\n", request.body_len()));
            }
            _ => self.say(target, request, USAGE),
        }
    }

    fn say(&mut self, target: Target, request: &Request, text: &str) {
        self.commands.push(Command::respond(target, request, &Response::text(200, text)));
    }

    /// Begins a response that goes on as the time passes.
    fn listen(
        &mut self,
        target: Target,
        request: &Request,
        response: &Response,
        is_page: bool,
        now: Instant,
    ) {
        let (head, stream) = response.stream(request);
        let goes_on = stream.has_body(); // Not so for HEAD.
        self.commands.extend(Command::encoded(target, head));
        if goes_on {
            self.listeners.insert(target, Listener { stream, is_page, number: 0 });
            self.next.get_or_insert(now + PAUSE);
            // It says nothing while it listens.
            self.commands.push(Command::Hold { target, time: DAY });
        }
    }

    fn tell_listeners(&mut self) {
        let mut over = Vec::new();
        for (target, Listener { stream, is_page, number }) in &mut self.listeners {
            *number += 1;
            let piece = if *is_page {
                sse::Event::new(format!("number {number}")).encode()
            } else {
                format!("{number}\n").into()
            };
            self.commands.extend(Command::encoded(*target, stream.piece(&piece)));
            if !*is_page && *number == COUNT {
                over.push(*target);
            }
        }
        for target in over {
            if let Some(Listener { stream, .. }) = self.listeners.remove(&target) {
                self.commands.extend(Command::encoded(target, stream.end()));
                self.commands.push(Command::Hold { target, time: Duration::ZERO });
            }
        }
    }

    fn upload_begins(&mut self, target: Target, request: &Request) {
        let Some(upload) = UploadStream::begin(request) else { return };
        println!("an upload has begun: {}", octets(request));
        self.uploads.insert(target, (upload, request.clone()));
        self.commands.push(Command::Grant { target, octets: WINDOW });
    }

    /// Nothing is done with the octets here. What is done with may come anew: so there is never more
    /// than the window in hand.
    fn upload_goes_on(&mut self, target: Target, piece: &Request) {
        let Some((upload, request)) = self.uploads.get_mut(&target) else { return };
        match upload.take(piece) {
            Ok(octets) if !upload.is_done() => {
                let octets = octets.len() as u64;
                self.commands.push(Command::Grant { target, octets });
            }
            Ok(_) => {
                let text = format!("{} octets came in pieces\n", upload.received());
                print!("an upload is done: {text}");
                let request = request.clone();
                self.uploads.remove(&target);
                self.say(target, &request, &text);
            }
            Err(error) => {
                println!("an upload is broken: {error}");
                self.uploads.remove(&target);
                self.commands.push(Command::Cancel { target });
            }
        }
    }
}

/// How much an upload is to have.
fn octets(request: &Request) -> String {
    let declared = request.content_length().map(|length| format!("{length} octets"));
    declared.unwrap_or_else(|| "chunks".to_owned())
}

const USAGE: &str = "try /stream, /events, /poll?SECONDS, or upload something\n";

/// Between two things that a listener is told.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest that anybody waits.
const DAY: Duration = Duration::from_secs(86_400);

/// How far `/stream` counts.
const COUNT: u32 = 10;

/// Octets of one upload that may be in hand.
const WINDOW: u64 = 256 << 10;
