//! The stand-in server in virtual time, over a pretended network: its introduction to handlers of all
//! kinds, its clients, its end; and the connector alone.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "tests")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks at some events alone")]
#![allow(clippy::print_stderr, reason = "a failure names its seed")]

#[path = "../support/mod.rs"]
mod support;

mod bench;
mod clients;
mod connector;
mod failures;
mod faults;
mod introduction;
mod overflow;
mod parting;
mod python;
mod scripted;
