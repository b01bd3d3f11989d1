//! A message taken apart for comparison.

use bytes::Bytes;
use mongrel2_transceiver::mongrel2::{ConnId, Dialect, Kind, Request};

type Header = (Bytes, Vec<Bytes>);

/// All that is in a message. Two are equal when Mongrel2 might have sent either: only the order of
/// what it keeps in a hash table is left out.
#[derive(Debug, PartialEq)]
pub(crate) struct Parts {
    sender: Bytes,
    conn_id: ConnId,
    path: Bytes,
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
            let (name, value) = (Bytes::from(name.into_owned()), Bytes::from(value.into_owned()));
            match before.last_mut() {
                Some((last, values)) if *last == name => values.push(value),
                _ => before.push((name, vec![value])),
            }
        }
        let first = before.iter().position(is_of_table).unwrap_or(before.len());
        let mut table = before.split_off(first);
        let last = table.iter().rposition(is_of_table).map_or(0, |at| at + 1);
        let behind = table.split_off(last);
        assert!(table.iter().all(is_of_table), "{request:?}");
        table.sort();
        Self {
            sender: Bytes::copy_from_slice(request.sender()),
            conn_id: request.conn_id(),
            path: Bytes::copy_from_slice(request.path()),
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
    name == "FLAGS" || !name.first().is_some_and(u8::is_ascii_uppercase)
}
