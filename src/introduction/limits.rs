//! How long orders may be.

/// The most octets in an order.
pub const ORDER_LENGTH_MAX: usize = 8 << 10;

/// The most octets in the text of a ping.
pub const TEXT_LENGTH_MAX: usize = 1024;
