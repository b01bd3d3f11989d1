//! What one peer may make us hold.

/// The most a peer may send at once. Made by the application, obeyed by every
/// [`Engine`](super::Engine).
///
/// ```
/// use mongrel2_transceiver::zmtp::{Limits, Oversize};
/// let limits = Limits::default().with_message_size_max(1 << 20).with_oversize(Oversize::Skip);
/// assert_eq!(limits.frames_max, 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of all frames of one message together; 16 MiB unless told otherwise.
    pub message_size_max: usize,
    /// Frames of one message; 1024 unless told otherwise.
    pub frames_max: usize,
    /// Octets of one command, name included; 4096 unless told otherwise. It bounds the handshake
    /// (READY) and the length of a subscription (SUBSCRIBE). A command above it always ends the link.
    pub command_size_max: usize,
    /// What becomes of a message above the first two limits; [`Oversize::Refuse`] unless told
    /// otherwise.
    pub oversize: Oversize,
}

/// What becomes of a message that is above the [`Limits`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Oversize {
    /// A typed error, final for the link. For peers that nobody else depends on.
    #[default]
    Refuse,
    /// The message is discarded while it streams in, and reported as
    /// [`Received::Oversized`](super::Received::Oversized). For links that many share, where cutting
    /// the link would punish all of them.
    Skip,
}

impl Limits {
    /// The same with another `message_size_max` (octets).
    #[must_use]
    pub const fn with_message_size_max(mut self, octets: usize) -> Self {
        self.message_size_max = octets;
        self
    }

    /// The same with another `frames_max`.
    #[must_use]
    pub const fn with_frames_max(mut self, frames: usize) -> Self {
        self.frames_max = frames;
        self
    }

    /// The same with another `command_size_max` (octets).
    #[must_use]
    pub const fn with_command_size_max(mut self, octets: usize) -> Self {
        self.command_size_max = octets;
        self
    }

    /// The same with another way to treat messages above the limits.
    #[must_use]
    pub const fn with_oversize(mut self, oversize: Oversize) -> Self {
        self.oversize = oversize;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_size_max: 16 * 1024 * 1024,
            frames_max: 1024,
            command_size_max: 4096,
            oversize: Oversize::Refuse,
        }
    }
}
