//! HTTP beyond one answer, behind the real server: pieces, long polls, uploads, bare sockets.
//!
//! Where the harness's other tests have a handler as a process, these have one each of their own, on a
//! thread.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]

#[path = "../inside/driver.rs"]
mod driver;
mod local;
mod polls;
mod sockets;
mod streams;
mod temp_files;
mod upload_streams;
