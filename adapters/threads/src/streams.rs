//! All streams and listeners of one driver: performs operations on them, collects the answers.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::task::Waker;

use mio::Registry;
use mio::event::Event;
use mongrel2_transceiver::{Endpoint, Input, LinkId, ListenerId, Output};
use mongrel2_transceiver_adapter::address::{self, Address};
use mongrel2_transceiver_adapter::bind::{self, Bound};
use mongrel2_transceiver_adapter::octets::ReadBlock;

use crate::accept::Listening;
use crate::connect::Connecting;
use crate::helpers::{Found, Helpers};
use crate::link::{Open, Stream};
use crate::table::{Name, State, Table};

/// Performs operations. Those for links and listeners that it does not know are not answered.
#[derive(Debug)]
pub(crate) struct Streams {
    registry: Registry,
    links: Table,
    listeners: HashMap<ListenerId, Listening>,
    helpers: Helpers,
    block: ReadBlock,
    /// At most a few per operation or ready stream; taken before the next.
    answers: VecDeque<Input>,
}

impl Streams {
    /// `waker` is for helpers that have found something.
    pub(crate) fn new(registry: Registry, waker: Waker) -> Self {
        Self {
            registry,
            links: Table::new(),
            listeners: HashMap::new(),
            helpers: Helpers::new(waker),
            block: ReadBlock::default(),
            answers: VecDeque::new(),
        }
    }

    /// What came of an operation, for the machine.
    pub(crate) fn next_answer(&mut self) -> Option<Input> {
        let input = self.answers.pop_front()?;
        tracing::trace!(?input);
        Some(input)
    }

    /// Performs one operation, or begins to.
    pub(crate) fn perform(&mut self, output: Output) {
        tracing::trace!(?output);
        match output {
            Output::Connect { link, endpoint } => self.connect(link, endpoint),
            Output::Listen { listener, endpoint } => self.listen(listener, endpoint),
            Output::Accept { listener, link } => self.accept(listener, link),
            Output::Read { link, max } => {
                if let Some(open) = self.links.open(link) {
                    open.ask_read(max);
                    self.try_read(link);
                }
            }
            Output::Write { link, data } => {
                if let Some(open) = self.links.open(link) {
                    open.ask_write(data);
                    self.try_write(link);
                }
            }
            Output::Finish { link } => {
                if let Some(open) = self.links.open(link) {
                    open.finish();
                }
            }
            Output::Close { link } => self.close(link),
            Output::Unlisten { listener } => self.unlisten(listener),
        }
    }

    /// Goes on with whatever waited for this readiness.
    pub(crate) fn retry(&mut self, event: &Event) {
        match self.links.find(event.token()) {
            Some(Name::Link(link)) => {
                if let Some(open) = self.links.open(link) {
                    open.notice(event);
                    self.try_read(link);
                    self.try_write(link);
                } else {
                    self.try_connect(link);
                }
            }
            Some(Name::Listener(listener)) => {
                if let Some(listening) = self.listeners.get_mut(&listener) {
                    listening.notice();
                    self.try_accept(listener);
                }
            }
            None => {} // the wakeup, or somebody who is gone
        }
    }

    /// Goes on with whatever waited for a helper.
    pub(crate) fn take_help(&mut self) {
        while let Some(found) = self.helpers.take() {
            match found {
                Found::Addresses(link, addresses) => self.found(link, addresses),
                Found::Bound(listener, bound) => self.bound(listener, bound),
            }
        }
    }

    fn connect(&mut self, link: LinkId, endpoint: Endpoint) {
        self.links.insert(link, State::Connecting(Connecting::new(Vec::new())));
        if !address::has_name(&endpoint) {
            return self.found(link, address::look_up(&endpoint));
        }
        let look_up = move || Found::Addresses(link, address::look_up(&endpoint));
        if let Err(error) = self.helpers.start(look_up) {
            self.end(link, Some(error.kind()));
        }
    }

    fn found(&mut self, link: LinkId, addresses: io::Result<Vec<Address>>) {
        let Some((_, State::Connecting(connecting))) = self.links.get(link) else { return };
        match addresses {
            Ok(addresses) => {
                *connecting = Connecting::new(addresses);
                self.try_connect(link);
            }
            Err(error) => self.end(link, Some(error.kind())),
        }
    }

