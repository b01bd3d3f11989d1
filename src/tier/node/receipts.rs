//! What tells the API which requests are finished: a REQ socket, and what it has to say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::Endpoint;
use crate::introduction::Answer;
use crate::mongrel2::Sender;
use crate::socket::io::Io;
use crate::socket::{self, Core, later};
use crate::transceiver::ServerId;
use crate::zmtp::Message;

use super::super::wire::{Note, Range, WAIT};
use super::held::ApiLife;

#[derive(Debug)]
pub(super) struct Receipts {
    pub(super) core: Core,
    /// Requests that the application works on, by our own number for them.
    open: BTreeMap<u64, Open>,
    open_max: usize,
    last: u64,
    /// What the API is not known to have heard, by link.
    unsaid: BTreeMap<u64, Unsaid>,
    /// What the API waits to hear: up to where all that has come by a link is taken over.
    taken: Option<Place>,
    /// The link of the last receipt: links take turns, for one that was lost has little time.
    had_turn: u64,
    /// Links that there was something to say of, ever.
    links: u64,
    /// What the API is to be asked, one thing for each server.
    asks: BTreeMap<Bytes, Asked>,
    /// When those are asked again whose answer was that nobody knows yet.
    ask_again: Option<Instant>,
    pause: Duration,
    unknown: Vec<Asked>,
    /// What was said last and has no answer yet.
    said: Option<Said>,
}

/// Whether this life of a server goes on, as the API counts, and the life of the server as this Node
/// counts when it was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) sender: Bytes,
    pub(super) api_life: ApiLife,
    pub(super) life: u32,
}

/// What has come of the talk with the API.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) notices: Vec<socket::Event>,
    /// What was asked, and whether it is so.
    pub(super) answers: Vec<(Asked, bool)>,
}

/// A request that is not finished.
#[derive(Clone, Copy, Debug)]
struct Open {
    server: ServerId,
    /// Its link, and its number there; `None` where the API takes no receipts.
    place: Option<Place>,
}

/// The name of a link in receipts, and the number of a request there.
pub(super) type Place = (u64, u64);

#[derive(Debug, Default)]
struct Unsaid {
    /// Which of all the links it is.
    serial: u64,
    done: BTreeSet<u64>,
    failed: BTreeSet<u64>,
}

#[derive(Debug)]
enum Said {
    Receipt { link: u64, done: Vec<Range>, failed: Vec<Range> },
    Taken(Place),
    Ask(Asked),
}

impl Receipts {
    pub(super) fn connect(
        config: socket::Config,
        scope: u32,
        to: Endpoint,
        open_max: usize,
        io: &mut Io,
    ) -> Self {
        let mut core = Core::new(config, scope);
        // A fresh socket refuses wildcards alone; then no receipts are sent.
        let _ = core.connect(to, io);
        Self {
            core,
            open: BTreeMap::new(),
            open_max: open_max.max(1),
            last: 0,
            unsaid: BTreeMap::new(),
            taken: None,
            had_turn: 0,
            links: 0,
            asks: BTreeMap::new(),
            ask_again: None,
            pause: PAUSE_MIN,
            unknown: Vec::new(),
            said: None,
        }
    }

    pub(super) fn open_len(&self) -> usize {
        self.open.len()
    }

    /// Whether the API has heard all that there is to say.
    pub(super) fn is_quiet(&self) -> bool {
        self.said.is_none() && self.unsaid.is_empty() && self.taken.is_none()
    }

    /// A request is given to the application: its number, and the server of one that was forgotten
    /// for it.
    pub(super) fn open(
        &mut self,
        server: ServerId,
        place: Option<Place>,
    ) -> (u64, Option<ServerId>) {
        self.last += 1;
        self.open.insert(self.last, Open { server, place });
        let is_above = self.open.len() > self.open_max;
        let forgotten = if is_above { self.open.pop_first() } else { None };
        (self.last, forgotten.map(|(_, open)| open.server))
    }

    /// A request is finished: whose it was, if it was not before.
    pub(super) fn finish(&mut self, request: u64, has_failed: bool) -> Option<ServerId> {
        let open = self.open.remove(&request)?;
        if let Some(place) = open.place {
            self.note(place, has_failed);
        }
        Some(open.server)
    }

    /// All requests of a server are finished: there is nobody left to answer, or no more way to do so.
    pub(super) fn finish_all(&mut self, server: ServerId, have_failed: bool) {
        let of_server = self.open.iter().filter(|(_, open)| open.server == server);
        for request in of_server.map(|(request, _)| *request).collect::<Vec<_>>() {
            self.finish(request, have_failed);
        }
    }

    /// A message of a link is done with.
    pub(super) fn note(&mut self, (link, number): Place, has_failed: bool) {
        let unsaid = self.unsaid_of(link);
        let numbers = if has_failed { &mut unsaid.failed } else { &mut unsaid.done };
        numbers.insert(number);
        if numbers.len() > UNSAID_MAX {
            // The API has not listened for long. What it does not hear counts as lost there.
            numbers.pop_first();
        }
    }

