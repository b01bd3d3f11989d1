//! The tests of adapters over real sockets: what takes a peer of the standard library, a file, or what
//! only the operating system does. Included next to the suite.

mod connect;
mod driver;
mod listen;
mod transfer;