    fn try_connect(&mut self, link: LinkId) {
        let Some((token, state)) = self.links.get(link) else { return };
        let State::Connecting(connecting) = state else { return };
        match connecting.try_connect(&self.registry, token) {
            None => {}
            Some(Ok(stream)) => {
                *state = State::Open(Open::new(stream));
                self.answers.push_back(Input::Opened { link });
            }
            Some(Err(cause)) => self.end(link, Some(cause)),
        }
    }

    fn listen(&mut self, listener: ListenerId, endpoint: Endpoint) {
        let token = self.links.name(Name::Listener(listener));
        self.listeners.insert(listener, Listening::new(token));
        if !bind::may_block(&endpoint) {
            return self.bound(listener, bind::bind(&endpoint));
        }
        let bind = move || Found::Bound(listener, bind::bind(&endpoint));
        if let Err(error) = self.helpers.start(bind) {
            self.bound(listener, Err(error));
        }
    }

    fn bound(&mut self, listener: ListenerId, bound: io::Result<Bound>) {
        let Some(listening) = self.listeners.get_mut(&listener) else { return };
        let started = bound.and_then(|bound| {
            let port = bound.port;
            listening.start(bound, &self.registry).map(|()| port)
        });
        match started {
            Ok(port) => {
                self.answers.push_back(Input::Listening { listener, port });
                self.try_accept(listener);
            }
            Err(error) => {
                self.answers.push_back(Input::ListenFailed { listener, cause: error.kind() });
                self.unlisten(listener);
            }
        }
    }

    fn accept(&mut self, listener: ListenerId, link: LinkId) {
        let Some(listening) = self.listeners.get_mut(&listener) else { return };
        listening.ask_accept(link);
        self.links.insert(link, State::Accepting(listener));
        self.try_accept(listener);
    }

    fn try_accept(&mut self, listener: ListenerId) {
        while let Some(listening) = self.listeners.get_mut(&listener) {
            let Some((link, accepted)) = listening.try_accept() else { return };
            match accepted.and_then(|stream| self.accepted(link, stream)) {
                Ok(()) => self.answers.push_back(Input::Opened { link }),
                Err(error) => self.end(link, Some(error.kind())),
            }
        }
    }

    fn accepted(&mut self, link: LinkId, mut stream: Stream) -> io::Result<()> {
        if let Some((token, state)) = self.links.get(link) {
            stream.register(&self.registry, token)?;
            *state = State::Open(Open::new(stream));
        }
        Ok(())
    }

    fn try_read(&mut self, link: LinkId) {
        let Some(open) = self.links.open(link) else { return };
        match open.try_read(&mut self.block) {
            None => {}
            Some(Ok(data)) if data.is_empty() => self.end(link, None),
            Some(Ok(data)) => self.answers.push_back(Input::Received { link, data }),
            Some(Err(error)) => self.end(link, Some(error.kind())),
        }
    }

    fn try_write(&mut self, link: LinkId) {
        match self.links.open(link).and_then(Open::try_write) {
            None => {}
            Some(Ok(())) => self.answers.push_back(Input::Sent { link }),
            Some(Err(error)) => self.end(link, Some(error.kind())),
        }
    }

    /// Drops a link that has ended by itself, and answers all that was under way on it.
    fn end(&mut self, link: LinkId, cause: Option<io::ErrorKind>) {
        let Some(state) = self.links.remove(link) else { return };
        let answers = match state {
            State::Open(open) => open.waiting(),
            State::Connecting(_) | State::Accepting(_) => 1,
        };
        self.answers.extend((0..answers).map(|_| Input::Closed { link, cause }));
    }

    /// Ends a link for the machine, which wants no answers.
    fn close(&mut self, link: LinkId) {
        match self.links.remove(link) {
            Some(State::Open(open)) => open.close(&mut self.block),
            Some(State::Accepting(listener)) => {
                if let Some(listening) = self.listeners.get_mut(&listener) {
                    listening.give_up(link);
                }
            }
            Some(State::Connecting(_)) | None => {}
        }
    }

    fn unlisten(&mut self, listener: ListenerId) {
        let Some(listening) = self.listeners.remove(&listener) else { return };
        self.links.forget(listening.token);
        for link in listening.close() {
            self.links.remove(link);
        }
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        for state in self.links.drain() {
            if let State::Open(open) = state {
                open.close(&mut self.block);
            }
        }
    }
}
