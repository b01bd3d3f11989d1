//! An echo handler on the `smol` adapter. `--help` says how to use it.

#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

#[path = "../../echo/mod.rs"]
mod echo;
#[path = "../../echo/futures.rs"]
mod futures;

mod adapter {
    use std::time::Duration;

    use futures_lite::FutureExt;
    pub(crate) use mongrel2_transceiver_smol::{Driver, Handle, seed};

    pub(crate) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
        let too_late = async {
            smol::Timer::after(time).await;
            None
        };
        async { Some(future.await) }.or(too_late).await
    }
}

use std::process::ExitCode;

fn main() -> ExitCode {
    echo::main("echo-smol", |options| smol::block_on(futures::run(options)))
}
