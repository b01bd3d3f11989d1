//! One message to a server: for whom, what, and on whose wish.

use bytes::{Bytes, BytesMut};

use crate::mongrel2::{ConnId, Control, TARGETS_MAX, control_body, extended_body};
use crate::websocket::{self, Opcode};

use super::compression::Compression;
use super::window::Mark;

/// One message to the server.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) to: Recipients,
    pub(crate) form: Form,
    /// What the browsers get; empty to close their connections.
    pub(crate) body: Bytes,
    pub(crate) origin: Origin,
    /// Of a ping that asks whether all before it was read: what it carries.
    pub(crate) mark: Option<Mark>,
    /// Whether it has our close frame, behind which no ping makes sense.
    pub(crate) is_close: bool,
    /// Whether it answers a ping of the client.
    pub(crate) is_pong: bool,
    /// Whether it is a part of one that was too large to go at once: what its connection has been sent
    /// makes no sense without the others.
    pub(crate) is_part: bool,
    /// Whether it has messages that are to be compressed when they leave, and nothing else.
    pub(crate) is_unpacked: bool,
    /// How many of the application's or of our own were put together in this one; none in a part that
    /// others follow.
    pub(crate) parts: usize,
    /// What it counts against the limits, in octets.
    pub(crate) weight: usize,
    /// The numbers of the requests that it answers, for whoever counts them.
    pub(crate) answers: Vec<u64>,
}

/// Whom a delivery is for: 1 to [`TARGETS_MAX`](crate::mongrel2::TARGETS_MAX) connections.
#[derive(Clone, Debug)]
pub(crate) enum Recipients {
    One(ConnId),
    Many(Vec<ConnId>),
}

/// Who reads the body of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The browsers.
    Plain,
    /// A module of Mongrel2, when its turn among the replies has come.
    Extended,
    /// Mongrel2 itself, at once: it takes no place in the queue of its connection.
    Control,
    /// The same; it ends the connection, and does no harm twice.
    Cancel,
}

/// Whose wish a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The application's: its loss is reported.
    Application,
    /// Our own: pings, pongs, handshakes and closes, whose loss shows in what becomes of the session.
    Own,
}

impl Delivery {
    /// The body of a broadcast is shared by its deliveries, but counts for each: the kernel gets it as
    /// often.
    pub(crate) fn new(to: Recipients, body: Bytes, origin: Origin) -> Self {
        let weight = body.len() + HEAD_WEIGHT + size_of_val(to.as_slice());
        Self {
            to,
            form: Form::Plain,
            body,
            origin,
            mark: None,
            is_close: false,
            is_pong: false,
            is_part: false,
            is_unpacked: false,
            parts: 1,
            weight,
            answers: Vec::new(),
        }
    }

    /// What a delivery of so many octets to one connection counts.
    pub(crate) const fn weight_to_one(octets: usize) -> usize {
        octets + HEAD_WEIGHT + size_of::<ConnId>()
    }

    /// The same with another body.
    pub(crate) fn clone_body(&self, body: Bytes) -> Self {
        Self { body, ..self.clone_to(self.to.clone()) }
    }

    /// What many are to get: see [`clone_to`](Self::clone_to).
    pub(crate) fn to_nobody(body: Bytes, origin: Origin) -> Self {
        Self::new(Recipients::Many(Vec::new()), body, origin)
    }

    /// The same for others; its octets are shared.
    pub(crate) fn clone_to(&self, to: Recipients) -> Self {
        let copy = Self::new(to, self.body.clone(), self.origin);
        let Self { form, is_close, is_pong, is_unpacked, mark, .. } = *self;
        Self { form, is_close, is_pong, is_unpacked, mark, ..copy }
    }

    pub(crate) fn to_one(to: ConnId, body: Bytes, origin: Origin) -> Self {
        Self::new(Recipients::One(to), body, origin)
    }

    /// Ends a connection, behind all that was sent before.
    pub(crate) fn hang_up(to: ConnId, origin: Origin) -> Self {
        Self::to_one(to, Bytes::new(), origin)
    }

    /// The same as the answer to a request.
    pub(crate) fn answering(mut self, request: u64) -> Self {
        self.answers.push(request);
        self
    }

    /// The same, of ours, with the mark of a close frame.
    pub(crate) fn closing(self) -> Self {
        Self { is_close: true, ..self }
    }

    /// The same, of messages, with the mark that they are to be compressed when they leave.
    pub(crate) fn unpacked(self) -> Self {
        Self { is_unpacked: true, ..self }
    }

    /// The answer to a ping of the client.
    pub(crate) fn pong(to: ConnId, payload: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(payload.len() + 2);
        websocket::encode(Opcode::Pong, payload, &mut frame);
        Self { is_pong: true, ..Self::to_one(to, frame.freeze(), Origin::Own) }
    }

