//! How a Node's events wait for the application.

use crate::transceiver::events::Waits;

use super::event::Event;

impl Waits for Event {
    fn weight(&self) -> usize {
        match self {
            Self::Request { request, .. } | Self::Message { request, .. } => request.raw().len(),
            Self::Announcement { topic, body } => topic.len() + body.len(),
            Self::Undelivered { targets, .. } => size_of_val(targets.as_slice()),
            Self::ServerDeaf { subscribed: octets, .. } | Self::Unserved { sender: octets, .. } => {
                octets.len()
            }
            Self::ApiUp
            | Self::ApiDown { .. }
            | Self::Unreachable { .. }
            | Self::ServerAdded { .. }
            | Self::ServerUp { .. }
            | Self::ServerDown { .. }
            | Self::ServerRemoved { .. }
            | Self::Room { .. }
            | Self::TargetRoom { .. }
            | Self::ControlListening { .. }
            | Self::ControlFailed { .. }
            | Self::Stopped { .. } => 0,
        }
    }

    /// Failed attempts and useless subscriptions.
    fn is_renewed(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::ServerDeaf { .. })
    }

    fn renews(&self, older: &Self) -> bool {
        if let (Self::Unreachable { endpoint: a, .. }, Self::Unreachable { endpoint: b, .. }) =
            (self, older)
        {
            return a == b;
        }
        if let (Self::ServerDeaf { server: a, .. }, Self::ServerDeaf { server: b, .. }) =
            (self, older)
        {
            return a == b;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::socket::DownReason;
    use crate::transceiver::ServerId;
    use crate::transceiver::events::Events;

    #[test]
    fn the_last_useless_subscription_of_each_server_is_told() {
        let deaf = |server, to: &'static str| Event::ServerDeaf {
            server: ServerId(server),
            subscribed: Bytes::from_static(to.as_bytes()),
        };
        let unreachable = |port: u16| Event::Unreachable {
            endpoint: format!("tcp://127.0.0.1:{port}").parse().unwrap(),
            reason: DownReason::Closed,
            server: None,
            retry_in: Duration::ZERO,
        };
        let mut events = Events::new(100, 100);
        for event in [deaf(1, "a"), unreachable(1), deaf(2, "b"), unreachable(2)] {
            events.push(event);
        }
        for event in [deaf(1, "c"), unreachable(2), deaf(2, "d"), deaf(1, "e")] {
            events.push(event);
        }
        let told: Vec<_> =
            std::iter::from_fn(|| events.pop()).map(|it| format!("{it:?}")).collect();
        let expected = [deaf(1, "e"), unreachable(1), deaf(2, "d"), unreachable(2)];
        assert_eq!(told, expected.map(|event| format!("{event:?}")));
    }
}
