//! Sessions that are compressed (RFC 7692): what is agreed with each, and what each needs for that.
//!
//! Most have nothing to themselves: their messages stand alone, and one compressor serves all. The others
//! may refer to earlier messages, so theirs are compressed when they leave and not before: what is put
//! together, left out, or lost with a link on the way never gets into what is referred to.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, Request};
use crate::websocket::deflate::{
    self, Agreement, Deflater, History, Inflater, Terms, WINDOW_BITS_MAX,
};
use crate::websocket::{Flags, FrameError, InflateError, Message};

use super::config::Config;
use super::deflate::Deflate;
use super::packing::{Packing, encode};

/// The compressed sessions of one life of a server.
#[derive(Debug, Default)]
pub(crate) struct Compression {
    config: Option<Deflate>,
    /// Each with what it has to itself, if anything.
    sessions: BTreeMap<ConnId, Option<Box<Own>>>,
    /// How many have something to themselves, but for those that are adopted.
    own: usize,
    /// Of messages that stand alone; made when it is needed first, as is the next.
    deflater: Option<Deflater>,
    inflater: Option<Inflater>,
}

/// What one session has to itself.
#[derive(Debug)]
struct Own {
    agreed: Agreement,
    /// Made with its first message.
    deflater: Option<Deflater>,
    /// What its client has sent, where it may refer to that.
    history: Option<History>,
    /// Some of that did not come here: what refers to it cannot be read.
    is_lost: bool,
    /// It is not known what was agreed: it gets its messages as they are, which every client takes.
    is_adopted: bool,
}

impl Compression {
    pub(super) fn new(config: &Config) -> Self {
        Self { config: config.deflate.clone(), ..Self::default() }
    }

