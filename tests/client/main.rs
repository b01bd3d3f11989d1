//! What the pretended browser sends, next to what a running Mongrel2 1.12.2 sent for the same.
//!
//! `captures/MANIFEST.tsv` has the octets that a browser sent for each message. They are told to a
//! client here, and what it hands over is compared with the message, header by header.

#![allow(clippy::panic, reason = "that is how a test fails")]

#[path = "../support/captures.rs"]
mod captures;
mod parts;
mod rebuilt;
mod wire;
