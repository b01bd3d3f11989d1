//! The introduction to one handler, step by step.
//!
//! ```text
//! Bind -> Address -> Add -------> Proof ---------------> Requests -> joined
//!                    RECEIVED     PING a random text     a link for requests
//!                                 until it comes back    has come up since
//! ```

use std::time::Instant;

use bytes::Bytes;

use crate::connector::{self, Asker};
use crate::introduction::{Answer, Order};
use crate::machine::{Input, LinkId};
use crate::socket::io::Io;
use crate::socket::later;

use super::claims::{Claims, Links};
use super::config::Handler;
use super::failure::{Cause, Step};
use super::terms::{ROUND, Reason, Terms};

/// One introduction under way.
#[derive(Debug)]
pub(super) struct Introduction {
    asker: Asker,
    handler: Handler,
    stage: Stage,
    deadline: Instant,
    /// What the handler is to publish.
    text: Bytes,
    /// When it is asked to publish it once more.
    again_at: Option<Instant>,
    /// Another text that came back.
    wrong: Option<Bytes>,
    /// Whether the handler may know the server from before.
    is_known: bool,
    /// Why a handler that may know the server does not add it: as it has it, perhaps.
    refusal: Option<Bytes>,
    /// When it began, counted in links for requests.
    since: u64,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Bind,
    Add,
    Proof,
    Requests,
}

/// How an introduction ends.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The way there and back is proven.
    Joined,
    /// It is not, and the handler may serve the server all the same.
    Failed { reason: Reason, may_be_served: bool },
}

impl Introduction {
    pub(super) const fn new(
        handler: Handler,
        asker: Asker,
        is_known: bool,
        text: Bytes,
        deadline: Instant,
    ) -> Self {
        Self {
            asker,
            handler,
            stage: Stage::Bind,
            deadline,
            text,
            again_at: None,
            wrong: None,
            is_known,
            refusal: None,
            since: 0,
        }
    }

    /// How far it came.
    pub(super) const fn step(&self) -> Step {
        match self.stage {
            Stage::Bind => Step::Bind,
            Stage::Add => Step::Add,
            Stage::Proof => Step::Proof,
            Stage::Requests => Step::Requests,
        }
    }

    pub(super) fn handle(&mut self, input: Input, io: &mut Io) {
        self.asker.handle(input, io);
    }

    pub(super) fn flush(&mut self, io: &mut Io) {
        self.asker.flush(io);
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let again_at = self.again_at.filter(|_| !self.asker.is_asked());
        [Some(self.deadline), again_at, self.asker.next_deadline()].into_iter().flatten().min()
    }

    /// A text has come back by this link.
    pub(super) fn heard(&mut self, text: &Bytes, link: LinkId, links: &mut Links) {
        if *text == self.text {
            links.reply.get_or_insert(link);
        } else if self.stage == Stage::Proof {
            self.wrong = Some(text.clone());
        }
    }

    /// Goes as far as it can. An outcome is the last.
    pub(super) fn advance(
        &mut self,
        terms: &Terms,
        (links, claims): (&mut Links, &mut Claims),
        io: &mut Io,
    ) -> Option<Outcome> {
        self.asker.handle(Input::Timeout, io);
        let begun = self.begin(terms, claims, io);
        if let Err(reason) = begun.and_then(|()| self.proceed(terms, links, io)) {
            return Some(self.failed(reason));
        }
        if self.stage == Stage::Requests {
            links.request = links.request.or_else(|| claims.claim(self.since));
            if links.request.is_some() {
                return Some(Outcome::Joined);
            }
        }
        (io.now() >= self.deadline).then(|| {
            let reason = self.overdue();
            self.failed(reason)
        })
    }

    /// Ends its link to the control socket. Whether the handler may serve the server all the same, if
    /// that is the end of it.
    pub(super) fn end(&mut self, io: &mut Io) -> bool {
        self.asker.end(io);
        match self.stage {
            Stage::Bind => self.is_known,
            Stage::Add => {
                self.is_known || matches!(self.asker.overdue(), connector::Failure::TimedOut)
            }
            Stage::Proof | Stage::Requests => true,
        }
    }

