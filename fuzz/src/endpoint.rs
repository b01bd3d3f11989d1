//! Endpoints: texts in, the same texts out.

use mongrel2_transceiver::{Endpoint, Host};

/// An endpoint that was read is written as a text that is read as the same, and then as itself.
pub fn endpoint(octets: &[u8]) {
    let text = String::from_utf8_lossy(octets);
    let endpoint = match text.parse::<Endpoint>() {
        Ok(endpoint) => endpoint,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let written = endpoint.to_string();
    assert_eq!(written.parse().as_ref(), Ok(&endpoint), "{written}");
    let (is_wildcard, port) = match &endpoint {
        Endpoint::Tcp { host, port } => (*host == Host::Any || *port == 0, Some(*port)),
        Endpoint::Ipc { .. } => (false, None),
    };
    assert_eq!(endpoint.is_wildcard(), is_wildcard, "{written}");
    let moved = endpoint.clone().with_port(4242);
    assert_eq!(moved == endpoint, port.is_none_or(|port| port == 4242), "{written}");
    assert_eq!(moved.to_string().parse(), Ok(moved));
}
