//! Alone in its process, for it counts the descriptors of the whole process.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "all of this is a test, helpers included"
)]

#[allow(dead_code, unused_imports, reason = "the suite uses all of it")]
mod adapter;
#[path = "../../suite/descriptors.rs"]
mod suite;

use tokio::runtime::{Builder, Runtime};

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
