//! Waiting for a time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Network;
use super::state::TimerId;

/// Ends at its time. Made by [`Network::sleep`].
#[derive(Debug)]
#[must_use = "nothing waits unless it is awaited"]
pub struct Sleep {
    network: Network,
    until: Duration,
    timer: Option<TimerId>,
}

impl Sleep {
    pub(super) const fn new(network: Network, until: Duration) -> Self {
        Self { network, until, timer: None }
    }

    fn cancel(&mut self) {
        if let Some(timer) = self.timer.take() {
            self.network.lock().cancel_timer(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.cancel();
        if self.network.elapsed() >= self.until {
            return Poll::Ready(());
        }
        let timer = self.network.lock().set_timer(self.until, context.waker().clone());
        self.timer = Some(timer);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}
