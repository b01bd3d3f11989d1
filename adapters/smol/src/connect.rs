//! Connecting: the addresses of an endpoint in turn, until one answers.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use async_io::Async;
use mongrel2_transceiver::Endpoint;
use mongrel2_transceiver_adapter::address::{self, Address};
use mongrel2_transceiver_adapter::bind::{self, Bound};

use crate::link::Stream;

/// Work under way that ends in a value. Dropping it gives it up.
pub(crate) type Working<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Opens a stream to `endpoint`.
pub(crate) fn connect(endpoint: Endpoint) -> Working<Stream> {
    Box::pin(async move {
        let mut failed = io::ErrorKind::AddrNotAvailable.into();
        for address in look_up(endpoint).await? {
            tracing::trace!(?address, "connecting");
            let attempt = match &address {
                Address::Tcp(address) => connect_tcp(*address).await,
                Address::Unix(path) => connect_unix(path).await,
            };
            match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    })
}

/// Binds `endpoint`.
pub(crate) fn bind(endpoint: Endpoint) -> Working<Bound> {
    Box::pin(async move {
        if bind::may_block(&endpoint) {
            blocking::unblock(move || bind::bind(&endpoint)).await
        } else {
            bind::bind(&endpoint)
        }
    })
}

async fn look_up(endpoint: Endpoint) -> io::Result<Vec<Address>> {
    if address::has_name(&endpoint) {
        blocking::unblock(move || address::look_up(&endpoint)).await
    } else {
        address::look_up(&endpoint)
    }
}

async fn connect_tcp(address: SocketAddr) -> io::Result<Stream> {
    let stream = Async::<TcpStream>::connect(address).await?;
    let tcp = stream.get_ref();
    address::check_ends(tcp.local_addr()?, tcp.peer_addr()?)?;
    Ok(Stream::Tcp(stream))
}

async fn connect_unix(path: &Path) -> io::Result<Stream> {
    Async::<UnixStream>::connect(in_async_io(path)).await.map(Stream::Unix)
}

/// async-io writes names in the abstract name space with a NUL in front.
#[cfg(target_os = "linux")]
fn in_async_io(path: &Path) -> PathBuf {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;
    match address::abstract_name(path) {
        Some(name) => OsString::from_vec([b"\0", name].concat()).into(),
        None => path.to_owned(),
    }
}

#[cfg(not(target_os = "linux"))]
fn in_async_io(path: &Path) -> PathBuf {
    path.to_owned()
}
