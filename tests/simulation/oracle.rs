//! What must hold, as a plain model: it is told all that is said and all that arrives.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mongrel2_transceiver::transceiver::{Loss, ServerId, Target};

/// Something said that must arrive once, or be accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Token(u64);

/// A browser: which process of a server, which connection.
pub(crate) type Peer = (usize, i64);

#[derive(Debug, Default)]
pub(crate) struct Oracle {
    /// How many tokens there are.
    said: u64,
    requests: BTreeMap<Token, Said>,
    replies: BTreeMap<(Token, Peer), Said>,
    /// The last token of each browser that was told, and of what was received by it.
    told_last: BTreeMap<Peer, Token>,
    received_last: BTreeMap<Peer, u64>,
    /// How many replies were accepted so far: their order.
    accepted: u64,
    /// Which process each life is of.
    lives: BTreeMap<(ServerId, u32), usize>,
    /// How many messages to each target were reported as lost.
    reported: BTreeMap<Target, usize>,
    open: BTreeSet<Target>,
    /// Processes that speak ZMTP 3.0, and of which server they are.
    old: BTreeMap<usize, usize>,
    /// Browsers that keep RFC 6455.
    lawful: BTreeSet<Peer>,
    /// Those of them whose messages refer to earlier ones.
    referring: BTreeSet<Peer>,
    /// Who was refused something for being slow, and not told of room since.
    refused_slow: BTreeSet<Target>,
    /// Who was passed over for being slow.
    skipped: BTreeSet<Target>,
    /// How many lives each process was taken for, by all handlers.
    lives_of: BTreeMap<usize, usize>,
    /// When each process could have lost what was on its way.
    disturbed: BTreeMap<usize, Vec<Duration>>,
    pub(crate) undelivered: usize,
}

#[derive(Debug)]
struct Said {
    peer: Peer,
    at: Duration,
    target: Option<Target>,
    /// Its place among all that was accepted.
    order: u64,
    has_arrived: bool,
    /// Whether only a fault excuses its loss.
    must_arrive: bool,
    /// Whether the network may have had it.
    has_left: bool,
}

impl Oracle {
    pub(crate) const fn new_token(&mut self) -> Token {
        self.said += 1;
        Token(self.said)
    }

    /// A browser's request has left its server.
    pub(crate) fn requested(&mut self, token: Token, peer: Peer, at: Duration, must_arrive: bool) {
        let said = Said {
            peer,
            at,
            target: None,
            order: token.0,
            has_arrived: false,
            must_arrive,
            has_left: true,
        };
        assert!(self.requests.insert(token, said).is_none());
    }

    /// The application was told of a browser's request.
    pub(crate) fn told(&mut self, token: Token, target: Target) {
        let said = self.requests.get_mut(&token).unwrap_or_else(|| panic!("{token:?} of nobody"));
        assert!(!said.has_arrived, "{token:?} was told twice");
        said.has_arrived = true;
        let peer = said.peer;
        self.belongs(target, peer.0);
        assert_eq!(target.conn_id.0, peer.1, "{token:?} comes from another browser");
        let last = self.told_last.insert(peer, token);
        assert!(last.is_none_or(|last| last < token), "{token:?} was told after {last:?}");
    }

    /// A browser has connected.
    pub(crate) fn arrived(&mut self, peer: Peer, is_lawful: bool) {
        if is_lawful {
            self.lawful.insert(peer);
        }
    }

    /// A browser compresses its messages so that they refer to earlier ones.
    pub(crate) fn refers(&mut self, peer: Peer) {
        self.referring.insert(peer);
    }

    /// Whether what a browser says may make no sense, because something before it was lost. Where a server
    /// hands over to a link that is dead, and does not know it, no handler can know it either.
    pub(crate) fn may_be_garbled(&self, target: Target) -> bool {
        let process = self.process_of(target);
        process.is_some_and(|process| {
            // Over ZMTP 3.0 it may even be another's.
            let refers = self.referring.contains(&(process, target.conn_id.0));
            (refers && self.was_disturbed(process)) || self.speaks_old(process)
        })
    }

    /// Whether it can be that a browser says this now.
    pub(crate) fn is_plausible(&self, token: Token, target: Target) -> bool {
        let peer = self.process_of(target).map(|process| (process, target.conn_id.0));
        let said = self.requests.get(&token).filter(|said| !said.has_arrived);
        let last = peer.and_then(|peer| self.told_last.get(&peer));
        said.is_some_and(|said| Some(said.peer) == peer) && last.is_none_or(|last| *last < token)
    }

    /// Whether a target is a browser that keeps the rules.
    pub(crate) fn is_lawful(&self, target: Target) -> bool {
        let process = self.process_of(target);
        process.is_some_and(|process| self.lawful.contains(&(process, target.conn_id.0)))
    }

    /// The application was told something that a process has said.
    pub(crate) fn belongs(&mut self, target: Target, process: usize) {
        let of = *self.lives.entry((target.server, target.life)).or_insert_with(|| {
            *self.lives_of.entry(process).or_default() += 1;
            process
        });
        assert_eq!(of, process, "{target} is of two processes");
    }

