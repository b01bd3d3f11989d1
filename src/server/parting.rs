//! The parting from one handler, step by step.
//!
//! ```text
//! Remove -------> ProofOfEnd ------------------------------------------> off
//!      RECEIVED   DISCONNECT PING a random text: RECEIVED, and the text
//!                 does not come back, and the handler's links are gone
//! ```

use std::time::Instant;

use bytes::Bytes;

use crate::connector::{self, Asker};
use crate::introduction::{Answer, Order};
use crate::machine::Input;
use crate::socket::io::Io;
use crate::socket::later;

use super::claims::{Claims, Links};
use super::failure::{Cause, Step};
use super::introducing::reason;
use super::terms::{ROUND, Reason, Terms};
use super::uuid;

/// One parting under way.
#[derive(Debug)]
pub(super) struct Parting {
    asker: Asker,
    /// The step that it waits in: `Remove` or `ProofOfEnd`.
    step: Step,
    deadline: Instant,
    /// Whether nobody waits for it: then the handler's word is enough.
    is_silent: bool,
    /// Whether the handler has said that it serves the server no longer.
    is_removed: bool,
    /// What the handler is to publish, if it is to publish anything.
    text: Option<Bytes>,
    /// Whether it did.
    is_heard: bool,
    /// The number of links for replies that had come up when it began, where the handler's was known.
    /// While no other comes up nothing can come from a handler whose link is gone.
    known_at: Option<u64>,
    /// The end of the wait for the text.
    again_at: Option<Instant>,
}

/// How a parting ends.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) result: Result<(), Reason>,
    /// Whether the handler has said that it serves the server no longer.
    pub(super) is_removed: bool,
}

impl Parting {
    pub(super) fn new(
        asker: Asker,
        deadline: Instant,
        is_silent: bool,
        (links, claims): (&Links, &Claims),
    ) -> Self {
        Self {
            asker,
            step: Step::Remove,
            deadline,
            is_silent,
            is_removed: false,
            text: None,
            is_heard: false,
            known_at: links.reply.map(|_| claims.replies()),
            again_at: None,
        }
    }

    pub(super) const fn is_silent(&self) -> bool {
        self.is_silent
    }

    pub(super) fn begin(&mut self, terms: &Terms, io: &mut Io) {
        // Nothing else is asked, and the endpoint was looked at when it was introduced.
        let _ = self.asker.ask(&Order::Remove { sender: terms.sender.clone() }, io);
    }

    pub(super) fn end(&mut self, io: &mut Io) {
        self.asker.end(io);
    }

    pub(super) fn handle(&mut self, input: Input, io: &mut Io) {
        self.asker.handle(input, io);
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        self.asker.flush(io);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [Some(self.deadline), self.again_at, self.asker.next_deadline()].into_iter().flatten().min()
    }

    /// A text has come back.
    pub(super) fn heard(&mut self, text: &Bytes) {
        self.is_heard |= self.text.as_ref() == Some(text);
    }

    /// Goes as far as it can. An outcome is the last.
    pub(super) fn advance(
        &mut self,
        terms: &Terms,
        (links, claims): (&Links, &Claims),
        io: &mut Io,
    ) -> Option<Outcome> {
        self.asker.handle(Input::Timeout, io);
        let is_exact = self.known_at == Some(claims.replies());
        let result = self.proceed(terms, links, is_exact, io).transpose()?;
        Some(Outcome { result, is_removed: self.is_removed })
    }

    fn proceed(
        &mut self,
        terms: &Terms,
        links: &Links,
        is_exact: bool,
        io: &mut Io,
    ) -> Result<Option<()>, Reason> {
        if let Some(result) = self.asker.poll(io) {
            self.answered(result, terms, io)?;
        }
        if self.is_silent && self.is_removed {
            return Ok(Some(()));
        }
        // Nobody is there, and nothing of it is left here: that will not change for waiting.
        let trouble = self.asker.trouble().filter(|_| self.asker.is_asked() && links.are_gone());
        if let Some(trouble) = trouble {
            return Err((Step::Reach, Cause::Unreachable(trouble.clone())));
        }
        if let Some(at) = self.again_at {
            // All that a link brought is heard before it is gone.
            let is_over = io.now() >= at || (is_exact && links.are_gone());
            if is_over && !self.is_heard && links.are_gone() {
                return Ok(Some(()));
            }
            if is_over {
                self.ask_again(terms, io);
            }
        }
        if io.now() >= self.deadline { Err(self.overdue(links)) } else { Ok(None) }
    }

    fn answered(
        &mut self,
        result: Result<Answer, connector::Failure>,
        terms: &Terms,
        io: &mut Io,
    ) -> Result<(), Reason> {
        match result {
            Ok(Answer::Received) if self.step == Step::Remove => {
                (self.step, self.is_removed) = (Step::ProofOfEnd, true);
                if !self.is_silent {
                    self.ask_again(terms, io);
                }
                Ok(())
            }
            Ok(Answer::Received) => {
                self.again_at = Some(later(io.now(), ROUND));
                Ok(())
            }
            Ok(Answer::Error(why)) => Err((self.step, Cause::Refused(why))),
            Ok(other) => Err((self.step, Cause::Unexpected(other.encode()))),
            Err(failure) => Err(reason(self.step, failure)),
        }
    }

    /// Another text each time: one that is late says nothing about the next.
    fn ask_again(&mut self, terms: &Terms, io: &mut Io) {
        let text = uuid::text(&mut io.rng);
        self.text = Some(text.clone());
        (self.is_heard, self.again_at) = (false, None);
        let sender = terms.sender.clone();
        // Nothing else is asked.
        let _ = self.asker.ask(&Order::DisconnectPing { sender, text }, io);
    }

    fn overdue(&self, links: &Links) -> Reason {
        if self.is_heard {
            (self.step, Cause::StillServed)
        } else if self.asker.is_asked() {
            reason(self.step, self.asker.overdue())
        } else if links.are_gone() {
            (self.step, Cause::TimedOut)
        } else {
            (self.step, Cause::StillLinked)
        }
    }
}
