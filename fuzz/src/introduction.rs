//! Orders and answers of the control socket: octets in, the same meaning out.

use bytes::Bytes;
use mongrel2_transceiver::introduction::{Answer, ORDER_LENGTH_MAX, Order, Proof, TEXT_LENGTH_MAX};
use mongrel2_transceiver::mongrel2::{ConnId, Kind, Request};

/// An order that was read is written as octets that are read as the same; it came with connection id
/// -1 and none of a browser's marks; what it carries is within its limits. An answer is read as
/// something, always, and written as octets that are read as the same.
pub fn introduction(octets: &[u8]) {
    let raw = Bytes::copy_from_slice(octets);
    match Order::parse(raw.clone()) {
        Ok(order) => good(&raw, &order),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    if let Some(proof) = Proof::parse(&raw) {
        assert_eq!(proof.encode(), raw);
    }
    let answer = Answer::parse(raw);
    assert_eq!(Answer::parse(answer.encode()), answer);
}

fn good(raw: &Bytes, order: &Order) {
    assert!(raw.len() <= ORDER_LENGTH_MAX);
    let written = order.encode();
    assert!(written.len() <= ORDER_LENGTH_MAX);
    assert_eq!(Order::parse(written).as_ref(), Ok(order));
    if let Order::Ping { text, .. } | Order::DisconnectPing { text, .. } = order {
        assert!((1..=TEXT_LENGTH_MAX).contains(&text.len()));
    }
    if let Order::Add { send_spec, recv_spec, .. } = order {
        assert!(!send_spec.is_wildcard() && !recv_spec.is_wildcard());
    }
    let Some(sender) = order.sender() else { return };
    let request = Request::parse(raw.clone()).expect("an order is a request");
    assert_eq!((request.conn_id(), request.kind()), (ConnId::NONE, Kind::Control));
    assert_eq!(request.sender(), sender.as_bytes());
}