    /// The process that a life is of.
    pub(crate) fn process_of(&self, target: Target) -> Option<usize> {
        self.lives.get(&(target.server, target.life)).copied()
    }

    /// For how many lives a process was taken.
    pub(crate) fn lives_of(&self, process: usize) -> usize {
        self.lives_of.get(&process).copied().unwrap_or_default()
    }

    /// A reply was accepted for good; `must_arrive` unless its target may have ended before.
    pub(crate) fn accepted(
        &mut self,
        token: Token,
        target: Target,
        at: Duration,
        must_arrive: bool,
    ) {
        self.accepted += 1;
        let process = self.process_of(target).unwrap_or_else(|| panic!("{target} was never told"));
        let peer = (process, target.conn_id.0);
        let order = self.accepted;
        let target = Some(target);
        let said =
            Said { peer, at, target, order, has_arrived: false, must_arrive, has_left: true };
        assert!(self.replies.insert((token, peer), said).is_none(), "{token:?} is sent twice");
    }

    /// This process speaks ZMTP 3.0, and so do all others of its server.
    pub(crate) fn is_old(&mut self, process: usize, server: usize) {
        self.old.insert(process, server);
    }

    /// Whether this process speaks ZMTP 3.0, so that nothing proves which life a link belongs to.
    pub(crate) fn speaks_old(&self, process: usize) -> bool {
        self.old.contains_key(&process)
    }

    /// Whether a reply is on its way to a browser, as far as is known.
    pub(crate) fn is_expected(&self, token: Token, peer: Peer) -> bool {
        self.replies.get(&(token, peer)).is_some_and(|said| !said.has_arrived)
    }

    /// A process of a server was given a reply. False where it was for another process, and that may be:
    /// the requests of one that speaks ZMTP 3.0 may wait unread when it dies, and then nothing tells them
    /// from those of the next one.
    pub(crate) fn received(&mut self, token: Token, peer: Peer) -> bool {
        let server = |process: usize| self.old.get(&process);
        let asked_by = self.requests.get(&token).map(|asked| asked.peer.0);
        let of_token = (token, (0, i64::MIN))..=(token, (usize::MAX, i64::MAX));
        let said_to = self.replies.range(of_token).map(|((_, to), _)| to.0);
        let is_of_another = asked_by.into_iter().chain(said_to).any(|process| {
            process < peer.0 && server(process).is_some() && server(process) == server(peer.0)
        });
        if is_of_another && !self.replies.contains_key(&(token, peer)) {
            return false;
        }
        let said = self.replies.get_mut(&(token, peer));
        let said = said.unwrap_or_else(|| panic!("{token:?} reached {peer:?}, a stranger"));
        assert!(!said.has_arrived, "{token:?} reached {peer:?} twice");
        said.has_arrived = true;
        let order = said.order;
        // What lies in the network when a link is given up may come after what goes by the next one.
        if is_excused(&self.disturbed, said) {
            return true;
        }
        let last = self.received_last.insert(peer, order);
        assert!(
            last.is_none_or(|last| last < order),
            "{token:?} came to {peer:?} after what was said later: {last:?}, {order}"
        );
        true
    }

    /// A reply was being written when its link ended, and nobody has read it.
    pub(crate) fn never_left(&mut self, token: Token, conn_id: i64) {
        let of_token = (token, (0, i64::MIN))..=(token, (usize::MAX, i64::MAX));
        let mut replies = self.replies.range_mut(of_token).filter(|((_, to), _)| to.1 == conn_id);
        // A broadcast may go to connections of this number at several servers.
        if let (Some((_, said)), None) = (replies.next(), replies.next()) {
            said.has_left = false;
        }
    }

    /// Grows with all that is said and all that arrives.
    pub(crate) fn count(&self) -> usize {
        let arrived = self.replies.values().chain(self.requests.values());
        self.replies.len() + self.requests.len() + arrived.filter(|said| said.has_arrived).count()
    }

    /// Whether a request was told, and its reply is back.
    pub(crate) fn has_returned(&self, (token, peer): (Token, Peer)) -> bool {
        self.replies.get(&(token, peer)).is_some_and(|said| said.has_arrived)
    }

    pub(crate) fn reported(&mut self, targets: &[Target], reason: Loss) {
        if reason == Loss::Slow {
            // A broadcast that some were too slow for, who are told of as well.
            self.skipped.extend(targets);
        }
        self.undelivered += targets.len();
        for target in targets {
            *self.reported.entry(*target).or_default() += 1;
        }
    }

    pub(crate) fn opened(&mut self, target: Target) {
        assert!(self.open.insert(target), "{target} was opened twice");
    }

    pub(crate) fn is_open(&self, target: Target) -> bool {
        self.open.contains(&target)
    }

    pub(crate) fn closed(&mut self, target: Target) {
        assert!(self.open.remove(&target), "{target} was closed and not open");
        self.refused_slow.remove(&target);
    }

    /// Something was refused because the browser is slow.
    pub(crate) fn refused_slow(&mut self, target: Target) {
        self.refused_slow.insert(target);
    }