    /// The API is to be told that all up to this request of a link is taken over.
    pub(super) const fn are_taken(&mut self, up_to: Place) {
        self.taken = Some(up_to);
    }

    /// What is to be said of a link. What is left of one long gone makes room for another.
    fn unsaid_of(&mut self, link: u64) -> &mut Unsaid {
        if !self.unsaid.contains_key(&link) && self.unsaid.len() >= LINKS_MAX {
            let oldest = self.unsaid.iter().min_by_key(|(_, unsaid)| unsaid.serial);
            if let Some(oldest) = oldest.map(|(link, _)| *link) {
                self.unsaid.remove(&oldest);
            }
        }
        self.links += 1;
        let serial = self.links;
        self.unsaid.entry(link).or_insert_with(|| Unsaid { serial, ..Unsaid::default() })
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.ask_again, self.core.next_deadline()].into_iter().flatten().min()
    }

    /// The API is to be asked whether a life of a server goes on.
    pub(super) fn ask(&mut self, sender: &Sender, api_life: ApiLife, life: u32) {
        let sender = Bytes::copy_from_slice(sender.as_bytes());
        if self.unknown.iter().any(|asked| asked.sender == sender && asked.life == life) {
            return;
        }
        self.unknown.retain(|asked| asked.sender != sender);
        self.asks.entry(sender.clone()).or_insert(Asked { sender, api_life, life });
    }

    /// Takes what the API answers, and says the next thing.
    pub(super) fn work(&mut self, io: &mut Io) -> Heard {
        let mut heard = Heard::default();
        if self.ask_again.is_some_and(|at| at <= io.now()) {
            self.ask_again = None;
            self.pause = (self.pause * 2).min(PAUSE_MAX);
            for asked in std::mem::take(&mut self.unknown) {
                self.asks.entry(asked.sender.clone()).or_insert(asked);
            }
        }
        while let Some(event) = self.core.next_event(io) {
            if let socket::Event::Message { message, .. } = event {
                // Whatever the answer to a receipt: an API that does not know the link has given it up.
                if let Some(Said::Ask(asked)) = self.said.take() {
                    let answer = message.first().bytes();
                    if answer == WAIT {
                        let pause = self.pause;
                        self.ask_again.get_or_insert_with(|| later(io.now(), pause));
                        self.unknown.push(asked);
                    } else {
                        self.pause = PAUSE_MIN;
                        heard.answers.push((asked, Answer::parse(answer) == Answer::Received));
                    }
                }
            } else if let socket::Event::NoReply { .. } = event {
                self.unsay();
            } else {
                heard.notices.push(event);
            }
        }
        self.say(io);
        heard
    }

    /// What was said may not have been heard: to be said again, which does no harm.
    fn unsay(&mut self) {
        match self.said.take() {
            Some(Said::Receipt { link, done, failed }) => {
                let unsaid = self.unsaid_of(link);
                unsaid.done.extend(done.into_iter().flat_map(|(first, last)| first..=last));
                unsaid.failed.extend(failed.into_iter().flat_map(|(first, last)| first..=last));
            }
            // Only the last is waited for.
            Some(Said::Taken(up_to)) => self.taken = self.taken.or(Some(up_to)),
            Some(Said::Ask(asked)) => {
                self.asks.entry(asked.sender.clone()).or_insert(asked);
            }
            None => {}
        }
    }

    /// Says one thing, if the last one is answered. Where nobody is there it is said later.
    fn say(&mut self, io: &mut Io) {
        if self.said.is_some() {
            return;
        }
        // Somebody waits for the answer to a question.
        if let Some((_, asked)) = self.asks.first_key_value() {
            let asked = asked.clone();
            let (sender, (epoch, life)) = (asked.sender.clone(), asked.api_life);
            let note = Note::Ask { sender, epoch, life, up: asked.life };
            if self.core.send(Message::from(note.encode()), io).is_ok() {
                self.asks.remove(&asked.sender);
                self.said = Some(Said::Ask(asked));
            }
            return;
        }
        if let Some(up_to) = self.taken.take_if(|(link, _)| !has_failed(&self.unsaid, *link)) {
            let (link, count) = up_to;
            if self.core.send(Message::from(Note::Taken { link, count }.encode()), io).is_ok() {
                self.said = Some(Said::Taken(up_to));
            } else {
                self.taken = Some(up_to);
            }
            return;
        }
        let after = (Bound::Excluded(self.had_turn), Bound::Unbounded);
        let next = self.unsaid.range(after).next().or_else(|| self.unsaid.first_key_value());
        let Some(link) = next.map(|(link, _)| *link) else { return };
        let Some(unsaid) = self.unsaid.get_mut(&link) else { return };
        let (done, failed) = (ranges(&unsaid.done), ranges(&unsaid.failed));
        let note = Note::Receipt { link, done: done.clone(), failed: failed.clone() };
        if self.core.send(Message::from(note.encode()), io).is_err() {
            return;
        }
        self.had_turn = link;
        remove(&mut unsaid.done, &done);
        remove(&mut unsaid.failed, &failed);
        if unsaid.done.is_empty() && unsaid.failed.is_empty() {
            self.unsaid.remove(&link);
        }
        self.said = Some(Said::Receipt { link, done, failed });
    }
}

