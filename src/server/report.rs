//! What came of an introduction or a parting.

use crate::endpoint::Endpoint;

use super::failure::Failure;
use super::terms::Reason;

/// What came of an introduction or a parting.
#[derive(Debug)]
pub(super) enum Report {
    Connected(Endpoint),
    ConnectFailed(Endpoint, Failure),
    Disconnected(Endpoint),
    DisconnectFailed(Endpoint, Failure),
}

impl Report {
    pub(super) fn connect_failed(control: &Endpoint, reason: Reason) -> Self {
        Self::ConnectFailed(control.clone(), failure(control, reason))
    }

    pub(super) fn disconnect_failed(control: &Endpoint, reason: Reason) -> Self {
        Self::DisconnectFailed(control.clone(), failure(control, reason))
    }
}

fn failure(control: &Endpoint, (step, cause): Reason) -> Failure {
    Failure { control: Some(control.clone()), step, cause }
}
