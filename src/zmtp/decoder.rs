//! From octets to whole commands and messages, within the limits.

use bytes::{Bytes, BytesMut};

use super::buffer::{Body, Buffer};
use super::frame::{Flags, SizeField, only_frame};
use super::{Error, Frame, Limits, Message, Oversize};

/// One whole thing that has arrived.
#[derive(Debug)]
pub(super) enum Decoded {
    /// The body of a command.
    Command(Bytes),
    Message(Message),
    /// A message was skipped: its announced size, and the first octets of its first frame.
    Oversized {
        size: u64,
        head: Bytes,
    },
}

/// Reads frames one after another. Each octet of the input is looked at once; between calls the state
/// is in [`Step`] and [`Assembly`].
#[derive(Debug)]
pub(super) struct Decoder {
    limits: Limits,
    /// Not before READY.
    messages_allowed: bool,
    step: Step,
    assembly: Assembly,
}

/// Where in a frame the input stands.
#[derive(Debug)]
enum Step {
    Flags,
    Size {
        flags: Flags,
        field: SizeField,
    },
    Command {
        body: Body,
    },
    Frame {
        more: bool,
        body: Body,
    },
    /// A frame of a message that is above the limits. `head_missing`: how many of its octets are still
    /// wanted for the report.
    Skip {
        more: bool,
        missing: u64,
        head_missing: usize,
    },
}

/// The message under way. Commands between its frames leave it alone (a PING must not have to wait).
#[derive(Debug)]
enum Assembly {
    Collecting { first: Option<Frame>, rest: Vec<Frame>, size: usize },
    Skipping { size: u64, head: BytesMut },
}

impl Decoder {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, messages_allowed: false, step: Step::Flags, assembly: Assembly::new() }
    }

    /// From now on messages may come: READY was received.
    pub(super) const fn allow_messages(&mut self) {
        self.messages_allowed = true;
    }

    /// The octets kept of frames and messages that are not complete.
    pub(super) fn held(&self) -> usize {
        let body = match &self.step {
            Step::Command { body } | Step::Frame { body, .. } => body.arrived(),
            Step::Flags | Step::Size { .. } | Step::Skip { .. } => 0,
        };
        body + match &self.assembly {
            Assembly::Collecting { size, .. } => *size,
            Assembly::Skipping { head, .. } => head.len(),
        }
    }

    /// The next whole thing; `None` where more octets are needed, and then the input is empty.
    pub(super) fn next(&mut self, input: &mut Buffer) -> Result<Option<Decoded>, Error> {
        if let Some(message) = self.next_whole(input) {
            return Ok(Some(Decoded::Message(message)));
        }
        loop {
            match &mut self.step {
                Step::Flags => {
                    let Some(octet) = input.take_octet() else {
                        return Ok(None);
                    };
                    self.step = self.begin_frame(octet)?;
                }
                Step::Size { flags, field } => {
                    let Some(size) = field.take(input)? else {
                        return Ok(None);
                    };
                    let flags = *flags;
                    self.step = self.begin_body(flags, size)?;
                }
                Step::Command { body } => {
                    let Some(octets) = body.take(input) else {
                        return Ok(None);
                    };
                    self.step = Step::Flags;
                    return Ok(Some(Decoded::Command(octets)));
                }
                Step::Frame { more, body } => {
                    let Some(octets) = body.take(input) else {
                        return Ok(None);
                    };
                    let more = *more;
                    self.step = Step::Flags;
                    if let Some(decoded) = self.assembly.add(Frame::new(octets), more) {
                        return Ok(Some(decoded));
                    }
                }
                Step::Skip { more, missing, head_missing } => {
                    if !self.assembly.skip(input, missing, head_missing) {
                        return Ok(None);
                    }
                    let more = *more;
                    self.step = Step::Flags;
                    if !more {
                        return Ok(Some(self.assembly.finish_skipped()));
                    }
                }
            }
        }
    }

    /// A message of one frame that lies in one chunk, within the limits. Nearly all do, and need no state.
    fn next_whole(&mut self, input: &mut Buffer) -> Option<Message> {
        let is_between = matches!(self.step, Step::Flags)
            && matches!(self.assembly, Assembly::Collecting { first: None, .. });
        if !is_between || !self.messages_allowed || self.limits.frames_max == 0 {
            return None;
        }
        let (before, size) = only_frame(input.chunk())?;
        let size = within(size, self.limits.message_size_max)?;
        input.take_whole(before, size).map(Message::from)
    }

    fn begin_frame(&self, octet: u8) -> Result<Step, Error> {
        let flags = Flags::parse(octet)?;
        if !flags.command && !self.messages_allowed {
            return Err(Error::MessageBeforeReady);
        }
        Ok(Step::Size { flags, field: SizeField::new(flags.long) })
    }

    /// Measures the announced size before anything is kept or reserved for it.
    fn begin_body(&mut self, flags: Flags, size: u64) -> Result<Step, Error> {
        if flags.command {
            let max = self.limits.command_size_max;
            let within = within(size, max).ok_or(Error::CommandTooLarge { size, max })?;
            return Ok(Step::Command { body: Body::new(within) });
        }
        match self.assembly.room_for(size, &self.limits) {
            Ok(within) => {
                let body = if flags.more { Body::kept(within) } else { Body::new(within) };
                Ok(Step::Frame { more: flags.more, body })
            }
            Err(error) if self.limits.oversize == Oversize::Refuse => Err(error),
            Err(_) => {
                let head_missing = self.assembly.begin_skipping(size);
                Ok(Step::Skip { more: flags.more, missing: size, head_missing })
            }
        }
    }
}

