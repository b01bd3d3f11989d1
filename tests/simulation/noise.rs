//! A stranger: it sits where a server should be, or knocks where somebody listens, and says anything.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::time::{Duration, Instant};

use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Machine, Output, Segments};

use super::support::Dice;

/// How a stranger comes to its links.
#[derive(Clone, Debug)]
pub(crate) enum Manner {
    /// It takes what comes to this place, and claims to be a socket of this type.
    Sits(Endpoint, &'static str),
    /// It connects there, some times, and claims to be a socket of this type, if any.
    Knocks(Endpoint, Option<&'static str>),
}

#[derive(Debug)]
pub(crate) struct Noise {
    manner: Manner,
    dice: Dice,
    outputs: VecDeque<Output>,
    links: BTreeMap<LinkId, Link>,
    serial: u64,
    /// How often it still comes.
    times: usize,
    next: Option<Instant>,
    now: Instant,
}

#[derive(Debug)]
struct Link {
    ends: Instant,
    /// How often it still says something.
    words: usize,
    is_writing: bool,
}

impl Noise {
    pub(crate) fn new(now: Instant, manner: Manner, dice: Dice) -> Self {
        let (outputs, links) = (VecDeque::new(), BTreeMap::new());
        let mut noise = Self { manner, dice, outputs, links, serial: 0, times: 5, next: None, now };
        match noise.manner.clone() {
            Manner::Sits(endpoint, _) => {
                noise.outputs.push_back(Output::Listen { listener: LISTENER, endpoint });
            }
            Manner::Knocks(..) => noise.come(),
        }
        noise
    }

    /// Takes one more stream.
    fn come(&mut self) {
        self.serial += 1;
        let link = LinkId::new(0, self.serial);
        self.next = None;
        match &self.manner {
            Manner::Sits(..) => self.outputs.push_back(Output::Accept { listener: LISTENER, link }),
            Manner::Knocks(endpoint, _) => {
                self.times -= 1;
                let endpoint = endpoint.clone();
                self.outputs.push_back(Output::Connect { link, endpoint });
            }
        }
        // One that nobody answers is given up, too; an accept waits as long as it has to.
        let patience = self.dice.up_to(Duration::from_secs(2)).max(Duration::from_millis(1));
        let ends = match &self.manner {
            Manner::Sits(..) => self.now + Duration::from_secs(3600),
            Manner::Knocks(..) => self.now + patience,
        };
        self.links.insert(link, Link { ends, words: 4, is_writing: false });
    }

    fn opened(&mut self, id: LinkId) {
        let patience = self.dice.up_to(Duration::from_secs(2)).max(Duration::from_millis(1));
        let Some(link) = self.links.get_mut(&id) else {
            self.outputs.push_back(Output::Close { link: id });
            return;
        };
        link.ends = self.now + patience;
        self.say(id, true);
        self.outputs.push_back(Output::Read { link: id, max: 1 << 16 });
        if matches!(self.manner, Manner::Sits(..)) {
            self.come();
        }
    }

    fn say(&mut self, id: LinkId, is_first: bool) {
        let octets = if is_first { self.introduction() } else { self.nonsense() };
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.is_writing || link.words == 0 || octets.is_empty() {
            return;
        }
        link.words -= 1;
        link.is_writing = true;
        let data = Segments::from(bytes::Bytes::from(octets));
        self.outputs.push_back(Output::Write { link: id, data });
    }

    fn introduction(&mut self) -> Vec<u8> {
        let claims = match self.manner {
            Manner::Sits(_, claims) => Some(claims),
            Manner::Knocks(_, claims) => claims,
        };
        if self.dice.one_in(4) {
            return self.nonsense();
        }
        let mut octets = b"\xFF\0\0\0\0\0\0\0\0\x7F".to_vec();
        octets.extend([3, self.dice.pick(&[0, 1])]);
        octets.extend(b"NULL");
        octets.resize(64, 0);
        let Some(claims) = claims.filter(|_| self.dice.one_in(2)) else {
            octets.extend(self.nonsense());
            return octets;
        };
        let size = u8::try_from(claims.len()).unwrap();
        octets.extend([4, 22 + size]);
        octets.extend(b"\x05READY\x0BSocket-Type\0\0\0");
        octets.push(size);
        octets.extend(claims.as_bytes());
        if claims == "SUB" {
            // To everything.
            octets.extend(b"\0\x01\x01");
        }
        octets
    }

    fn nonsense(&mut self) -> Vec<u8> {
        match self.dice.below(4) {
            // A size that nobody has memory for, of a message or of a command.
            0 => {
                let mut octets = vec![self.dice.pick(&[2, 3, 6])];
                octets.extend((1_u64 << self.dice.pick(&[20, 40, 60, 63])).to_be_bytes());
                octets.extend(b"server-0 7 / ");
                octets.extend(self.dice.octets(100));
                octets
            }
            // A message that is none of a server's.
            1 => [&[0, 8][..], b"nonsense"].concat(),
            _ => {
                let size = 1 + self.dice.below(300);
                self.dice.octets(size)
            }
        }
    }

    fn lost(&mut self, id: LinkId) {
        self.links.remove(&id);
        match self.manner {
            Manner::Knocks(..) if self.times > 0 => {
                self.next = Some(self.now + Duration::from_millis(500));
            }
            _ => {}
        }
    }
}

impl Machine for Noise {
    type Command = ();
    type Event = ();
    type Refused = Infallible;

    fn handle(&mut self, now: Instant, input: Input) {
        self.now = self.now.max(now);
        match input {
            Input::Opened { link } => self.opened(link),
            Input::Sent { link } => {
                if let Some(link) = self.links.get_mut(&link) {
                    link.is_writing = false;
                }
            }
            Input::Received { link, .. } => {
                if self.links.contains_key(&link) {
                    self.say(link, false);
                    self.outputs.push_back(Output::Read { link, max: 1 << 16 });
                }
            }
            Input::Closed { link, .. } if self.links.contains_key(&link) => self.lost(link),
            Input::Listening { .. } => self.come(),
            Input::Closed { .. } | Input::ListenFailed { .. } | Input::Timeout => {}
        }
        let over = self.links.iter().filter(|(_, link)| link.ends <= self.now);
        for link in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.outputs.push_back(Output::Close { link });
            self.lost(link);
        }
        if self.next.is_some_and(|next| next <= self.now) {
            self.come();
        }
    }

    fn submit(&mut self, _now: Instant, (): ()) -> Result<(), Infallible> {
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_event(&mut self) -> Option<()> {
        None
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.links.values().map(|link| link.ends).chain(self.next).min()
    }
}

const LISTENER: ListenerId = ListenerId::new(0, 0);
