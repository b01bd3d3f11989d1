//! A message taken apart for comparison.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Kind, Request};

type Header = (Vec<u8>, Vec<Vec<u8>>);

/// All that is in a message. Two are equal when Mongrel2 might have sent either: only the order of
/// what it keeps in a hash table is left out.
#[derive(Debug, PartialEq)]
pub(crate) struct Parts {
    sender: Vec<u8>,
    conn_id: ConnId,
    path: Vec<u8>,
    dialect: Dialect,
    kind: Kind,
    /// The server's own headers before those of the hash table, in their order.
    before: Vec<Header>,
    /// Those of the hash table, in the order of their names.
    table: Vec<Header>,
    /// The server's own headers behind them.
    behind: Vec<Header>,
    body: Bytes,
    /// Of the whole message: so nothing else is in it.
    len: usize,
}

impl Parts {
    pub(crate) fn of(raw: &Bytes) -> Self {
        let request = Request::parse(raw.clone()).unwrap_or_else(|error| panic!("{error}"));
        let mut before: Vec<Header> = Vec::new();
        for (name, value) in request.headers() {
            match before.last_mut() {
                Some((last, values)) if *last == *name => values.push(value.into_owned()),
                _ => before.push((name.into_owned(), vec![value.into_owned()])),
            }
        }
        let first = before.iter().position(is_of_table).unwrap_or(before.len());
        let mut table = before.split_off(first);
        let last = table.iter().rposition(is_of_table).map_or(0, |at| at + 1);
        let behind = table.split_off(last);
        assert!(table.iter().all(is_of_table), "{request:?}");
        table.sort();
        Self {
            sender: request.sender().to_vec(),
            conn_id: request.conn_id(),
            path: request.path().to_vec(),
            dialect: request.dialect(),
            kind: request.kind(),
            before,
            table,
            behind,
            body: request.body(),
            len: raw.len(),
        }
    }
}

fn is_of_table((name, _): &Header) -> bool {
    name == b"FLAGS" || !name.first().is_some_and(u8::is_ascii_uppercase)
}
