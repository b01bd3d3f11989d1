//! From an endpoint to a listening socket.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use mongrel2_transceiver::Endpoint;

use crate::address::{self, Address};

/// A bound, listening, non-blocking socket. Made by [`bind`].
#[derive(Debug)]
pub struct Bound {
    /// Removed when dropped; to be dropped before the socket, so that nobody takes the file for a
    /// stale one meanwhile.
    pub file: Option<SocketFile>,
    /// What to accept from.
    pub socket: Socket,
    /// The port that was bound; 0 for a Unix socket.
    pub port: u16,
}

/// The socket of a [`Bound`].
#[derive(Debug)]
pub enum Socket {
    /// For a `tcp://` endpoint.
    Tcp(TcpListener),
    /// For an `ipc://` endpoint.
    Unix(UnixListener),
}

/// Whether [`bind`] may block: on a name server, or on whoever holds the file of a Unix socket.
#[must_use]
pub fn may_block(endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Tcp { .. } => address::has_name(endpoint),
        Endpoint::Ipc { path } => address::abstract_name(path).is_none() && path.exists(),
    }
}

/// Binds an endpoint: the first of its addresses that can be bound.
///
/// The file of a Unix socket that is there already is replaced where nobody listens behind it.
/// Blocks where [`may_block`] says so.
///
/// # Errors
/// [`io::ErrorKind::AddrInUse`] where another socket is bound there; else what the operating system
/// says.
pub fn bind(endpoint: &Endpoint) -> io::Result<Bound> {
    let mut failed = io::ErrorKind::AddrNotAvailable.into();
    for address in address::look_up(endpoint)? {
        let bound = match address {
            Address::Tcp(address) => bind_tcp(address),
            Address::Unix(path) => bind_unix(path),
        };
        match bound {
            Ok(bound) => return Ok(bound),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The standard library sets SO_REUSEADDR, so that a port can be bound again at once.
fn bind_tcp(address: SocketAddr) -> io::Result<Bound> {
    let socket = TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let port = socket.local_addr()?.port();
    Ok(Bound { file: None, socket: Socket::Tcp(socket), port })
}

fn bind_unix(path: PathBuf) -> io::Result<Bound> {
    let address = address::unix_address(&path)?;
    let socket = match UnixListener::bind_addr(&address) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(&path) => {
            tracing::debug!(path = %path.display(), "replacing the file of a socket that is gone");
            fs::remove_file(&path)?;
            UnixListener::bind_addr(&address)?
        }
        result => result?,
    };
    let file = match address::abstract_name(&path) {
        Some(_) => None,
        None => Some(SocketFile::new(path)?),
    };
    socket.set_nonblocking(true)?;
    Ok(Bound { file, socket: Socket::Unix(socket), port: 0 })
}

/// Whether the file of a Unix socket outlived its socket, which shows when connecting to it. Files of
/// other kinds refuse as well, and are none of our business.
///
/// Two binders may both find so; the second then removes the first one's file. The kernel offers
/// nothing to prevent that, and libzmq lives with it as well.
fn is_stale(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
        && matches!(
            UnixStream::connect(path),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused
        )
}

/// The file of a bound Unix socket; removed on drop, unless it was replaced meanwhile.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    /// Which file: device and inode.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let identity = identity(&path)?;
        // Made absolute, for the process may be elsewhere by the time of the drop.
        Ok(Self { path: std::path::absolute(path)?, identity })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::debug!(path = %self.path.display(), %error, "the socket's file stays");
            }
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}