    /// The application is told of room for a browser.
    pub(crate) fn has_room(&mut self, target: Target) {
        let was_refused = self.refused_slow.remove(&target) | self.skipped.remove(&target);
        assert!(was_refused, "{target} has room, and nothing was refused");
    }

    /// The handler's process has died: its sessions are nobody's, and its replies may be lost.
    pub(crate) fn handler_died(&mut self) {
        self.open.clear();
        self.refused_slow.clear();
        self.skipped.clear();
        self.reported.clear();
        self.lives.clear();
        self.undelivered = 0;
        for said in self.replies.values_mut() {
            said.must_arrive = false;
        }
    }

    pub(crate) fn open_sessions(&self) -> impl Iterator<Item = Target> {
        self.open.iter().copied()
    }

    /// What was on its way to or from a process may be lost.
    pub(crate) fn disturbed(&mut self, process: usize, at: Duration) {
        self.disturbed.entry(process).or_default().push(at);
    }

    /// Whether anything could have been lost on the way to or from a process.
    pub(crate) fn was_disturbed(&self, process: usize) -> bool {
        self.disturbed.contains_key(&process)
    }

    /// Browsers that read again have room again, and the application is told.
    pub(crate) fn judge_room(&self) {
        let mut forgotten = self.refused_slow.iter().filter(|target| self.is_lawful(**target));
        assert!(forgotten.next().is_none(), "never told of room: {:?}", self.refused_slow);
    }

    /// All that was said is over: each session that was opened was closed.
    pub(crate) fn judge_sessions(&self) {
        assert!(self.open.is_empty(), "never closed: {:?}", self.open);
    }

    /// Each request was told, or a fault excuses its loss.
    pub(crate) fn judge_requests(&self) {
        for (token, said) in &self.requests {
            let is_lost = said.must_arrive && !said.has_arrived;
            let is_excused = is_excused(&self.disturbed, said) || self.may_be_cut_off(said);
            assert!(!is_lost || is_excused, "{token:?} of {:?} was lost", said.peer);
        }
    }

    /// Whether what a process says may be lost because of those before it: nothing tells its links from
    /// theirs where it speaks ZMTP 3.0, and with the last of theirs the handler cuts all.
    fn may_be_cut_off(&self, said: &Said) -> bool {
        let process = said.peer.0;
        let Some(server) = self.old.get(&process) else { return false };
        let before = self.old.range(..process).filter(|(_, other)| *other == server);
        let mut faults = before.filter_map(|(process, _)| self.disturbed.get(process)).flatten();
        faults.any(|at| *at + LASTING >= said.at)
    }

    /// Each reply that was accepted has arrived, or its loss was reported, or a fault excuses it.
    pub(crate) fn judge_replies(&self) {
        let mut missing = BTreeMap::<Target, Vec<(&Token, &Said)>>::new();
        for ((token, _), said) in
            self.replies.iter().filter(|(_, said)| said.must_arrive && !said.has_arrived)
        {
            missing.entry(said.target.unwrap()).or_default().push((token, said));
        }
        for (target, missing) in missing {
            let reported = self.reported.get(&target).copied().unwrap_or_default();
            let without_excuse =
                missing.iter().filter(|(_, said)| !is_excused(&self.disturbed, said));
            let is_accounted_for = without_excuse.count() <= reported;
            assert!(is_accounted_for, "{target} misses {missing:?} in silence");
            let unsent = missing.iter().filter(|(_, said)| !said.has_left).count();
            assert!(unsent <= reported, "{target}: {unsent} unsent, {reported} reported");
        }
    }
}

/// Whether a fault could have taken it from the network, or kept it there, without anybody's knowledge.
fn is_excused(disturbed: &BTreeMap<usize, Vec<Duration>>, said: &Said) -> bool {
    let faults = disturbed.get(&said.peer.0);
    faults.is_some_and(|faults| faults.iter().any(|at| *at + LASTING >= said.at))
}

/// How long a fault may go unnoticed.
const LASTING: Duration = Duration::from_secs(60);

/// How a token stands in the octets that are said.
pub(crate) fn text_of(token: Token) -> String {
    format!("token {}", token.0)
}

/// The tokens that octets carry, where they carry nothing else.
pub(crate) fn tokens_in(octets: &[u8]) -> Vec<Token> {
    let text = std::str::from_utf8(octets).ok().and_then(|text| text.strip_prefix("token "));
    let numbers = text.into_iter().flat_map(|text| text.split("token "));
    let tokens = numbers.map(|number| number.parse().ok().map(Token));
    tokens.collect::<Option<_>>().unwrap_or_default()
}

/// A token in a text that is worth compressing.
pub(crate) fn padded_text_of(token: Token) -> String {
    text_of(token) + PADDING
}

const PADDING: &str =
    ", in a text that is long enough, and long enough the same, to be compressed, enough";

/// The token that octets carry.
pub(crate) fn token_in(octets: &[u8]) -> Option<Token> {
    let text = std::str::from_utf8(octets).ok()?.strip_prefix("token ")?;
    text.strip_suffix(PADDING).unwrap_or(text).parse().ok().map(Token)
}
