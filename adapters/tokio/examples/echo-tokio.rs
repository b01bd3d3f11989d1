//! An echo handler on the `tokio` adapter. `--help` says how to use it.

#![allow(clippy::print_stdout, reason = "a program that talks to a person")]

#[path = "../../echo/mod.rs"]
mod echo;
#[path = "../../echo/futures.rs"]
mod futures;

mod adapter {
    use std::time::Duration;

    pub(crate) use mongrel2_transceiver_tokio::{Driver, Handle, seed};

    pub(crate) async fn within<T>(time: Duration, future: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout(time, future).await.ok()
    }
}

use std::process::ExitCode;

use tokio::runtime::Builder;

fn main() -> ExitCode {
    echo::main("echo-tokio", |options| {
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(futures::run(options))
    })
}
