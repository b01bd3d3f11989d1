//! What all introductions and partings of one server have in common.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::endpoint::{Endpoint, Host};
use crate::introduction::Proof;
use crate::mongrel2::Sender;
use crate::socket::later;

use super::config::Handler;
use super::failure::{Cause, Step};

/// What a server tells every handler of itself, and how long it waits for an answer.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) sender: Sender,
    pub(super) patience: Duration,
    pub(super) advertise: Option<Host>,
    pub(super) bound: Bound,
}

/// Where the two sockets are bound.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    NotYet,
    At { send_spec: Endpoint, recv_spec: Endpoint },
    Failed { endpoint: Endpoint, cause: std::io::ErrorKind },
}

/// At which step something failed, and why.
pub(super) type Reason = (Step, Cause);

impl Terms {
    /// The end of what begins now. Later than now: a patience of nothing counts as a millisecond.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        later(now, self.patience.max(Duration::from_millis(1)))
    }

    /// The addresses to tell a handler; `None` while the sockets are not bound.
    pub(super) fn addresses(
        &self,
        handler: &Handler,
    ) -> Option<Result<(Endpoint, Endpoint), Reason>> {
        match &self.bound {
            Bound::NotYet => None,
            Bound::At { send_spec, recv_spec } => Some(
                self.address(send_spec, handler)
                    .and_then(|send_spec| Ok((send_spec, self.address(recv_spec, handler)?)))
                    .map_err(|cause| (Step::Address, cause)),
            ),
            Bound::Failed { endpoint, cause } => {
                let (endpoint, cause) = (endpoint.clone(), *cause);
                Some(Err((Step::Bind, Cause::ListenFailed { endpoint, cause })))
            }
        }
    }

    fn address(&self, bound: &Endpoint, handler: &Handler) -> Result<Endpoint, Cause> {
        let Endpoint::Tcp { host, port } = bound else { return Ok(bound.clone()) };
        if !is_everywhere(host) {
            return Ok(bound.clone());
        }
        let told = handler.advertise.as_ref().or(self.advertise.as_ref());
        match told.filter(|host| !is_everywhere(host)) {
            Some(host) => Ok(Endpoint::Tcp { host: host.clone(), port: *port }),
            None => Err(Cause::NoAddress { bound: bound.clone() }),
        }
    }

    /// The text of a proof, where a message is one for this server.
    pub(super) fn text_of(&self, raw: &Bytes) -> Option<Bytes> {
        let proof = Proof::parse(raw)?;
        (proof.sender == self.sender).then_some(proof.text)
    }
}

/// Whether this is not the address of one interface, but stands for all.
fn is_everywhere(host: &Host) -> bool {
    match host {
        Host::Any => true,
        Host::Ip(IpAddr::V4(address)) => address.is_unspecified(),
        Host::Ip(IpAddr::V6(address)) => address.is_unspecified(),
        Host::Name(_) => false,
    }
}

/// How long to wait before a handler is asked once more to publish a text, and for a text not to come.
pub(super) const ROUND: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(send_spec: &str, advertise: Option<&str>) -> Terms {
        let at = |text: &str| text.parse::<Endpoint>().unwrap();
        let bound = Bound::At { send_spec: at(send_spec), recv_spec: at("ipc://run/sub") };
        let sender = Sender::new("abc").unwrap();
        Terms { sender, patience: Duration::ZERO, advertise: advertise.map(host), bound }
    }

    fn host(name: &str) -> Host {
        let Endpoint::Tcp { host, .. } = format!("tcp://{name}:1").parse().unwrap() else {
            panic!()
        };
        host
    }

    fn told(terms: &Terms, advertise: Option<&str>) -> Result<String, Reason> {
        let mut handler = Handler::new("tcp://127.0.0.1:9997".parse().unwrap());
        handler.advertise = advertise.map(host);
        terms.addresses(&handler).unwrap().map(|(send_spec, recv_spec)| {
            assert_eq!(recv_spec.to_string(), "ipc://run/sub");
            send_spec.to_string()
        })
    }

    #[test]
    fn what_is_bound_everywhere_needs_a_host() {
        let one = terms("tcp://10.0.0.1:9999", Some("elsewhere"));
        assert_eq!(told(&one, Some("there")), Ok("tcp://10.0.0.1:9999".into()));
        for everywhere in ["tcp://*:9999", "tcp://0.0.0.0:9999", "tcp://[::]:9999"] {
            let all = terms(everywhere, Some("here"));
            assert_eq!(told(&all, None), Ok("tcp://here:9999".into()));
            assert_eq!(told(&all, Some("there")), Ok("tcp://there:9999".into()));
            assert_eq!(told(&all, Some("[::1]")), Ok("tcp://[::1]:9999".into()));
            let bound = everywhere.parse::<Endpoint>().unwrap();
            let nobody_said = Err((Step::Address, Cause::NoAddress { bound }));
            assert_eq!(told(&terms(everywhere, None), None), nobody_said);
            assert_eq!(told(&terms(everywhere, Some("*")), None), nobody_said);
        }
    }
}
