//! A stream of frames, read piece by piece.

use std::collections::VecDeque;
use std::mem;

use bytes::{Bytes, BytesMut};

use super::head::{Head, HeadReader};
use super::{FrameError, Incoming, Opcode, incoming, mask, utf8};

/// What a [`Decoder`] finds: the same as what [`read`](super::read) makes of Mongrel2's requests.
pub type Decoded = Incoming;

/// Whose frames a [`Decoder`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A server's: without masks (RFC 6455 5.1).
    Server,
    /// A client's: each with a mask (RFC 6455 5.1).
    Client,
}

/// Octets of a stream of frames in, messages and control frames out.
///
/// For the far side of Mongrel2: clients, and tests that look at what a browser would see. Feed it
/// with [`receive`](Self::receive), in pieces of any size, then call [`next`](Self::next) until it
/// has nothing more. It joins fragments, lets control frames overtake them (RFC 6455 5.4), and
/// checks text as it comes in, so that a wrong octet is found before its message ends.
///
/// A payload that lies within one piece, unmasked and unfragmented, is not copied. Memory grows
/// only with octets that came in, never with lengths that were announced.
///
/// ```
/// use bytes::Bytes;
/// use mongrel2_transceiver::websocket::{Decoded, Decoder, Message, Role};
/// let mut decoder = Decoder::new(Role::Server, 1024);
/// decoder.receive(Bytes::from_static(b"\x01\x03Hel\x80\x02lo"));
/// assert_eq!(decoder.next(), Ok(Some(Decoded::Message(Message::from("Hello")))));
/// assert_eq!(decoder.next(), Ok(None));
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    role: Role,
    payload_size_max: usize,
    /// Not yet looked at; no piece of it is empty.
    input: VecDeque<Bytes>,
    head: HeadReader,
    /// The frame whose payload is awaited.
    frame: Option<Frame>,
    /// The message that is being joined, from fragments or from pieces of a frame.
    message: Option<Joining>,
    /// The payload of a control frame that came in pieces.
    control: BytesMut,
    end: Option<End>,
    /// Whether anything came behind a close frame.
    discarded: bool,
}

/// A frame whose head was read and found to be in order.
#[derive(Clone, Copy, Debug)]
struct Frame {
    opcode: Opcode,
    fin: bool,
    mask: Option<[u8; 4]>,
    size: usize,
    /// How many octets of the payload were copied.
    taken: usize,
}

/// A message that is not whole yet.
#[derive(Clone, Debug)]
struct Joining {
    opcode: Opcode,
    payload: BytesMut,
    /// How many octets of a text are known to be whole characters.
    checked: usize,
}

/// Why nothing more is read.
#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Failed(FrameError),
}

impl Decoder {
    /// A decoder for the frames of one side.
    ///
    /// `payload_size_max` limits messages, in octets over all their fragments; control frames have
    /// their own limit.
    #[must_use]
    pub fn new(role: Role, payload_size_max: usize) -> Self {
        Self {
            role,
            payload_size_max,
            input: VecDeque::new(),
            head: HeadReader::default(),
            frame: None,
            message: None,
            control: BytesMut::new(),
            end: None,
            discarded: false,
        }
    }

    /// Takes octets, which wait until [`next`](Self::next) looks at them. After a close frame or an
    /// error they are discarded.
    pub fn receive(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        match self.end {
            None => self.input.push_back(data),
            Some(End::Closed) => self.discarded = true,
            Some(End::Failed(_)) => {}
        }
    }

    /// The next message or control frame; none where more octets are needed, and after a close
    /// frame, behind which everything is to be discarded (RFC 6455 1.4).
    ///
    /// # Errors
    ///
    /// A [`FrameError`] where the peer broke RFC 6455 or the limit. It is final: each later call
    /// returns it again.
    #[expect(clippy::should_implement_trait, reason = "None means not yet, rather than the end")]
    pub fn next(&mut self) -> Result<Option<Decoded>, FrameError> {
        match self.end {
            Some(End::Failed(error)) => return Err(error),
            Some(End::Closed) => return Ok(None),
            None => {}
        }
        let next = self.decode();
        match next {
            Err(error) => self.stop(End::Failed(error)),
            Ok(Some(Decoded::Close(_))) => self.stop(End::Closed),
            Ok(_) => {}
        }
        next
    }

