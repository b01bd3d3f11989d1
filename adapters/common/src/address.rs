//! From an endpoint to the addresses to connect to.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};

use mongrel2_transceiver::{Endpoint, Host};

/// One address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address of a `tcp://` endpoint.
    Tcp(SocketAddr),
    /// The path of an `ipc://` endpoint, as it was written there: see [`unix_address`].
    Unix(PathBuf),
}

/// Whether [`look_up`] may have to ask a name server, which can take half a minute.
#[must_use]
pub const fn has_name(endpoint: &Endpoint) -> bool {
    matches!(endpoint, Endpoint::Tcp { host: Host::Name(_), .. })
}

/// All addresses of an endpoint, at least one; the first is the one to try first.
///
/// Blocks where [`has_name`] says so. The host `*` becomes 0.0.0.0, as libzmq has it.
///
/// # Errors
/// [`io::ErrorKind::NotFound`] for a name whose look-up failed or found nothing.
pub fn look_up(endpoint: &Endpoint) -> io::Result<Vec<Address>> {
    let one = |host| vec![Address::Tcp(host)];
    match endpoint {
        Endpoint::Ipc { path } => Ok(vec![Address::Unix(path.clone())]),
        Endpoint::Tcp { host: Host::Any, port } => {
            Ok(one(SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port))))
        }
        Endpoint::Tcp { host: Host::Ip(address), port } => {
            Ok(one(SocketAddr::new(*address, *port)))
        }
        Endpoint::Tcp { host: Host::Name(name), port } => {
            // The standard library has no kind of error for a name that does not exist.
            let found = (name.as_str(), *port).to_socket_addrs();
            let found: Vec<_> = found.into_iter().flatten().map(Address::Tcp).collect();
            if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
        }
    }
}

/// Checks that a new TCP stream does not lead to itself.
///
/// A connect to a port of this host where nobody listens can be given that very port as its own;
/// then it meets itself (RFC 9293 3.5, simultaneous open), and keeps the real listener from binding.
///
/// # Errors
/// [`io::ErrorKind::ConnectionRefused`] where both ends are one, which is what it should have been.
pub fn check_ends(local: SocketAddr, peer: SocketAddr) -> io::Result<()> {
    if local == peer { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(()) }
}

/// The name in Linux's abstract name space that a path of an `ipc://` endpoint stands for, if any.
#[must_use]
pub fn abstract_name(path: &Path) -> Option<&[u8]> {
    path.as_os_str().as_encoded_bytes().strip_prefix(b"@")
}

/// The path of an `ipc://` endpoint as async-io and tokio want it: with a NUL in front of a name in
/// Linux's abstract name space.
#[must_use]
pub fn with_nul(path: PathBuf) -> PathBuf {
    match abstract_name(&path) {
        Some(name) if cfg!(target_os = "linux") => {
            OsString::from_vec([b"\0", name].concat()).into()
        }
        _ => path,
    }
}

/// The socket address for the path of an `ipc://` endpoint.
///
/// # Errors
/// Where the path does not fit, or names an abstract socket on another system than Linux.
pub fn unix_address(path: &Path) -> io::Result<UnixAddr> {
    match abstract_name(path) {
        Some(name) => abstract_address(name),
        None => UnixAddr::from_pathname(path),
    }
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<UnixAddr> {
    use std::os::linux::net::SocketAddrExt;
    UnixAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<UnixAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<Address> {
        look_up(&text.parse().unwrap()).unwrap()
    }

    #[test]
    fn literals_are_their_own_address() {
        assert_eq!(addresses("tcp://[::1]:7"), [Address::Tcp("[::1]:7".parse().unwrap())]);
        assert_eq!(addresses("tcp://*:7"), [Address::Tcp("0.0.0.0:7".parse().unwrap())]);
        assert_eq!(addresses("ipc://@a"), [Address::Unix("@a".into())]);
    }

    #[test]
    fn only_names_take_time() {
        let has_name = |text: &str| has_name(&text.parse().unwrap());
        assert!(has_name("tcp://localhost:7"));
        assert!(!has_name("tcp://127.0.0.1:7") && !has_name("tcp://*:7") && !has_name("ipc://a"));
        assert!(addresses("tcp://localhost:7").iter().all(|address| matches!(
            address, Address::Tcp(address) if address.ip().is_loopback() && address.port() == 7
        )));
    }

    #[test]
    fn paths_become_files_or_abstract_names() {
        let file = unix_address(Path::new("/run/control")).unwrap();
        assert_eq!(file.as_pathname(), Some(Path::new("/run/control")));
        assert!(unix_address(Path::new("@control")).unwrap().as_pathname().is_none());
        assert_eq!(with_nul("/run/control".into()), Path::new("/run/control"));
        if cfg!(target_os = "linux") {
            assert_eq!(with_nul("@control".into()), Path::new("\0control"));
        }
    }

    #[test]
    fn a_stream_to_itself_is_refused() {
        let (one, other) = ("127.0.0.1:7".parse().unwrap(), "127.0.0.1:8".parse().unwrap());
        assert!(check_ends(one, other).is_ok());
        assert_eq!(check_ends(one, one).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
