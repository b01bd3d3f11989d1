//! By which address of ours a handler reaches us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use mongrel2_transceiver::{Endpoint, Host};

use crate::address::{Address, look_up};

/// The address of this host from which the way leads to an endpoint: the one to reach it by from there,
/// if no translation of addresses is between the two. No packet is sent. `None` where there is no way,
/// or the endpoint is no address.
///
/// Blocks while a name is looked up.
#[must_use]
pub fn host_towards(endpoint: &Endpoint) -> Option<Host> {
    let addresses = look_up(endpoint).ok()?;
    addresses.into_iter().find_map(|address| match address {
        Address::Tcp(address) => our_end(address).map(Host::Ip),
        Address::Unix(_) => None,
    })
}

/// A datagram socket that is connected knows its own address.
fn our_end(address: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match address {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(address).ok()?;
    let ours = socket.local_addr().ok()?.ip();
    (!ours.is_unspecified()).then_some(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_reached_by_loopback() {
        let towards = |text: &str| host_towards(&text.parse().unwrap());
        assert_eq!(towards("tcp://127.0.0.1:9997"), Some(Host::Ip(Ipv4Addr::LOCALHOST.into())));
        assert_eq!(towards("ipc://run/control"), None);
        assert!(matches!(towards("tcp://localhost:9997"), Some(Host::Ip(ip)) if ip.is_loopback()));
    }
}