/// Whether something of a link is given back and not said: the API may answer that itself, as long as it
/// waits for this Node.
fn has_failed(unsaid: &BTreeMap<u64, Unsaid>, link: u64) -> bool {
    unsaid.get(&link).is_some_and(|unsaid| !unsaid.failed.is_empty())
}

/// The first numbers of a set, as ranges.
fn ranges(numbers: &BTreeSet<u64>) -> Vec<Range> {
    let mut ranges: Vec<Range> = Vec::new();
    for &number in numbers {
        let count = ranges.len();
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ if count == RANGES_MAX => break,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Removes the ranges that [`ranges`] gave.
fn remove(numbers: &mut BTreeSet<u64>, ranges: &[Range]) {
    for number in ranges.iter().flat_map(|(first, last)| *first..=*last) {
        numbers.remove(&number);
    }
}

/// How long between two questions where nobody knows yet: at first, while a server is asked for a sign
/// of life, and at most.
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// Ranges in one receipt.
const RANGES_MAX: usize = 1000;

/// Links of which something may wait for the API to listen.
const LINKS_MAX: usize = 16;

/// Numbers of one link that may wait for the API to listen.
const UNSAID_MAX: usize = 1 << 20;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a base for made-up times")]
mod tests {
    use super::*;
    use crate::zmtp::SocketType;

    fn receipts(open_max: usize) -> Receipts {
        let mut io = Io::new(Instant::now(), 1);
        let (config, to) = (socket::Config::new(SocketType::Req), "tcp://127.0.0.1:1");
        Receipts::connect(config, 1, to.parse().unwrap(), open_max, &mut io)
    }

    #[test]
    fn of_too_many_requests_the_oldest_is_forgotten() {
        let mut receipts = receipts(2);
        let (first, forgotten) = receipts.open(ServerId(1), Some((7, 1)));
        assert_eq!((forgotten, receipts.open(ServerId(2), None).1), (None, None));
        let (third, forgotten) = receipts.open(ServerId(3), None);
        assert_eq!((forgotten, receipts.open_len()), (Some(ServerId(1)), 2));
        assert_eq!(receipts.finish(first, false), None);
        // An API that takes no receipts is told nothing.
        assert_eq!(receipts.finish(third, false), Some(ServerId(3)));
        assert!(receipts.is_quiet());
    }

    #[test]
    fn what_the_api_does_not_hear_is_bounded() {
        let mut receipts = receipts(2);
        (0..=LINKS_MAX as u64).for_each(|link| receipts.note((100 - link, 1), false));
        assert_eq!(receipts.unsaid.len(), LINKS_MAX);
        assert!(!receipts.unsaid.contains_key(&100), "the oldest has gone, whatever its number");
        let all = UNSAID_MAX as u64;
        (1..=all).for_each(|number| receipts.note((99, number), true));
        receipts.note((99, all + 1), true);
        let failed = &receipts.unsaid[&99].failed;
        assert_eq!((failed.len(), failed.first()), (UNSAID_MAX, Some(&2)));
    }

    #[test]
    fn of_one_life_of_a_server_the_api_is_asked_once_at_a_time() {
        let (mut receipts, sender) = (receipts(2), Sender::new("me").unwrap());
        let asked = |name: &'static [u8]| Asked { sender: name.into(), api_life: (5, 1), life: 3 };
        receipts.unknown = vec![asked(b"me"), asked(b"you")];
        receipts.ask(&sender, (5, 1), 3);
        assert_eq!((receipts.unknown.len(), receipts.asks.len()), (2, 0), "it is, in a moment");
        receipts.ask(&sender, (5, 1), 4);
        receipts.ask(&sender, (5, 1), 4);
        assert_eq!((receipts.unknown.len(), receipts.asks.len()), (1, 1), "the link is another");
    }

    #[test]
    fn numbers_in_a_row_are_one_range() {
        let numbers: BTreeSet<u64> = [1, 2, 3, 5, 8, 9, u64::MAX].into();
        assert_eq!(ranges(&numbers), [(1, 3), (5, 5), (8, 9), (u64::MAX, u64::MAX)]);
        let many: BTreeSet<u64> = (0..5000).map(|number| number * 2).collect();
        assert_eq!(ranges(&many).len(), RANGES_MAX);
    }

    #[test]
    fn what_is_said_is_removed() {
        let mut numbers: BTreeSet<u64> = (1..10).collect();
        remove(&mut numbers, &[(1, 3), (9, 9)]);
        assert_eq!(numbers, (4..9).collect());
    }
}
