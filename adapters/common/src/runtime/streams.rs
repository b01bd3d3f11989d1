//! All streams and listeners of one driver: performs operations on them, collects the answers.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Output};

use super::accept::Listening;
use super::connect::{self, Working};
use super::contract::Runtime;
use super::link::Open;
use super::ready::{Name, Ready};
use crate::octets::ReadBlock;

/// Performs operations. Those for links and listeners that it does not know are not answered.
pub(super) struct Streams<R: Runtime> {
    /// Each with a waker of its own, which says who is ready.
    links: HashMap<LinkId, (Waker, State<R>)>,
    listeners: HashMap<ListenerId, (Waker, Listening<R>)>,
    ready: Arc<Ready>,
    block: ReadBlock,
    /// At most a few per operation or ready stream; taken before the next.
    answers: VecDeque<Input>,
}

enum State<R: Runtime> {
    Connecting(Working<R::Stream>),
    Accepting(ListenerId),
    Open(Open<R::Stream>),
}

impl<R: Runtime> Streams<R> {
    pub(super) fn new(ready: &Arc<Ready>) -> Self {
        Self {
            links: HashMap::new(),
            listeners: HashMap::new(),
            ready: Arc::clone(ready),
            block: ReadBlock::default(),
            answers: VecDeque::new(),
        }
    }

    /// What came of an operation, for the machine.
    pub(super) fn next_answer(&mut self) -> Option<Input> {
        let input = self.answers.pop_front()?;
        tracing::trace!(?input);
        Some(input)
    }

    /// Performs one operation, or begins to.
    pub(super) fn perform(&mut self, output: Output) {
        tracing::trace!(?output);
        match output {
            Output::Connect { link, endpoint } => {
                self.insert(link, State::Connecting(connect::connect::<R>(endpoint)));
                self.try_connect(link);
            }
            Output::Listen { listener, endpoint } => self.listen(listener, endpoint),
            Output::Accept { listener, link } => self.accept(listener, link),
            Output::Read { link, max } => {
                if let Some((_, State::Open(open))) = self.links.get_mut(&link) {
                    open.ask_read(max);
                    self.try_read(link);
                }
            }
            Output::Write { link, data } => {
                if let Some((_, State::Open(open))) = self.links.get_mut(&link) {
                    open.ask_write(data);
                    self.try_write(link);
                }
            }
            Output::Finish { link } => {
                if let Some((_, State::Open(open))) = self.links.get_mut(&link) {
                    open.finish();
                }
            }
            Output::Close { link } => self.close(link),
            Output::Unlisten { listener } => self.unlisten(listener),
        }
    }

    /// Goes on with whatever waited for this one.
    pub(super) fn retry(&mut self, name: Name) {
        match name {
            Name::Link(link) => {
                self.try_connect(link);
                self.try_read(link);
                self.try_write(link);
            }
            Name::Listener(listener) => {
                self.try_bind(listener);
                self.try_accept(listener);
            }
        }
    }

    fn try_connect(&mut self, link: LinkId) {
        let Some((waker, state)) = self.links.get_mut(&link) else { return };
        let State::Connecting(connecting) = state else { return };
        match connecting.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Pending => {}
            Poll::Ready(Ok(stream)) => {
                *state = State::Open(Open::new(stream));
                self.answers.push_back(Input::Opened { link });
            }
            Poll::Ready(Err(error)) => self.end(link, Some(error.kind())),
        }
    }

    fn listen(&mut self, listener: ListenerId, endpoint: Endpoint) {
        let waker = self.ready.waker(Name::Listener(listener));
        self.listeners.insert(listener, (waker, Listening::new(endpoint)));
        self.try_bind(listener);
    }

    fn try_bind(&mut self, listener: ListenerId) {
        let Some((waker, listening)) = self.listeners.get_mut(&listener) else { return };
        match listening.poll_bind(&mut Context::from_waker(waker)) {
            Poll::Pending => {}
            Poll::Ready(Ok(port)) => self.answers.push_back(Input::Listening { listener, port }),
            Poll::Ready(Err(error)) => {
                self.answers.push_back(Input::ListenFailed { listener, cause: error.kind() });
                self.unlisten(listener);
            }
        }
    }

    fn accept(&mut self, listener: ListenerId, link: LinkId) {
        let Some((_, listening)) = self.listeners.get_mut(&listener) else { return };
        listening.ask_accept(link);
        self.insert(link, State::Accepting(listener));
        self.try_accept(listener);
    }

    fn try_accept(&mut self, listener: ListenerId) {
        while let Some((waker, listening)) = self.listeners.get_mut(&listener) {
            let accepted = listening.poll_accept(&mut Context::from_waker(waker));
            let Poll::Ready((link, accepted)) = accepted else { return };
            match accepted {
                Ok(stream) => self.accepted(link, stream),
                Err(error) => self.end(link, Some(error.kind())),
            }
        }
    }

    fn accepted(&mut self, link: LinkId, stream: R::Stream) {
        if let Some((_, state)) = self.links.get_mut(&link) {
            *state = State::Open(Open::new(stream));
            self.answers.push_back(Input::Opened { link });
        }
    }

    fn try_read(&mut self, link: LinkId) {
        let Some((waker, State::Open(open))) = self.links.get_mut(&link) else { return };
        match open.poll_read(&mut Context::from_waker(waker), &mut self.block) {
            Poll::Pending => {}
            Poll::Ready(Ok(data)) if data.is_empty() => self.end(link, None),
            Poll::Ready(Ok(data)) => self.answers.push_back(Input::Received { link, data }),
            Poll::Ready(Err(error)) => self.end(link, Some(error.kind())),
        }
    }

    fn try_write(&mut self, link: LinkId) {
        let Some((waker, State::Open(open))) = self.links.get_mut(&link) else { return };
        match open.poll_write(&mut Context::from_waker(waker)) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.answers.push_back(Input::Sent { link }),
            Poll::Ready(Err(error)) => self.end(link, Some(error.kind())),
        }
    }

    /// Drops a link that has ended by itself, and answers all that was under way on it.
    fn end(&mut self, link: LinkId, cause: Option<io::ErrorKind>) {
        let Some((_, state)) = self.links.remove(&link) else { return };
        let answers = match state {
            State::Open(open) => open.waiting(),
            State::Connecting(_) | State::Accepting(_) => 1,
        };
        self.answers.extend((0..answers).map(|_| Input::Closed { link, cause }));
    }

    /// Ends a link for the machine, which wants no answers.
    fn close(&mut self, link: LinkId) {
        match self.links.remove(&link) {
            Some((_, State::Open(open))) => open.close(&mut self.block),
            Some((_, State::Accepting(listener))) => {
                if let Some((_, listening)) = self.listeners.get_mut(&listener) {
                    listening.give_up(link);
                }
            }
            Some((_, State::Connecting(_))) | None => {}
        }
    }

    fn unlisten(&mut self, listener: ListenerId) {
        let Some((_, listening)) = self.listeners.remove(&listener) else { return };
        for link in listening.close() {
            self.links.remove(&link);
        }
    }

    /// Adds a link. One that was there stays: a machine does not use a name twice.
    fn insert(&mut self, link: LinkId, state: State<R>) {
        let waker = self.ready.waker(Name::Link(link));
        self.links.entry(link).or_insert((waker, state));
    }
}

impl<R: Runtime> Drop for Streams<R> {
    fn drop(&mut self) {
        for (_, state) in std::mem::take(&mut self.links).into_values() {
            if let State::Open(open) = state {
                open.close(&mut self.block);
            }
        }
    }
}
