//! Messages: one or more frames that arrive together or not at all.

use super::Frame;

/// One message of one or more frames. Made by the application to send it, by
/// [`Engine::next`](super::Engine::next) when one has arrived.
///
/// Cheap to clone: the octets are shared. A message of one frame allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    first: Frame,
    rest: Vec<Frame>,
}

impl Message {
    /// A message of these frames, in this order; `None` where there are none.
    #[must_use]
    pub fn from_frames(frames: Vec<Frame>) -> Option<Self> {
        let mut frames = frames.into_iter();
        let first = frames.next()?;
        Some(Self { first, rest: frames.collect() })
    }

    /// A message of its first frame and all others.
    pub(crate) const fn from_parts(first: Frame, rest: Vec<Frame>) -> Self {
        Self { first, rest }
    }

    /// The first frame; the only one in all that Mongrel2 sends.
    #[must_use]
    pub const fn first(&self) -> &Frame {
        &self.first
    }

    /// All frames, in order.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> + Clone {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// How many frames there are, at least 1.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        1 + self.rest.len()
    }

    /// Octets of all frames together.
    #[must_use]
    pub fn size(&self) -> usize {
        self.frames().map(Frame::len).sum()
    }

    /// All frames, in order.
    pub fn into_frames(self) -> impl Iterator<Item = Frame> {
        std::iter::once(self.first).chain(self.rest)
    }
}

impl<F: Into<Frame>> From<F> for Message {
    fn from(frame: F) -> Self {
        Self { first: frame.into(), rest: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_keep_their_order() {
        let message = Message::from_frames(vec!["a".into(), "".into(), "bcd".into()])
            .expect("there are frames");
        assert_eq!((message.frame_count(), message.size()), (3, 4));
        assert_eq!(message.first(), &Frame::from("a"));
        assert!(message.frames().cloned().eq(message.clone().into_frames()));
    }

    #[test]
    fn there_is_no_message_without_frames() {
        assert_eq!(Message::from_frames(Vec::new()), None);
        assert_eq!(Message::from_frames(vec!["x".into()]), Some(Message::from("x")));
    }
}
