//! Where a socket binds or connects: `tcp://` and `ipc://`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;
use std::str::FromStr;

/// An address in ZeroMQ's notation.
///
/// `tcp://HOST:PORT`, where HOST is a name, an IPv4 address, an IPv6 address in brackets, or `*`
/// (all interfaces, for binding), and PORT is a number or `*` (any free port, for binding; the same
/// as 0). `ipc://PATH` is a Unix socket; a PATH that starts with `@` names one in Linux's abstract
/// name space.
///
/// ```
/// use mongrel2_transceiver::Endpoint;
/// let endpoint: Endpoint = "tcp://[::1]:9999".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://[::1]:9999");
/// # Ok::<(), mongrel2_transceiver::EndpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A TCP address.
    Tcp {
        /// The host.
        host: Host,
        /// The port; 0 binds to any free one.
        port: u16,
    },
    /// A Unix socket.
    Ipc {
        /// Its path.
        path: PathBuf,
    },
}

/// The host of a [`Endpoint::Tcp`].
///
/// Displayed as in an endpoint: an IPv6 address in brackets, which name look-ups do not take.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// `*`: all interfaces. For binding only.
    Any,
    /// An address.
    Ip(IpAddr),
    /// A name that the adapter resolves.
    Name(String),
}

impl Endpoint {
    /// Whether this is for binding only: a host `*` or a port 0.
    #[must_use]
    pub const fn is_wildcard(&self) -> bool {
        match self {
            Self::Tcp { host, port } => matches!(host, Host::Any) || *port == 0,
            Self::Ipc { .. } => false,
        }
    }

    /// The same endpoint at another port: what a wildcard became once bound. An `ipc://` endpoint
    /// stays as it is.
    #[must_use]
    pub fn with_port(mut self, bound: u16) -> Self {
        if let Self::Tcp { port, .. } = &mut self {
            *port = bound;
        }
        self
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = text.split_once("://").ok_or(EndpointError::Scheme)?;
        match scheme {
            "tcp" => parse_tcp(rest),
            "ipc" if rest.is_empty() || rest.contains('\0') || rest.len() > PATH_LENGTH_MAX => {
                Err(EndpointError::Path)
            }
            "ipc" => Ok(Self::Ipc { path: PathBuf::from(rest) }),
            _ => Err(EndpointError::Scheme),
        }
    }
}

fn parse_tcp(text: &str) -> Result<Endpoint, EndpointError> {
    let (host, port) = text.rsplit_once(':').ok_or(EndpointError::Port)?;
    let port = match port {
        "*" => 0,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| EndpointError::Port)?
        }
        _ => return Err(EndpointError::Port),
    };
    Ok(Endpoint::Tcp { host: parse_host(host)?, port })
}

fn parse_host(text: &str) -> Result<Host, EndpointError> {
    if text == "*" {
        return Ok(Host::Any);
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = Ipv6Addr::from_str(inner).map_err(|_| EndpointError::Host)?;
        return Ok(Host::Ip(address.into()));
    }
    if let Ok(address) = text.parse::<std::net::Ipv4Addr>() {
        return Ok(Host::Ip(address.into()));
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if text.is_empty() || text.len() > NAME_LENGTH_MAX || !text.bytes().all(fits) {
        return Err(EndpointError::Host);
    }
    Ok(Host::Name(text.to_owned()))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } => write!(f, "tcp://{host}:{port}"),
            Self::Ipc { path } => write!(f, "ipc://{}", path.display()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Why a text is no [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It does not start with `tcp://` or `ipc://`.
    Scheme,
    /// The host is no name, no IPv4 address, no IPv6 address in brackets, and not `*`.
    Host,
    /// The port is missing, above 65535, or neither digits nor `*`.
    Port,
    /// The path is empty, holds a NUL, or is longer than a Unix socket's may be.
    Path,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "an endpoint starts with tcp:// or ipc://, as in tcp://127.0.0.1:9999",
            Self::Host => {
                "the host is neither a name, an IPv4 address, an IPv6 address in brackets, nor *"
            }
            Self::Port => "the port is missing or not a number from 0 to 65535, nor *",
            Self::Path => "the path of an ipc:// endpoint has 1 to 107 octets and no NUL",
        })
    }
}

impl std::error::Error for EndpointError {}

/// `sun_path` of a Unix socket address, less its final NUL.
const PATH_LENGTH_MAX: usize = 107;
/// RFC 1035 2.3.4.
const NAME_LENGTH_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_written_again() {
        for text in [
            "tcp://127.0.0.1:9999",
            "tcp://[::1]:1",
            "tcp://*:0",
            "tcp://localhost:65535",
            "tcp://my_host-1.example:80",
            "ipc:///tmp/a b",
            "ipc://run/control",
            "ipc://@abstract",
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
        }
        assert_eq!("tcp://*:*".parse::<Endpoint>().unwrap().to_string(), "tcp://*:0");
    }

    #[test]
    fn each_mistake_has_its_error() {
        for (text, error) in [
            ("127.0.0.1:9999", EndpointError::Scheme),
            ("inproc://a", EndpointError::Scheme),
            ("tcp://127.0.0.1", EndpointError::Port),
            ("tcp://127.0.0.1:", EndpointError::Port),
            ("tcp://127.0.0.1:65536", EndpointError::Port),
            ("tcp://127.0.0.1:+1", EndpointError::Port),
            ("tcp://:1", EndpointError::Host),
            ("tcp://::1:1", EndpointError::Host),
            ("tcp://[127.0.0.1]:1", EndpointError::Host),
            ("tcp://a b:1", EndpointError::Host),
            ("ipc://", EndpointError::Path),
            ("ipc://a\0b", EndpointError::Path),
        ] {
            assert_eq!(text.parse::<Endpoint>(), Err(error), "{text}");
        }
        let long = format!("ipc://{}", "x".repeat(108));
        assert_eq!(long.parse::<Endpoint>(), Err(EndpointError::Path));
        let named = |length: usize| format!("tcp://{}:1", "x".repeat(length)).parse::<Endpoint>();
        assert!(named(255).is_ok());
        assert_eq!(named(256), Err(EndpointError::Host));
    }

    #[test]
    fn wildcards_are_for_binding() {
        let is_wildcard = |text: &str| text.parse::<Endpoint>().unwrap().is_wildcard();
        assert!(is_wildcard("tcp://*:1") && is_wildcard("tcp://127.0.0.1:0"));
        assert!(!is_wildcard("tcp://127.0.0.1:1") && !is_wildcard("ipc://@x"));
    }
}
