//! What a pretended browser may use.

/// What a [`Client`](super::Client) may say, read and keep at most. Sizes are in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of a request's head as it would be on the wire, and of a jssocket or XML message: Mongrel2's
    /// `limits.buffer_size`, 4096 unless it is told otherwise. It answers 400 above it.
    pub request_head_size_max: usize,
    /// Of a request's body, and of a WebSocket message to the handler. Mongrel2 hands bodies above
    /// its `limits.content_length` (20480 unless it is told otherwise) over as uploads, which a
    /// [`Client`](super::Client) does not pretend.
    pub request_body_size_max: usize,
    /// Requests that wait for their responses.
    pub requests_max: usize,
    /// Messages for the handler that nobody has taken.
    pub deliveries_max: usize,
    /// Of a response's head, and of the trailers behind a chunked body.
    pub response_head_size_max: usize,
    /// Headers in a response, and trailers.
    pub response_headers_max: usize,
    /// Of a response's body.
    pub response_body_size_max: usize,
    /// Of a WebSocket message from the handler.
    pub message_size_max: usize,
    /// Things received that nobody has taken.
    pub received_max: usize,
    /// Their octets.
    pub received_size_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_head_size_max: 4096,
            request_body_size_max: 16 * MIB,
            requests_max: 1024,
            deliveries_max: 4096,
            response_head_size_max: MIB / 16,
            response_headers_max: 128,
            response_body_size_max: 64 * MIB,
            message_size_max: 64 * MIB,
            received_max: 4096,
            received_size_max: 128 * MIB,
        }
    }
}

const MIB: usize = 1 << 20;