    /// A ping whose pong proves that all before it was read.
    pub(crate) fn ping(to: Vec<ConnId>, mark: Mark) -> Self {
        let mut frame = BytesMut::with_capacity(4);
        websocket::encode(Opcode::Ping, &mark.payload(), &mut frame);
        let ping = Self::new(Recipients::Many(to), frame.freeze(), Origin::Own);
        Self { mark: Some(mark), ..ping }
    }

    /// Something for Mongrel2 itself.
    pub(crate) fn control(to: Recipients, control: Control, origin: Origin) -> Self {
        let form = if control == Control::Cancel { Form::Cancel } else { Form::Control };
        Self { form, ..Self::new(to, control_body(&[control]), origin) }
    }

    /// Something for a module of Mongrel2.
    pub(crate) fn extended(to: ConnId, key: &[u8], value: &[u8]) -> Self {
        let body = extended_body(key, value);
        Self { form: Form::Extended, ..Self::to_one(to, body, Origin::Application) }
    }

    /// Whether it takes no place among the replies to its connection.
    pub(crate) const fn is_control(&self) -> bool {
        matches!(self.form, Form::Control | Form::Cancel)
    }

    /// Whether it is to be said again where it may be lost: that it is said twice does no harm.
    pub(crate) const fn is_repeatable(&self) -> bool {
        self.is_hang_up() || matches!(self.form, Form::Cancel)
    }

    pub(crate) const fn is_hang_up(&self) -> bool {
        self.body.is_empty()
    }

    /// Whether it is our close frame and nothing else.
    pub(crate) const fn is_own_close(&self) -> bool {
        self.is_close && !self.is_part
    }

    /// Whether nothing more is said on its connections behind it, but for their end.
    pub(crate) const fn is_last(&self) -> bool {
        self.is_close || self.is_hang_up()
    }

    /// Compresses it, where its session wants that done when it leaves. A part of a message stays as it
    /// is.
    pub(super) fn pack(&mut self, compression: &mut Compression) {
        let Recipients::One(to) = self.to else { return };
        if self.is_hang_up() {
            compression.forget(to);
        } else if self.is_unpacked && !self.is_part {
            self.body = compression.at_the_door(to, std::mem::take(&mut self.body));
        }
    }

    /// Puts a ping behind the body, in the same message.
    pub(crate) fn append_ping(&mut self, mark: Mark) {
        let mut body = BytesMut::with_capacity(self.body.len() + 4);
        body.extend_from_slice(&self.body);
        websocket::encode(Opcode::Ping, &mark.payload(), &mut body);
        self.body = body.freeze();
        self.mark = Some(mark);
    }

    /// Whom to report where it is lost: as often as there are parts.
    pub(crate) fn told_of(&self) -> impl Iterator<Item = ConnId> + '_ {
        let parts = if self.origin == Origin::Application { self.parts } else { 0 };
        self.to.as_slice().iter().flat_map(move |to| std::iter::repeat_n(*to, parts))
    }
}

impl Recipients {
    pub(crate) fn as_slice(&self) -> &[ConnId] {
        match self {
            Self::One(to) => std::slice::from_ref(to),
            Self::Many(to) => to,
        }
    }
}

/// Those who get the same, as many together as one delivery may name, and each of them once: a delivery
/// takes one place of each connection among what waits in Mongrel2.
pub(crate) fn batches(mut rest: &[ConnId]) -> impl Iterator<Item = &[ConnId]> {
    std::iter::from_fn(move || {
        let most = &rest[..rest.len().min(TARGETS_MAX)];
        let again = (1..most.len()).find(|at| most[..*at].contains(&most[*at]));
        let (batch, behind) = rest.split_at(again.unwrap_or(most.len()));
        rest = behind;
        (!batch.is_empty()).then_some(batch)
    })
}

/// About what the head and the bookkeeping of a delivery take, in octets.
pub(crate) const HEAD_WEIGHT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_names_nobody_twice_and_no_more_than_one_message_may() {
        let lengths = |ids: &[i64]| {
            let all: Vec<_> = ids.iter().copied().map(ConnId).collect();
            assert_eq!(batches(&all).collect::<Vec<_>>().concat(), all);
            batches(&all).map(<[_]>::len).collect::<Vec<_>>()
        };
        assert_eq!(lengths(&[]), []);
        assert_eq!(lengths(&[1, 1, 1, 2, 3, 2]), [1, 1, 3, 1]);
        let many: Vec<i64> = (0..300).collect();
        assert_eq!(lengths(&many), [128, 128, 44]);
    }
}
