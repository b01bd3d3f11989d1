//! What comes by the link for work: requests, numbered, and what the API says about them.

use std::collections::BTreeMap;
use std::time::Instant;

use bytes::Bytes;

use crate::machine::LinkId;
use crate::mongrel2::Request;

use super::super::wire::Note;
use super::held::{ApiLife, Held, Item};
use super::receipts::Place;

/// The present link for work.
#[derive(Debug, Default)]
pub(super) struct Work {
    /// The link, and what it is called in receipts, once the API has said so.
    name: Option<(LinkId, u64)>,
    /// How many requests have come by it.
    count: u64,
    /// The life of each server that its requests are of from here on.
    lives: BTreeMap<Bytes, ApiLife>,
    /// The API waits to hear that all up to this one is taken over.
    mark: Option<Place>,
}

/// What a message for work is.
#[derive(Debug)]
pub(super) enum Job {
    /// To be served.
    Request(Item),
    /// Not to be read. Its place is to be reported.
    Unreadable(Bytes, Option<Place>),
    /// The API says that the lives of a server before this one are over.
    Life(Bytes, ApiLife),
    /// Something about the link.
    Nothing,
}

impl Work {
    /// What a message on this link is.
    pub(super) fn read(&mut self, link: LinkId, raw: Bytes, until: Instant) -> Job {
        let Ok(request) = Request::parse(raw.clone()) else {
            return Job::Unreadable(raw, self.next_place(link));
        };
        match Note::read(&request) {
            Some(Note::Welcome { link: name }) => {
                *self = Self { name: Some((link, name)), ..Self::default() };
                Job::Nothing
            }
            Some(Note::Life { sender, epoch, life }) => {
                self.lives.insert(sender.clone(), (epoch, life));
                Job::Life(sender, (epoch, life))
            }
            Some(Note::Mark) => {
                self.mark =
                    self.name.filter(|(of, _)| *of == link).map(|(_, name)| (name, self.count));
                Job::Nothing
            }
            Some(
                Note::Over { .. }
                | Note::Ask { .. }
                | Note::Taken { .. }
                | Note::Announcement { .. }
                | Note::Receipt { .. },
            ) => Job::Nothing,
            None => {
                let place = self.next_place(link);
                // Without a name the link is one of an API that says nothing about lives.
                let life = self.lives.get(request.sender()).copied().filter(|_| place.is_some());
                Job::Request(Item { request, place, life, until })
            }
        }
    }

    /// Up to where all that has come is taken over, where the API waits to hear so: once nothing of that
    /// is `held` any more.
    pub(super) fn take_mark(&mut self, held: &Held) -> Option<Place> {
        self.mark.take_if(|(link, count)| {
            !held.places().any(|(of, number)| of == *link && number <= *count)
        })
    }

    /// Something larger than the limits was skipped.
    pub(super) fn skip(&mut self, link: LinkId) -> Option<Place> {
        self.next_place(link)
    }

    fn next_place(&mut self, link: LinkId) -> Option<Place> {
        let (_, name) = self.name.filter(|(of, _)| *of == link)?;
        self.count += 1;
        Some((name, self.count))
    }
}
