//! Connecting: the addresses of an endpoint in turn, until one answers.

use std::io;
use std::vec;

use mio::net::{TcpStream, UnixStream};
use mio::{Registry, Token};
use mongrel2_transceiver_adapter::address::{self, Address};

use crate::link::Stream;

/// A connect under way.
#[derive(Debug)]
pub(crate) struct Connecting {
    /// Not tried yet.
    addresses: vec::IntoIter<Address>,
    attempt: Option<Stream>,
    /// Why the last attempt failed.
    cause: io::ErrorKind,
}

impl Connecting {
    pub(crate) fn new(addresses: Vec<Address>) -> Self {
        let cause = io::ErrorKind::AddrNotAvailable;
        Self { addresses: addresses.into_iter(), attempt: None, cause }
    }

    /// Goes on with the attempt under way, then with the next. `None`: one is under way.
    pub(crate) fn try_connect(
        &mut self,
        registry: &Registry,
        token: Token,
    ) -> Option<Result<Stream, io::ErrorKind>> {
        loop {
            if let Some(stream) = self.attempt.take() {
                match is_connected(&stream) {
                    Ok(true) => return Some(Ok(stream)),
                    Ok(false) => {
                        self.attempt = Some(stream);
                        return None;
                    }
                    Err(error) => self.cause = error.kind(),
                }
            }
            let Some(address) = self.addresses.next() else { return Some(Err(self.cause)) };
            match begin(&address, registry, token) {
                Ok(stream) => self.attempt = Some(stream),
                Err(error) => self.cause = error.kind(),
            }
            tracing::trace!(?address, attempt = ?self.attempt, "connecting");
        }
    }
}

fn begin(address: &Address, registry: &Registry, token: Token) -> io::Result<Stream> {
    let mut stream = match address {
        Address::Tcp(address) => Stream::Tcp(TcpStream::connect(*address)?),
        Address::Unix(path) => {
            Stream::Unix(UnixStream::connect_addr(&address::unix_address(path)?)?)
        }
    };
    stream.register(registry, token)?;
    Ok(stream)
}

/// Asks as the documentation of mio's `TcpStream::connect` says: first for an error, then for the
/// peer, which there is once the stream is connected.
fn is_connected(stream: &Stream) -> io::Result<bool> {
    let Stream::Tcp(stream) = stream else {
        return Ok(true); // a Unix socket connects at once or not at all
    };
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(peer) => address::check_ends(stream.local_addr()?, peer).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
