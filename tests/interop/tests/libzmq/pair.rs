//! One of ours and one of libzmq's that fit each other.

use mongrel2_transceiver::socket::Config;
use mongrel2_transceiver::zmtp::SocketType;

use crate::adapter::Adapter;
use crate::load::{Frames, text};
use crate::ours::Ours;
use crate::theirs::Theirs;
use crate::way::Way;

/// A socket of ours, and the kind that it is to meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kinds {
    pub(crate) ours: SocketType,
    theirs: zmq::SocketType,
}

impl Kinds {
    pub(crate) const PULL: Self = Self { ours: SocketType::Pull, theirs: zmq::PUSH };
    pub(crate) const PUSH: Self = Self { ours: SocketType::Push, theirs: zmq::PULL };
    /// XPUB is a PUB that tells when a subscription has come.
    pub(crate) const SUB: Self = Self { ours: SocketType::Sub, theirs: zmq::XPUB };
    pub(crate) const PUB: Self = Self { ours: SocketType::Pub, theirs: zmq::SUB };
    pub(crate) const REP: Self = Self { ours: SocketType::Rep, theirs: zmq::REQ };
    pub(crate) const REQ: Self = Self { ours: SocketType::Req, theirs: zmq::REP };

    /// All six patterns, named after our side.
    pub(crate) const ALL: [Self; 6] =
        [Self::PULL, Self::PUSH, Self::SUB, Self::PUB, Self::REP, Self::REQ];

    pub(crate) fn new_ours<A: Adapter>(self, change: impl FnOnce(&mut Config)) -> Ours<A> {
        let mut ours = Ours::with(self.ours, change);
        if self.ours == SocketType::Sub {
            ours.subscribe(b"");
        }
        ours
    }

    pub(crate) fn new_theirs(self) -> Theirs {
        let theirs = Theirs::new(self.theirs);
        if self.theirs == zmq::SUB {
            theirs.subscribe(b"");
        }
        if self.theirs == zmq::XPUB {
            // Else it would not tell of a subscription that it remembers from a lost link.
            theirs.socket().set_xpub_verbose(true).unwrap();
        }
        theirs
    }
}

/// The two, connected.
pub(crate) struct Pair<A> {
    pub(crate) kinds: Kinds,
    pub(crate) ours: Ours<A>,
    pub(crate) theirs: Theirs,
    pub(crate) address: String,
}

impl<A: Adapter> Pair<A> {
    pub(crate) fn new(kinds: Kinds, way: Way) -> Self {
        Self::of(kinds, kinds.new_ours(|_| {}), kinds.new_theirs(), way)
    }

    pub(crate) fn of(kinds: Kinds, mut ours: Ours<A>, theirs: Theirs, way: Way) -> Self {
        interop::process::report("pair", &format!("{kinds:?}"));
        let address = way.join(&mut ours, &theirs);
        let mut pair = Self { kinds, ours, theirs, address };
        pair.wait_ready();
        pair
    }

    /// Waits until no message can be lost for want of a subscriber.
    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        self.ours.wait_up();
        match self.kinds.ours {
            SocketType::Pub => self.ours.wait_subscribed(1, &self.theirs),
            SocketType::Sub => assert_eq!(self.they_receive(), text("\x01")),
            SocketType::Push | SocketType::Pull | SocketType::Req | SocketType::Rep => {}
        }
    }

    /// One message, or one request and its reply.
    #[track_caller]
    pub(crate) fn exchange(&mut self, word: &str) {
        match self.kinds.ours {
            SocketType::Push | SocketType::Pub => self.we_tell(word),
            SocketType::Pull | SocketType::Sub => self.they_tell(word),
            SocketType::Req => {
                self.we_tell(word);
                self.they_tell("reply");
            }
            SocketType::Rep => {
                self.they_tell(word);
                self.we_tell("reply");
            }
        }
    }

    #[track_caller]
    pub(crate) fn we_tell(&mut self, word: &str) {
        self.ours.send(&text(word));
        assert_eq!(self.they_receive(), text(word));
    }

    #[track_caller]
    pub(crate) fn they_tell(&mut self, word: &str) {
        self.theirs.send(&text(word));
        assert_eq!(self.ours.receive(), text(word));
    }

    /// What libzmq receives while ours is at work.
    #[track_caller]
    fn they_receive(&mut self) -> Frames {
        let Self { ours, theirs, .. } = self;
        ours.work_until(|| theirs.try_receive())
    }
}