    /// Whether nothing was begun that more octets would have to finish: a frame, or a message with
    /// more fragments to come.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let is_begun = self.frame.is_some() || self.message.is_some() || !self.head.is_empty();
        self.input.is_empty() && !is_begun
    }

    /// Whether octets came behind a close frame, where nothing is to be (RFC 6455 5.5.1).
    #[must_use]
    pub const fn has_discarded(&self) -> bool {
        self.discarded
    }

    fn stop(&mut self, end: End) {
        let discarded = matches!(end, End::Closed) && !self.input.is_empty();
        let end = Some(end);
        *self = Self { end, discarded, ..Self::new(self.role, self.payload_size_max) };
    }

    fn decode(&mut self) -> Result<Option<Decoded>, FrameError> {
        while let Some(mut frame) = self.take_frame()? {
            let whole = match self.payload_in_one_piece(&frame) {
                Some(payload) => Some((frame.opcode, payload)),
                None => {
                    self.copy_payload(&mut frame)?;
                    if frame.taken < frame.size {
                        self.frame = Some(frame);
                        return Ok(None);
                    }
                    self.finish(&frame)
                }
            };
            if let Some((opcode, payload)) = whole {
                return incoming::judge_payload(opcode, payload).map(Some);
            }
        }
        Ok(None)
    }

    /// The frame that was begun, or else the next one.
    fn take_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(frame) = self.frame.take() {
            return Ok(Some(frame));
        }
        while let Some(piece) = self.take_piece(1) {
            if let Some(head) = self.head.push(piece[0])? {
                return self.judge_head(&head).map(Some);
            }
        }
        Ok(None)
    }

    fn judge_head(&self, head: &Head) -> Result<Frame, FrameError> {
        let opcode = incoming::judge_flags(head.flags)?;
        match (self.role, head.mask) {
            (Role::Server, Some(_)) => return Err(FrameError::Masked),
            (Role::Client, None) => return Err(FrameError::Unmasked),
            (Role::Server, None) | (Role::Client, Some(_)) => {}
        }
        let joined = match (opcode, &self.message) {
            (Opcode::Continuation, None) => return Err(FrameError::UnexpectedContinuation),
            (Opcode::Text | Opcode::Binary, Some(_)) => return Err(FrameError::UnfinishedMessage),
            (_, message) => message.as_ref().map_or(0, |message| message.payload.len()),
        };
        let size = incoming::judge_size(opcode, head.payload_len, joined, self.payload_size_max)?;
        Ok(Frame { opcode, fin: head.flags.fin(), mask: head.mask, size, taken: 0 })
    }

    /// The payload without copying it, where that can be done.
    fn payload_in_one_piece(&mut self, frame: &Frame) -> Option<Bytes> {
        let is_alone = frame.fin && frame.opcode != Opcode::Continuation && frame.mask.is_none();
        if !is_alone || frame.taken > 0 {
            return None;
        }
        if frame.size == 0 {
            return Some(Bytes::new());
        }
        let is_here = self.input.front().is_some_and(|piece| piece.len() >= frame.size);
        if is_here { self.take_piece(frame.size) } else { None }
    }

    /// Copies what there is of the payload to where it is joined.
    fn copy_payload(&mut self, frame: &mut Frame) -> Result<(), FrameError> {
        while frame.taken < frame.size {
            let Some(piece) = self.take_piece(frame.size - frame.taken) else { break };
            if frame.opcode.is_control() {
                append(&mut self.control, &piece, frame);
            } else {
                let message = self.message.get_or_insert_with(|| Joining::new(frame.opcode));
                append(&mut message.payload, &piece, frame);
                message.check()?;
            }
        }
        Ok(())
    }

    /// What the end of a frame makes whole: itself, its message, or nothing yet.
    fn finish(&mut self, frame: &Frame) -> Option<(Opcode, Bytes)> {
        if frame.opcode.is_control() {
            return Some((frame.opcode, mem::take(&mut self.control).freeze()));
        }
        let message = self.message.take().unwrap_or_else(|| Joining::new(frame.opcode));
        if frame.fin {
            return Some((message.opcode, message.payload.freeze()));
        }
        self.message = Some(message);
        None
    }

    /// At most `len_max` octets that lie side by side; none where there is no input.
    fn take_piece(&mut self, len_max: usize) -> Option<Bytes> {
        let piece = self.input.front_mut()?;
        if piece.len() <= len_max { self.input.pop_front() } else { Some(piece.split_to(len_max)) }
    }
}

impl Joining {
    fn new(opcode: Opcode) -> Self {
        Self { opcode, payload: BytesMut::new(), checked: 0 }
    }

    fn check(&mut self) -> Result<(), FrameError> {
        if self.opcode == Opcode::Text {
            self.checked = utf8::check_unfinished(&self.payload, self.checked)?;
        }
        Ok(())
    }
}

fn append(payload: &mut BytesMut, piece: &[u8], frame: &mut Frame) {
    let start = payload.len();
    payload.extend_from_slice(piece);
    if let Some(mask) = frame.mask {
        mask::apply(mask, frame.taken, &mut payload[start..]);
    }
    frame.taken += piece.len();
}

#[cfg(test)]
mod tests;
