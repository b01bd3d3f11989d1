//! Connecting, to the addresses of an endpoint in turn until one answers; and binding.

use std::future::Future;
use std::io;
use std::pin::Pin;

use mongrel2_transceiver::Endpoint;

use super::contract::Runtime;
use crate::address::{self, Address};
use crate::bind::{self, Bound};

/// Work under way that ends in a value. Dropping it gives it up.
pub(super) type Working<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Opens a stream to `endpoint`.
pub(super) fn connect<R: Runtime>(endpoint: Endpoint) -> Working<R::Stream> {
    Box::pin(async move {
        let mut failed = io::ErrorKind::AddrNotAvailable.into();
        for address in look_up::<R>(endpoint).await? {
            tracing::trace!(?address, "connecting");
            match R::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    })
}

/// Binds `endpoint`.
pub(super) fn bind<R: Runtime>(endpoint: Endpoint) -> Working<Bound> {
    Box::pin(async move {
        if bind::may_block(&endpoint) {
            R::unblock(move || bind::bind(&endpoint)).await
        } else {
            bind::bind(&endpoint)
        }
    })
}

async fn look_up<R: Runtime>(endpoint: Endpoint) -> io::Result<Vec<Address>> {
    if address::has_name(&endpoint) {
        R::unblock(move || address::look_up(&endpoint)).await
    } else {
        address::look_up(&endpoint)
    }
}