impl Assembly {
    const fn new() -> Self {
        Self::Collecting { first: None, rest: Vec::new(), size: 0 }
    }

    /// The size of a further frame, if the message stays within the limits with it.
    fn room_for(&self, frame_size: u64, limits: &Limits) -> Result<usize, Error> {
        let (count, size) = match self {
            Self::Collecting { first, rest, size } => {
                (usize::from(first.is_some()) + rest.len(), *size)
            }
            // Once above the limits, a message stays there.
            Self::Skipping { .. } => (limits.frames_max, limits.message_size_max),
        };
        if count >= limits.frames_max {
            return Err(Error::TooManyFrames { max: limits.frames_max });
        }
        let max = limits.message_size_max;
        let too_large =
            Error::MessageTooLarge { size: frame_size.saturating_add(size as u64), max };
        within(frame_size, max - size).ok_or(too_large)
    }

    /// Takes one more frame; gives the message where it was the last.
    fn add(&mut self, frame: Frame, more: bool) -> Option<Decoded> {
        let Self::Collecting { first, rest, size } = self else {
            unreachable!("no frame is gathered while a message is skipped");
        };
        *size += frame.len();
        if more {
            match first {
                None => *first = Some(frame),
                Some(_) => rest.push(frame),
            }
            return None;
        }
        let message = match first.take() {
            None => Message::from(frame),
            Some(first) => {
                let mut rest = std::mem::take(rest);
                rest.push(frame);
                Message::from_parts(first, rest)
            }
        };
        *size = 0;
        Some(Decoded::Message(message))
    }

    /// Counts a frame to be skipped, and gives back how many of its octets the report needs.
    fn begin_skipping(&mut self, frame_size: u64) -> usize {
        match self {
            Self::Skipping { size, .. } => {
                *size = size.saturating_add(frame_size);
                0
            }
            Self::Collecting { first, size, .. } => {
                let collected = first.as_ref().map(|frame| frame.body());
                let head = collected.map_or(&[][..], |body| &body[..body.len().min(HEAD_SIZE_MAX)]);
                let head_missing = if first.is_some() { 0 } else { cut(frame_size, HEAD_SIZE_MAX) };
                let size = frame_size.saturating_add(*size as u64);
                *self = Self::Skipping { size, head: BytesMut::from(head) };
                head_missing
            }
        }
    }

    /// Discards what there is of a frame; `true` once all of it is gone.
    fn skip(&mut self, input: &mut Buffer, missing: &mut u64, head_missing: &mut usize) -> bool {
        while *missing > 0 {
            let piece = input.take_piece(cut(*missing, usize::MAX));
            if piece.is_empty() {
                return false;
            }
            *missing -= piece.len() as u64;
            if let Self::Skipping { head, .. } = self {
                let wanted = piece.len().min(*head_missing);
                head.extend_from_slice(&piece[..wanted]);
                *head_missing -= wanted;
            }
        }
        true
    }

    fn finish_skipped(&mut self) -> Decoded {
        match std::mem::replace(self, Self::new()) {
            Self::Skipping { size, head } => Decoded::Oversized { size, head: head.freeze() },
            Self::Collecting { .. } => unreachable!("only a skipped message ends here"),
        }
    }
}

/// `size`, where it is at most `max`.
fn within(size: u64, max: usize) -> Option<usize> {
    usize::try_from(size).ok().filter(|&size| size <= max)
}

/// `size`, or `max` where that is less.
fn cut(size: u64, max: usize) -> usize {
    usize::try_from(size).unwrap_or(max).min(max)
}

/// Enough for the layer above to tell whose message it was.
const HEAD_SIZE_MAX: usize = 512;
