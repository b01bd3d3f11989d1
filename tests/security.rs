//! The tables of SECURITY.md name every field of every `Limits`, with the default that it has.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;

use mongrel2_transceiver::{client, server, socket, tier, transceiver, zmtp};

#[test]
fn transceiver_limits_are_told() {
    expect_told("### `transceiver::Limits`", &transceiver::Limits::default());
}

#[test]
fn zmtp_limits_are_told() {
    expect_told("### `zmtp::Limits`, of one link", &zmtp::Limits::default());
}

#[test]
fn socket_limits_are_told() {
    expect_told("### `socket::Limits`, of one socket", &socket::Limits::default());
}

#[test]
fn tier_limits_are_told() {
    expect_told("### `tier::api::Limits`", &tier::api::Limits::default());
    expect_told("### `tier::node::Limits`", &tier::node::Limits::default());
}

#[test]
fn limits_of_the_stand_in_are_told() {
    expect_told("`server::Limits`:", &server::Limits::default());
    expect_told("`client::Limits`, where", &client::Limits::default());
}

/// The table behind this line has the fields of `limits`, in order, and nothing else.
fn expect_told(line: &str, limits: &impl Debug) {
    let text = include_str!("../SECURITY.md");
    let (_, table) = text.split_once(&format!("\n{line}")).expect("it has such a line");
    let rows = table.lines().skip_while(|line| !line.starts_with("| `"));
    let told: Vec<_> = rows.take_while(|line| line.starts_with("| `")).map(cells).collect();
    assert_eq!(told, fields(limits), "SECURITY.md, below: {line}");
}

/// The name and the default in a row.
fn cells(row: &str) -> (String, String) {
    let mut cells = row.split(" | ");
    let name = cells.next().unwrap().trim_start_matches("| ").trim_matches('`');
    (name.to_owned(), cells.next().unwrap().to_owned())
}

/// The fields of a struct by their own account; those that are structs themselves are left to the
/// tables of these.
fn fields(limits: &impl Debug) -> Vec<(String, String)> {
    let text = format!("{limits:#?}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("    "));
    let own = lines.filter(|line| !line.starts_with([' ', '}']) && !line.ends_with('{'));
    own.map(|line| {
        let (name, value) = line.trim_end_matches(',').split_once(": ").unwrap();
        (name.to_owned(), human(name, value))
    })
    .collect()
}

/// Large sizes as one says them.
fn human(name: &str, value: &str) -> String {
    let is_size = name.contains("size") || name.contains("bytes");
    match value.parse::<usize>() {
        Ok(octets) if is_size && octets >= 1 << 20 => format!("{} MiB", octets >> 20),
        Ok(octets) if is_size && octets >= 16 << 10 => format!("{} KiB", octets >> 10),
        _ => value.to_owned(),
    }
}
