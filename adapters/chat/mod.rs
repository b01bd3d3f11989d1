//! A chat with rooms, but for its adapter: what `chat-threads` runs. Its page is `page.html`.
//!
//! A WebSocket at `/chat?room=NAME` is in the room of this name, which is a group of the transceiver.
//! What it says goes to the room. What it hears are lines of words: `said WHO TEXT`, `came WHO COUNT`,
//! `left WHO COUNT`, where the count is how many are in the room now, and once, before all others,
//! `you WHO`.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{HeaderError, Kind, Request, http::Response};
use mongrel2_transceiver::transceiver::{Audience, Command, Event, Refused, Target};
use mongrel2_transceiver::websocket::{CloseCode, Message};

use crate::echo::app::{App, Next};

/// The transceiver, as far as a chat needs it.
pub(crate) trait Hall {
    fn take(&mut self, command: Command) -> Result<(), Refused>;
    fn group_len(&self, group: &[u8]) -> usize;
}

/// The chat, apart from all I/O.
#[derive(Default)]
pub(crate) struct Chat {
    guests: BTreeMap<Target, Guest>,
    /// How many have come so far.
    count: u64,
    /// What was refused for want of room, in order.
    held: VecDeque<Command>,
    /// Tells the person who started it of servers that come and go.
    teller: App,
}

struct Guest {
    name: String,
    room: Bytes,
}

impl Chat {
    /// Does what there is to do about an event.
    pub(crate) fn on_event(&mut self, event: Event, hall: &mut impl Hall) -> Next {
        match event {
            Event::Request { target, request } if request.kind() == Kind::Http => {
                match answer(&request) {
                    Ok(response) => self.say(Command::respond(target, &request, &response), hall),
                    Err(error) => return Next::Failed(error.to_string()),
                }
            }
            Event::Request { .. } => {}
            Event::SessionOpened { target, request, .. } => self.came(target, &request, hall),
            Event::SessionMessage { target, message: Message::Text(text), .. } => {
                if let Some(Guest { name, room }) = self.guests.get(&target) {
                    let line = format!("said {name} {}", text.as_str());
                    self.tell(room.clone(), line, hall);
                }
            }
            Event::SessionMessage { .. } => {}
            Event::SessionClosed { target, .. } => self.left(target, hall),
            Event::Room { .. } => self.say_what_was_held(hall),
            other => return self.teller.on_event(other, |command| hall.take(command)),
        }
        Next::Go
    }

    fn came(&mut self, target: Target, request: &Request, hall: &mut impl Hall) {
        let room = room_of(request);
        let joined = if request.path() == b"/chat" {
            hall.take(Command::Join { target, group: room.clone() })
                .map_err(|refused| refused.to_string())
        } else {
            Err("the chat is at /chat".to_owned())
        };
        if let Err(reason) = joined {
            let code = CloseCode::POLICY;
            self.say(Command::Close { target, code, reason: reason.into() }, hall);
            return;
        }
        self.count += 1;
        let name = format!("guest-{}", self.count);
        let message = Message::from(format!("you {name}"));
        self.say(Command::Send { target, message }, hall);
        let line = format!("came {name} {}", hall.group_len(&room));
        self.guests.insert(target, Guest { name, room: room.clone() });
        self.tell(room, line, hall);
    }

    /// A guest is gone, and in no group any more.
    fn left(&mut self, target: Target, hall: &mut impl Hall) {
        if let Some(Guest { name, room }) = self.guests.remove(&target) {
            let line = format!("left {name} {}", hall.group_len(&room));
            self.tell(room, line, hall);
        }
    }

    fn tell(&mut self, room: Bytes, line: String, hall: &mut impl Hall) {
        let to = Audience::Group(room);
        self.say(Command::Broadcast { to, except: None, message: Message::from(line) }, hall);
    }

    /// Submits a command; holds it where there is no room for it, or for others before it.
    fn say(&mut self, command: Command, hall: &mut impl Hall) {
        if self.held.len() == HELD_MAX {
            println!("so much waits that something was left out");
            self.held.pop_front();
        }
        self.held.push_back(command);
        if self.held.len() == 1 {
            self.say_what_was_held(hall);
        }
    }

    fn say_what_was_held(&mut self, hall: &mut impl Hall) {
        while let Some(command) = self.held.front() {
            match hall.take(command.clone()) {
                Err(Refused::Full) => return,
                // Its browser is gone, or reads too slowly.
                Err(refused) => tracing::info!(%refused, "not taken"),
                Ok(()) => {}
            }
            self.held.pop_front();
        }
    }
}

/// The room that a WebSocket asks for, as it stands in the address.
fn room_of(request: &Request) -> Bytes {
    let query = request.header("QUERY").unwrap_or_default();
    let mut pairs = query.split(|octet| *octet == b'&');
    let room = pairs.find_map(|pair| pair.strip_prefix(b"room=")).unwrap_or_default();
    Bytes::copy_from_slice(if room.is_empty() { b"lobby" } else { room })
}

fn answer(request: &Request) -> Result<Response, HeaderError> {
    if request.path() != b"/" {
        return Ok(Response::text(404, "The chat is at /\n"));
    }
    let page = Response::new(200).body(PAGE.as_bytes());
    page.header("content-type", "text/html; charset=utf-8")
}

pub(crate) fn about(name: &str) -> String {
    format!(
        "\
A Mongrel2 handler that is a chat: / is its page, a WebSocket at /chat?room=NAME is in
the room NAME. What one says goes to all that are in the room, over all servers.

Usage: {name} [OPTIONS]

It serves the servers that are named, or waits with --control for servers to introduce
themselves."
    )
}

const PAGE: &str = include_str!("page.html");

/// Commands that wait for room: one server's may be lacking while others go on talking.
const HELD_MAX: usize = 10_000;
