//! What a client has sent, as far back as it may refer to.

/// The end of what a client has sent compressed, for clients that may refer to it (RFC 7692 7.2.2).
/// Belongs to one session; given to [`Inflater::inflate`](super::Inflater::inflate) with each message.
///
/// It has as many octets as the client has sent, and at most its window: 32 KiB, or less where that
/// was agreed.
#[derive(Clone, Debug)]
pub struct History {
    octets: Vec<u8>,
    size_max: usize,
}

impl History {
    /// None as yet, of a client with a window of 2 to the power of `window_bits`; above
    /// [`WINDOW_BITS_MAX`](super::WINDOW_BITS_MAX) counts as that.
    #[must_use]
    pub fn new(window_bits: u8) -> Self {
        let size_max = 1 << window_bits.min(super::WINDOW_BITS_MAX);
        Self { octets: Vec::new(), size_max }
    }

    /// How many octets it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Whether nothing was sent yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The client has sent this message.
    pub(super) fn push(&mut self, message: &[u8]) {
        let recent = &message[message.len().saturating_sub(self.size_max)..];
        let old = (self.octets.len() + recent.len()).saturating_sub(self.size_max);
        self.octets.drain(..old);
        self.octets.reserve_exact(recent.len());
        self.octets.extend_from_slice(recent);
    }
}
