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
