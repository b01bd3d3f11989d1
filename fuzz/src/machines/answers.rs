//! What an application has handed over for browsers, and what became of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use mongrel2_transceiver::LinkId;
use mongrel2_transceiver::mongrel2::ConnId;
use mongrel2_transceiver::tier::node::Target;
use mongrel2_transceiver::transceiver::{self, ServerId};

use crate::choices::Choices;

/// All messages of a run, each with a number in its body.
#[derive(Debug, Default)]
pub(super) struct Answers {
    last: u64,
    /// Who has not got a message that was taken, by its number.
    missing: BTreeMap<u64, Vec<Target>>,
    /// How many messages to each were reported as lost.
    lost: BTreeMap<transceiver::Target, usize>,
    lost_ever: usize,
    /// The life that each link is of, and the last message of each browser there.
    lives: BTreeMap<LinkId, (ServerId, u32)>,
    links: BTreeMap<(ServerId, u32), LinkId>,
    newest: BTreeMap<(LinkId, ConnId), u64>,
    /// To whom the message is that was submitted last.
    asked: Option<(u64, Vec<Target>)>,
    /// Commands since the application has heard of losses.
    commands: usize,
}

impl Answers {
    /// Another command is submitted.
    pub(super) fn ask_for_nothing(&mut self) {
        self.asked = None;
        self.commands += 1;
    }

    /// A body that nobody else gets.
    pub(super) fn new_body(&mut self, targets: &[Target], choices: &mut Choices<'_>) -> Bytes {
        self.last += 1;
        self.asked = Some((self.last, targets.to_vec()));
        let padding = "x".repeat(usize::from(choices.octet()) * choices.pick(&[1, 0, 20]));
        format!("<{}>{padding}", self.last).into()
    }

    pub(super) fn answered(&mut self, is_taken: bool) {
        if let Some((number, targets)) = self.asked.take().filter(|_| is_taken) {
            self.missing.insert(number, targets);
        }
    }

    /// Judges what came by one link to the server that it is of.
    pub(super) fn heard(
        &mut self,
        link: LinkId,
        targets: &[ConnId],
        body: &[u8],
        is_of: impl Fn(ServerId) -> bool,
    ) {
        for number in numbers_in(body) {
            for conn_id in targets {
                let missing = self.missing.get_mut(&number).expect("it was handed over");
                let candidates = missing.iter().enumerate();
                let candidates =
                    candidates.filter(|(_, to)| to.conn_id == *conn_id && is_of(to.server));
                // Of several lives that it was said to at once, those before the last were over.
                let found = candidates.max_by_key(|(_, to)| to.life).map(|(place, _)| place);
                let found =
                    found.unwrap_or_else(|| panic!("{number} is not, or again, for {conn_id}"));
                let target = missing.swap_remove(found);
                let life = (target.server, target.life);
                assert_eq!(
                    *self.lives.entry(link).or_insert(life),
                    life,
                    "{link:?} is of one life"
                );
                assert_eq!(*self.links.entry(life).or_insert(link), link, "{life:?} is one link's");
                let last = self.newest.insert((link, *conn_id), number);
                assert!(last.is_none_or(|last| last <= number), "{number} comes behind {last:?}");
            }
        }
    }

    /// The application was told of losses.
    pub(super) fn lost(&mut self, targets: &[transceiver::Target]) {
        self.lost_ever += targets.len();
        for target in targets {
            *self.lost.entry(*target).or_default() += 1;
        }
    }

    /// How many events there may be because of what the application has asked for.
    pub(super) const fn unheard_of(&self) -> usize {
        self.commands
    }

    /// All is over: what was taken was delivered, or reported.
    pub(super) fn judge(&self, undelivered: usize) {
        assert_eq!(undelivered, self.lost_ever, "all losses are told");
        let mut missing = BTreeMap::<transceiver::Target, usize>::new();
        for Target { server, life, conn_id, .. } in self.missing.values().flatten().copied() {
            *missing.entry(transceiver::Target { server, life, conn_id }).or_default() += 1;
        }
        for (target, missing) in missing {
            let lost = self.lost.get(&target).copied().unwrap_or_default();
            assert!(missing <= lost, "{target} misses {missing}, of which {lost} were reported");
        }
    }
}

/// The numbers of the messages that some octets are of.
fn numbers_in(octets: &[u8]) -> Vec<u64> {
    let behind = octets.split(|octet| *octet == b'<').skip(1);
    let numbers = behind.filter_map(|text| {
        let end = text.iter().position(|octet| *octet == b'>')?;
        std::str::from_utf8(&text[..end]).ok()?.parse().ok()
    });
    numbers.collect()
}