    fn begin(&mut self, terms: &Terms, claims: &Claims, io: &mut Io) -> Result<(), Reason> {
        if self.stage != Stage::Bind {
            return Ok(());
        }
        if self.handler.control.is_wildcard() {
            return Err((Step::Reach, Cause::Wildcard));
        }
        let Some(addresses) = terms.addresses(&self.handler) else { return Ok(()) };
        let (send_spec, recv_spec) = addresses?;
        self.stage = Stage::Add;
        self.since = claims.now();
        let sender = terms.sender.clone();
        self.ask(&Order::Add { sender, send_spec, recv_spec }, io)
    }

    fn proceed(&mut self, terms: &Terms, links: &Links, io: &mut Io) -> Result<(), Reason> {
        if let Some(result) = self.asker.poll(io) {
            self.answered(result, terms, io)?;
        }
        if self.stage == Stage::Proof && links.reply.is_some() {
            (self.stage, self.again_at) = (Stage::Requests, None);
        } else if self.stage == Stage::Requests && links.reply.is_none() {
            // It was proven, and that link has gone: another is to be proven.
            (self.stage, self.again_at) = (Stage::Proof, Some(later(io.now(), ROUND)));
        }
        if self.again_at.is_some_and(|at| at <= io.now()) && !self.asker.is_asked() {
            self.ping(terms, io)?;
        }
        Ok(())
    }

    fn answered(
        &mut self,
        result: Result<Answer, connector::Failure>,
        terms: &Terms,
        io: &mut Io,
    ) -> Result<(), Reason> {
        match (self.stage, result) {
            (Stage::Add, Ok(Answer::Error(why))) if self.is_known => {
                // It may have the server from before, and the links too: the proof will tell.
                (self.refusal, self.since) = (Some(why), 0);
                self.stage = Stage::Proof;
                self.ping(terms, io)
            }
            (Stage::Add, Ok(Answer::Received)) => {
                self.stage = Stage::Proof;
                self.ping(terms, io)
            }
            (Stage::Proof, Ok(Answer::Received)) => {
                self.again_at = Some(later(io.now(), ROUND));
                Ok(())
            }
            // What it was asked for has come before.
            (Stage::Requests, _) => Ok(()),
            (_, Ok(Answer::Error(why))) => Err((self.step(), Cause::Refused(why))),
            (_, Ok(other)) => Err((self.step(), Cause::Unexpected(other.encode()))),
            (_, Err(failure)) => Err(reason(self.step(), failure)),
        }
    }

    fn ping(&mut self, terms: &Terms, io: &mut Io) -> Result<(), Reason> {
        self.again_at = None;
        let (sender, text) = (terms.sender.clone(), self.text.clone());
        self.ask(&Order::Ping { sender, text }, io)
    }

    fn ask(&mut self, order: &Order, io: &mut Io) -> Result<(), Reason> {
        // Nothing else is asked, and the endpoint was looked at before; an order too large is like
        // one that nobody answers.
        let asked = self.asker.ask(order, io);
        asked.map_err(|_| (self.step(), Cause::TimedOut))
    }

    fn overdue(&mut self) -> Reason {
        let failure = self.asker.overdue();
        let is_unreachable = matches!(failure, connector::Failure::Unreachable(_));
        match self.stage {
            Stage::Add | Stage::Proof if self.asker.is_asked() && is_unreachable => {
                reason(self.step(), failure)
            }
            Stage::Proof => {
                (Step::Proof, self.wrong.take().map_or(Cause::TimedOut, Cause::WrongText))
            }
            Stage::Bind | Stage::Add | Stage::Requests => (self.step(), Cause::TimedOut),
        }
    }

    fn failed(&mut self, reason: Reason) -> Outcome {
        let may_be_served = match (self.stage, &reason) {
            (Stage::Bind, _) | (Stage::Add, (Step::Reach, _)) => false,
            // It has said no. Who has this name there may be somebody else.
            (Stage::Add, (_, Cause::Refused(_))) => self.is_known,
            _ => true,
        };
        // A refusal that did not matter, had the proof come.
        let reason = match self.refusal.take() {
            Some(why) => (Step::Add, Cause::Refused(why)),
            None => reason,
        };
        Outcome::Failed { reason, may_be_served }
    }
}

/// What to say of an order without an answer.
pub(super) fn reason(step: Step, failure: connector::Failure) -> Reason {
    let is_unreachable = matches!(failure, connector::Failure::Unreachable(_));
    (if is_unreachable { Step::Reach } else { step }, failure.into())
}