    /// The same without sessions.
    pub(super) fn fresh(&self) -> Self {
        Self { config: self.config.clone(), ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// What is agreed with a client, as the value of `Sec-WebSocket-Extensions`, if anything is.
    pub(super) fn agree(&mut self, conn_id: ConnId, request: &Request) -> Option<Bytes> {
        let config = self.config.as_ref()?;
        let has_room = self.own < config.contexts_max;
        let agreed = accept(request, has_room)?;
        let is_small = agreed.server_window_bits() < WINDOW_BITS_MAX;
        let has_own = agreed.server_takeover() || agreed.client_takeover() || is_small;
        let own = has_own.then(|| Own::new(agreed, false));
        self.enter(conn_id, own);
        Some(agreed.to_string().into())
    }

    /// A session with which nothing was agreed here has sent something compressed: somebody else took its
    /// handshake. With an equal configuration the same was agreed with it as would be here. (Until then
    /// nothing says that anything was.)
    fn adopt(&mut self, conn_id: ConnId, request: &Request) {
        let Some(config) = &self.config else { return };
        let may_refer = config.contexts_max > 0;
        if let Some(agreed) = accept(request, may_refer) {
            self.enter(conn_id, may_refer.then(|| Own::new(agreed, true)));
        }
    }

    fn enter(&mut self, conn_id: ConnId, own: Option<Own>) {
        self.forget(conn_id);
        self.own += usize::from(own.as_ref().is_some_and(Own::counts));
        self.sessions.insert(conn_id, own.map(Box::new));
    }

    /// Nothing more comes from this session, nor goes to it.
    pub(super) fn forget(&mut self, conn_id: ConnId) {
        if !self.sessions.is_empty() {
            let own = self.sessions.remove(&conn_id).flatten();
            self.own -= usize::from(own.is_some_and(|own| own.counts()));
        }
    }

    /// Messages may be lost that were on their way to the clients.
    pub(super) fn lost_replies(&mut self) {
        for own in self.sessions.values_mut().flatten() {
            own.deflater.iter_mut().for_each(Deflater::reset);
        }
    }

    /// Messages may be lost that were on their way here.
    pub(super) fn lost_requests(&mut self) {
        for own in self.sessions.values_mut().flatten() {
            own.is_lost |= own.agreed.client_takeover();
        }
    }

    pub(super) fn packing(&self, conn_id: ConnId) -> Packing {
        match self.sessions.get(&conn_id) {
            None => Packing::Plain,
            Some(None) => Packing::Shared,
            Some(Some(own)) => own.packing(),
        }
    }

    /// A message in one frame, compressed by itself where that makes it smaller.
    pub(super) fn pack(&mut self, message: &Message) -> Bytes {
        let Some(config) = &self.config else { return encode(message) };
        if message.len() < config.threshold {
            return encode(message);
        }
        let deflater = self.deflater.get_or_insert_with(|| Deflater::new(config.level));
        let mut frame = BytesMut::with_capacity(64);
        deflater.encode(message.opcode(), message.payload(), &mut frame);
        frame.freeze()
    }

    /// Compresses the messages in a row of frames that leaves now.
    pub(super) fn at_the_door(&mut self, conn_id: ConnId, frames: Bytes) -> Bytes {
        if self.own == 0 {
            return frames;
        }
        let (Some(config), Some(Some(own))) = (&self.config, self.sessions.get_mut(&conn_id))
        else {
            return frames;
        };
        if own.packing() == Packing::Own {
            own.deflater(config.level).encode_all(&frames, config.threshold)
        } else {
            frames
        }
    }

    /// Inflates a compressed message: its flags without the mark, and what it says. `None` of frames that
    /// are not compressed, or must not be.
    pub(super) fn inflate(
        &mut self,
        request: &Request,
        flags: Flags,
        size_max: usize,
    ) -> Result<Option<(Flags, Bytes)>, FrameError> {
        let Some(plain) = deflate::unmarked(flags) else { return Ok(None) };
        let conn_id = request.conn_id();
        if !self.sessions.contains_key(&conn_id) {
            self.adopt(conn_id, request);
        }
        let Some(own) = self.sessions.get_mut(&conn_id) else { return Ok(None) };
        if own.as_ref().is_some_and(|own| own.is_lost) {
            return Err(InflateError::HistoryLost.into());
        }
        let history = own.as_mut().and_then(|own| own.history.as_mut());
        let inflater = self.inflater.get_or_insert_with(Inflater::new);
        let body = inflater.inflate(&request.body(), size_max, history)?;
        Ok(Some((plain, body)))
    }
}

impl Own {
    fn new(agreed: Agreement, is_adopted: bool) -> Self {
        let history = agreed.client_takeover().then(|| History::new(agreed.client_window_bits()));
        let is_lost = is_adopted && agreed.client_takeover();
        Self { agreed, deflater: None, history, is_lost, is_adopted }
    }

    /// Whether it takes memory worth a limit: of one that is adopted nothing is kept.
    const fn counts(&self) -> bool {
        !self.is_adopted
    }

    fn packing(&self) -> Packing {
        let is_small = self.agreed.server_window_bits() < WINDOW_BITS_MAX;
        if self.is_adopted {
            Packing::Plain
        } else if self.agreed.server_takeover() || is_small {
            Packing::Own
        } else {
            Packing::Shared
        }
    }

    fn deflater(&mut self, level: u8) -> &mut Deflater {
        let agreed = self.agreed;
        self.deflater.get_or_insert_with(|| {
            let deflater = Deflater::new(level).window_bits(agreed.server_window_bits());
            if agreed.server_takeover() { deflater.takeover() } else { deflater }
        })
    }
}

/// What would be agreed; with room for what a session has to itself, or without.
fn accept(request: &Request, has_room: bool) -> Option<Agreement> {
    let terms = Terms { takeover: has_room, small_windows: has_room };
    Agreement::accept(request.header_values("sec-websocket-extensions"), terms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_keeps_a_window_or_has_a_small_one_is_compressed_for_alone() {
        let packing = |offer: &str, is_adopted| {
            let terms = Terms { takeover: true, small_windows: true };
            let agreed = Agreement::accept([offer], terms).unwrap();
            Own::new(agreed, is_adopted).packing()
        };
        let alone = "permessage-deflate; server_no_context_takeover";
        let small = format!("{alone}; server_max_window_bits=10");
        assert!(packing("permessage-deflate", false) == Packing::Own);
        assert!(packing(&small, false) == Packing::Own);
        assert!(packing(alone, false) == Packing::Shared);
        assert!(packing(alone, true) == Packing::Plain);
    }

    fn handshake(conn_id: i64, offer: &str) -> Request {
        let head = format!(r#"{{"sec-websocket-extensions":"{offer}"}}"#);
        Request::parse(format!("s {conn_id} / {}:{head},0:,", head.len()).into()).unwrap()
    }

    #[test]
    fn at_the_door_only_what_is_to_be_compressed_there_is() {
        let deflate = Deflate { contexts_max: 2, ..Deflate::default() };
        let config = Config { deflate: Some(deflate), ..Config::default() };
        let mut compression = Compression::new(&config);
        let alone = "permessage-deflate; server_no_context_takeover";
        let message = Message::from("all the same, ".repeat(100));
        let frames = encode(&message);
        let at_the_door = |compression: &mut Compression, conn_id: i64| {
            compression.at_the_door(ConnId(conn_id), frames.clone())
        };
        compression.agree(ConnId(1), &handshake(1, alone)).unwrap();
        assert_eq!(at_the_door(&mut compression, 1), frames, "it was compressed before");
        compression.agree(ConnId(2), &handshake(2, "permessage-deflate")).unwrap();
        assert!(at_the_door(&mut compression, 2).len() < frames.len());
        assert_eq!(at_the_door(&mut compression, 1), frames, "another's compressor is not for it");
        assert_eq!(at_the_door(&mut compression, 3), frames);
        let plain = Compression::default().pack(&message);
        assert!(plain == frames && compression.pack(&message).len() < frames.len());
    }
}
